"""The folder results/, or the object store that replaces it if jobs share no folder.

Snakemake then transfers the inputs and outputs of rules. This module transfers everything else that
a job reads and keeps, such as shards and caches.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from ..core.errors import UserError
from ..core.files import checksum_file_of
from .addresses import OBJECT_STORES, FetchError, Limits, scheme_of, stored_object
from .object_stores import fault_of, open_store

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

# Snakemake leaves larger files out of the sources that it sends to jobs.
MOST_BYTES = 10_000_000
# The ending of files that are not complete yet.
INCOMPLETE = ".tmp"
# The time of a file's last change, and its size.
State = tuple[int, int]


class Results:
    """The folder results/ that all jobs share.

    Attributes:
        folder: its path for jobs.
        place: its path or address for people.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.place = str(folder)

    def fetch(self, *paths: Path) -> None:
        """Copy the stored files and folders `paths` here; remove those that are not stored."""

    def put(self, *paths: Path) -> None:
        """Store the files and folders `paths`; remove those that do not exist here."""

    @contextmanager
    def keeping(self, *paths: Path) -> Iterator[None]:
        """Fetch `paths` before the block, and put them after it."""
        self.fetch(*paths)
        yield
        self.put(*paths)


SHARED = Results(Path("results"))


class StoredResults(Results):
    """Results in an object store; every job has its own folder.

    Every method raises a `UserError` if the store fails.

    Args:
        folder: the job's copy of results/.
        address: of results/ in the store.
        limits: of its connections.
    """

    def __init__(self, folder: Path, address: str, limits: Limits) -> None:
        super().__init__(folder)
        self.place = address
        self._limits = limits
        self._fetched: dict[Path, State] = {}

    def fetch(self, *paths: Path) -> None:
        """See `Results`. Parallel jobs may fetch the same files."""
        found = sorted(self._found(paths))
        incomplete = [path.with_name(f".{path.name}.{os.getpid()}{INCOMPLETE}") for path in found]
        for path in incomplete:
            path.parent.mkdir(parents=True, exist_ok=True)
        self._ask(self._store.get, self._names(found), list(map(str, incomplete)))
        for path, whole in zip(found, incomplete, strict=True):
            os.replace(whole, path)
            self._fetched[path] = _state(path)
        for path in _files(paths) - set(found):
            path.unlink(missing_ok=True)
        for path in paths:
            if checksum_file_of(path) in found and not path.exists():
                path.mkdir()  # an empty folder: a store has none

    def put(self, *paths: Path) -> None:
        """See `Results`; files that have not changed since they were fetched are not sent again."""
        here, there = _files(paths), self._found(paths)
        same = {path for path in here & there if self._fetched.get(path) == _state(path)}
        new = sorted(here - same)
        self._ask(self._store.put, list(map(str, new)), self._names(new))
        self._ask(self._store.rm, self._names(there - here))

    @cached_property
    def _store(self) -> "AbstractFileSystem":
        try:
            place = stored_object(self.place)
            return open_store(place.scheme, self._limits, place.account)
        except FetchError as error:
            raise UserError(f"{self.place}: {error}") from error

    def _found(self, paths: Iterable[Path]) -> set[Path]:
        """Return the files in the store that are, or are below, `paths`, with their checksums."""
        start = len(self._name(self.folder)) + 1
        asked = self._names(_write_checked(paths))
        return {
            self.folder / name[start:] for one in asked for name in self._ask(self._store.find, one)
        }

    def _names(self, paths: Iterable[Path]) -> list[str]:
        return list(map(self._name, paths))

    def _name(self, path: Path) -> str:
        """Return what the store calls `path`: the bucket and the key."""
        place = PurePosixPath(stored_object(self.place).path)
        return str(place / path.relative_to(self.folder))

    def _ask(self, call: Callable[..., Any], *args: Any) -> Any:
        if args == ([],) or args == ([], []):
            return []
        try:
            return call(*args)
        except Exception as error:  # each package has its own
            raise UserError(f"{self.place}: {fault_of(error, self._limits)}") from None


def check_sent(path: Path) -> None:
    """Check that Snakemake sends the file at `path` to jobs that share no folder.

    Raises:
        UserError: it does not.
    """
    if not path.resolve().is_relative_to(Path.cwd()):
        raise UserError(
            f"{path} is not below {Path.cwd()}. Jobs that share no folder are sent only files "
            "below it. Move the file there."
        )
    if path.stat().st_size > MOST_BYTES:
        raise UserError(
            f"{path} has {path.stat().st_size:,} bytes, and jobs that share no folder are sent "
            f"files of {MOST_BYTES:,} at most. Make it smaller, such as a list in Parquet."
        )


def results_of(settings: Mapping[str, Any]) -> Results:
    """Return the results of a project with these settings, to which the Snakefile adds `results`.

    Raises:
        UserError: they are in an unknown kind of store.
    """
    folder = Path(settings["results"]["folder"])
    address = settings["results"].get("address")
    if address is None:
        return Results(folder)
    if scheme_of(address) not in OBJECT_STORES:
        raise UserError(
            f"--default-storage-prefix {address}: results can only be in a bucket. Give an address "
            f"that begins with one of {', '.join(OBJECT_STORES)}."
        )
    return StoredResults(folder, address, Limits.of(settings["remote"]))


def _write_checked(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield `paths`, and where their checksums are kept."""
    for path in paths:
        yield from (path, checksum_file_of(path))


def _files(paths: Iterable[Path]) -> set[Path]:
    """Return the files that are, or are below, `paths`, with their checksums."""
    found = (file for path in _write_checked(paths) for file in (path, *path.rglob("*")))
    return {file for file in found if file.is_file() and file.suffix != INCOMPLETE}


def _state(path: Path) -> State:
    status = os.stat(path)
    return status.st_mtime_ns, status.st_size
