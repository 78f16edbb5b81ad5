"""Names: a file's path as text, and the class that is named by its folder.

Names come in several Unicode forms: macOS writes é as two characters, most other programs as one.
All names are converted to one form before they are compared.
"""

import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from difflib import get_close_matches
from functools import lru_cache

# The form of a byte that is not UTF-8.
ESCAPE = re.compile(r"\\x[0-9a-f]{2}")
# Characters that XML cannot hold, such as in a figure, or that separate lines, cells or texts.
CONTROL = re.compile(r"[\x00-\x1f\x7f\ufffe\uffff]")

# Names are similar from this share of common characters on: outwear and outerwear have 0.88, jaket
# and jacket 0.91; boots and socks 0.4.
SIMILAR = 0.8


def as_text(path: bytes) -> str:
    r"""Return `path` as text; bytes that are not UTF-8 become \xNN.

    Different paths give different texts: if the text contains an escape, or what looks like one,
    the backslashes of the path itself are doubled.
    """
    text = path.decode("utf-8", "backslashreplace")
    if ESCAPE.search(text):
        return path.replace(b"\\", b"\\\\").decode("utf-8", "backslashreplace")
    return text


def normal_form(name: str) -> str:
    """Return `name` in the Unicode form in which names are compared, NFC."""
    return unicodedata.normalize("NFC", name)


def label_of(relative: bytes) -> str | None:
    """Return the class of the file at a path `relative` to its collection: its first folder.

    In a bucket, folders may have the name "", "." or ".."; these name no class.
    """
    folder, slash, _ = relative.partition(b"/")
    return None if not slash or folder in (b".", b"..") else as_label(as_text(folder))


def subfolder_of(relative: bytes) -> str | None:
    """Return the folder of its class in which the file at `relative` is, or None."""
    parts = relative.split(b"/", 2)
    return as_text(parts[1]) if len(parts) == 3 else None


@lru_cache(10_000)  # many photos have one class
def as_label(name: str) -> str | None:
    """Return the class called `name`, or None if no character of the name is visible."""
    return normal_form(name) if _visible(name) else None


def listed_label(cell: str) -> str | None:
    """Return the class in a cell of a list, without spaces around it, or None."""
    return as_label(cell.strip())


def fault_of_label(label: str | None) -> str | None:
    """Return why no class can have the name `label`, or None if one can."""
    found = CONTROL.search(label or "")
    return f"the class has a control character in its name ({found[0]!r})" if found else None


def alike(names: Iterable[str]) -> list[list[str]]:
    """Return the groups of `names` that look the same.

    The names of a group differ only in case, in spaces around them, or in invisible characters.
    """
    groups = defaultdict(list)
    for name in sorted(set(names)):
        groups[normal_form(_visible(name).casefold())].append(name)
    return [group for group in groups.values() if len(group) > 1]


def similar(name: str, names: Iterable[str]) -> str | None:
    """Return the one of `names` that is spelt most like `name`, or None if none is close."""
    known = {one.casefold(): one for one in sorted(names, reverse=True)}
    found = get_close_matches(name.casefold(), known, 1, SIMILAR)
    return known[found[0]] if found else None


def _visible(name: str) -> str:
    """Return `name` without spaces around it and without invisible characters."""
    return "".join(c for c in name if unicodedata.category(c) != "Cf").strip()


def without_invisible(text: str) -> str:
    """Return `text` without spaces and invisible characters at its beginning and its end."""
    text = text.strip()
    while text and unicodedata.category(text[0]) == "Cf":
        text = text[1:].lstrip()
    while text and unicodedata.category(text[-1]) == "Cf":
        text = text[:-1].rstrip()
    return text


class Spellings:
    """Finds files whose names are written in another Unicode form. Reads each folder once."""

    def __init__(self) -> None:
        self._folders: dict[bytes, dict[str, list[bytes]]] = {}

    def of(self, base: bytes, image: bytes) -> list[bytes]:
        """Return the files whose path differs from `image` at most in its Unicode form.

        Args:
            base: the folder that `image` is relative to.
            image: a path.
        """
        found = [b"/" if image.startswith(b"/") else base]
        for part in image.split(b"/"):
            found = [os.path.join(one, name) for one in found for name in self._named(one, part)]
        return [file for file in found if os.path.lexists(file)]

    def _named(self, folder: bytes, name: bytes) -> list[bytes]:
        if name.isascii():  # it has only one form
            return [name]
        if folder not in self._folders:
            self._folders[folder] = _by_normal_form(folder)
        return self._folders[folder].get(normal_form(os.fsdecode(name)), [])


def _by_normal_form(folder: bytes) -> dict[str, list[bytes]]:
    names = defaultdict(list)
    try:
        for name in sorted(os.listdir(folder)):
            names[normal_form(os.fsdecode(name))].append(name)
    except OSError:
        pass  # opening the file gives the reason
    return names
