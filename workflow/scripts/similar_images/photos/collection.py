"""What a collection holds: a folder with a sub-folder for each class, or a CSV list."""

import os
from collections.abc import Iterable, Iterator
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from . import lists
from .folders import Folder, is_folder, look_at, look_into, top_of
from .names import as_text, label_of


class Entry(NamedTuple):
    """One file of a collection.

    Attributes:
        image: path relative to the collection, as text; it names the file in every table.
        file: the path to open, as the operating system's bytes.
        label: the class, or None.
        size: bytes.
        mtime: time of the last change, in nanoseconds.
        fault: why the file cannot be used, or None.
    """

    image: str
    file: bytes
    label: str | None
    size: int = 0
    mtime: int = 0
    fault: str | None = None


def scan(path: Path, follow_links: bool = False) -> Iterator[Entry]:
    """Yield every file of the collection at `path`, in an order that never changes.

    A folder's sub-folders are the classes; nested folders belong to the class above them, and
    files directly in the folder have no class. A CSV has the columns `image` (relative to the
    CSV) and `label` (may be empty).

    Raises:
        UserError: `path` does not exist or is neither of the two.
    """
    return _scan_folder(path, follow_links) if is_folder(path) else _scan_csv(path)


def with_class(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Yield `entries`; those without a class become faulty, since a catalogue needs one."""
    for entry in entries:
        if entry.fault is None and entry.label is None:
            entry = entry._replace(fault="no class: put it into the folder of its class")
        yield entry


def _scan_folder(root: Path, follow_links: bool) -> Iterator[Entry]:
    top = top_of(root)
    pending = [top]
    while pending:
        found = sorted(look_into(pending.pop(), top.real, follow_links), key=itemgetter(0))
        folders = []
        for path, finding in found:
            if isinstance(finding, Folder):
                folders.append(finding)
            else:
                yield _entry(path, os.path.join(top.file, path), label_of(path), finding)
        pending.extend(reversed(folders))


def _scan_csv(path: Path) -> Iterator[Entry]:
    for image, file, label in lists.read(path):
        yield _entry(image, file, label, look_at(partial(os.stat, file)))


def _entry(path: bytes, file: bytes, label: str | None, finding: os.stat_result | str) -> Entry:
    if isinstance(finding, str):
        return Entry(as_text(path), file, label, fault=finding)
    return Entry(as_text(path), file, label, finding.st_size, finding.st_mtime_ns)
