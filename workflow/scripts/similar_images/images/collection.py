"""The photos of a collection: a folder or bucket, a list, or a single image.

A folder or bucket has a sub-folder for each class.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from ..core.errors import UserError
from ..storage.addresses import ObjectMetadata, is_address
from ..storage.metadata import NO_METADATA, MetadataCache
from . import lists
from .folders import (
    Bounds,
    Finding,
    Folder,
    FolderContents,
    fault_of_name,
    is_folder,
    list_folder,
    status_or_fault,
    walk,
)
from .names import Spellings, as_text, fault_of_label, label_of, normal_form

# The last time stamp that a column holds, of the year 2262.
LATEST = 2**63 - 1


class Entry(NamedTuple):
    """One photo of a collection.

    Attributes:
        image: path relative to the collection as text, or the name of an address; it names the
            photo in every table.
        file: the path to open as the operating system's bytes, or the name of an address.
        label: the class, or None.
        size: bytes.
        mtime: time of the last change, in nanoseconds.
        mode: the file's permissions.
        fault: why the photo cannot be used, or None.
        version: see `ObjectMetadata.version`; None where it is a file.
        extra_columns: the values of the extra columns of a list.
        ctime: time of the last change of the file or its name, in nanoseconds; unlike `mtime`,
            programs cannot set it, so it shows that another file replaced this one.
    """

    image: str
    file: bytes
    label: str | None
    size: int = 0
    mtime: int = 0
    mode: int = 0
    fault: str | None = None
    version: str | None = None
    extra_columns: tuple[str, ...] = ()
    ctime: int = 0


def scan(
    location: str | Path,
    follow_links: bool = False,
    metadata_cache: MetadataCache = NO_METADATA,
    extra_columns: Sequence[str] = (),
    own: Iterable[Path] = (),
) -> Iterator[Entry]:
    """Yield every photo of the collection at `location`, in an order that never changes.

    A folder's sub-folders are the classes; nested folders belong to the class above them, and
    files directly in the folder have no class. The same holds for a bucket. A list has
    the columns `image` (relative to the list, or an address) and `label` (may be empty). A single
    image has no class, and is called as its file.

    Args:
        location: of the collection.
        follow_links: whether links that lead out of a folder are followed.
        metadata_cache: of the addresses.
        extra_columns: extra columns of a list to read.
        own: folders that this workflow writes; they are not read.

    Raises:
        UserError: there is no folder, bucket, list or image at `location`.
    """
    if is_address(str(location)):
        return _scan_bucket(str(location), metadata_cache)
    path = Path(location)
    if is_folder(path):
        return _scan_folder(path, follow_links, own)
    if lists.is_list(path):
        return _scan_list(path, metadata_cache, extra_columns)
    return iter([_single_image(path)])


def with_class(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Yield `entries`; those without a class become faulty, since a catalogue needs one."""
    for entry in entries:
        if entry.fault is None and entry.label is None:
            entry = entry._replace(fault="no class: put it into the folder of its class")
        yield entry


def _scan_folder(root: Path, follow_links: bool, own: Iterable[Path]) -> Iterator[Entry]:
    top = os.fsencode(root)
    for contents in walk(root, follow_links, own, _look):
        for path, finding in contents.found:
            entry = _file_entry(path, os.path.join(top, path), label_of(path), finding)
            yield _with_possible_class(entry)


def _look(folders: Sequence[Folder], bounds: Bounds) -> Iterator[FolderContents]:
    return (list_folder(folder, bounds) for folder in folders)


def _scan_bucket(prefix: str, metadata_cache: MetadataCache) -> Iterator[Entry]:
    for name, metadata in metadata_cache.below(prefix).items():
        image = name.removeprefix(prefix.rstrip("/") + "/")
        path = os.fsencode(image)
        faults = filter(None, map(fault_of_name, path.split(b"/")))
        metadata = metadata._replace(fault=next(faults, metadata.fault))
        yield _with_possible_class(_remote_entry(image, name, label_of(path), metadata))


def _scan_list(
    path: Path, metadata_cache: MetadataCache, extra_columns: Sequence[str]
) -> Iterator[Entry]:
    rows = lists.read(path, extra_columns)
    seen = metadata_cache.at(lists.addresses_in(rows))
    files = _ListedFiles(path)
    for row in rows:
        if row.address is not None:
            entry = _remote_entry(row.image, row.image, row.label, seen[row.image])
        else:
            entry = files.entry(row)
        yield entry._replace(extra_columns=row.extra_columns)


def _single_image(path: Path) -> Entry:
    finding = status_or_fault(path.stat)
    if isinstance(finding, str):
        raise UserError(f"{path}: {finding}. Name another image, or a folder or list of images.")
    return _file_entry(os.fsencode(path.name), os.fsencode(path), None, finding)


class _ListedFiles:
    """The files of a list; their names may have another Unicode form on disk."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._base = os.fsencode(path.parent)
        self._spellings = Spellings()
        # The row and status of each file whose name can have several Unicode forms.
        self._known: dict[str, tuple[lists.ListRow, os.stat_result]] = {}

    def entry(self, row: lists.ListRow) -> Entry:
        """Return the entry of a row.

        Raises:
            UserError: another row names the same file.
        """
        image = os.fsencode(row.image)
        file = os.path.join(self._base, image)
        finding = status_or_fault(partial(os.stat, file))
        if isinstance(finding, str) and not os.path.lexists(file):
            match self._spellings.of(self._base, image):
                case [file]:
                    finding = status_or_fault(partial(os.stat, file))
                case [_, *_] as files:
                    above = os.path.join(self._base, b"")
                    names = (ascii(os.fsdecode(one.removeprefix(above))) for one in files)
                    finding = f"in several Unicode forms: {' and '.join(names)}; name one of them"
        if isinstance(finding, os.stat_result) and not row.image.isascii():
            self._check_once(row, finding)
        return _file_entry(image, file, row.label, finding)

    def _check_once(self, row: lists.ListRow, status: os.stat_result) -> None:
        first, known = self._known.setdefault(normal_form(row.image), (row, status))
        if first is not row and os.path.samestat(known, status):
            raise UserError(
                f"{self._path}, {row.place}: {row.image} is the same file as in {first.place}, in "
                "another Unicode form. Name each image once."
            )


def _with_possible_class(entry: Entry) -> Entry:
    """Return `entry`, with a fault and without a class if its label cannot be a class."""
    fault = fault_of_label(entry.label)
    return entry._replace(label=None, fault=entry.fault or fault) if fault else entry


def _remote_entry(image: str, name: str, label: str | None, metadata: ObjectMetadata) -> Entry:
    # With a version, uploading the same bytes again changes nothing. Without a version or time, the
    # photo may have changed just now.
    mtime = 0 if metadata.version else metadata.mtime or LATEST
    file = os.fsencode(name)
    return Entry(
        image, file, label, metadata.size, mtime, fault=metadata.fault, version=metadata.version
    )


def _file_entry(path: bytes, file: bytes, label: str | None, finding: Finding) -> Entry:
    if isinstance(finding, str):
        return Entry(as_text(path), file, label, fault=finding)
    status = finding.st_size, finding.st_mtime_ns, finding.st_mode
    return Entry(as_text(path), file, label, *status, ctime=finding.st_ctime_ns)
