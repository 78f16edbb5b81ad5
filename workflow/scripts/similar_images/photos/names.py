"""What a file is called: its path as text, and the class that its folder stands for."""

import re

# What a byte that is not UTF-8 becomes.
ESCAPE = re.compile(r"\\x[0-9a-f]{2}")


def as_text(path: bytes) -> str:
    r"""Return `path` as text; bytes that are not UTF-8 become \xNN.

    No two paths give the same text: where there is such an escape, or what looks like one, the
    backslashes of the path itself are doubled.
    """
    text = path.decode("utf-8", "backslashreplace")
    if ESCAPE.search(text):
        return path.replace(b"\\", b"\\\\").decode("utf-8", "backslashreplace")
    return text


def label_of(relative: bytes) -> str | None:
    """Return the class of the file at a path `relative` to its collection: its first folder."""
    label, slash, _ = relative.partition(b"/")
    return as_text(label) if slash else None
