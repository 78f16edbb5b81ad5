"""Photos that are too large, too many, too slow, or none."""

import socket
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import numpy as np
import pytest

from http_clients import BOUNDARY, FORM, Reply, form, post, request
from serving import Served
from similar_images.server.uploads import LIMITS


def test_a_photo_that_is_too_large_is_refused(served: Served) -> None:
    reply = post(served, "/ask", ("large.jpg", b"x" * (LIMITS.photo_bytes + 1)))
    assert reply.status == 413
    assert "50,000,000 bytes for each photo" in reply.detail


@pytest.mark.parametrize("told", [True, False], ids=["with its length", "in chunks"])
def test_a_request_that_is_too_large_is_refused_before_it_is_read(
    served: Served, told: bool
) -> None:
    part = form(("large.jpg", b""))[: -len(f"\r\n--{BOUNDARY}--\r\n")]
    length = f"Content-Length: {10**12}" if told else "Transfer-Encoding: chunked"
    with connected(served) as client:
        client.sendall(headers_of(served, length))
        piece = part + bytes(1_000_000)
        client.settimeout(60)
        try:
            for _ in range(200):
                client.sendall(piece if told else b"%x\r\n%b\r\n" % (len(piece), piece))
                piece = bytes(1_000_000)
        except OSError:
            pass  # the server has closed the connection
        assert client.recv(20).startswith(b"HTTP/1.1 413")
    assert request(served, "/catalogue").status == 200


def test_more_photos_than_allowed_are_refused(served: Served, photo: bytes) -> None:
    many = [(f"{number}.png", photo) for number in range(LIMITS.photos + 1)]
    assert len(post(served, "/ask", *many[:-1]).json["answers"]) == LIMITS.photos
    reply = post(served, "/ask", *many)
    assert reply.status == 400
    assert "at most 50 photos" in reply.detail


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"", FORM, 400),
        (b"no form", FORM, 400),
        (form(("a.png", b"x"))[:-20], FORM, 400),
        (form(("a.png", b"x"), field="image"), FORM, 400),
        (form(("a.png", b"x")), "multipart/form-data", 400),
        (form(("a.png", b"x")).replace(b"form-data", b"x" * 10_000), FORM, 400),
        (form(("a.png", b"x")).replace(b'; filename="a.png"', b""), FORM, 400),
        (form(), FORM, 400),
        (b"", "image/png", 400),
        (b"{}", "application/json", 415),
        (b"photo=x", "application/x-www-form-urlencoded", 415),
        (b"x", "", 415),
    ],
)
def test_what_is_no_form_with_photos_is_refused_in_words(
    served: Served, body: bytes, kind: str, status: int
) -> None:
    reply = request(served, "/ask", body, Content_Type=kind)
    assert reply.status == status
    assert "photo" in reply.detail


def test_fifty_bad_photos_harm_nothing(served: Served, photo: bytes) -> None:
    bad_ones = list(bad_photos(photo))
    assert len(bad_ones) == 50
    for number, bad in enumerate(bad_ones):
        reply = post(served, "/ask", (f"{number}.jpg", bad))
        assert reply.status == 200, number
        (answer,) = reply.json["answers"]
        assert answer["error"] or answer["note"] or answer["neighbours"], number
    (answer,) = post(served, "/ask", ("0.png", photo)).json["answers"]
    assert answer["prediction"] == "boots"
    assert served.complaints() == ""


def bad_photos(photo: bytes) -> Iterator[bytes]:
    """Yield fifty files that are damaged, no images, or images of too many pixels."""
    random = np.random.default_rng(0)
    # The width and the height are in its first chunk, which a checksum ends.
    chunk = b"IHDR" + (60_000).to_bytes(4) * 2 + photo[24:29]
    bomb = photo[:12] + chunk + zlib.crc32(chunk).to_bytes(4) + photo[33:]
    yield from (b"", b"size 42", b"\xff\xd8\xff", b"PK\x03\x04", b"GIF89a", bomb)
    for _ in range(22):
        yield photo[: random.integers(8, len(photo))]
        damaged = bytearray(photo)
        for place in random.integers(0, len(photo), 20):
            damaged[place] = random.integers(0, 256)
        yield bytes(damaged)


def test_further_questions_are_sent_away_until_a_place_is_free(
    served: Served, photo: bytes
) -> None:
    with ExitStack() as stack:
        for _ in range(LIMITS.questions):
            client = stack.enter_context(connected(served))
            client.sendall(headers_of(served, "Content-Length: 1000") + b"--")
        reply = until(503, served, photo)
        assert reply.headers["retry-after"] == "1"
        assert "Try again" in reply.detail
        assert request(served, "/catalogue").status == 200
    until(200, served, photo)


def until(status: int, served: Served, photo: bytes) -> Reply:
    """Ask until the answer has this status: the server does not notice everything at once."""
    for _ in range(100):
        reply = post(served, "/ask", ("0.png", photo))
        if reply.status == status:
            return reply
    raise AssertionError(reply)


@contextmanager
def connected(served: Served) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", served.port), timeout=60) as client:
        yield client


def headers_of(served: Served, length: str) -> bytes:
    return (
        f"POST /ask HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\nContent-Type: {FORM}\r\n"
        f"{length}\r\n\r\n"
    ).encode()
