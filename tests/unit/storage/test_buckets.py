"""Photos in buckets, of a store that runs here."""

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import ClassVar

import fsspec
import pytest

from project import ROOT
from s3_server import Store
from similar_images.storage.addresses import FetchError, Limits
from similar_images.storage.buckets import Buckets

SCRIPTS = ROOT / "workflow" / "scripts"
LIMITS = Limits(("s3://shop", "s3://none", "gs://shop"), False, 16, 30, 1_000)
ODD = (
    "a b.jpg",
    " before and after ",
    "größe-日本.jpg",
    "e\u0301 and \u00e9.jpg",
    "what?.jpg",
    "a?x=1&y=2.jpg",
    "no#1.jpg",
    "100%.jpg",
    "a%20b%2Fc.jpg",
    "a+b;c=d,e@f:g.jpg",
    "*[a]{b}.jpg",
    "'\"<>\\|^`~.jpg",
    "a..b.jpg",
    "...jpg",
    "./here.jpg",
    "/twice.jpg",
    "s3://shop/within.jpg",
)


@pytest.fixture(scope="module")
def buckets(store: Store) -> Buckets:
    return Buckets(LIMITS)


@contextmanager
def answering(status: int, code: str = "") -> Iterator[str]:
    """Run a server that answers everything so, or with status 0 never, and yield its address."""
    ended = Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if not status:
                ended.wait()
                return
            body = f"<Error><Code>{code}</Code></Error>".encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        ended.set()
        server.shutdown()


def test_an_object_is_looked_at_and_fetched(store: Store, buckets: Buckets) -> None:
    address = store.put("one/a.jpg", b"bytes")
    metadata = buckets.metadata_of(address)
    assert (metadata.size, metadata.fault) == (5, None)
    assert metadata.version == "4b3a6218bb3e3a7303e8a171a60fcf92"
    assert metadata.mtime > 1_700_000_000 * 10**9
    assert buckets.fetch(address) == b"bytes"


def test_an_empty_object_has_no_bytes(store: Store, buckets: Buckets) -> None:
    assert buckets.fetch(store.put("empty", b"")) == b""


@pytest.mark.parametrize("key", ODD)
def test_an_odd_name_is_that_of_the_same_object_everywhere(
    store: Store, buckets: Buckets, key: str
) -> None:
    folder = f"odd{ODD.index(key)}"
    address = store.put(f"{folder}/{key}", key.encode())
    assert list(buckets.listed(f"s3://shop/{folder}")) == [(address, buckets.metadata_of(address))]
    assert buckets.fetch(address) == key.encode()


@pytest.mark.parametrize("key", ["a.jpg?versionId=1", "../a.jpg", "b/../a.jpg"])
def test_a_name_that_may_be_taken_for_another_is_refused(
    store: Store, buckets: Buckets, key: str
) -> None:
    folder = f"refused{len(key)}"
    store.put(f"{folder}/a.jpg", b"another")
    address = store.put(f"{folder}/{key}", b"bytes")
    metadata = buckets.metadata_of(address)
    assert "rename the object" in str(metadata.fault)
    assert dict(buckets.listed(f"s3://shop/{folder}"))[address] == metadata
    with pytest.raises(FetchError, match="rename the object"):
        buckets.fetch(address)


def test_what_is_written_again_looks_otherwise_at_once(store: Store, buckets: Buckets) -> None:
    address = store.put("anew/a.jpg", b"old")
    before = buckets.metadata_of(address), list(buckets.listed("s3://shop/anew"))
    assert (buckets.metadata_of(address), list(buckets.listed("s3://shop/anew"))) == before
    store.put("anew/a.jpg", b"new")
    store.put("anew/b.jpg", b"new")
    assert buckets.metadata_of(address) != before[0]
    assert [name for name, _ in buckets.listed("s3://shop/anew")] == [
        address,
        "s3://shop/anew/b.jpg",
    ]
    assert buckets.fetch(address) == b"new"


def test_a_listing_asks_once_for_a_thousand_names(store: Store, buckets: Buckets) -> None:
    names = [f"many/{number % 3}/{number:04}.jpg" for number in range(1_001)]
    with ThreadPoolExecutor(4) as threads:
        addresses = list(threads.map(lambda name: store.put(name, b"a"), names))
    before = store.requests("GET .*list-type=2")
    listed = list(buckets.listed("s3://shop/many/"))
    assert store.requests("GET .*list-type=2") - before == 2
    assert [address for address, _ in listed] == sorted(addresses)
    assert {metadata.size for _, metadata in listed} == {1}


def test_a_listing_has_what_is_below_a_folder_and_not_the_folders(
    store: Store, buckets: Buckets
) -> None:
    for key in ("below/", "below/sub/", "below/sub/a.jpg", "below2/b.jpg", "below"):
        store.put(key, b"a")
    assert [address for address, _ in buckets.listed("s3://shop/below")] == [
        "s3://shop/below/sub/a.jpg"
    ]


def test_a_whole_bucket_can_be_listed(store: Store, buckets: Buckets) -> None:
    address = store.put("top.jpg", b"a")
    assert address in dict(buckets.listed("s3://shop"))
    assert address in dict(buckets.listed("s3://shop/"))


def test_many_threads_fetch_at_once(store: Store, buckets: Buckets) -> None:
    addresses = [store.put(f"threads/{number}", str(number).encode()) for number in range(32)]
    with ThreadPoolExecutor(16) as threads:
        assert list(threads.map(buckets.fetch, addresses)) == [
            str(number).encode() for number in range(32)
        ]


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("s3://shop/no/such.jpg", "no such object"),
        ("s3://shop/folder", "no such object"),
        ("s3://none/a.jpg", "no such bucket"),
        ("s3://shop", "a bucket or a folder"),
        ("s3://shop/folder/", "a bucket or a folder"),
        ("s3://other/a.jpg", "s3://other is not in remote.allowed"),
        ("s3:///shop/a.jpg", "not an address"),
        ("s3://shop/tab\t.jpg", "not an address"),
        ("gs://shop/a.jpg", "pip install gcsfs"),
    ],
)
def test_what_is_not_there_or_not_allowed_says_so_and_is_final(
    store: Store, buckets: Buckets, address: str, reason: str
) -> None:
    store.put("folder/a.jpg", b"a")
    metadata = buckets.metadata_of(address)
    assert reason in str(metadata.fault)
    assert not metadata.retryable
    with pytest.raises(FetchError, match=reason) as raised:
        buckets.fetch(address)
    assert not raised.value.retryable


@pytest.mark.parametrize(
    ("prefix", "reason"),
    [
        ("s3://none/photos", "no such bucket"),
        ("s3://other", "not in remote.allowed"),
        ("gs://shop/photos", "pip install gcsfs"),
    ],
)
def test_what_cannot_be_listed_says_why(buckets: Buckets, prefix: str, reason: str) -> None:
    with pytest.raises(FetchError, match=reason):
        list(buckets.listed(prefix))


def test_an_object_that_is_too_large_is_not_read(store: Store, buckets: Buckets) -> None:
    address = store.put("large/a.jpg", b"a" * 1_001)
    fits = store.put("large/b.jpg", b"a" * 1_000)
    assert "more than 1,000 bytes" in str(buckets.metadata_of(address).fault)
    assert not buckets.metadata_of(address).retryable
    with pytest.raises(FetchError, match=r"remote\.max_bytes"):
        buckets.fetch(address)
    assert [metadata.fault is None for _, metadata in buckets.listed("s3://shop/large")] == [
        False,
        True,
    ]
    assert len(buckets.fetch(fits)) == 1_000


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("AWS_SECRET_ACCESS_KEY", "wrong-secret", "access denied"),
        ("AWS_ACCESS_KEY_ID", "wrong-key", "access denied"),
        ("AWS_ACCESS_KEY_ID", None, "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"),
    ],
)
def test_without_the_right_credentials_nothing_else_is_shown(
    store: Store, monkeypatch: pytest.MonkeyPatch, name: str, value: str | None, reason: str
) -> None:
    address = store.put("secret/a.jpg", b"a")
    if value:
        monkeypatch.setenv(name, value)
    else:
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        monkeypatch.delenv(name)
    buckets = Buckets(LIMITS)
    with store.guarded():
        metadata = buckets.metadata_of(address)
        with pytest.raises(FetchError, match=reason) as fetched:
            buckets.fetch(address)
        with pytest.raises(FetchError, match=reason) as listed:
            list(buckets.listed("s3://shop/secret"))
    reported = f"{metadata.fault} {fetched.value} {listed.value}"
    assert reason in str(metadata.fault)
    assert not metadata.retryable
    assert not any(secret in reported for secret in (store.environment[name], "wrong-"))


def test_a_public_bucket_is_read_without_credentials(store: Store) -> None:
    address = store.put("public/a.jpg", b"a")
    store.client.put_object_acl(Bucket=store.bucket, Key="public/a.jpg", ACL="public-read")
    code = (
        "from similar_images.storage.buckets import Buckets, Limits\n"
        f"print(Buckets(Limits(('s3://shop',), False, 1, 30, 9)).fetch({address!r}))"
    )
    public = {name: value for name, value in store.environment.items() if "_KEY" not in name}
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=SCRIPTS,
        env={"PATH": os.defpath, "FSSPEC_S3_ANON": "true"} | public,
        capture_output=True,
        text=True,
    )
    assert run.stdout == "b'a'\n"


@pytest.mark.parametrize(
    ("status", "code", "retryable"),
    [
        (503, "SlowDown", True),
        (500, "InternalError", True),
        (502, "", True),
        (429, "TooManyRequests", True),
        (400, "InvalidRequest", False),
        (0, "", True),
    ],
)
def test_a_store_that_fails_or_does_not_answer_may_be_tried_again(
    store: Store, monkeypatch: pytest.MonkeyPatch, status: int, code: str, retryable: bool
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with answering(status, code) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        with pytest.raises(FetchError) as raised:
            Buckets(replace(LIMITS, seconds=4 if status else 1)).fetch("s3://shop/a.jpg")
    assert raised.value.retryable == retryable
    if not status:
        assert "no answer within 1 s" in str(raised.value)


def test_a_store_that_is_not_reached_may_be_tried_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    assert Buckets(LIMITS).metadata_of("s3://shop/a.jpg").retryable


def test_the_right_credentials_are_let_in(store: Store, buckets: Buckets) -> None:
    address = store.put("guarded/a b.jpg", b"a")
    with store.guarded():
        assert buckets.metadata_of(address).fault is None
        assert buckets.fetch(address) == b"a"
        assert [name for name, _ in buckets.listed("s3://shop/guarded")] == [address]


class Other:
    """A store as fsspec has them, of whose own package nothing else is known."""

    OBJECTS: ClassVar = {
        "shop/b.jpg": {
            "type": "file",
            "size": 3,
            "generation": 7,
            "mtime": datetime(2026, 1, 2, tzinfo=UTC),
        },
        "shop/a.jpg": {"type": "file", "size": 2, "etag": '"e1"', "LastModified": 1_767_312_000},
    }

    def __init__(self, **options: object) -> None:
        assert options == {"use_listings_cache": False, "skip_instance_cache": True}

    def info(self, path: str, **_: object) -> object:
        return self.OBJECTS[path]

    def cat_file(self, path: str, start: int, end: int, timeout: float) -> bytes:
        return path.encode()[start:end]

    def find(self, path: str, detail: bool, timeout: float) -> object:
        return self.OBJECTS


def test_another_store_is_read_through_what_all_of_them_have(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fsspec, "get_filesystem_class", {"oss": Other}.__getitem__)
    buckets = Buckets(replace(LIMITS, allowed=("oss://shop",)))
    listed = list(buckets.listed("oss://shop"))
    assert [address for address, _ in listed] == ["oss://shop/a.jpg", "oss://shop/b.jpg"]
    assert [metadata.version for _, metadata in listed] == ["e1", "7"]
    assert all(metadata.mtime // 10**9 // 86_400 == 20_455 for _, metadata in listed)
    assert listed == [(address, buckets.metadata_of(address)) for address, _ in listed]
    assert buckets.fetch("oss://shop/a.jpg") == b"shop/a.jpg"


@pytest.mark.parametrize("scheme", ["s3a", "s3n", "S3"])
def test_the_schemes_of_hadoop_lead_to_the_same_objects(
    store: Store, buckets: Buckets, scheme: str
) -> None:
    address = store.put("hadoop/a.jpg", b"bytes")
    other = address.replace("s3:", f"{scheme}:")
    assert buckets.fetch(other) == b"bytes"
    assert buckets.metadata_of(other) == buckets.metadata_of(address)
    assert [name for name, _ in buckets.listed(f"{scheme}://shop/hadoop")] == [address]


class Azure:
    """A store of Azure, with the options and paths of adlfs."""

    opened: ClassVar[list[object]] = []

    def __init__(self, account_name: str | None = None, **_: object) -> None:
        if account_name is None:
            raise ValueError("Must provide either a connection_string or account_name: s3cr3t")
        self.opened.append(account_name)

    def cat_file(self, path: str, start: int, end: int, timeout: float) -> bytes:
        return path.encode()

    def find(self, path: str, detail: bool, timeout: float) -> object:
        return {f"{path}/a.jpg": {"type": "file", "size": 3, "etag": "1"}}


@pytest.fixture
def azure(monkeypatch: pytest.MonkeyPatch) -> Buckets:
    monkeypatch.setattr(fsspec, "get_filesystem_class", {"abfs": Azure}.__getitem__)
    monkeypatch.delenv("AZURE_STORAGE_CONNECTION_STRING", raising=False)
    monkeypatch.setattr(Azure, "opened", [])
    return Buckets(replace(LIMITS, allowed=("abfs://*",)))


def test_the_account_of_an_address_is_that_of_the_store(azure: Buckets) -> None:
    for account in ("one", "two", "one"):
        folder = f"abfss://photos@{account}.blob.core.windows.net/boots"
        normal = f"abfs://photos@{account}.dfs.core.windows.net/boots/a.jpg"
        assert [name for name, _ in azure.listed(folder)] == [normal]
        assert azure.fetch(normal) == b"photos/boots/a.jpg"
    assert Azure.opened == ["one", "two"]


def test_without_an_account_the_message_says_how_to_name_it(azure: Buckets) -> None:
    with pytest.raises(FetchError, match="AZURE_STORAGE_ACCOUNT_NAME") as raised:
        azure.fetch("abfs://photos/a.jpg")
    assert "s3cr3t" not in str(raised.value)


def test_a_connection_string_never_leads_to_another_account(
    azure: Buckets, monkeypatch: pytest.MonkeyPatch
) -> None:
    variable = "AZURE_STORAGE_CONNECTION_STRING"
    monkeypatch.setenv(variable, "AccountName=shop2;AccountKey=s3cr3t")
    address = "abfs://photos@shop.dfs.core.windows.net/a.jpg"
    with pytest.raises(FetchError, match=f"{variable} is not that of the account shop:") as raised:
        azure.fetch(address)
    assert "s3cr3t" not in str(raised.value)
    for text in (
        "AccountName=shop;AccountKey=k",
        "BlobEndpoint=https://shop.blob.core.windows.net",
    ):
        monkeypatch.setenv(variable, text)
        assert azure.fetch(address) == b"photos/a.jpg"


def test_who_has_no_bucket_loads_nothing_of_it() -> None:
    code = (
        "import sys, similar_images.storage.buckets as b\n"
        "from similar_images.storage.addresses import Limits\n"
        "b.Buckets(Limits((), False, 1, 1, 1))\n"
        "print({'fsspec', 's3fs', 'botocore', 'aiohttp'} & set(sys.modules))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=SCRIPTS, capture_output=True, text=True, check=True
    )
    assert run.stdout == "set()\n"
