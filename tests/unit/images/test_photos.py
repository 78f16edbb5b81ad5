"""Tests of how photos are opened, in files and at addresses."""

import builtins
import errno
import io
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from similar_images.images import manifest, retries
from similar_images.images.collection import scan
from similar_images.images.photos import LOCAL, Photos, UnavailableError
from similar_images.storage import web
from similar_images.storage.access import NO_ACCESS, Access
from similar_images.storage.addresses import FetchError, Limits, ObjectMetadata, name_of
from similar_images.storage.metadata import MetadataCache
from similar_images.storage.photo_cache import PhotoCache
from web_server import KEEP, Fault, Server, broken_off, closed, serving, status, with_headers

DATA = b"a photo"
ID = sha256(DATA).hexdigest()


class FailingFile(io.FileIO):
    """A file that can be read to its end once, and then no more."""

    whole = False

    def readinto(self, buffer: Any, /) -> int:
        if self.whole:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        count = super().readinto(buffer)
        self.whole = not count
        return count


@pytest.fixture
def server() -> Iterator[Server]:
    with serving({"a.jpg": DATA}) as server:
        yield server


def photos_of(server: Server, folder: Path, *addresses: str, room: int = 10**6) -> Photos:
    limits = Limits((server.origin,), True, 4, 5, 1000)
    by_name = {name_of(address): address for address in addresses}
    return Photos(Access(limits), PhotoCache(folder, room), lambda: by_name)


def read(photos: Photos, file: bytes, content_id: str = ID) -> bytes:
    with photos.opened(content_id, file) as stream:
        return stream.read()


def test_a_file_is_opened_where_it_has_these_bytes(tmp_path: Path) -> None:
    file = tmp_path / "a.jpg"
    file.write_bytes(DATA)
    assert read(LOCAL, bytes(file)) == DATA
    file.write_bytes(b"another")
    with pytest.raises(OSError, match="the file has changed"):
        read(LOCAL, bytes(file))


def test_a_file_that_changes_while_it_is_read_is_reported(tmp_path: Path) -> None:
    file = tmp_path / "a.jpg"
    file.write_bytes(DATA)
    with pytest.raises(OSError, match="the file is changing"), LOCAL.opened(ID, bytes(file)):
        file.write_bytes(DATA)


@pytest.fixture
def failing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of which the disk gives all bytes once, for its hash, and then no more."""
    file = tmp_path / "a.jpg"
    file.write_bytes(DATA)
    monkeypatch.setattr(builtins, "open", lambda *_: io.BufferedReader(FailingFile(file)))
    return file


def nothing_of(stream: BinaryIO) -> None:
    with suppress(OSError):
        stream.read()


def damage_in(stream: BinaryIO) -> None:
    nothing_of(stream)
    raise ValueError("damaged")


@pytest.mark.parametrize("make", [nothing_of, damage_in])
def test_what_the_disk_does_not_give_is_reported_whatever_the_reader_makes_of_it(
    failing: Path, make: Callable[[BinaryIO], None]
) -> None:
    photos = Photos(NO_ACCESS, PhotoCache(failing.parent / "kept", 0))
    opened = photos.opened(ID, bytes(failing))
    with pytest.raises(UnavailableError, match="input/output error"), opened as stream:
        make(stream)
    assert photos.unread == {str(failing): "input/output error"}


def test_a_reader_that_looks_for_what_is_not_there_finds_a_fault_of_the_bytes(
    tmp_path: Path,
) -> None:
    file = tmp_path / "a.jpg"
    file.write_bytes(DATA)
    with pytest.raises(OSError, match="Invalid argument"), LOCAL.opened(ID, bytes(file)) as stream:
        stream.seek(-99, os.SEEK_CUR)
    with LOCAL.opened(ID, bytes(file)) as stream, suppress(OSError):
        stream.seek(-99, os.SEEK_CUR)


def test_a_photo_at_an_address_is_fetched_once(server: Server, tmp_path: Path) -> None:
    file = server.address("a.jpg").encode()
    photos = photos_of(server, tmp_path)
    assert photos.identify(file) == ID
    assert read(photos, file) == read(photos_of(server, tmp_path), file) == DATA
    assert server.requests["GET", "a.jpg"] == 1


def test_what_is_not_kept_or_damaged_is_fetched_again(server: Server, tmp_path: Path) -> None:
    file = server.address("a.jpg").encode()
    assert read(photos_of(server, tmp_path, room=0), file) == DATA
    assert read(photos_of(server, tmp_path), file) == DATA
    (kept,) = tmp_path.glob("*/*")
    kept.write_bytes(b"damaged")
    assert read(photos_of(server, tmp_path), file) == DATA
    assert server.requests["GET", "a.jpg"] == 3


def test_a_photo_that_has_changed_at_its_address_is_reported(
    server: Server, tmp_path: Path
) -> None:
    server.put("a.jpg", b"another")
    with pytest.raises(OSError, match="the photo has changed"):
        read(photos_of(server, tmp_path), server.address("a.jpg").encode())


def test_a_name_leads_to_the_address_with_its_query(server: Server, tmp_path: Path) -> None:
    address = server.address("a.jpg?signature=secret")
    photos = photos_of(server, tmp_path, address)
    assert photos.identify(name_of(address).encode()) == ID
    assert b"signature=secret" in server.heads["a.jpg"]


def test_a_photo_that_is_gone_is_reported(server: Server, tmp_path: Path) -> None:
    server.faults["a.jpg"] = status(404)
    photos = photos_of(server, tmp_path)
    with pytest.raises(FetchError, match="404: not found"):
        photos.identify(server.address("a.jpg").encode())
    assert photos.unread == {server.address("a.jpg"): "404: not found"}


def test_without_settings_no_address_is_asked(server: Server) -> None:
    with pytest.raises(FetchError, match=r"is not in remote\.allowed"):
        LOCAL.identify(server.address("a.jpg").encode())
    assert not server.requests


@pytest.mark.parametrize(("validators", "fetched"), [(True, 1), (False, 2)])
def test_an_address_is_fetched_again_only_where_its_metadata_shows_no_change(
    server: Server, tmp_path: Path, validators: bool, fetched: int
) -> None:
    server.put("a.jpg", DATA, validators=validators)
    (tmp_path / "list.csv").write_text(f"image,label\n{server.address('a.jpg')},boots\n")
    photos = photos_of(server, tmp_path / "kept")
    for _ in range(2):
        metadata_cache = MetadataCache(
            tmp_path / "looks.json", photos.access, most_failed=0, ask_again=True
        )
        entries = scan(tmp_path / "list.csv", metadata_cache=metadata_cache)
        table = manifest.build(entries, tmp_path / "hashes.parquet", photos=photos)
        assert table["content_id"].to_pylist() == [ID]
    assert server.requests["GET", "a.jpg"] == fetched


class Shop:
    """A list of one address, and what is remembered of it from run to run."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server, self.folder = server, folder
        (folder / "list.csv").write_text(f"image,label\n{server.address('a.jpg')},boots\n")

    def run(self) -> tuple[str | None, str | None]:
        """Look and fetch as a run does; return the content id and the fault."""
        photos = photos_of(self.server, self.folder / "kept", room=0)
        metadata_cache = MetadataCache(
            self.folder / "looks.json", photos.access, most_failed=1, ask_again=True
        )
        entries = scan(self.folder / "list.csv", metadata_cache=metadata_cache)
        table = manifest.build(entries, self.folder / "hashes.parquet", photos=photos)
        retries.record(self.folder / retries.NAME, photos.unread)
        found: list[str | None] = table["content_id"].to_pylist()
        return found[0], table["fault"].to_pylist()[0]

    @property
    def retried(self) -> int:
        return retries.count(self.folder / retries.NAME)


@pytest.fixture
def shop(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setattr(web, "FIRST_WAIT", 0)
    return Shop(server, tmp_path)


def at_get(fault: Fault) -> Fault:
    """Answer well to HEAD alone."""
    return lambda request: fault(request) if request.method == "GET" else [request.answer, KEEP]


def everywhere(fault: Fault) -> Fault:
    return fault


BUSY = {
    "503": status(503),
    "429": status(429),
    "500": status(500),
    "closed": closed,
    "broken off": broken_off,
}


@pytest.mark.parametrize("validators", [True, False])
@pytest.mark.parametrize("changed", [True, False])
@pytest.mark.parametrize("where", [at_get, everywhere])
@pytest.mark.parametrize("busy", BUSY)
def test_a_known_photo_that_a_busy_server_does_not_give_counts_as_it_was(
    shop: Shop, validators: bool, changed: bool, where: Callable[[Fault], Fault], busy: str
) -> None:
    shop.server.put("a.jpg", DATA, validators=validators)
    assert shop.run() == (ID, None)
    data = b"a later photo" if changed else DATA
    shop.server.put("a.jpg", data, validators=validators)
    for faults in ([where], [at_get, everywhere, at_get], [everywhere, at_get]):
        for fault in faults:
            shop.server.faults["a.jpg"] = fault(BUSY[busy])
            assert shop.run() == (ID, None)
    shop.server.faults.clear()
    assert shop.run() == (sha256(data).hexdigest(), None)


def test_a_run_tries_again_until_it_has_what_the_server_did_not_give(shop: Shop) -> None:
    shop.run()
    assert shop.retried == 0
    shop.server.put("a.jpg", b"a later photo")
    shop.server.faults["a.jpg"] = at_get(status(503))
    for number in (1, 2):
        shop.run()
        assert shop.retried == number
    shop.server.faults.clear()
    shop.run()
    shop.run()
    assert shop.retried == 2
    assert shop.server.requests["GET", "a.jpg"] == 1 + 2 * web.TRIES + 1


@pytest.mark.parametrize(
    "fault", [status(404), status(403), with_headers(Content_Type="text/html")]
)
def test_a_known_photo_that_is_not_given_any_more_is_faulty(shop: Shop, fault: Fault) -> None:
    shop.server.put("a.jpg", DATA, validators=False)
    shop.run()
    shop.server.faults["a.jpg"] = at_get(fault)
    assert shop.run()[0] is None
    shop.server.faults["a.jpg"] = at_get(status(503))
    assert shop.run() == (None, "503: service unavailable; tried 4 times"), "it was not there"
    assert shop.retried == 2
    shop.server.faults.clear()
    assert shop.run() == (ID, None)


class Bucket(Access):
    """A bucket with one object, which it lists but may not give."""

    def __init__(self, version: str = "1", fault: FetchError | None = None) -> None:
        super().__init__(Limits((), False, 1, 1, 1000))
        self.version, self.fault = version, fault

    def listed(self, prefix: str) -> Iterator[tuple[str, ObjectMetadata]]:
        yield f"{prefix}/boots/a.jpg", ObjectMetadata(len(DATA), 1, self.version)

    def fetch(self, address: str) -> bytes:
        if self.fault:
            raise self.fault
        return self.version.encode()


@pytest.mark.parametrize("retryable", [True, False])
@pytest.mark.parametrize("version", ["1", "2"])
def test_a_bucket_that_is_busy_takes_nothing_out_either(
    tmp_path: Path, retryable: bool, version: str
) -> None:
    def run(access: Bucket) -> list[str | None]:
        metadata_cache = MetadataCache(
            tmp_path / "looks.json", access, most_failed=1, ask_again=True
        )
        photos = Photos(access, PhotoCache(tmp_path / "kept", 0))
        entries = scan("s3://shop", metadata_cache=metadata_cache)
        table = manifest.build(entries, tmp_path / "hashes.parquet", photos=photos)
        found: list[str | None] = table["content_id"].to_pylist()
        return found

    first, later = ([sha256(version.encode()).hexdigest()] for version in ("1", "2"))
    assert run(Bucket("1")) == first
    fails = Bucket("2", FetchError("the store is busy or failing", retryable))
    assert run(fails) == (first if retryable else [None])
    assert run(Bucket(version)) == (first if version == "1" else later)


def test_a_new_photo_that_a_busy_server_does_not_give_is_faulty(shop: Shop) -> None:
    shop.server.faults["a.jpg"] = at_get(status(503))
    assert shop.run() == (None, "503: service unavailable; tried 4 times")
    assert shop.retried == 1
