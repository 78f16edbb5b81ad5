"""Tests of connections without a request, to a real server."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn
from starlette.responses import PlainTextResponse

from similar_images.server import connection
from similar_images.server.connection import Connection


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The port of a server that looks at its connections often."""
    monkeypatch.setattr(connection, "SECONDS", 0.2)
    config = uvicorn.Config(
        PlainTextResponse("yes"), http=Connection, lifespan="off", log_level="error"
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        yield listener.getsockname()[1]
        server.should_exit = True
        thread.join(10)


@pytest.mark.parametrize(
    "sent", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"GET / HTTP/1.1\r\nHost"]
)
def test_a_connection_without_a_further_request_ends(port: int, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=3) as client:
        client.sendall(sent)
        while client.recv(1000):  # raises if the connection stays
            pass


def test_a_connection_that_is_used_stays(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=3) as client:
        for _ in range(8):
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = b""
            while not answer.endswith(b"yes"):
                answer += client.recv(1000)
            time.sleep(0.1)
