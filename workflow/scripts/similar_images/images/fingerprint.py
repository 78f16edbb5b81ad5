"""The fingerprint of a collection, which shows a run whether anything has changed."""

import hashlib
import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

from ..core.errors import UserError
from ..core.names import fault_of_label, label_of, subfolder_of
from ..core.processes import forked, processes
from ..lists.lists import is_list
from ..lists.sources import Location, Source
from ..lists.table_cache import NO_TABLES, TableCache
from ..storage.addresses import is_address, name_of
from ..storage.archives import is_archive
from ..storage.metadata import NO_METADATA, MetadataCache
from ..storage.skipping import DEFAULT, Skipping
from . import depth
from .collection import Entry, scan
from .folders import Bounds, Finding, Folder, is_folder, list_folder, status_or_fault, walk

# Starting other processes takes about as long.
SECONDS_ALONE = 0.02


# The label of an image, and the folder of the class in which it is, if any.
_Place = tuple[str | None, str | None]


@dataclass(frozen=True)
class Summary:
    """The summary of a collection.

    Attributes:
        fingerprint: changes when a file is added, changed, renamed, relabelled or deleted.
        images: files that may be images (not broken links, pipes and so on).
        classes: the names of the classes.
        subfolders: the names of the folders in each class that has no image outside them.
    """

    fingerprint: str
    images: int
    classes: frozenset[str]
    subfolders: Mapping[str, frozenset[str]] = field(default_factory=dict)


class _Part(NamedTuple):
    """The summary of one folder of a collection, or of a whole list, archive or bucket.

    Attributes:
        digest: of the files' paths, faults, sizes, times and modes.
        images: how many files may be images, by label and folder in that class.
        folders, links: see `FolderContents`.
    """

    digest: bytes
    images: Mapping[_Place, int]
    folders: Sequence[Folder] = ()
    links: Sequence[Folder] = ()


def summarise(
    location: Location,
    follow_links: bool = False,
    needs_class: bool = False,
    metadata_cache: MetadataCache = NO_METADATA,
    extra_columns: Sequence[str] = (),
    own: Iterable[Path] = (),
    skipping: Skipping = DEFAULT,
    table_cache: TableCache = NO_TABLES,
    product: str | None = None,
) -> Summary:
    """Walk the collection at `location` without opening an image and return its summary.

    Images without a class count only if `needs_class` is False. For the other arguments see `scan`.

    Raises:
        UserError: as `scan`, or it has no images that count.
    """
    source = Source.of(location)
    place = source.location
    if not is_address(place) and not source.is_mapped and is_folder(Path(place)):
        parts = _parts_of_folder(Path(place), follow_links, own, skipping)
    else:
        entries = scan(
            source,
            follow_links,
            metadata_cache,
            extra_columns,
            own,
            skipping,
            table_cache=table_cache,
            product=product,
        )
        parts = iter([_part_of(entries, in_folders=not is_list(source))])
    hasher = hashlib.sha256()
    if is_archive(place):  # it may have been damaged, and its members' checksums are the same
        hasher.update(_record(b"", status_or_fault(Path(place).stat)))
    places: Counter[_Place] = Counter()
    for part in parts:
        hasher.update(part.digest)
        places.update(part.images)
    images: Counter[str | None] = Counter()
    for (label, _), count in places.items():
        images[label] += count
    hasher.update(str(metadata_cache.tries).encode())  # known only after the requests
    without_class = images.pop(None, 0) if needs_class else 0
    if not images.total():
        named = name_of(place) if is_address(place) else place
        if without_class:
            raise UserError(
                f"{named}: its images have no class ({without_class:,} in all). Put them into a "
                "sub-folder for each class, or name a list with the columns image and label."
            )
        raise UserError(f"{named}: there are no images in it. Put some there, or name another.")
    classes = frozenset(label for label, count in images.items() if label is not None and count)
    return Summary(hasher.hexdigest(), images.total(), classes, _subfolders(places))


def check_catalogue(summary: Summary, neighbours: int, location: str | Path) -> None:
    """Check that the catalogue at `location` is large enough for a vote.

    Raises:
        UserError: it has fewer than two classes, or fewer images than `neighbours`.
    """
    if len(summary.classes) < 2:
        raise UserError(
            f"catalogue: it has {_listed(summary.classes)}; at least two are needed, "
            "each a sub-folder with images (or a label in the list)."
            + depth.of_one_class(location, summary.subfolders)
        )
    if neighbours > summary.images:
        raise UserError(
            f"search.neighbours: {neighbours} is more than the catalogue has images; "
            f"allowed: 1 to {summary.images}."
        )


def _listed(classes: frozenset[str]) -> str:
    return f"one class ({next(iter(classes))})" if classes else "no class"


def _subfolders(places: Mapping[_Place, int]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str | None]] = {}
    for (label, folder), count in places.items():
        if label is not None and count:
            found.setdefault(label, set()).add(folder)
    return {
        label: frozenset(folder for folder in folders if folder is not None)
        for label, folders in sorted(found.items())
        if None not in folders
    }


def _parts_of_folder(
    root: Path, follow_links: bool, own: Iterable[Path], skipping: Skipping
) -> Iterator[_Part]:
    """Yield a part for each folder.

    The slow part is to read the status of each file. When it has taken as long as starting other
    processes takes, they share the rest.
    """
    deadline = time.monotonic() + SECONDS_ALONE
    with ExitStack() as stack:
        pool = cache(lambda: stack.enter_context(forked(processes())))

        def look(folders: Sequence[Folder], bounds: Bounds) -> Iterator[_Part]:
            rest = iter(folders)
            summarise_one = partial(_part_of_folder, bounds=bounds)
            while time.monotonic() < deadline and (folder := next(rest, None)):
                yield summarise_one(folder)
            if others := list(rest):
                chunk = 1 + len(others) // (8 * processes())
                yield from pool().map(summarise_one, others, chunksize=chunk)

        yield from walk(root, follow_links, own, look, skipping)


def _part_of_folder(folder: Folder, bounds: Bounds) -> _Part:
    contents = list_folder(folder, bounds)
    images = sum(isinstance(finding, os.stat_result) for _, finding in contents.found)
    inside = os.path.join(folder.path, b"")
    label = label_of(inside)
    usable = 0 if fault_of_label(label) else images
    digest = _digest(_record(path, finding) for path, finding in contents.found)
    place = label, subfolder_of(inside)
    return _Part(digest, {place: usable}, contents.folders, contents.links)


def _part_of(entries: Iterable[Entry], *, in_folders: bool) -> _Part:
    """Return a whole list, archive or bucket as one part.

    Args:
        entries: all of it.
        in_folders: whether the folders of the images are the classes.
    """
    records = []
    images: Counter[_Place] = Counter()
    for entry in entries:
        records.append(repr(entry).encode())
        folder = subfolder_of(os.fsencode(entry.image)) if in_folders else None
        images[entry.label, folder] += entry.fault is None
    return _Part(_digest(records), images)


def _digest(records: Iterable[bytes]) -> bytes:
    text = b"".join(sorted(records))
    return hashlib.sha256(text).digest() if text else b""


def _record(path: bytes, finding: Finding) -> bytes:
    """Return the data of one file that the fingerprint depends on."""
    if isinstance(finding, str):
        return b"%b\0%b\n" % (path, finding.encode())
    times = finding.st_mtime_ns, finding.st_ctime_ns
    return b"%b\0%d %d %d %d\n" % (path, finding.st_size, *times, finding.st_mode)
