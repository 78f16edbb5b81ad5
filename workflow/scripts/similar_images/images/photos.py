"""Opening photos by content id: other bytes are never read in their place."""

import hashlib
import io
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, cast

from ..core.errors import reason
from ..core.files import digest
from ..lists import lists
from ..storage.access import NO_ACCESS, Access
from ..storage.addresses import HIDDEN, Limits, is_address
from ..storage.archives import StoredPhotoError
from ..storage.photo_cache import PhotoCache
from ..storage.stored import StoredPhotos, container_of

GIGABYTE = 10**9


class UnavailableError(OSError):
    """A photo cannot be read now; the message is the reason."""


class Photos:
    """Opens photos: files, those stored in other files, and addresses by their names.

    Attributes:
        unread: the files and names of addresses that could not be read, and why. The next run tries
            them again, see `retries`.

    Args:
        access: sends requests to addresses.
        cache: of the photos that were fetched.
        addresses: returns the addresses by name whose names hide a part, see `addresses.name_of`;
            called only when one is needed, because lists may be long.
    """

    def __init__(
        self, access: Access, cache: PhotoCache, addresses: Callable[[], Mapping[str, str]] = dict
    ) -> None:
        self.access = access
        self._cache = cache
        self._addresses = addresses
        self.unread: dict[str, str] = {}
        self._stored = StoredPhotos()

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> "Photos":
        """Return the `Photos` of a project with these settings: see `results_of`."""
        remote = settings["remote"]
        cache = Path(settings["results"]["folder"]) / "fetched"
        collections = [settings["catalogue"], *settings["queries"].values()]
        return cls(
            Access(Limits.of(remote)),
            PhotoCache(cache, int(remote["cache_gigabytes"] * GIGABYTE)),
            lambda: lists.addresses(filter(None, collections)),
        )

    def identify(self, file: bytes) -> str:
        """Return the content id of `file`; a photo that is fetched goes into the cache.

        Raises:
            OSError: it cannot be read.
            StoredPhotoError: it is damaged in the file in which it is stored.
        """
        with self._recording(file):
            if container_of(file):
                return hashlib.sha256(self._stored.read(file)).hexdigest()
            return self._fetch(file)[0] if is_address(os.fsdecode(file)) else digest(file)

    @contextmanager
    def opened(self, content_id: str, file: bytes, *, fetched: bool = True) -> Iterator[BinaryIO]:
        """Open `file` and check that its bytes are those of `content_id`.

        Args:
            content_id: of the photo.
            file: a file, one stored in another file, or the name of an address.
            fetched: whether to fetch a photo at an address that is not in the cache.

        Raises:
            UnavailableError: it is gone, has changed, changes while the block runs, could not be
                read to its end, or is not to be fetched.
        """
        if container_of(file):
            with self._unavailable(file):
                data = self._read_unchanged(content_id, file)
            yield BytesIO(data)
            return
        if is_address(os.fsdecode(file)):
            cached = self._cache.get(content_id)
            if cached is None and not fetched:
                raise UnavailableError("not in the cache")
            with self._unavailable(file):
                data = cached or self._fetch_unchanged(content_id, file)
            yield BytesIO(data)
            return
        with self._unavailable(file):
            stream = _WatchedFile(file)
        with stream:
            with self._unavailable(file):
                stream.check_content(content_id)
            try:
                yield cast(BinaryIO, stream)
            finally:
                with self._unavailable(file):
                    stream.check()

    @contextmanager
    def _unavailable(self, file: bytes) -> Iterator[None]:
        """Record an error of the system or a server, and raise it as a `UnavailableError`."""
        try:
            with self._recording(file):
                yield
        except OSError as error:
            raise UnavailableError(reason(error)) from error

    @contextmanager
    def _recording(self, file: bytes) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.unread[os.fsdecode(file)] = reason(error)
            raise

    def _read_unchanged(self, content_id: str, file: bytes) -> bytes:
        try:
            data = self._stored.read(file)
        except StoredPhotoError as error:
            raise OSError(str(error)) from error
        if hashlib.sha256(data).hexdigest() != content_id:
            raise OSError("the photo has changed")
        return data

    def _fetch_unchanged(self, content_id: str, file: bytes) -> bytes:
        found, data = self._fetch(file)
        if found != content_id:
            raise OSError("the photo has changed")
        return data

    def _fetch(self, file: bytes) -> tuple[str, bytes]:
        """Fetch and cache a photo, and return its content id and its bytes."""
        name = os.fsdecode(file)
        data = self.access.fetch(self._named.get(name, name) if HIDDEN in name else name)
        content_id = hashlib.sha256(data).hexdigest()
        self._cache.put(content_id, data)
        return content_id, data

    @cached_property
    def _named(self) -> Mapping[str, str]:
        return self._addresses()


class _WatchedFile(io.BufferedIOBase):
    """A file that remembers an error of the system while it was read.

    Decoders replace such an error by their own, or ignore it. An error in `seek` does not count:
    the decoder follows an offset in the bytes that does not exist.
    """

    def __init__(self, file: bytes) -> None:
        self._file = open(file, "rb")  # noqa: SIM115 - closed by `close`
        self._time = os.fstat(self.fileno()).st_mtime_ns
        self._error: OSError | None = None

    def check_content(self, content_id: str) -> None:
        """Check that the file has the bytes of `content_id`, and return to its beginning.

        Raises:
            OSError: it has other bytes, or cannot be read.
        """
        if hashlib.file_digest(self._file, "sha256").hexdigest() != content_id:
            raise OSError("the file has changed")
        self._file.seek(0)

    def check(self) -> None:
        """Check that all reads succeeded, and that the file has not changed.

        Raises:
            OSError: a read failed, or the file has changed.
        """
        if self._error is not None:
            raise self._error
        if os.fstat(self.fileno()).st_mtime_ns != self._time:
            raise OSError("the file is changing")

    def read(self, size: int | None = -1, /) -> bytes:
        try:
            return self._file.read(size)
        except OSError as error:
            self._error = error
            raise

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def fileno(self) -> int:
        return self._file.fileno()

    def close(self) -> None:
        self._file.close()
        super().close()


# For collections of files.
LOCAL = Photos(NO_ACCESS, PhotoCache(Path("results/fetched"), 0))
