"""Photos in buckets."""

import threading
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ..core.wording import counted
from .addresses import FetchError, Limits, ObjectMetadata, StoredObject, stored_object
from .object_stores import fault_of, open_store, status_of

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

# The packages' names for the version of an object, and for the time of its last change.
_VERSIONS = ("ETag", "etag", "generation")
_TIMES = ("LastModified", "last_modified", "mtime")


class Buckets:
    """Lists and fetches objects in buckets. Threads may share it."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._stores: dict[tuple[str, str], AbstractFileSystem] = {}
        self._lock = threading.Lock()

    def metadata_of(self, address: str) -> ObjectMetadata:
        """Return the metadata of the object at `address`, or why there is no photo."""
        try:
            store, path = self._find(address)
            info = self._ask(store.info, path, refresh=True)
            if info["type"] != "file":
                raise FetchError("no such object")
        except FetchError as error:
            return ObjectMetadata(fault=str(error), retryable=error.retryable)
        return self._metadata_of_info(info)

    def fetch(self, address: str) -> bytes:
        """Return the bytes of the object at `address`.

        Raises:
            FetchError: the address is not allowed, or there are no, too many, or late bytes.
        """
        store, path = self._find(address)
        most = self._limits.max_bytes
        content: bytes = self._ask(store.cat_file, path, start=0, end=most + 1)
        if len(content) > most:
            raise self._too_large()
        return content

    def listed(self, prefix: str) -> Iterator[tuple[str, ObjectMetadata]]:
        """Yield every object below `prefix` and its metadata, sorted by address.

        A prefix is a folder: s3://shop/photos does not include s3://shop/photos2. Objects that
        represent folders (their names end in a slash) are left out.

        Raises:
            FetchError: they cannot be listed.
        """
        self._limits.check(prefix)
        folder = stored_object(prefix)
        below = self._pages if folder.scheme == "s3" else self._found
        for path, info in below(self._store(folder), folder.path.rstrip("/")):
            if not path.endswith("/"):
                address = folder.address_of(path)
                yield address, self._metadata_of_listed(address, info)

    def _pages(self, store: "AbstractFileSystem", path: str) -> Iterator[tuple[str, Any]]:
        """Yield what is below `path`, page by page; fsspec itself would keep all in memory."""
        bucket, folder, _ = store.split_path(path)
        more = {"Bucket": bucket, "Prefix": f"{folder}/" if folder else ""}
        while True:
            page = self._ask(store.call_s3, "list_objects_v2", **more)
            for info in page.get("Contents", ()):
                yield f"{bucket}/{info['Key']}", info
            if not page["IsTruncated"]:
                return
            more["ContinuationToken"] = page["NextContinuationToken"]

    def _found(self, store: "AbstractFileSystem", path: str) -> Iterator[tuple[str, Any]]:
        yield from sorted(self._ask(store.find, path, detail=True).items())

    def _find(self, address: str) -> tuple["AbstractFileSystem", str]:
        """Return the store of `address` and the path in it, if it is allowed."""
        self._check(address)
        found = stored_object(address)
        return self._store(found), found.path

    def _check(self, address: str) -> None:
        self._limits.check(address)
        _check_name(stored_object(address).path)

    def _store(self, place: StoredObject) -> "AbstractFileSystem":
        with self._lock:
            key = place.scheme, place.account
            if key not in self._stores:
                self._stores[key] = open_store(place.scheme, self._limits, place.account)
            return self._stores[key]

    def _ask(self, call: Any, *args: Any, **options: Any) -> Any:
        try:
            return call(*args, **options, timeout=self._limits.seconds)
        except Exception as error:  # each package has its own
            if status_of(error) == 416:  # the range of an object that is empty
                return b""
            raise fault_of(error, self._limits) from None  # its traceback may be logged

    def _metadata_of_listed(self, address: str, info: Mapping[str, Any]) -> ObjectMetadata:
        try:
            self._check(address)
        except FetchError as error:
            return ObjectMetadata(fault=str(error))
        return self._metadata_of_info(info)

    def _metadata_of_info(self, info: Mapping[str, Any]) -> ObjectMetadata:
        size = int(info.get("size", info.get("Size")) or 0)
        version = next((str(info[name]) for name in _VERSIONS if info.get(name)), "")
        changed = next((info[name] for name in _TIMES if info.get(name)), 0)
        fault = str(self._too_large()) if size > self._limits.max_bytes else None
        return ObjectMetadata(size, _nanoseconds(changed), version.strip('"'), fault)

    def _too_large(self) -> FetchError:
        return FetchError(f"more than {counted(self._limits.max_bytes, 'byte')} (remote.max_bytes)")


def _check_name(path: str) -> None:
    """Check that `path` names an object, and that all programs read the name alike.

    Raises:
        FetchError: it does not.
    """
    bucket, _, key = path.partition("/")
    if not bucket or not key or key.endswith("/"):
        raise FetchError("a bucket or a folder, and not an object")
    if "?versionId=" in key:  # s3fs would not take it as part of the name
        raise FetchError("a name with ?versionId= in it: rename the object")
    if ".." in key.split("/"):
        raise FetchError("a name with a part .. in it: rename the object")


def _nanoseconds(time: object) -> int:
    """Return a time to the second: some stores are more exact in lists than for one object."""
    if isinstance(time, datetime):
        time = time.timestamp()
    return int(time) * 10**9 if isinstance(time, int | float) else 0
