"""The contents of a folder of photos. No file is opened, and each real folder is read once."""

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar

from ..core.errors import UserError, reason
from ..core.names import as_text
from ..storage.skipping import DEFAULT, Skipping

OWN = "written by this workflow, not a photo"
# The file that marks an exported folder, wherever it is moved.
EXPORTED = b".similar-image-finder-export"
# Some contents of what this workflow writes, also in other projects and with other prefixes: the
# folder of an export, results/ and logs/.
_WRITTEN = (
    frozenset({EXPORTED}),
    frozenset({b"catalogue", b"features", b"model", b"plan"}),
    frozenset({b"catalogue", b"features", b"model.log", b"plan.log"}),
)
LEAVES = "link that leaves the collection's folder (images.follow_links: true follows it)"
READ_AS = "the same folder as {}, and each folder is read once"


class Folder(NamedTuple):
    """A folder of a collection.

    Attributes:
        path: relative to the collection.
        file: the path to open.
        real: the path to open, without links.
        fault: why its contents do not count, or None.
    """

    path: bytes
    file: bytes
    real: bytes
    fault: str | None = None


# The status of a file that may be an image, or its fault.
Finding = os.stat_result | str


class FolderContents(NamedTuple):
    """The direct contents of a folder, each list sorted by path.

    Attributes:
        found: files by path relative to the collection, each with its status or fault.
        folders: real folders.
        links: folders that links lead to.
        skipped: paths of files and folders that are left out.
    """

    found: list[tuple[bytes, Finding]]
    folders: list[Folder]
    links: list[Folder]
    skipped: list[bytes]


class Bounds(NamedTuple):
    """Which folders of a collection are read.

    Attributes:
        home: the real path of the collection's folder.
        follow_links: whether links that lead out of it are followed.
        own: real paths of folders that this workflow writes.
        trees: real paths of folders that are read with all sub-folders, and their names in the
            collection.
        skipping: which files and folders are left out.
    """

    home: bytes
    follow_links: bool
    own: frozenset[bytes]
    trees: Mapping[bytes, bytes]
    skipping: Skipping


class Subfolders(Protocol):
    """What `walk` needs to know of a folder."""

    @property
    def folders(self) -> Sequence[Folder]:
        """See `FolderContents`."""

    @property
    def links(self) -> Sequence[Folder]:
        """See `FolderContents`."""


P = TypeVar("P", bound=Subfolders)


def walk(
    root: Path,
    follow_links: bool,
    own: Iterable[Path],
    look: Callable[[Sequence[Folder], Bounds], Iterable[P]],
    skipping: Skipping = DEFAULT,
) -> Iterator[P]:
    """Yield a part for each folder of the collection at `root`, and each real folder once.

    Links are followed after all other folders. So a folder inside the collection is read under its
    own name, whatever links lead to it. Another folder is read under the first link by path.

    Args:
        root: the collection's folder.
        follow_links: whether links that lead out of it are followed.
        own: folders that this workflow writes; they are not read, except for `root` itself.
        look: returns the parts of independent folders, in order.
        skipping: which files and folders are left out.
    """
    file = os.fsencode(root)
    top = Folder(b"", file, os.path.realpath(file))
    trees: dict[bytes, bytes] = {}
    written = frozenset(os.path.realpath(os.fsencode(folder)) for folder in own)
    links = [top]
    bounds = Bounds(top.real, follow_links, written, trees, skipping)
    while links:
        level = _entered(links, trees, skipping)
        links = []
        while level:
            below: list[Folder] = []
            for part in look(level, bounds):
                yield part
                below += part.folders
                links += part.links
            level = below


def list_folder(folder: Folder, bounds: Bounds) -> FolderContents:
    """Return the contents of `folder`.

    For a folder that does not count or cannot be listed, its fault is the only entry.
    """
    contents = FolderContents([], [], [], [])
    if folder.fault is not None:
        contents.found.append((folder.path, folder.fault))
        return contents
    try:
        with os.scandir(folder.file) as children:
            sorted_children = sorted(children, key=attrgetter("name"))
        names = {child.name for child in sorted_children}
        if folder.path and any(some <= names for some in _WRITTEN):
            contents.found.append((folder.path, OWN))  # only as a collection of its own is it read
            return contents
        for child in sorted_children:
            _add_child(child, folder, bounds, contents)
    except OSError as error:
        contents.found.append((folder.path, reason(error)))
    return contents


def _add_child(
    child: os.DirEntry[bytes], folder: Folder, bounds: Bounds, contents: FolderContents
) -> None:
    """Add `child` of `folder` to `contents`."""
    path = os.path.join(folder.path, child.name)
    if bounds.skipping.skips(path, folder=child.is_dir(follow_symlinks=False)):
        contents.skipped.append(path)
    elif child.is_symlink():
        real = os.path.realpath(child.path)
        if fault := _fault_of_target(real, bounds):
            contents.found.append((path, fault))
        elif os.path.isdir(child.path):  # DirEntry.is_dir raises on a loop of links
            contents.links.append(Folder(path, child.path, real))
        else:
            contents.found.append((path, status_or_fault(child.stat)))
    elif child.is_dir():
        real = os.path.join(folder.real, child.name)
        fault = OWN if real in bounds.own else None
        if real in bounds.trees:  # an earlier link leads to it, this link to a folder above
            fault = _read_as(bounds.trees[real])
        contents.folders.append(Folder(path, child.path, real, fault))
    else:
        contents.found.append((path, status_or_fault(child.stat)))


def _fault_of_target(real: bytes, bounds: Bounds) -> str | None:
    """Return why a link to the real path `real` is not followed, or None."""
    if any(_is_in(real, folder) for folder in bounds.own):
        return OWN
    return None if bounds.follow_links or _is_in(real, bounds.home) else LEAVES


def _is_in(real: bytes, folder: bytes) -> bool:
    return os.path.commonpath([real, folder]) == folder


def _entered(
    links: Iterable[Folder], trees: dict[bytes, bytes], skipping: Skipping
) -> list[Folder]:
    """Return `links`, with a fault if the folder is read already; add the others to `trees`."""
    entered = []
    # A folder comes before those below it, and the links to one folder are in order.
    for link in sorted(links, key=attrgetter("real", "path")):
        known = _known(link.real, trees, skipping)
        if known is None:
            trees[link.real] = link.path
            entered.append(link)
        else:
            entered.append(link._replace(fault=_read_as(known)))
    return sorted(entered)


def _known(real: bytes, trees: Mapping[bytes, bytes], skipping: Skipping) -> bytes | None:
    """Return the path in the collection under which the folder `real` is read, if it is."""
    folder = real
    below: list[bytes] = []
    while folder not in trees:
        folder, name = os.path.split(folder)
        if not name:
            return None
        below.insert(0, name)
    path = trees[folder]
    for name in below:
        path = os.path.join(path, name)
        if skipping.skips(path, folder=True):
            return None
    return path


def _read_as(path: bytes) -> str:
    return READ_AS.format(as_text(path) or "the collection itself")


def status_or_fault(status_of: Callable[[], os.stat_result]) -> Finding:
    """Return the status of a file that may be an image, or its fault.

    The file is not opened: a pipe would hang the scan.
    """
    try:
        status = status_of()
    except OSError as error:
        return reason(error)
    except ValueError:  # a CSV can contain impossible file names
        return "not a possible file name"
    if not stat.S_ISREG(status.st_mode):
        return "not a regular file"
    if not status.st_size:
        return "empty file"
    return status


def check_not_own(root: Path, results: Path) -> None:
    """Check that the collection at `root` is not in the folder `results`.

    Raises:
        UserError: it is.
    """
    if _is_in(os.path.realpath(os.fsencode(root)), os.path.realpath(os.fsencode(results))):
        raise UserError(
            f"{root} is in {results}, which this workflow writes. Copy the photos to "
            "another folder, and name that."
        )


def is_folder(path: Path) -> bool:
    """Whether the collection at `path` is a folder; otherwise it is a zip, a list or an image.

    Raises:
        UserError: it is none of these.
    """
    if not path.is_dir() and not path.is_file():
        raise UserError(
            f"{path}: no such folder or file. Give a folder with one sub-folder for each class, a "
            "zip of it, or a list (such as CSV or .xlsx) with the columns image and label. A query "
            "set may also be a single image."
        )
    return path.is_dir()
