"""The fingerprint of a collection, which shows a run whether anything has changed."""

import hashlib
import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

from ..core.errors import UserError
from ..core.processes import forked, processes
from ..storage.addresses import is_address, name_of
from ..storage.metadata import NO_METADATA, MetadataCache
from .collection import Entry, scan
from .folders import Bounds, Finding, Folder, is_folder, list_folder, walk
from .names import fault_of_label, label_of
from .sources import Location, Source
from .table_cache import NO_TABLES, TableCache

# Starting other processes takes about as long.
SECONDS_ALONE = 0.02


@dataclass(frozen=True)
class Summary:
    """The summary of a collection.

    Attributes:
        fingerprint: changes when a file is added, changed, renamed, relabelled or deleted.
        images: files that may be images (not broken links, pipes and so on).
        classes: the names of the classes.
    """

    fingerprint: str
    images: int
    classes: frozenset[str]


class _Part(NamedTuple):
    """The summary of one folder of a collection, or of a whole list or bucket.

    Attributes:
        digest: of the files' paths, faults, sizes, times and modes.
        images: how many files may be images, by label.
        folders, links: see `FolderContents`.
    """

    digest: bytes
    images: Mapping[str | None, int]
    folders: Sequence[Folder] = ()
    links: Sequence[Folder] = ()


def summarise(
    location: Location,
    follow_links: bool = False,
    needs_class: bool = False,
    metadata_cache: MetadataCache = NO_METADATA,
    extra_columns: Sequence[str] = (),
    own: Iterable[Path] = (),
    table_cache: TableCache = NO_TABLES,
) -> Summary:
    """Walk the collection at `location` without opening an image and return its summary.

    Images without a class count only if `needs_class` is False. For the other arguments see `scan`.

    Raises:
        UserError: as `scan`, or it has no images that count.
    """
    source = Source.of(location)
    place = source.location
    if not is_address(place) and not source.is_mapped and is_folder(Path(place)):
        parts = _parts_of_folder(Path(place), follow_links, own)
    else:
        entries = scan(
            source,
            metadata_cache=metadata_cache,
            extra_columns=extra_columns,
            table_cache=table_cache,
        )
        parts = iter([_part_of(entries)])
    hasher = hashlib.sha256()
    images: Counter[str | None] = Counter()
    for part in parts:
        hasher.update(part.digest)
        images.update(part.images)
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
    return Summary(hasher.hexdigest(), images.total(), classes)


def check_catalogue(summary: Summary, neighbours: int) -> None:
    """Check that a catalogue is large enough for a vote.

    Raises:
        UserError: it has fewer than two classes, or fewer images than `neighbours`.
    """
    if len(summary.classes) < 2:
        raise UserError(
            f"catalogue: it has {_listed(summary.classes)}; at least two are needed, "
            "each a sub-folder with images (or a label in the list)."
        )
    if neighbours > summary.images:
        raise UserError(
            f"search.neighbours: {neighbours} is more than the catalogue has images; "
            f"allowed: 1 to {summary.images}."
        )


def _listed(classes: frozenset[str]) -> str:
    return f"one class ({next(iter(classes))})" if classes else "no class"


def _parts_of_folder(root: Path, follow_links: bool, own: Iterable[Path]) -> Iterator[_Part]:
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

        yield from walk(root, follow_links, own, look)


def _part_of_folder(folder: Folder, bounds: Bounds) -> _Part:
    contents = list_folder(folder, bounds)
    images = sum(isinstance(finding, os.stat_result) for _, finding in contents.found)
    label = label_of(os.path.join(folder.path, b""))
    usable = 0 if fault_of_label(label) else images
    digest = _digest(_record(path, finding) for path, finding in contents.found)
    return _Part(digest, {label: usable}, contents.folders, contents.links)


def _part_of(entries: Iterable[Entry]) -> _Part:
    """Return a whole list or bucket as one part."""
    records = []
    images: Counter[str | None] = Counter()
    for entry in entries:
        records.append(repr(entry).encode())
        images[entry.label] += entry.fault is None
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
