"""What stands in a folder of photos: nothing is opened, and links are followed with care."""

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from ..base.errors import UserError, reason

HIDDEN = "hidden: its name starts with a dot"
LOOP = "link that leads back to a folder above it"
LEAVES = "link that leaves the collection's folder (images.follow_links: true follows it)"


class Folder(NamedTuple):
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
Finding = Folder | os.stat_result | str


def top_of(root: Path) -> Folder:
    """Return the folder `root` of a collection."""
    file = os.fsencode(root)
    return Folder(b"", file, os.path.realpath(file), frozenset())


def look_into(folder: Folder, home: bytes, follow_links: bool) -> Iterator[tuple[bytes, Finding]]:
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
                    yield path, look_at(child.stat)
    except OSError as error:
        yield folder.path, reason(error)


def _follow(
    link: os.DirEntry[bytes], path: bytes, folder: Folder, home: bytes, follow_links: bool
) -> Finding:
    real = os.path.realpath(link.path)
    if not follow_links and os.path.commonpath([real, home]) != home:
        return LEAVES
    if not os.path.isdir(link.path):  # DirEntry.is_dir raises on a loop of links
        return look_at(link.stat)
    below = _below(folder, link, path, real)
    return LOOP if real in below.above else below


def _below(folder: Folder, child: os.DirEntry[bytes], path: bytes, real: bytes) -> Folder:
    return Folder(path, child.path, real, folder.above | {folder.real})


def look_at(status_of: Callable[[], os.stat_result]) -> os.stat_result | str:
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


def is_folder(path: Path) -> bool:
    """Tell whether the collection at `path` is a folder; otherwise it is a CSV list.

    Raises:
        UserError: it is neither of the two.
    """
    if not path.is_dir() and not path.is_file():
        raise UserError(
            f"{path}: no such folder or CSV file. Give a folder with one sub-folder for each "
            "class, or a CSV with the columns image and label."
        )
    return path.is_dir()
