"""Photos stored in other files: members of zip archives, and rows of files of Parquet."""

import os
from pathlib import Path
from threading import Lock

from . import archives, parquet_images


def container_of(file: bytes) -> str | None:
    """Return what `file` is stored in, in words, or None if it is a file or an address."""
    if archives.parts_of(file):
        return "a zip"
    return "a Parquet file" if parquet_images.parts_of(file) else None


def absolute(file: bytes, folder: Path = Path()) -> bytes:
    """Return `file`, which is stored in another file, with the absolute path of that one.

    A path that is not absolute is relative to `folder`.
    """
    if parts := archives.parts_of(file):
        archive, member = parts
        return archives.file_of(_absolute(archive, folder), member)
    if row := parquet_images.parts_of(file):
        path, number, column = row
        return parquet_images.file_of(_absolute(path, folder), number, column)
    return file


def _absolute(path: bytes, folder: Path) -> bytes:
    return os.path.abspath(os.path.join(os.fsencode(folder), path))


def order_of(file: bytes) -> tuple[bytes, int]:
    """Return a key that puts the rows of a file of Parquet in their order, after all others.

    A row group is then read once for all of its rows.
    """
    path, row, _ = parquet_images.parts_of(file) or (b"", 0, "")
    return path, row


class StoredPhotos:
    """Reads photos in other files. Threads may share it."""

    def __init__(self) -> None:
        # Each opened once as long as it stays the same.
        self._archives: dict[bytes, tuple[tuple[int, ...], archives.Archive]] = {}
        self._lock = Lock()
        self._row_groups = parquet_images.RowGroups()

    def read(self, file: bytes) -> bytes:
        """Return the bytes of `file`, which has a `container_of`.

        Raises:
            StoredPhotoError, OSError: as `Archive.read` and `RowGroups.read`.
        """
        if row := parquet_images.parts_of(file):
            return self._row_groups.read(*row)
        parts = archives.parts_of(file)
        if parts is None:
            raise ValueError(f"{file!r} is not stored in another file")
        archive, member = parts
        return self._open(archive).read(member)

    def _open(self, archive: bytes) -> archives.Archive:
        with self._lock:
            status = os.stat(archive)
            state = status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
            known, opened = self._archives.get(archive, (None, None))
            if opened is None or known != state:
                opened = archives.Archive(archive)
                self._archives[archive] = state, opened
            return opened
