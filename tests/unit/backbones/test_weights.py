"""Tests of the ways to the weights; servers run on this machine, nothing is downloaded."""

import hashlib
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from similar_images.backbones import weights
from similar_images.backbones.registry import KerasBackbone
from similar_images.backbones.weights import WeightsUnavailableError, provide
from similar_images.core.errors import UserError

DATA = os.urandom(100_000)
NAME = "efficientnetb0.h5"


@dataclass(frozen=True)
class Offered(KerasBackbone):
    """A backbone whose weights are `DATA`, offered at another address."""

    url: str = "http://127.0.0.1:1/nowhere"


def offered(url: str = Offered.url) -> Offered:
    return Offered("EfficientNetB0", hashlib.md5(DATA).hexdigest(), url)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Point Keras to an empty cache and let nobody wait long; return where the file belongs."""
    home = tmp_path / "keras"
    home.mkdir()
    monkeypatch.setattr("keras.src.backend.config._KERAS_DIR", str(home))
    monkeypatch.setattr(weights, "CONNECT_SECONDS", 0.5)
    monkeypatch.setattr(weights, "STALL_SECONDS", 0.5)
    monkeypatch.setenv("no_proxy", "*")
    return home / "models" / NAME


@contextmanager
def server(
    data: bytes = DATA, status: int = 200, length: int = len(DATA), hang: bool = False
) -> Iterator[tuple[str, list[str]]]:
    """Serve `data` under any path; yield the URL and the list of the paths asked for."""
    asked: list[str] = []
    closing = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(length))
            self.end_headers()
            try:
                self.wfile.write(data)
            except OSError:
                return
            if hang:
                closing.wait(30)

        def log_message(self, *arguments: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{http.server_port}/{NAME}", asked
        finally:
            closing.set()
            http.shutdown()


@contextmanager
def listener(answer: bytes | None) -> Iterator[str]:
    """Accept connections and send `answer`, or nothing at all; yield the URL."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                connection.sendall(answer or b"")
                connection.close()

        if answer is not None:
            threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/{NAME}"
        listening.shutdown(socket.SHUT_RDWR)


def put(path: Path, data: bytes = DATA) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def test_what_is_in_the_cache_is_taken_without_asking_anybody(cache: Path) -> None:
    put(cache)
    with server() as (url, asked):
        assert provide(offered(url), None) == cache
    assert asked == []


def test_a_local_file_is_put_into_the_cache_without_asking_anybody(
    cache: Path, tmp_path: Path
) -> None:
    file = put(tmp_path / "my %41 weights#1?é.h5")
    with server() as (url, asked):
        assert provide(offered(url), file) == cache
    assert cache.read_bytes() == DATA
    assert asked == []


def test_a_local_file_may_be_named_relative_to_the_working_folder(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / "mine.h5")
    monkeypatch.chdir(tmp_path)
    assert provide(offered(), Path("mine.h5")) == cache
    assert cache.read_bytes() == DATA


@pytest.mark.parametrize("source", ["file", "server"])
def test_a_damaged_file_in_the_cache_is_replaced(cache: Path, tmp_path: Path, source: str) -> None:
    put(cache, b"damaged")
    file = put(tmp_path / "mine.h5") if source == "file" else None
    with server() as (url, _):
        assert provide(offered(url), file) == cache
    assert cache.read_bytes() == DATA


@pytest.mark.parametrize("make", [lambda path: put(path, b"others"), Path.mkdir, lambda path: None])
def test_a_local_file_that_is_not_keras_own_is_refused(
    cache: Path, tmp_path: Path, make: Callable[[Path], object]
) -> None:
    make(tmp_path / "mine.h5")
    with server() as (url, asked), pytest.raises(UserError) as refused:
        provide(offered(url), tmp_path / "mine.h5")
    for part in ("mine.h5", NAME, offered().md5, url, "weights: null"):
        assert part in str(refused.value)
    assert asked == []
    assert not cache.exists()


def test_without_file_and_cache_the_weights_are_downloaded(cache: Path) -> None:
    with server() as (url, _):
        assert provide(offered(url), None) == cache
    assert cache.read_bytes() == DATA


def test_a_download_with_another_hash_is_not_taken(cache: Path) -> None:
    with server(b"x" * len(DATA)) as (url, _), pytest.raises(WeightsUnavailableError, match="hash"):
        provide(offered(url), None)
    with server() as (url, _):
        assert provide(offered(url), None).read_bytes() == DATA


@pytest.mark.parametrize("status", [403, 404, 503])
def test_a_refusing_server_makes_the_weights_unavailable(status: int) -> None:
    with server(status=status) as (url, _), pytest.raises(WeightsUnavailableError, match=url):
        provide(offered(url), None)


def test_a_download_that_breaks_off_leaves_nothing(cache: Path) -> None:
    with server(DATA[:1000]) as (url, _), pytest.raises(WeightsUnavailableError):
        provide(offered(url), None)
    assert not cache.exists()


def test_a_download_that_stalls_ends_and_leaves_nothing(
    cache: Path, promptly: Callable[..., Any]
) -> None:
    with server(DATA[:1000], hang=True) as (url, _), pytest.raises(WeightsUnavailableError):
        promptly(lambda: provide(offered(url), None))
    assert not cache.exists()


def test_a_server_that_never_answers_makes_the_weights_unavailable(
    promptly: Callable[..., Any],
) -> None:
    with listener(None) as url, pytest.raises(WeightsUnavailableError, match="cannot be reached"):
        promptly(lambda: provide(offered(url), None))


def test_the_waiting_times_together_stay_under_20_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.undo()
    assert weights.CONNECT_SECONDS + weights.STALL_SECONDS < 20


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 banana\r\n\r\n"])
@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_server_that_speaks_nonsense_makes_the_weights_unavailable(
    answer: bytes, promptly: Callable[..., Any]
) -> None:
    with listener(answer) as url, pytest.raises(WeightsUnavailableError, match="cannot be reached"):
        promptly(lambda: provide(offered(url), None))


def test_a_closed_port_makes_the_weights_unavailable() -> None:
    with pytest.raises(WeightsUnavailableError, match=r"cannot be reached \(.*refused\)"):
        provide(offered(), None)


def test_a_name_that_is_never_found_makes_the_weights_unavailable(
    monkeypatch: pytest.MonkeyPatch, promptly: Callable[..., Any]
) -> None:
    forever = threading.Event()

    def look_up(*arguments: Any, **options: Any) -> None:
        forever.wait(30)
        raise OSError("too late")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with pytest.raises(WeightsUnavailableError, match="no answer"):
        promptly(lambda: provide(offered("http://weights.invalid/x.h5"), None))
    forever.set()


@pytest.mark.parametrize("before", [None, 33.0])
def test_the_time_limit_of_other_connections_is_left_as_it_was(before: float | None) -> None:
    limit = socket.getdefaulttimeout()
    socket.setdefaulttimeout(before)
    try:
        with server() as (url, _):
            provide(offered(url), None)
        assert socket.getdefaulttimeout() == before
    finally:
        socket.setdefaulttimeout(limit)
