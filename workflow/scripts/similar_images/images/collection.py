"""The photos of a collection: a folder, zip or bucket, a list, or a single image.

A folder, zip or bucket has a sub-folder for each class.
"""

import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, partial
from pathlib import Path, PurePosixPath
from typing import NamedTuple
from zipfile import ZipInfo

from ..core.errors import UserError
from ..core.names import Spellings, as_text, fault_of_label, label_of, normal_form, similar
from ..lists import lists
from ..lists.sources import Location, Source
from ..lists.table_cache import NO_TABLES, TableCache
from ..storage import archives, parquet_images
from ..storage.addresses import ObjectMetadata, is_address, normal_address
from ..storage.metadata import NO_METADATA, MetadataCache
from ..storage.skipping import DEFAULT, Skipping, is_other_kind
from .folders import (
    Bounds,
    Finding,
    Folder,
    FolderContents,
    is_folder,
    list_folder,
    status_or_fault,
    walk,
)

logger = logging.getLogger(__name__)

# The last time stamp that a column holds, of the year 2262.
LATEST = 2**63 - 1
# So many files below a list are looked at for one that is like a missing image.
MOST_LOOKED_AT = 10_000
NO_CLASS = "no class: put it into the folder of its class"
OTHER_KIND = "not an image, by the ending of its name"


class Entry(NamedTuple):
    """One photo of a collection.

    Attributes:
        image: path relative to the collection as text, or the name of an address; it names the
            photo in every table.
        file: the path to open as the operating system's bytes, or the name of an address, or where
            it is in an archive or a file of Parquet: see `file_of` of `archives` and
            `parquet_images`.
        label: the class, or None.
        size: bytes; of an image in Parquet those of the file around it, as are its times.
        mtime: time of the last change, in nanoseconds.
        mode: the file's permissions.
        fault: why the photo cannot be used, or None.
        version: see `ObjectMetadata.version`; of a member of an archive its checksum; None where
            it is a file.
        extra_columns: the values of the extra columns of a list.
        ctime: time of the last change of the file or its name, in nanoseconds; unlike `mtime`,
            programs cannot set it, so it shows that another file replaced this one.
        row: of the list that names it first.
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
    row: int | None = None


def scan(
    location: Location,
    follow_links: bool = False,
    metadata_cache: MetadataCache = NO_METADATA,
    extra_columns: Sequence[str] = (),
    own: Iterable[Path] = (),
    skipping: Skipping = DEFAULT,
    skipped: set[bytes] | None = None,
    table_cache: TableCache = NO_TABLES,
    product: str | None = None,
) -> Iterator[Entry]:
    """Yield every photo of the collection at `location`, in an order that never changes.

    A folder's sub-folders are the classes; nested folders belong to the class above them, and
    files directly in the folder have no class. The same holds for a zip or bucket. A list has
    columns for images (relative to the list, or addresses) and their class: see `lists`. A single
    image has no class, and is called as its file.

    Args:
        location: of the collection.
        follow_links: whether links that lead out of a folder are followed.
        metadata_cache: of the addresses.
        extra_columns: extra columns of a list to read.
        own: folders that this workflow writes; they are not read.
        skipping: which files and folders of a folder, zip or bucket are left out.
        skipped: their paths are added to this set.
        table_cache: of the table of a list.
        product: the one of `extra_columns` that names the product, or None.

    Raises:
        UserError: there is no folder, zip, bucket, list or image at `location`.
    """
    source = Source.of(location)
    skipped = set() if skipped is None else skipped
    if is_address(source.location):
        return _scan_bucket(source.location, metadata_cache, skipping, skipped)
    if source.is_mapped:
        return _scan_list(source, metadata_cache, extra_columns, table_cache, product)
    path = Path(source.location)
    if is_folder(path):
        return _scan_folder(path, follow_links, own, skipping, skipped)
    if archives.is_archive(path):
        return _scan_archive(path, skipping, skipped)
    if lists.is_list(source):
        return _scan_list(source, metadata_cache, extra_columns, table_cache, product)
    return iter([_single_image(path)])


def with_class(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Yield `entries`; those without a class become faulty, since a catalogue needs one."""
    for entry in entries:
        if entry.fault is None and entry.label is None:
            fault = OTHER_KIND if is_other_kind(entry.image) else NO_CLASS
            entry = entry._replace(fault=fault)
        yield entry


def _scan_folder(
    root: Path, follow_links: bool, own: Iterable[Path], skipping: Skipping, skipped: set[bytes]
) -> Iterator[Entry]:
    top = os.fsencode(root)
    for contents in walk(root, follow_links, own, _look, skipping):
        skipped.update(contents.skipped)
        for path, finding in contents.found:
            entry = _file_entry(path, os.path.join(top, path), label_of(path), finding)
            yield _with_possible_class(entry)


def _look(folders: Sequence[Folder], bounds: Bounds) -> Iterator[FolderContents]:
    return (list_folder(folder, bounds) for folder in folders)


def _scan_bucket(
    prefix: str, metadata_cache: MetadataCache, skipping: Skipping, skipped: set[bytes]
) -> Iterator[Entry]:
    for name, metadata in metadata_cache.below(prefix).items():
        image = name.removeprefix(normal_address(prefix).rstrip("/") + "/")
        path = os.fsencode(image)
        if part := skipping.skipped_part(path):
            skipped.add(part)
            continue
        yield _with_possible_class(_remote_entry(image, name, label_of(path), metadata))


def _scan_archive(path: Path, skipping: Skipping, skipped: set[bytes]) -> Iterator[Entry]:
    archive = os.fsencode(path)
    try:
        members = archives.Archive(archive).members
    except archives.StoredPhotoError as error:
        raise UserError(
            f"{path}: {error}. Make the zip again, or unpack it and name the folder."
        ) from error
    if archives.parts_of(archives.file_of(archive, b"")) != (archive, b""):
        raise UserError(f"{path}: no folder above it may have a name that ends in .zip! Rename it.")
    found = []
    for member in members:
        if part := skipping.skipped_part(member):
            skipped.add(part)
        else:
            found.append(member)
    outer = archives.outer_folder(path, found)
    entries = [_archived_entry(archive, member, outer, members[member]) for member in found]
    if entries and all(entry.fault for entry in entries):
        raise UserError(
            f"{path}: none of its files can be read, such as {entries[0].image}: "
            f"{entries[0].fault}."
        )
    yield from map(_with_possible_class, entries)


def _archived_entry(archive: bytes, member: bytes, outer: bytes, info: ZipInfo) -> Entry:
    inner = member.removeprefix(outer)
    return Entry(
        as_text(inner),
        archives.file_of(archive, member),
        label_of(inner),
        info.file_size,
        fault=archives.fault_of(info),
        version=f"{info.CRC:08x}",
    )


def _scan_list(
    source: Source,
    metadata_cache: MetadataCache,
    extra_columns: Sequence[str],
    table_cache: TableCache,
    product: str | None,
) -> Iterator[Entry]:
    rows, description = lists.read(source, extra_columns, table_cache)
    logger.info("%s", description)
    seen = metadata_cache.at(lists.addresses_in(rows))
    files = _ListedFiles(source)
    named: dict[str, list[_Listed]] = {}
    for row in rows:
        if row.fault is not None:
            file = os.fsencode(source.location)
            entry = Entry(row.image, file, row.label, fault=row.fault)
        elif row.stored is not None:
            entry = files.stored(row, row.stored)
        elif row.address is not None:
            entry = _remote_entry(row.image, row.image, row.label, seen[row.image])
        else:
            entry = files.entry(row)
        entry = entry._replace(extra_columns=row.extra_columns, row=row.row)
        named.setdefault(entry.image, []).append(_Listed(row.place, entry))
    files.check_any_found(has_others=bool(seen))
    found = {image: _once(listed) for image, listed in named.items()}
    if product is not None:
        n = extra_columns.index(product)
        for image, listed in named.items():
            if found[image].fault is None:
                others = _of_other_products(listed, n, Path(source.location).name)
                found |= {other.image: other for other in others}
    for _, entry in sorted(found.items()):
        yield entry


class _Listed(NamedTuple):
    """An image in a list, and the place of its row."""

    place: str
    entry: Entry


def _once(listed: Sequence[_Listed]) -> Entry:
    """Return the one entry of an image that is in a list several times.

    It has a fault if its rows give it several classes.
    """
    if len(listed) == 1:
        return listed[0].entry
    by_row = _by_row(listed)
    first = by_row[0].entry
    labels: dict[str, str] = {}
    for place, entry in by_row:
        if entry.label is not None:
            labels.setdefault(entry.label, place)
    if first.fault is not None or not labels:
        return first
    if len(labels) == 1:
        return first._replace(label=next(iter(labels)))
    differ = ", ".join(f"{label} in {place}" for label, place in labels.items())
    return first._replace(label=None, fault=f"listed with several classes: {differ}")


def _by_row(listed: Iterable[_Listed]) -> list[_Listed]:
    return sorted(listed, key=lambda one: one.entry.row or 0)


def _of_other_products(listed: Sequence[_Listed], n: int, name: str) -> Iterator[Entry]:
    """Yield a fault for each row of an image that names another product than its first row.

    Args:
        listed: the rows of the image.
        n: the number of the product among the extra columns.
        name: of the list.
    """
    first, *others = _by_row(listed)
    for place, entry in others:
        if entry.extra_columns[n].strip() not in ("", first.entry.extra_columns[n].strip()):
            fault = lists.SHARED_IMAGE + first.place
            yield entry._replace(image=f"{name}, {place}", label=None, fault=fault)


def _single_image(path: Path) -> Entry:
    finding = status_or_fault(path.stat)
    if isinstance(finding, str):
        raise UserError(f"{path}: {finding}. Name another image, or a folder or list of images.")
    return _file_entry(os.fsencode(path.name), os.fsencode(path), None, finding)


class _ListedFiles:
    """The files of a list; their names may have another Unicode form on disk, or backslashes."""

    def __init__(self, source: Source) -> None:
        self._list = source.location
        self._folder = lists.folder_of(source)
        self._base = os.fsencode(self._folder)
        self._spellings = Spellings()
        # The name and status of each file whose name can have several Unicode forms.
        self._known: dict[str, tuple[str, os.stat_result]] = {}
        # The first row of each image that was looked up.
        self._tried: dict[str, int] = {}
        self._is_any_found = False
        self._status = cache(lambda path: status_or_fault(partial(os.stat, path)))

    def stored(self, row: lists.ListRow, file: bytes) -> Entry:
        """Return the entry of a row whose image is stored in a file of Parquet."""
        self._is_any_found = True
        path, _, _ = parquet_images.parts_of(file) or (file, 0, "")
        return _file_entry(os.fsencode(row.image), file, row.label, self._status(path))

    def entry(self, row: lists.ListRow) -> Entry:
        """Return the entry of a row. A file has one name, even if rows spell it differently."""
        self._tried.setdefault(row.image, row.row or 0)
        name, file, finding = self._find(row.image)
        self._is_any_found |= isinstance(finding, os.stat_result) or os.path.lexists(file)
        if isinstance(finding, os.stat_result) and not name.isascii():
            name = self._first_name(name, finding)
        return _file_entry(os.fsencode(name), file, row.label, finding)

    def check_any_found(self, has_others: bool) -> None:
        """Check that at least one of the files exists.

        Args:
            has_others: whether the list has images that are no files.

        Raises:
            UserError: none does.
        """
        if self._is_any_found or has_others or not self._tried:
            return
        first = min(self._tried, key=self._tried.__getitem__)
        like = self._like(first)
        hint = f" There is {like}." if like else ""
        raise UserError(
            f"{self._list}: none of its images is there ({len(self._tried):,} looked up, the first "
            f"at {self._folder / first}).{hint} Paths are relative to the folder of the list: move "
            "the list, or correct the paths."
        )

    def _find(self, image: str) -> tuple[str, bytes, Finding]:
        """Return the name of an image, the path of its file, and its status or fault."""
        image = str(PurePosixPath(image))  # ./a.jpg and a.jpg are one file
        name = os.fsencode(image)
        file = os.path.join(self._base, name)
        finding = status_or_fault(partial(os.stat, file))
        if isinstance(finding, os.stat_result) or os.path.lexists(file):
            return image, file, finding
        match self._spellings.of(self._base, name):
            case [other]:
                return image, other, status_or_fault(partial(os.stat, other))
            case [_, *_] as files:
                above = os.path.join(self._base, b"")
                names = (ascii(os.fsdecode(one.removeprefix(above))) for one in files)
                several = f"in several Unicode forms: {' and '.join(names)}; name one of them"
                return image, files[0], several
        if "\\" in image:
            found = self._find(image.replace("\\", "/"))
            if os.path.lexists(found[1]):
                return found
        return image, file, finding

    def _first_name(self, image: str, status: os.stat_result) -> str:
        """Return how this file was called when it was first found, in any Unicode form."""
        name, known = self._known.setdefault(normal_form(image), (image, status))
        return name if os.path.samestat(known, status) else image

    def _like(self, image: str) -> str | None:
        """Return the path of a file that is called like `image`, or None."""
        if "\0" in image:
            return None
        tried = self._folder / image.replace("\\", "/")
        beside: dict[str, str] = {}
        count = 0
        for folder in (tried.parent, self._folder):
            for above, _, names in os.walk(folder):
                for name in names:
                    beside.setdefault(name, os.path.join(above, name))
                count += len(names)
                if count > MOST_LOOKED_AT:
                    break
            if found := similar(tried.name, beside):
                return beside[found]
        return None


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
