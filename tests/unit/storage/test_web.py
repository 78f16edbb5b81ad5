"""Tests of photos at addresses of the web, each against a server that behaves so."""

import gzip
import logging
import socket
import time
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import web_server
from similar_images.storage import web
from similar_images.storage.addresses import FetchError, Limits, ObjectMetadata
from similar_images.storage.connections import is_public
from similar_images.storage.web import TRIES, Web
from web_server import Fault, Server, redirect, serving, status, status_at_first, with_headers

PHOTO = bytes(range(256)) * 40
SECRET = "hunter2"
# What a server may do that another time, or a moment later, it does not.
HEALING = {
    "429": (status(429), "429: too many requests; tried 4 times"),
    "500": (status(500), "500: internal server error; tried 4 times"),
    "502": (status(502), "502: bad gateway; tried 4 times"),
    "503": (status(503), "503: service unavailable; tried 4 times"),
    "504": (status(504), "504: gateway timeout; tried 4 times"),
    "408": (status(408), "408: request timeout; tried 4 times"),
    "closed": (web_server.closed, "the connection broke off; tried 4 times"),
    "garbage": (web_server.bytes_(b"\x00garbage\r\n\r\n"), "an answer that is not of HTTP; tried"),
    "507": (status(507), "507: insufficient storage"),
}
FINAL = {
    "400": (status(400), "400: bad request"),
    "401": (status(401, WWW_Authenticate="Basic"), "401: unauthorized"),
    "403": (status(403), "403: forbidden"),
    "404": (status(404), "404: not found"),
    "410": (status(410), "410: gone"),
    "451": (status(451), "451: unavailable for legal reasons"),
    "204": (status(204), "204: no content"),
    "304": (status(304), "304: not modified"),
    "302 to nowhere": (status(302), "302: found"),
    "799": (status(799), "799: a status unknown to HTTP"),
    "page": (with_headers(Content_Type="text/html; charset=x"), "text/html in place of a picture"),
    "JSON": (with_headers(Content_Type="Application/JSON"), "application/json in place of a p"),
    "XML": (with_headers(Content_Type="text/xml"), "text/xml in place of a picture"),
    "bomb": (web_server.gzip_bomb(10_000_000), "packed by the server, though it was asked not to"),
    "huge": (web_server.huge(), "more than 100,000 bytes"),
}
BODIES = {
    "broken off": (web_server.broken_off, "the connection broke off; tried 4 times"),
    "broken off in its head": (
        web_server.bytes_(b"HTTP/1.1 200 OK\r\nContent-"),
        "the connection broke off; tried 4 times",
    ),
    "broken off in pieces": (web_server.broken_off_in_pieces, "the connection broke off; tried 4"),
}


@pytest.fixture(autouse=True)
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "FIRST_WAIT", 0.001)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving({"a.jpg": PHOTO, "b.jpg": PHOTO}) as server:
        yield server


def asking(server: Server, *others: str, **limits: Any) -> Web:
    """Return what may ask `server`, on this machine, and the others."""
    allowed = (server.origin, *others)
    defaults = {"private": True, "connections": 8, "seconds": 10, "max_bytes": 100_000}
    return Web(Limits(allowed, **(defaults | limits)))


def fault(fetch: Callable[[], object]) -> tuple[str, bool]:
    """Return the reason why nothing is fetched, and whether it heals."""
    with pytest.raises(FetchError) as raised:
        fetch()
    return str(raised.value), raised.value.retryable


def fault_of(server: Server, what: Fault, **limits: Any) -> tuple[str, bool]:
    server.faults["a.jpg"] = what
    return fault(lambda: asking(server, **limits).fetch(server.address("a.jpg")))


def test_a_photo_comes_as_it_is_at_its_address(server: Server) -> None:
    assert asking(server).fetch(server.address("a.jpg")) == PHOTO
    assert server.requests == {("GET", "a.jpg"): 1}


def test_metadata_has_size_time_and_version_by_one_head(server: Server) -> None:
    metadata = asking(server).metadata_of(server.address("a.jpg"))
    assert metadata.size == len(PHOTO)
    assert metadata.mtime == web_server.MODIFIED * 1_000_000_000
    assert metadata.version.startswith('"')
    assert (metadata.fault, metadata.retryable) == (None, False)
    assert server.requests == {("HEAD", "a.jpg"): 1}


def test_a_look_at_other_bytes_is_another(server: Server) -> None:
    asked = asking(server)
    first = asked.metadata_of(server.address("a.jpg"))
    assert asked.metadata_of(server.address("a.jpg")) == first
    server.put("a.jpg", PHOTO[::-1])
    assert asked.metadata_of(server.address("a.jpg")) != first


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, ObjectMetadata(size=len(PHOTO))),
        ({"ETag": 'W/"weak"'}, ObjectMetadata(size=len(PHOTO), version='W/"weak"')),
        ({"ETag": '"a b"'}, ObjectMetadata(size=len(PHOTO))),
        ({"ETag": "x" * 1000}, ObjectMetadata(size=len(PHOTO))),
        (
            {"Last_Modified": "Wed, 25 Nov 2026 00:00:00 GMT"},
            ObjectMetadata(len(PHOTO), 1795564800 * 10**9),
        ),
        ({"Last_Modified": "yesterday"}, ObjectMetadata(size=len(PHOTO))),
        ({"Last_Modified": "Wed, 99 Nov 99999999 99:00:00 GMT"}, None),
        ({"Content_Length": "nine"}, ObjectMetadata()),
        ({"Content_Length": "9" * 5000}, ObjectMetadata()),
        ({"Content_Type": "application/octet-stream"}, ObjectMetadata(size=len(PHOTO))),
        ({"Content_Type": "text/plain"}, ObjectMetadata(size=len(PHOTO))),
    ],
)
def test_metadata_has_no_more_than_can_be_trusted(
    server: Server, headers: dict[str, Any], expected: ObjectMetadata | None
) -> None:
    server.faults["a.jpg"] = with_headers(**headers)
    metadata = asking(server).metadata_of(server.address("a.jpg"))
    assert metadata.fault is None
    assert expected is None or metadata == expected


@pytest.mark.parametrize(
    "what",
    [
        *map(status, (400, 401, 403, 404, 405, 410, 500, 501, 502, 504)),
        web_server.silent,
        web_server.closed,
        web_server.bytes_(b"\x00garbage\r\n\r\n"),
        with_headers(Content_Type="text/html"),
        redirect("a.jpg"),
        redirect("http://elsewhere.example/login"),
    ],
)
def test_where_head_fails_a_get_is_begun(server: Server, what: Fault) -> None:
    server.faults["a.jpg"] = web_server.for_head(what)
    asked = asking(server, seconds=2)
    assert asked.metadata_of(server.address("a.jpg")) == asked.metadata_of(server.address("b.jpg"))
    assert server.requests["HEAD", "a.jpg"] == server.requests["GET", "a.jpg"] == 1


def test_a_head_without_an_answer_leaves_most_of_the_time_to_get(server: Server) -> None:
    def slow(request: web_server.Request) -> web_server.Script:
        yield 1.0
        yield from (web_server.silent if request.method == "HEAD" else web_server.well)(request)

    server.faults["a.jpg"] = slow
    assert asking(server, seconds=4).metadata_of(server.address("a.jpg")).size == len(PHOTO)


def test_a_host_that_never_answers_head_is_asked_by_get_alone(server: Server) -> None:
    names = [f"{n}.jpg" for n in range(10)]
    for name in names:
        server.put(name, PHOTO)
        server.faults[name] = web_server.no_head()
    asked = asking(server)
    assert {asked.metadata_of(server.address(name)).fault for name in names} == {None}
    assert sum(server.requests["HEAD", name] for name in names) == web.HEAD_FAILURES
    assert sum(server.requests["GET", name] for name in names) == len(names)


def test_one_failure_of_head_in_between_is_no_reason_to_give_it_up(server: Server) -> None:
    server.faults["a.jpg"] = web_server.no_head()
    asked = asking(server)
    for _ in range(4):
        for name in ("a.jpg", "b.jpg"):
            assert asked.metadata_of(server.address(name)).fault is None
    assert server.requests["HEAD", "a.jpg"] == server.requests["HEAD", "b.jpg"] == 4
    assert server.requests["GET", "b.jpg"] == 0


def test_of_a_photo_that_get_refuses_too_the_fault_is_that_of_get(server: Server) -> None:
    server.faults["a.jpg"] = lambda request: status(400 if request.method == "HEAD" else 410)(
        request
    )
    reported = ObjectMetadata(fault="410: gone", retryable=False)
    assert asking(server).metadata_of(server.address("a.jpg")) == reported


@pytest.mark.parametrize("code", [429, 503])
def test_a_busy_server_gets_no_get_after_each_head(server: Server, code: int) -> None:
    server.faults["a.jpg"] = status(code)
    assert asking(server).metadata_of(server.address("a.jpg")).retryable
    assert server.requests == {("HEAD", "a.jpg"): TRIES}


def test_no_body_is_read_for_a_look(server: Server, promptly: Callable[..., Any]) -> None:
    def endless_for_get(request: web_server.Request) -> web_server.Script:
        return (status(405) if request.method == "HEAD" else web_server.huge(announced=False))(
            request
        )

    server.faults["a.jpg"] = endless_for_get
    assert promptly(lambda: asking(server).metadata_of(server.address("a.jpg"))) == ObjectMetadata()


@pytest.mark.parametrize("kind", HEALING)
def test_what_may_succeed_later_is_tried_again_and_reported(server: Server, kind: str) -> None:
    what, reason = HEALING[kind]
    reported, retryable = fault_of(server, what)
    assert reported.startswith(reason)
    assert retryable
    metadata = asking(server).metadata_of(server.address("a.jpg"))
    assert metadata.fault is not None
    assert metadata.fault.startswith(reason)
    assert metadata.retryable
    tries = 1 if kind == "507" else TRIES
    overloaded = kind in ("429", "503")
    assert server.requests["HEAD", "a.jpg"] == (tries if overloaded else 1)
    assert server.requests["GET", "a.jpg"] == (tries if overloaded else 2 * tries)


@pytest.mark.parametrize("kind", FINAL)
def test_what_is_final_is_reported_at_once(server: Server, kind: str) -> None:
    what, reason = FINAL[kind]
    reported, retryable = fault_of(server, what)
    assert reported.startswith(reason)
    assert not retryable
    metadata = asking(server).metadata_of(server.address("a.jpg"))
    assert metadata == ObjectMetadata(fault=reported, retryable=False)
    assert server.requests["HEAD", "a.jpg"] == 1


@pytest.mark.parametrize("kind", BODIES)
def test_a_body_that_breaks_off_may_succeed_later(server: Server, kind: str) -> None:
    what, reason = BODIES[kind]
    reported, retryable = fault_of(server, what)
    assert reported.startswith(reason)
    assert retryable
    assert server.requests["GET", "a.jpg"] == TRIES


def test_an_empty_body_is_no_photo(server: Server) -> None:
    assert fault_of(server, status(200)) == ("empty file", False)


@pytest.mark.parametrize("code", [429, 500, 503])
def test_a_server_that_recovers_gives_its_photo(server: Server, code: int) -> None:
    server.faults["a.jpg"] = status_at_first(code, TRIES - 1)
    assert asking(server).fetch(server.address("a.jpg")) == PHOTO
    server.requests.clear()
    assert asking(server).metadata_of(server.address("a.jpg")).size == len(PHOTO)
    assert sum(server.requests.values()) == TRIES + (code == 500)


def test_the_waits_between_tries_grow(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    monkeypatch.setattr(web, "FIRST_WAIT", 0.5)
    fault_of(server, status(503))
    assert len(waits) == TRIES - 1
    for wait, most in zip(waits, (0.5, 1, 2), strict=True):
        assert most / 2 <= wait <= most


def test_retry_after_is_heeded_while_there_is_time(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    server.faults["a.jpg"] = status_at_first(429, 1, Retry_After=3)
    assert asking(server).fetch(server.address("a.jpg")) == PHOTO
    assert waits == [3]
    assert fault_of(server, status(503, Retry_After=3600)) == (
        "503: service unavailable, which asks to wait 3600 s",
        True,
    )
    assert waits == [3]


@pytest.mark.parametrize("value", ["soon", "-1", "9" * 5000, "Wed, 99 Nov 99999999 99:00:00 GMT"])
def test_an_odd_retry_after_is_no_trouble(
    server: Server, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    assert fault_of(server, status(503, Retry_After=value))[1]


@pytest.mark.parametrize(
    "what",
    [
        web_server.silent,
        web_server.drip(0.01),
        web_server.dripping_head,
        web_server.huge(announced=False),
        status(503, Retry_After=1),
    ],
)
def test_a_photo_takes_no_longer_than_it_may(
    server: Server, what: Fault, promptly: Callable[..., Any]
) -> None:
    start = time.monotonic()
    _, retryable = promptly(lambda: fault_of(server, what, seconds=0.5, max_bytes=10**12))
    assert retryable
    assert time.monotonic() - start < 5


def test_a_drip_is_reported_as_what_took_too_long(server: Server) -> None:
    assert fault_of(server, web_server.drip(0.01), seconds=0.3) == ("it took more than 0.3 s", True)


def test_a_server_that_is_silent_once_is_asked_again(server: Server) -> None:
    def script(request: web_server.Request) -> web_server.Script:
        return (web_server.well if request.before else web_server.silent)(request)

    server.faults["a.jpg"] = script
    assert asking(server, seconds=1.5).fetch(server.address("a.jpg")) == PHOTO


@pytest.mark.parametrize("announced", [True, False])
def test_of_a_huge_body_no_more_is_taken_than_a_photo_may_have(
    server: Server, announced: bool
) -> None:
    tracemalloc.start()
    try:
        got = fault_of(server, web_server.huge(announced=announced), max_bytes=3_000_000)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert got == ("more than 3,000,000 bytes", False)
    assert peak < 20_000_000


def test_a_photo_may_have_just_as_many_bytes_as_it_may(server: Server) -> None:
    address = server.address("a.jpg")
    assert asking(server, max_bytes=len(PHOTO)).fetch(address) == PHOTO
    assert fault(lambda: asking(server, max_bytes=len(PHOTO) - 1).fetch(address))[0].startswith(
        "more than"
    )
    assert (
        asking(server, max_bytes=len(PHOTO) - 1).metadata_of(address).fault
        == "more than 10,239 bytes"
    )


def test_a_body_in_pieces_is_put_together(server: Server) -> None:
    pieces = b"".join(b"%x\r\n%b\r\n" % (1, PHOTO[n : n + 1]) for n in range(300))
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%b0\r\n\r\n" % pieces
    server.faults["a.jpg"] = web_server.bytes_(answer)
    assert asking(server).fetch(server.address("a.jpg")) == PHOTO[:300]
    assert fault(lambda: asking(server, max_bytes=299).fetch(server.address("a.jpg")))[0] == (
        "more than 299 bytes"
    )


# What the headers say, and what the bytes say

IMAGES = {
    "JPEG": b"\xff\xd8\xff\xe0" + PHOTO,
    "PNG": b"\x89PNG\r\n\x1a\n" + PHOTO,
    "AVIF": b"\x00\x00\x00\x1cftypavif" + PHOTO,
}
TYPES = ("text/html; charset=utf-8", "application/json", "application/octet-stream", "text/plain")


@pytest.mark.parametrize("kind", IMAGES)
@pytest.mark.parametrize("sent_as", TYPES)
def test_an_image_is_one_whatever_the_server_calls_it(
    server: Server, kind: str, sent_as: str
) -> None:
    server.put("a.jpg", IMAGES[kind])
    server.faults["a.jpg"] = with_headers(Content_Type=sent_as, ETag='"1"')
    asked = asking(server)
    assert asked.fetch(server.address("a.jpg")) == IMAGES[kind]
    metadata = ObjectMetadata(size=len(IMAGES[kind]), version='"1"')
    assert asked.metadata_of(server.address("a.jpg")) == metadata


def test_an_image_in_pieces_is_known_by_its_first_bytes_too(server: Server) -> None:
    image = IMAGES["PNG"][:300]
    pieces = b"".join(b"%x\r\n%b\r\n" % (1, image[n : n + 1]) for n in range(300))
    start = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n"
    server.faults["a.jpg"] = lambda request: [
        start if request.method == "HEAD" else start + pieces + b"0\r\n\r\n"
    ]
    assert asking(server).fetch(server.address("a.jpg")) == image
    assert asking(server).metadata_of(server.address("a.jpg")).fault is None


@pytest.mark.parametrize("body", [b"<html>Log in</html>" * 10, b"<p>", b"GIF", b'{"error": 1}'])
def test_a_page_sent_with_200_is_no_picture(server: Server, body: bytes) -> None:
    reported = ("text/html in place of a picture", False)
    assert fault_of(server, with_headers(body, Content_Type="text/html")) == reported
    metadata = asking(server).metadata_of(server.address("a.jpg"))
    assert metadata == ObjectMetadata(fault=reported[0])


def test_of_an_endless_page_only_the_beginning_is_read(
    server: Server, promptly: Callable[..., Any]
) -> None:
    def endless(request: web_server.Request) -> web_server.Script:
        yield web_server.head(200, Content_Type="text/html", **{"Content-Length": 10**10})
        while request.method == "GET":
            yield b"<html>" * 1000

    server.faults["a.jpg"] = endless
    asked = asking(server, max_bytes=10**11)
    reported = promptly(lambda: fault(lambda: asked.fetch(server.address("a.jpg"))))
    assert reported[0] == "text/html in place of a picture"


@pytest.mark.parametrize(
    "coding", ["aws-chunked", "", "utf-8", "identity, aws-chunked", "ISO-8859-1", "none", "binary"]
)
def test_a_content_coding_that_packs_nothing_is_ignored(server: Server, coding: str) -> None:
    server.faults["a.jpg"] = with_headers(Content_Encoding=coding)
    asked = asking(server)
    assert asked.fetch(server.address("a.jpg")) == PHOTO
    assert asked.metadata_of(server.address("a.jpg")) == ObjectMetadata(size=len(PHOTO))
    assert server.requests == {("GET", "a.jpg"): 1, ("HEAD", "a.jpg"): 1}


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "br", "deflate", "zstd", "aws-chunked, GZIP"])
def test_a_packed_answer_is_refused_unless_it_is_not_packed(server: Server, coding: str) -> None:
    packed = gzip.compress(IMAGES["PNG"])
    reported = ("packed by the server, though it was asked not to", False)
    assert fault_of(server, with_headers(packed, Content_Encoding=coding)) == reported
    server.put("a.jpg", IMAGES["PNG"])
    server.faults["a.jpg"] = with_headers(Content_Encoding=coding)
    asked = asking(server)
    assert asked.fetch(server.address("a.jpg")) == IMAGES["PNG"]
    assert asked.metadata_of(server.address("a.jpg")) == ObjectMetadata(size=len(IMAGES["PNG"]))


# Redirects


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed(server: Server, code: int) -> None:
    server.faults["a.jpg"] = redirect("/b.jpg?x#y", code)
    assert asking(server).fetch(server.address("a.jpg")) == PHOTO
    assert asking(server).metadata_of(server.address("a.jpg")).size == len(PHOTO)


def test_redirects_may_lead_to_another_host_that_is_allowed(server: Server) -> None:
    with serving({"c.jpg": PHOTO}) as other:
        server.faults["a.jpg"] = redirect(other.address("c.jpg"))
        assert asking(server, other.origin).fetch(server.address("a.jpg")) == PHOTO
        reported = fault(lambda: asking(server).fetch(server.address("a.jpg")))
    assert reported == (f"a redirect: {other.origin} is not in remote.allowed", False)
    assert sum(other.requests.values()) == 1


def test_redirects_are_followed_so_often_and_no_more(server: Server) -> None:
    for n in range(6):
        server.faults[f"{n}"] = redirect(f"/{n + 1}")
    server.put("6", PHOTO)
    assert asking(server).fetch(server.address("1")) == PHOTO
    assert fault(lambda: asking(server).fetch(server.address("0"))) == (
        "more than 5 redirects",
        False,
    )


def test_redirects_in_a_circle_are_reported_as_such(server: Server) -> None:
    server.faults["a.jpg"] = redirect("/b.jpg")
    server.faults["b.jpg"] = redirect("/a.jpg")
    reported = fault(lambda: asking(server).fetch(server.address("a.jpg")))
    assert reported == ("redirects that lead in a circle", False)
    assert server.requests == {("GET", "a.jpg"): 1, ("GET", "b.jpg"): 1}
    server.faults["a.jpg"] = redirect("a.jpg")
    assert fault(lambda: asking(server).fetch(server.address("a.jpg"))) == reported


@pytest.mark.parametrize(
    ("target", "reported"),
    [
        ("file:///etc/passwd", "a redirect: an address of file; these can be read: "),
        ("s3://shop/a.jpg", "a redirect: an address of s3, not of the web"),
        ("ftp://host/a.jpg", "a redirect: an address of ftp"),
        (f"//{SECRET}@127.0.0.1/", "a redirect: an address with a name or password before"),
        ("http://[::1", "a redirect: not an address"),
        ("http://[x]/", "a redirect: not an address"),
        (f"http://evil.org/{SECRET}?{SECRET}", "a redirect: http://evil.org is not in remote."),
    ],
)
def test_a_redirect_leads_nowhere_else(server: Server, target: str, reported: str) -> None:
    server.faults["a.jpg"] = redirect(target)
    reason, retryable = fault(
        lambda: asking(server, "s3://shop").fetch(server.address(f"a.jpg?{SECRET}"))
    )
    assert reason.startswith(reported)
    assert SECRET not in reason
    assert not retryable


def test_a_redirect_to_a_name_of_other_letters_is_followed(server: Server) -> None:
    server.put("schöne schuhe.jpg", PHOTO)
    server.faults["a.jpg"] = lambda request: [
        "HTTP/1.1 302 Found\r\nLocation: /schöne schuhe.jpg\r\n\r\n".encode()
    ]
    assert asking(server).fetch(server.address("a.jpg")) == PHOTO


def test_redirects_that_cross_do_not_wait_for_each_other(
    server: Server, promptly: Callable[..., Any]
) -> None:
    with serving({"b.jpg": PHOTO}) as other:
        there = other.origin.replace("127.0.0.1", "localhost")
        server.faults["a.jpg"] = redirect(f"{there}/b.jpg")
        other.faults["a.jpg"] = redirect(server.address("b.jpg"))
        asked = asking(server, there, connections=1)
        addresses = [server.address("a.jpg"), f"{there}/a.jpg"] * 20
        with ThreadPoolExecutor(16) as pool:
            fetched = promptly(lambda: [*pool.map(asked.fetch, addresses)])
    assert fetched == [PHOTO] * 40


# Who is asked


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "127.1",
        "0x7f000001",
        "2130706433",
        "0177.0.0.1",
        "0",
        "[::ffff:127.0.0.1]",
    ],
)
def test_this_machine_is_not_asked_however_it_is_called(server: Server, host: str) -> None:
    address = server.address("a.jpg").replace("127.0.0.1", host)
    guarded = Web(Limits((address.rpartition("/")[0],), False, 8, 5, 100_000))
    assert fault(lambda: guarded.fetch(address)) == ("an address of a private network", False)
    assert guarded.metadata_of(address) == ObjectMetadata(fault="an address of a private network")
    assert (server.connections, server.requests) == (0, {})
    assert asking(server, address.rpartition("/")[0]).fetch(address) == PHOTO


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.255.0.1", "::1"),
        *("10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fc00::1", "fd00:ec2::254"),
        *("169.254.169.254", "fe80::1", "fe80::1%1", "fec0::1"),
        *("0.0.0.0", "0.1.2.3", "::"),
        *("100.64.0.1", "100.100.100.200", "100.127.255.255"),
        *("224.0.0.1", "239.1.1.1", "255.255.255.255", "240.0.0.1", "ff02::1", "ff0e::1"),
        *("192.0.0.192", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "192.88.99.1"),
        *("168.63.129.16", "2001:db8::1", "2001::1", "100::1", "4000::1"),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1"),
        *("2002:7f00:1::", "2002:a9fe:a9fe::1", "2002:c0a8:101::1"),
        *("64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b:1::8.8.8.8", "64:ff9b::a9fe:a9fe"),
    ],
)
def test_an_address_of_a_network_of_ones_own_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        *("8.8.8.8", "1.1.1.1", "100.63.255.255", "100.128.0.0", "172.32.0.1", "192.0.1.1"),
        *("2606:4700:4700::1111", "64:ff9b::8.8.8.8", "::ffff:8.8.8.8", "2002:808:808::1"),
    ],
)
def test_all_others_are_public(address: str) -> None:
    assert is_public(address)


def looked_up(*addresses: str) -> list[Any]:
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80)) for address in addresses]


def test_a_name_that_leads_elsewhere_at_the_next_look_up_gains_nothing(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = int(server.origin.rpartition(":")[2])
    reported = iter(["192.0.1.1", "127.0.0.1"])
    connected: list[Any] = []

    def look_up(host: str, *_: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(reported), port))]

    def connect(self: socket.socket, name: tuple[str, int]) -> None:
        connected.append(name)
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr("similar_images.storage.connections._Timed.connect", connect)
    rebinding = f"http://rebind.example:{port}"
    guarded = Web(Limits((rebinding,), False, 8, 5, 1000))
    # The first try connects to what was looked up and checked; the second looks up anew.
    assert fault(lambda: guarded.fetch(f"{rebinding}/a.jpg")) == (
        "an address of a private network",
        False,
    )
    assert connected == [("192.0.1.1", port)]
    assert server.connections == 0


@pytest.mark.parametrize("found", [("8.8.8.8", "127.0.0.1"), ("10.0.0.1", "8.8.8.8")])
def test_a_name_with_one_address_that_is_private_is_not_asked(
    monkeypatch: pytest.MonkeyPatch, found: tuple[str, ...]
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: looked_up(*found))
    guarded = Web(Limits(("https://*",), False, 8, 5, 1000))
    reported = "an address of a private network"
    assert guarded.metadata_of("https://mixed.example/a.jpg") == ObjectMetadata(fault=reported)


def test_a_redirect_to_a_private_address_is_refused_before_it_is_asked(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving({"a.jpg": PHOTO}) as inner:
        server.faults["a.jpg"] = redirect(inner.address("a.jpg"))
        ports = {server.origin.rpartition(":")[2]}
        monkeypatch.setattr(
            "similar_images.storage.connections.is_public",
            lambda address: bool(ports) and ports.pop(),
        )
        guarded = Web(Limits((server.origin, inner.origin), False, 8, 5, 100_000))
        reported = fault(lambda: guarded.fetch(server.address("a.jpg")))
    assert reported == ("an address of a private network", False)
    assert server.requests == {("GET", "a.jpg"): 1}
    assert inner.connections == 0


def test_the_next_address_of_a_name_is_tried(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        closed = nobody.getsockname()
        port = int(server.origin.rpartition(":")[2])
        found = [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", name)
            for name in (closed, ("127.0.0.1", port))
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_: found)
        assert asking(server, "http://two.example").fetch("http://two.example/a.jpg") == PHOTO


def test_what_is_not_allowed_is_not_asked(server: Server) -> None:
    asked = Web(Limits((f"{server.origin}/photos",), True, 8, 5, 1000))
    for path in ("a.jpg", "photos/../a.jpg", "photos/%2e%2e/a.jpg"):
        reported = f"{server.origin} is not in remote.allowed"
        assert asked.metadata_of(server.address(path)) == ObjectMetadata(fault=reported)
    assert asked.metadata_of("s3://shop/a.jpg").fault is not None
    assert server.connections == 0


def test_a_host_that_is_not_known_may_succeed_later(monkeypatch: pytest.MonkeyPatch) -> None:
    def look_up(*_: Any) -> None:
        raise socket.gaierror(code, "reported by the resolver")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    asked = Web(Limits(("https://*",), False, 8, 5, 1000))
    code = socket.EAI_NONAME
    reported = ObjectMetadata(fault="there is no host of that name", retryable=True)
    assert asked.metadata_of("https://nowhere.example/a.jpg") == reported
    code = socket.EAI_AGAIN
    reported = ObjectMetadata(
        fault="the name of the host could not be looked up; tried 4 times", retryable=True
    )
    assert asked.metadata_of("https://nowhere.example/a.jpg") == reported


def test_a_connection_that_is_refused_may_succeed_later() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        origin = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        asked = Web(Limits((origin,), True, 8, 5, 1000))
        reported = ObjectMetadata(
            fault="no connection: connection refused; tried 4 times", retryable=True
        )
        assert asked.metadata_of(f"{origin}/a.jpg") == reported


# How it is asked


def test_no_more_is_sent_to_a_server_than_what_is_wanted(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".netrc").write_text(f"machine 127.0.0.1 login me password {SECRET}")
    monkeypatch.setenv("HOME", str(tmp_path))
    server.faults["a.jpg"] = with_headers(Set_Cookie=f"id={SECRET}")
    asked = asking(server)
    asked.fetch(server.address("a.jpg"))
    asked.fetch(server.address("a.jpg?size=1#part"))
    assert server.heads["a.jpg"].decode().splitlines() == [
        "GET /a.jpg?size=1 HTTP/1.1",
        f"Host: {server.origin[7:]}",
        "User-Agent: SimilarImageFinder",
        "Accept: */*",
        "Accept-Encoding: identity",
        "",
    ]


def test_the_program_is_called_as_the_settings_say(server: Server) -> None:
    asking(server, user_agent="Shop crawler 2").fetch(server.address("a.jpg"))
    assert b"\r\nUser-Agent: Shop crawler 2\r\n" in server.heads["a.jpg"]


def test_secret_headers_are_sent_to_their_host_and_path_alone(server: Server) -> None:
    token = ("Authorization", f"Bearer {SECRET}")
    with serving({"b.jpg": PHOTO}) as other:
        server.put("in/a.jpg", PHOTO)
        server.faults["in/out.jpg"] = redirect("/b.jpg")
        server.faults["in/other.jpg"] = redirect(other.address("b.jpg"))
        asked = asking(server, other.origin, headers=((server.address("in"), (token,)),))
        for path in ("in/a.jpg", "in/out.jpg", "in/other.jpg", "a.jpg"):
            asked.fetch(server.address(path))
    sent = f"\r\nAuthorization: Bearer {SECRET}\r\n".encode()
    for path in ("in/a.jpg", "in/out.jpg", "in/other.jpg"):
        assert sent in server.heads[path], path
    for head in (server.heads["a.jpg"], server.heads["b.jpg"], other.heads["b.jpg"]):
        assert SECRET.encode() not in head


def test_an_address_with_spaces_and_other_letters_is_asked_for(server: Server) -> None:
    server.put("schöne schuhe.jpg", PHOTO)
    assert asking(server).fetch(server.address("schöne schuhe.jpg")) == PHOTO
    assert asking(server).fetch(server.address("sch%C3%B6ne%20schuhe.jpg")) == PHOTO


def test_connections_are_used_again_also_after_a_fault(server: Server) -> None:
    server.faults["b.jpg"] = status(404)
    server.faults["c.jpg"] = redirect("/a.jpg")
    asked = asking(server)
    for _ in range(5):
        asked.fetch(server.address("a.jpg"))
        asked.fetch(server.address("c.jpg"))
        for path in ("a.jpg", "b.jpg", "c.jpg"):
            asked.metadata_of(server.address(path))
        fault(lambda: asked.fetch(server.address("b.jpg")))
    assert server.connections == 1


def test_an_answer_is_never_taken_for_that_to_another_request(server: Server) -> None:
    def in_two(request: web_server.Request) -> web_server.Script:
        yield b"HTTP/1.1 103 Early Hints\r\n\r\n"
        yield 0.05
        yield web_server.head(200, **{"Content-Length": 5}) + b"wrong"
        yield web_server.KEEP

    server.faults["a.jpg"] = in_two
    asked = asking(server)
    assert fault(lambda: asked.fetch(server.address("a.jpg"))) == ("103: early hints", False)
    assert asked.fetch(server.address("b.jpg")) == PHOTO


def test_a_connection_that_the_server_has_closed_meanwhile_costs_nothing(server: Server) -> None:
    def last(request: web_server.Request) -> web_server.Script:
        yield from [step for step in web_server.well(request) if isinstance(step, bytes)]

    server.faults["a.jpg"] = last
    asked = asking(server)
    for _ in range(3):
        assert asked.fetch(server.address("a.jpg")) == PHOTO
        time.sleep(0.05)
    assert server.requests == {("GET", "a.jpg"): 3}


def test_a_host_has_so_many_connections_at_once_and_no_more(server: Server) -> None:
    def slow(request: web_server.Request) -> web_server.Script:
        yield 0.02
        yield from web_server.well(request)

    server.faults["a.jpg"] = slow
    asked = asking(server, connections=3)
    with ThreadPoolExecutor(16) as pool:
        photos = [*pool.map(asked.fetch, [server.address("a.jpg")] * 60)]
    assert photos == [PHOTO] * 60
    assert server.most == 3


def test_the_wait_for_a_turn_is_not_counted(server: Server) -> None:
    def slow(request: web_server.Request) -> web_server.Script:
        yield 0.1
        yield from web_server.well(request)

    server.faults["a.jpg"] = slow
    asked = asking(server, connections=1, seconds=1.2)
    with ThreadPoolExecutor(16) as pool:
        found = [*pool.map(asked.metadata_of, [server.address("a.jpg")] * 16)]
    assert [metadata.fault for metadata in found] == [None] * 16


def test_many_threads_get_each_their_own_photo() -> None:
    files = {f"{n}.jpg": b"%d" % n * (n + 1) for n in range(200)}
    with serving(files) as server, ThreadPoolExecutor(32) as pool:
        asked = asking(server)
        photos = pool.map(asked.fetch, [server.address(path) for path in files])
        assert [*photos] == [*files.values()]


def test_more_hosts_than_are_kept_are_asked(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "HOSTS", 2)
    with serving({"a.jpg": PHOTO}) as second, serving({"a.jpg": PHOTO}) as third:
        asked = asking(server, second.origin, third.origin)
        for _ in range(3):
            for each in (server, second, third):
                assert asked.fetch(each.address("a.jpg")) == PHOTO


# What stays secret


def test_neither_a_reason_nor_the_log_holds_a_query(
    server: Server, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    odd = web_server.bytes_(b"HTTP/1.1 200 OK\r\n : odd\r\nno header\r\nContent-Length: 1\r\n\r\nx")
    faults = [odd, *(what for what, _ in [*HEALING.values(), *FINAL.values(), *BODIES.values()])]
    asked = asking(server)
    reported = []
    for what in faults:
        server.faults["a.jpg"] = what
        address = server.address(f"a.jpg?sig={SECRET}#{SECRET}")
        reported.append(asked.metadata_of(address).fault)
        try:
            asked.fetch(address)
        except FetchError as error:
            reported.append(str(error))
    assert SECRET not in "".join(map(str, reported)) + caplog.text + "".join(capfd.readouterr())


# TLS

# Of 127.0.0.1 and localhost, signed by itself, until 2126.
CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIBmzCCAUGgAwIBAgIUZVDYZ9UpFQj3uGpLQifHZADwUGUwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyNTAyNDg1MloYDzIxMjYxMTAx
MDI0ODUyWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAQ5lJKkx4APFan/qTJrxQxQbtnaB6tRwWte/fChygktMOQPWy9AkIbX
ZrWn8wbBEJArtld3y6VZr4pRzUDV4+f6o28wbTAdBgNVHQ4EFgQU4ZAYV1ZQos6A
6q0y2zrNtwi3GZ8wHwYDVR0jBBgwFoAU4ZAYV1ZQos6A6q0y2zrNtwi3GZ8wDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDSAAwRQIhALizgZEJGNNj12DAXD8YJ8DkGsGXgL29ONgL0AqbCGxyAiBV
LVEKKYARxEkxg/3kLzAeY2cMdORGlXm818pbMURF4w==
-----END CERTIFICATE-----
-----BEGIN EC PRIVATE KEY-----
MHcCAQEEILRd6FWuMxUZFv6lweIqT0doUf8aYd+44aGcwuKqUgdioAoGCCqGSM49
AwEHoUQDQgAEOZSSpMeADxWp/6kya8UMUG7Z2gerUcFrXv3wocoJLTDkD1svQJCG
12a1p/MGwRCQK7ZXd8ulWa+KUc1A1ePn+g==
-----END EC PRIVATE KEY-----
"""


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    path = tmp_path / "certificate.pem"
    path.write_text(CERTIFICATE)
    return path


def test_a_photo_comes_over_tls(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with serving({"a.jpg": PHOTO}, certificate) as server:
        assert asking(server).fetch(server.address("a.jpg")) == PHOTO
        assert asking(server).metadata_of(server.address("a.jpg")).size == len(PHOTO)


def test_a_certificate_of_no_known_authority_is_not_trusted(certificate: Path) -> None:
    with serving({"a.jpg": PHOTO}, certificate) as server:
        reported = asking(server).metadata_of(server.address("a.jpg"))
    assert reported == ObjectMetadata(
        fault="no safe connection: self-signed certificate", retryable=True
    )
    assert not server.requests


def test_a_certificate_of_another_host_is_not_trusted(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with serving({"a.jpg": PHOTO}, certificate) as server:
        other = server.address("a.jpg").replace("127.0.0.1", "127.0.0.2")
        port = server.origin.rpartition(":")[2]
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", int(port)))]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_: found)
        reported = asking(server, other).metadata_of(other)
    assert str(reported.fault).startswith("no safe connection: ")
    assert not server.requests


@pytest.mark.parametrize("what", [web_server.drip(0.01), web_server.dripping_head])
def test_over_tls_a_photo_takes_no_longer_either(
    certificate: Path, monkeypatch: pytest.MonkeyPatch, what: Fault, promptly: Callable[..., Any]
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with serving({"a.jpg": PHOTO}, certificate) as server:
        start = time.monotonic()
        assert promptly(lambda: fault_of(server, what, seconds=0.4))[1]
        assert time.monotonic() - start < 5


def test_a_server_that_is_silent_before_tls_is_left(promptly: Callable[..., Any]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        origin = f"https://127.0.0.1:{silent.getsockname()[1]}"
        asked = Web(Limits((origin,), True, 8, 0.4, 1000))
        metadata = promptly(lambda: asked.metadata_of(f"{origin}/a.jpg"))
    assert metadata.retryable


def test_what_is_not_tls_is_reported() -> None:
    with socket.create_server(("127.0.0.1", 0)) as plain, ThreadPoolExecutor(1) as pool:
        origin = f"https://127.0.0.1:{plain.getsockname()[1]}"
        metadata = pool.submit(
            Web(Limits((origin,), True, 8, 5, 1000)).metadata_of, f"{origin}/a.jpg"
        )
        for _ in range(1 + TRIES):  # HEAD, and then GET
            connection, _ = plain.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                connection.recv(4096)
        assert str(metadata.result().fault).startswith("no safe connection: ")
    assert metadata.result().retryable


def test_a_redirect_from_https_to_http_is_refused(
    server: Server, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with serving({"a.jpg": PHOTO}, certificate) as safe:
        asked = asking(server, safe.origin)
        safe.faults["a.jpg"] = redirect(server.address("a.jpg"))
        reported = fault(lambda: asked.fetch(safe.address("a.jpg")))
        assert reported == ("a redirect from https to http", False)
        assert not server.requests
        del safe.faults["a.jpg"]
        server.faults["a.jpg"] = redirect(safe.address("a.jpg"))
        assert asked.fetch(server.address("a.jpg")) == PHOTO
