"""Opening a photo by its content: no other bytes than those are ever read for it."""

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from ..base.files import digest
from ..remote.access import NOWHERE, Access
from ..remote.addresses import HIDDEN, FetchError, Limits, is_address
from ..remote.cache import Cache
from . import lists

CACHE = Path("results/fetched")
GIGABYTE = 10**9


class Photos:
    """Opens photos, wherever they stand: files, and addresses by their names.

    Attributes:
        failed: the names of the addresses that could not be identified, and why.

    Args:
        access: asks addresses.
        cache: keeps what was fetched.
        addresses: returns addresses by their names, at least those that these do not tell, see
            `addresses.name_of`; called when one is needed, since the lists of them may be long.
    """

    def __init__(
        self, access: Access, cache: Cache, addresses: Callable[[], Mapping[str, str]] = dict
    ) -> None:
        self.access = access
        self._cache = cache
        self._addresses = addresses
        self.failed: dict[str, str] = {}

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> "Photos":
        """Return what opens the photos of a project with these settings."""
        remote = settings["remote"]
        collections = [settings["catalogue"], *settings["queries"].values()]
        return cls(
            Access(Limits.of(remote)),
            Cache(CACHE, int(remote["cache_gigabytes"] * GIGABYTE)),
            lambda: lists.addresses(filter(None, collections)),
        )

    def identify(self, file: bytes) -> str:
        """Return the content id of `file`; what is fetched for it is kept, if there is room.

        Raises:
            OSError: it cannot be read.
        """
        if not is_address(os.fsdecode(file)):
            return digest(file)
        try:
            content_id, _ = self._fetch(file)
        except FetchError as error:
            self.failed[os.fsdecode(file)] = str(error)
            raise
        return content_id

    @contextmanager
    def opened(self, content_id: str, file: bytes) -> Iterator[BinaryIO]:
        """Open `file`, whose bytes must be those of `content_id` before the block and after it.

        Raises:
            OSError: it is gone, has changed, or changes while the block runs.
        """
        if is_address(os.fsdecode(file)):
            yield BytesIO(self._cache.get(content_id) or self._fetch_unchanged(content_id, file))
            return
        with open(file, "rb") as stream:
            before = os.fstat(stream.fileno())
            if hashlib.file_digest(stream, "sha256").hexdigest() != content_id:
                raise OSError("the file has changed")
            stream.seek(0)
            yield stream
            if os.fstat(stream.fileno()).st_mtime_ns != before.st_mtime_ns:
                raise OSError("the file is changing")

    def _fetch_unchanged(self, content_id: str, file: bytes) -> bytes:
        found, data = self._fetch(file)
        if found != content_id:
            raise OSError("the photo has changed")
        return data

    def _fetch(self, file: bytes) -> tuple[str, bytes]:
        """Fetch a photo, keep it, and return its content id and its bytes."""
        name = os.fsdecode(file)
        data = self.access.fetch(self._named.get(name, name) if HIDDEN in name else name)
        content_id = hashlib.sha256(data).hexdigest()
        self._cache.put(content_id, data)
        return content_id, data

    @cached_property
    def _named(self) -> Mapping[str, str]:
        return self._addresses()


# For photos that are all files.
LOCAL = Photos(NOWHERE, Cache(CACHE, 0))
