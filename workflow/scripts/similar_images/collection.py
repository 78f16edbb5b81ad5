"""What a collection holds: a folder with a sub-folder for each class, or a CSV list."""

import csv
import hashlib
import os
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from .errors import UserError

LEAVES = "link that leaves the collection's folder (images.follow_links: true follows it)"


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


def scan(path: Path, follow_links: bool = False) -> Iterator[Entry]:
    """Yield every file of the collection at `path`, in an order that never changes.

    A folder's sub-folders are the classes; nested folders belong to the class above them, and
    files directly in the folder have no class. A CSV has the columns `image` (relative to the
    CSV) and `label` (may be empty).

    Raises:
        UserError: `path` does not exist or is neither of the two.
    """
    if path.is_dir():
        return _scan_folder(path, follow_links)
    if path.is_file():
        return _scan_csv(path)
    raise UserError(
        f"{path}: no such folder or CSV file. Give a folder with one sub-folder for each class, "
        "or a CSV with the columns image and label."
    )


def summarise(path: Path, follow_links: bool = False, needs_class: bool = False) -> Summary:
    """Walk the collection at `path` without opening an image and return its summary.

    Images without a class count only where `needs_class` is False.

    Raises:
        UserError: as `scan`, or there is no image in it.
    """
    hasher = hashlib.sha256()
    images = 0
    classes = set()
    entries = scan(path, follow_links)
    for entry in with_class(entries) if needs_class else entries:
        hasher.update(repr(entry).encode("utf-8", "surrogateescape"))
        if entry.fault is None:
            images += 1
            if entry.label is not None:
                classes.add(entry.label)
    if not images:
        raise UserError(f"{path}: there are no images in it. Put some there, or name another.")
    return Summary(hasher.hexdigest(), images, frozenset(classes))


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
    if re.search(r"\\x[0-9a-f]{2}", text):
        return path.replace(b"\\", b"\\\\").decode("utf-8", "backslashreplace")
    return text


def reason(error: OSError) -> str:
    """Return what the operating system said, without the path, in lower case."""
    return (error.strerror or str(error)).lower()


def _listed(classes: frozenset[str]) -> str:
    return f"one class ({next(iter(classes))})" if classes else "no class"


def _scan_folder(root: Path, follow_links: bool) -> Iterator[Entry]:
    top = os.fsencode(root)
    home = os.path.realpath(top)
    # A stack of folders: (path relative to the root, real paths of the folders above it).
    pending: list[tuple[bytes, frozenset[bytes]]] = [(b"", frozenset())]
    while pending:
        folder, above = pending.pop()
        real = os.path.realpath(os.path.join(top, folder))
        if real in above:
            yield _faulty(top, folder, "link that leads back to a folder above it")
            continue
        try:
            with os.scandir(os.path.join(top, folder)) as found:
                children = sorted(found, key=lambda child: child.name)
        except OSError as error:
            yield _faulty(top, folder, reason(error))
            continue
        folders = []
        for child in children:
            relative = os.path.join(folder, child.name)
            if child.name.startswith(b"."):
                yield _faulty(top, relative, "hidden: its name starts with a dot")
            elif child.is_symlink() and not follow_links and not _inside(child.path, home):
                yield _faulty(top, relative, LEAVES)
            elif _is_folder(child):
                folders.append((relative, above | {real}))
            else:
                yield _examine(relative, child.path, _label_of(relative))
        pending.extend(reversed(folders))


def _scan_csv(path: Path) -> Iterator[Entry]:
    base = os.fsencode(path.parent)
    rows = sorted(_read_csv(path).items())
    for image, label in rows:
        yield _examine(os.fsencode(image), os.path.join(base, os.fsencode(image)), label)


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


def _examine(relative: bytes, file: bytes, label: str | None) -> Entry:
    """Return the entry of one file, opened by nobody: a pipe must not hang the scan."""
    image = as_text(relative)
    try:
        status = os.stat(file)
    except OSError as error:
        return Entry(image, file, label, fault=reason(error))
    except ValueError:  # a CSV can hold what no file can be called
        return Entry(image, file, label, fault="not a possible file name")
    if not stat.S_ISREG(status.st_mode):
        return Entry(image, file, label, fault="not a regular file")
    if not status.st_size:
        return Entry(image, file, label, fault="empty file")
    return Entry(image, file, label, status.st_size, status.st_mtime_ns, status.st_mode)


def _faulty(top: bytes, relative: bytes, fault: str) -> Entry:
    return Entry(as_text(relative), os.path.join(top, relative), _label_of(relative), fault=fault)


def _label_of(relative: bytes) -> str | None:
    label, slash, _ = relative.partition(b"/")
    return as_text(label) if slash else None


def _is_folder(child: os.DirEntry[bytes]) -> bool:
    # DirEntry.is_dir raises on a loop of links; os.path.isdir answers False.
    return os.path.isdir(child.path) if child.is_symlink() else child.is_dir()


def _inside(path: bytes, home: bytes) -> bool:
    return os.path.commonpath([os.path.realpath(path), home]) == home
