"""The export: the catalogue as it was decided, as a folder of classes or as a list."""

import os
import shutil
import unicodedata
from collections.abc import Collection, Iterable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from ..base.errors import UserError, reason
from ..base.files import replacing
from ..base.formats import write_csv
from ..photos.names import listed_label
from ..photos.opening import LOCAL, Photos
from ..remote.addresses import HIDDEN, is_address

# What most file systems allow in one name.
LONGEST = 255


class Member(NamedTuple):
    """An image of the catalogue: the path to open, its class, its content id and its product."""

    file: bytes
    label: str
    content_id: str
    product: str | None = None


def export(
    folder: Path,
    members: Iterable[Member],
    how: str,
    photos: Photos = LOCAL,
    product: str | None = None,
) -> dict[str, str]:
    """Write `members` into `folder`, whole or not at all.

    Args:
        folder: it must not be there.
        members: the images of the catalogue.
        how: "links" or "copies" in a folder for each class, or "csv" for a list,
            `catalogue.csv`, that this workflow reads as a collection.
        photos: opens them.
        product: the column of a list that tells the product; None where there is none.

    Returns:
        The classes that no folder can have the name of, each with the name that it has got.

    Raises:
        UserError: `folder` is there, a photo cannot be had, or it stands at an address that a
            link cannot lead to, or a list may not tell; or a list would rename a class.
    """
    if os.path.lexists(folder):
        raise UserError(
            f"{folder} exists, and nothing is written over it. Name another folder in "
            "export.folder, or remove this one."
        )
    with replacing(folder) as temporary:
        temporary.mkdir()
        if how == "csv":
            _list(temporary / "catalogue.csv", members, product)
            return {}
        return _sort_out(temporary, members, how, photos)


def folder_names(labels: Collection[str]) -> dict[str, str]:
    """Return for each class the name of its folder, no two alike even where case counts nothing.

    A class keeps its name where a folder can be so called: not hidden, and not outside the others.
    """
    taken: set[str] = set()
    # Those that keep their names come first, so that no other can take one from them.
    return {
        label: _unused(_possible(label), taken)
        for label in sorted(labels, key=lambda label: (_possible(label) != label, label))
    }


def _sort_out(folder: Path, members: Iterable[Member], how: str, photos: Photos) -> dict[str, str]:
    members = list(members)
    folders = folder_names({member.label for member in members})
    taken: dict[str, set[str]] = {name: set() for name in folders.values()}
    for name in taken:
        (folder / name).mkdir()
    put = _link if how == "links" else partial(_copy, photos)
    for member in members:
        name = folders[member.label]
        place = os.fsencode(folder / name) + b"/" + _file_name(member, taken[name])
        try:
            put(member, place)
        except OSError as error:
            raise UserError(
                f"{os.fsdecode(member.file)!r} cannot be exported: {reason(error)}. Run again once "
                "it can be read, or without it."
            ) from error
    return {label: name for label, name in folders.items() if name != label}


def _link(member: Member, place: bytes) -> None:
    if is_address(os.fsdecode(member.file)):
        raise OSError("it stands at an address; set export.as: copies, or csv")
    file = os.path.abspath(member.file)
    os.stat(file)  # a link leads anywhere
    os.symlink(file, place)


def _copy(photos: Photos, member: Member, place: bytes) -> None:
    with photos.opened(member.content_id, member.file) as stream, open(place, "wb") as copy:
        shutil.copyfileobj(stream, copy)


def _list(path: Path, members: Iterable[Member], product: str | None) -> None:
    header = ("image", "label", product) if product else ("image", "label")
    rows = []
    for file, label, _, shown in members:
        name = os.fsdecode(file)
        if listed_label(label) != label:
            raise UserError(
                f"The class {label!r} has spaces around its name, which do not count in a list. "
                "Give it another name, or set export.as: links, or copies."
            )
        if HIDDEN in name and is_address(name):
            raise UserError(
                f"{name} may hold a secret in its query, and no list tells it. Set export.as: "
                "copies."
            )
        try:
            image = file if is_address(name) else os.path.abspath(file)
            rows.append((image.decode("utf-8"), label, shown)[: len(header)])
        except UnicodeDecodeError as error:
            raise UserError(
                f"{file!r} is no name in UTF-8, as a CSV has them. Set export.as: links, or copies."
            ) from error
    write_csv(path, header, rows)


def _file_name(member: Member, taken: set[str]) -> bytes:
    """Return a name for the file of `member` that is not `taken`, its own where that can be."""
    name = os.fsdecode(os.path.basename(member.file)).partition(HIDDEN)[0]
    stem, ending = os.path.splitext(name)
    name = f"_{name}" if name.startswith(".") else name
    if _folded(name) in taken:
        name = _cut(stem, f"-{member.content_id[:12]}{ending}")
    return os.fsencode(_unused(name, taken))


def _unused(name: str, taken: set[str]) -> str:
    """Return `name`, or with a number where it is `taken`, and take it."""
    stem, ending = os.path.splitext(name)
    candidate, number = name, 1
    while _folded(candidate) in taken:
        number += 1
        candidate = _cut(stem, f"-{number}{ending}")
    taken.add(_folded(candidate))
    return candidate


def _possible(label: str) -> str:
    """Return what a folder for the class `label` can be called."""
    name = label.replace("/", "_").replace("\0", "_")
    name = f"_{name}" if name.startswith(".") else name
    return _cut(name, "")


def _cut(stem: str, ending: str) -> str:
    """Return `stem` with `ending`, cut so that a file system takes the name."""
    room = LONGEST - len(os.fsencode(ending))
    while len(os.fsencode(stem)) > room:
        stem = stem[:-1]
    return stem + ending


def _folded(name: str) -> str:
    """Return what is the same of two names that some file systems cannot tell apart."""
    return unicodedata.normalize("NFC", name).casefold()
