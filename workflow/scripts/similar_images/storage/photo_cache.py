"""The photos that were fetched, kept on the disk while there is room for them."""

import os
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from threading import Lock

from ..core.files import replacing

# What is made room for at once, as a share of the whole: to look at all that is kept takes time.
ROOM = 0.1


class PhotoCache:
    """Photos by their content ids, those that were asked for last.

    Args:
        folder: where they are kept.
        max_bytes: of all of them; 0 keeps none. Jobs that run side by side may exceed it a little.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._room = 0
        self._lock = Lock()

    def get(self, content_id: str) -> bytes | None:
        """Return the bytes of `content_id`, or None where they are not kept, or not whole."""
        path = self._path(content_id)
        try:
            data = path.read_bytes()
            os.utime(path)
        except OSError:
            return None
        return data if sha256(data).hexdigest() == content_id else None

    def put(self, content_id: str, data: bytes) -> None:
        """Keep `data`, the bytes of `content_id`, where there is room for them."""
        path = self._path(content_id)
        # A disk that is full keeps nothing; what is then needed again is fetched again.
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
        """Remove what was not asked for the longest, and return the bytes that are free."""
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
