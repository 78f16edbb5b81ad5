"""What a collection holds: a folder with a sub-folder for each class, or a CSV list."""

import csv
import hashlib
import os
import re
import stat
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from .errors import UserError

HIDDEN = "hidden: its name starts with a dot"
LOOP = "link that leads back to a folder above it"
LEAVES = "link that leaves the collection's folder (images.follow_links: true follows it)"
# What a byte that is not UTF-8 becomes.
ESCAPE = re.compile(r"\\x[0-9a-f]{2}")
# Looking through folders at once; on a cluster the first machine belongs to all.
MOST_PROCESSES = 4


class Entry(NamedTuple):
    """One file of a collection.

    Attributes:
        image: path relative to the collection, as text; it names the file in every table.
        file: the path to open, as the operating system's bytes.
        label: the class, or None.
        size: bytes.
        mtime: time of the last change, in nanoseconds.
        mode: type and permissions.
        fault: why the file cannot be used, or None.
    """

    image: str
    file: bytes
    label: str | None
    size: int = 0
    mtime: int = 0
    mode: int = 0
    fault: str | None = None


@dataclass(frozen=True)
class Summary:
    """A collection at a glance.

    Attributes:
        fingerprint: changes when a file is added, changed, renamed, relabelled or deleted.
        images: files that may be images (all but links astray, pipes and the like).
        classes: the names of the classes.
    """

    fingerprint: str
    images: int
    classes: frozenset[str]


class _Folder(NamedTuple):
    """A folder of a collection.

    Attributes:
        path: relative to the collection.
        file: the path to open.
        real: the path to open, without links.
        above: real paths of the folders above it.
    """

    path: bytes
    file: bytes
    real: bytes
    above: frozenset[bytes]


# What stands under a name: a folder, the status of what may be an image, or a fault.
_Finding = _Folder | os.stat_result | str


class _Part(NamedTuple):
    """The summary of one folder of a collection, or of a whole CSV.

    Attributes:
        digest: of the files' paths, faults, sizes, times and modes.
        images: how many files may be images, by label.
        folders: those in the folder, sorted.
    """

    digest: bytes
    images: Mapping[str | None, int]
    folders: Sequence[_Folder] = ()


def scan(path: Path, follow_links: bool = False) -> Iterator[Entry]:
    """Yield every file of the collection at `path`, in an order that never changes.

    A folder's sub-folders are the classes; nested folders belong to the class above them, and
    files directly in the folder have no class. A CSV has the columns `image` (relative to the
    CSV) and `label` (may be empty).

    Raises:
        UserError: `path` does not exist or is neither of the two.
    """
    return _scan_folder(path, follow_links) if _is_folder(path) else _scan_csv(path)


def summarise(path: Path, follow_links: bool = False, needs_class: bool = False) -> Summary:
    """Walk the collection at `path` without opening an image and return its summary.

    Images without a class count only where `needs_class` is False.

    Raises:
        UserError: as `scan`, or there is no image in it.
    """
    parts = _parts_of_folder(path, follow_links) if _is_folder(path) else [_part_of_csv(path)]
    hasher = hashlib.sha256()
    images: Counter[str | None] = Counter()
    for part in parts:
        hasher.update(part.digest)
        images.update(part.images)
    if needs_class:
        del images[None]
    if not images.total():
        raise UserError(f"{path}: there are no images in it. Put some there, or name another.")
    classes = frozenset(label for label, count in images.items() if label is not None and count)
    return Summary(hasher.hexdigest(), images.total(), classes)


def check_catalogue(summary: Summary, neighbours: int) -> None:
    """Check that a catalogue has what a vote needs.

    Raises:
        UserError: it has fewer than two classes, or fewer images than `neighbours`.
    """
    if len(summary.classes) < 2:
        raise UserError(
            f"catalogue: it has {_listed(summary.classes)}; at least two are needed, "
            "each a sub-folder with images (or a label in the CSV)."
        )
    if neighbours > summary.images:
        raise UserError(
            f"search.neighbours: {neighbours} is more than the catalogue has images; "
            f"allowed: 1 to {summary.images}."
        )


def with_class(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Yield `entries`; those without a class become faulty, since a catalogue needs one."""
    for entry in entries:
        if entry.fault is None and entry.label is None:
            entry = entry._replace(fault="no class: put it into the folder of its class")
        yield entry


def as_text(path: bytes) -> str:
    r"""Return `path` as text; bytes that are not UTF-8 become \xNN.

    No two paths give the same text: where there is such an escape, or what looks like one, the
    backslashes of the path itself are doubled.
    """
    text = path.decode("utf-8", "backslashreplace")
    if ESCAPE.search(text):
        return path.replace(b"\\", b"\\\\").decode("utf-8", "backslashreplace")
    return text


def reason(error: OSError) -> str:
    """Return what the operating system said, without the path, in lower case."""
    return (error.strerror or str(error)).lower()


def _listed(classes: frozenset[str]) -> str:
    return f"one class ({next(iter(classes))})" if classes else "no class"


def _is_folder(path: Path) -> bool:
    if not path.is_dir() and not path.is_file():
        raise UserError(
            f"{path}: no such folder or CSV file. Give a folder with one sub-folder for each "
            "class, or a CSV with the columns image and label."
        )
    return path.is_dir()


def _scan_folder(root: Path, follow_links: bool) -> Iterator[Entry]:
    top = _top(root)
    pending = [top]
    while pending:
        found = sorted(_look_into(pending.pop(), top.real, follow_links), key=itemgetter(0))
        folders = []
        for path, finding in found:
            if isinstance(finding, _Folder):
                folders.append(finding)
            else:
                yield _entry(path, os.path.join(top.file, path), _label_of(path), finding)
        pending.extend(reversed(folders))


def _scan_csv(path: Path) -> Iterator[Entry]:
    for image, file, label in _list_csv(path):
        yield _entry(image, file, label, _look_at(partial(os.stat, file)))


def _parts_of_folder(root: Path, follow_links: bool) -> Iterator[_Part]:
    """Yield a part for each folder, level by level.

    What takes the time is to ask the system for the status of each file, so several processes do
    it. They are forked, since others would import Snakemake anew.
    """
    top = _top(root)
    summarise_folder = partial(_part_of_folder, home=top.real, follow_links=follow_links)
    processes = min(os.cpu_count() or 1, MOST_PROCESSES)
    level = [top]
    with ProcessPoolExecutor(processes, get_context("fork")) as pool:
        while level:
            chunk = 1 + len(level) // (8 * processes)
            parts = list(pool.map(summarise_folder, level, chunksize=chunk))
            yield from parts
            level = [folder for part in parts for folder in part.folders]


def _part_of_folder(folder: _Folder, home: bytes, follow_links: bool) -> _Part:
    records = []
    folders = []
    images = 0
    for path, finding in _look_into(folder, home, follow_links):
        if isinstance(finding, _Folder):
            folders.append(finding)
        else:
            records.append(_record(path, finding))
            images += isinstance(finding, os.stat_result)
    label = _label_of(os.path.join(folder.path, b""))
    return _Part(_digest(records), {label: images}, sorted(folders))


def _part_of_csv(path: Path) -> _Part:
    records = []
    images: Counter[str | None] = Counter()
    for image, file, label in _list_csv(path):
        finding = _look_at(partial(os.stat, file))
        records.append(_record(image, finding) + repr(label).encode())
        images[label] += isinstance(finding, os.stat_result)
    return _Part(_digest(records), images)


def _digest(records: Iterable[bytes]) -> bytes:
    text = b"".join(sorted(records))
    return hashlib.sha256(text).digest() if text else b""


def _record(path: bytes, finding: os.stat_result | str) -> bytes:
    """Return what the fingerprint depends on."""
    if isinstance(finding, str):
        return b"%b\0%b\n" % (path, finding.encode())
    return b"%b\0%d %d %d\n" % (path, finding.st_size, finding.st_mtime_ns, finding.st_mode)


def _entry(path: bytes, file: bytes, label: str | None, finding: os.stat_result | str) -> Entry:
    if isinstance(finding, str):
        return Entry(as_text(path), file, label, fault=finding)
    return Entry(as_text(path), file, label, finding.st_size, finding.st_mtime_ns, finding.st_mode)


def _list_csv(path: Path) -> Iterator[tuple[bytes, bytes, str | None]]:
    """Yield the image, the path to open and the label of each line, sorted by image."""
    base = os.fsencode(path.parent)
    for text, label in sorted(_read_csv(path).items()):
        image = os.fsencode(text)
        yield image, os.path.join(base, image), label


def _read_csv(path: Path) -> dict[str, str | None]:
    labels: dict[str, str | None] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            missing = {"image", "label"} - set(reader.fieldnames or ())
            if missing:
                raise UserError(
                    f"{path}: the column {' and '.join(sorted(missing))} is missing. The first "
                    "line must name the columns image and label."
                )
            for row in reader:
                image = row["image"]
                if not image:
                    raise UserError(f"{path}, line {reader.line_num}: the image is empty.")
                if image in labels:
                    raise UserError(
                        f"{path}, line {reader.line_num}: {image} stands in the list already. "
                        "Name each image once."
                    )
                labels[image] = (row["label"] or "").strip() or None
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: not a CSV file in UTF-8 ({error}).") from error
    return labels


def _top(root: Path) -> _Folder:
    file = os.fsencode(root)
    return _Folder(b"", file, os.path.realpath(file), frozenset())


def _look_into(
    folder: _Folder, home: bytes, follow_links: bool
) -> Iterator[tuple[bytes, _Finding]]:
    """Yield the path and finding of all that stands in `folder`, in the system's order.

    A folder that cannot be listed is its own finding.
    """
    above = os.path.join(folder.path, b"")
    try:
        with os.scandir(folder.file) as children:
            for child in children:
                path = above + child.name
                if child.name.startswith(b"."):
                    yield path, HIDDEN
                elif child.is_symlink():
                    yield path, _follow(child, path, folder, home, follow_links)
                elif child.is_dir():
                    yield path, _below(folder, child, path, os.path.join(folder.real, child.name))
                else:
                    yield path, _look_at(child.stat)
    except OSError as error:
        yield folder.path, reason(error)


def _follow(
    link: os.DirEntry[bytes], path: bytes, folder: _Folder, home: bytes, follow_links: bool
) -> _Finding:
    real = os.path.realpath(link.path)
    if not follow_links and os.path.commonpath([real, home]) != home:
        return LEAVES
    if not os.path.isdir(link.path):  # DirEntry.is_dir raises on a loop of links
        return _look_at(link.stat)
    below = _below(folder, link, path, real)
    return LOOP if real in below.above else below


def _below(folder: _Folder, child: os.DirEntry[bytes], path: bytes, real: bytes) -> _Folder:
    return _Folder(path, child.path, real, folder.above | {folder.real})


def _look_at(status_of: Callable[[], os.stat_result]) -> os.stat_result | str:
    """Return the status of what may be an image, opened by nobody: a pipe must not hang the scan.

    Otherwise return its fault.
    """
    try:
        status = status_of()
    except OSError as error:
        return reason(error)
    except ValueError:  # a CSV can hold what no file can be called
        return "not a possible file name"
    if not stat.S_ISREG(status.st_mode):
        return "not a regular file"
    if not status.st_size:
        return "empty file"
    return status


def _label_of(relative: bytes) -> str | None:
    label, slash, _ = relative.partition(b"/")
    return as_text(label) if slash else None
