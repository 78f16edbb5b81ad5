"""A cache on disk of the photos that were fetched."""

import os
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from threading import Lock

from ..core.files import replacing

# The share of the cache that is freed at once, because listing all files takes time.
ROOM = 0.1


class PhotoCache:
    """Photos by content id; the least recently used are removed first.

    Args:
        folder: of the cache.
        max_bytes: of all photos; 0 stores none. Parallel jobs may exceed it a little.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._room = 0
        self._lock = Lock()

    def get(self, content_id: str) -> bytes | None:
        """Return the bytes of `content_id`, or None if they are missing or damaged."""
        path = self._path(content_id)
        try:
            data = path.read_bytes()
            os.utime(path)
        except OSError:
            return None
        return data if sha256(data).hexdigest() == content_id else None

    def put(self, content_id: str, data: bytes) -> None:
        """Store `data`, the bytes of `content_id`, if there is room."""
        path = self._path(content_id)
        # If the disk is full, the photo is fetched again when it is needed.
        with self._lock, suppress(OSError):
            if len(data) > ROOM * self._max_bytes or path.exists():
                return
            if self._room < len(data):
                self._room = self._make_room()
            self._room -= len(data)
            with replacing(path) as temporary:
                temporary.write_bytes(data)

    def _path(self, content_id: str) -> Path:
        return self._folder / content_id[:2] / content_id

    def _make_room(self) -> int:
        """Remove the least recently used photos, and return the free bytes."""
        kept = []
        for path in self._folder.glob("*/*"):
            try:
                status = path.stat()
            except FileNotFoundError:  # another job has removed it
                continue
            kept.append((status.st_mtime_ns, status.st_size, path))
        free = self._max_bytes - sum(size for _, size, _ in kept)
        for _, size, path in sorted(kept):
            if free >= ROOM * self._max_bytes:
                break
            path.unlink(missing_ok=True)
            free += size
        return free
