"""Tests of photos through a proxy, with a proxy that records what it is asked for."""

import logging
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

import web_server
from proxy_server import ForwardProxy, proxying
from similar_images.storage import web
from similar_images.storage.addresses import FetchError, Limits, ObjectMetadata, parse
from similar_images.storage.proxies import Proxies
from similar_images.storage.web import TRIES, Web
from web_server import Server, redirect, serving, status

PHOTO = bytes(range(256)) * 40
SECRET = "hunter2"
# No test may look up names of the internet.
KNOWN = {"localhost": "127.0.0.1", "public.example": "8.8.8.8", "inner.example": "10.0.0.1"}
# Of shop.example, signed by itself, until 2126.
CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIBnjCCAUSgAwIBAgIUD/TE1xiWK/FLGgefrFK1bQG2bLkwCgYIKoZIzj0EAwIw
FzEVMBMGA1UEAwwMc2hvcC5leGFtcGxlMCAXDTI2MTEyNzE2MzAzMFoYDzIxMjYx
MTAzMTYzMDMwWjAXMRUwEwYDVQQDDAxzaG9wLmV4YW1wbGUwWTATBgcqhkjOPQIB
BggqhkjOPQMBBwNCAATx3Xs+8mKjCno+gJSaMSH/pEZjnS19tXV+hv5cWHng2aD7
YFgrAPLeJk8erLdQunTiMqt2u1fUZeWXibTxoS/vo2wwajAdBgNVHQ4EFgQUS27A
bsMcg7L/kuaWNEq8gVFFLJIwHwYDVR0jBBgwFoAUS27AbsMcg7L/kuaWNEq8gVFF
LJIwDwYDVR0TAQH/BAUwAwEB/zAXBgNVHREEEDAOggxzaG9wLmV4YW1wbGUwCgYI
KoZIzj0EAwIDSAAwRQIgSFqD8sBiAt7CpVc1xyeyRxZH57KqKjCf/xokz8jMymoC
IQCD8mTaAgpSaOPZ4/iB7eQ0KQraux2nn+QV7eSZ7VaC+g==
-----END CERTIFICATE-----
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgH+QHON0N+rt7kU1F
RCi3MHU0+SAfJCg2U+GYfnIgOruhRANCAATx3Xs+8mKjCno+gJSaMSH/pEZjnS19
tXV+hv5cWHng2aD7YFgrAPLeJk8erLdQunTiMqt2u1fUZeWXibTxoS/v
-----END PRIVATE KEY-----
"""
HTTP, HTTPS = "http://shop.example", "https://shop.example"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    look_up = socket.getaddrinfo

    def known_alone(host: str, *others: Any) -> Any:
        if host[0].isdigit() or ":" in host:
            return look_up(host, *others)
        if host not in KNOWN:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return look_up(KNOWN[host], *others)

    monkeypatch.setattr(socket, "getaddrinfo", known_alone)
    monkeypatch.setattr(web, "FIRST_WAIT", 0.001)
    for scheme in ("http", "https", "all", "no"):
        for name in (f"{scheme}_proxy", f"{scheme}_PROXY".upper()):
            monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving({"a.jpg": PHOTO, "b.jpg": PHOTO}) as server:
        yield server


@pytest.fixture
def safe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    certificate = tmp_path / "certificate.pem"
    certificate.write_text(CERTIFICATE)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with serving({"a.jpg": PHOTO, "b.jpg": PHOTO}, certificate) as server:
        yield server


@pytest.fixture
def proxy(server: Server, safe: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[ForwardProxy]:
    hosts = {"shop.example:80": server.origin, "public.example:80": server.origin}
    others = {"other.example:80": server.origin, "other.example:443": safe.origin}
    hosts |= {"shop.example:443": safe.origin} | others
    with proxying(hosts, password=f"me:{SECRET}") as proxy:
        monkeypatch.setenv("http_proxy", proxy.address)
        monkeypatch.setenv("https_proxy", proxy.address)
        yield proxy


def asking(*allowed: str, **limits: Any) -> Web:
    defaults = {"private": False, "connections": 8, "seconds": 10, "max_bytes": 100_000}
    return Web(Limits(allowed or ("http://*", "https://*"), **(defaults | limits)))


def fault(fetch: Callable[[], object]) -> tuple[str, bool]:
    with pytest.raises(FetchError) as raised:
        fetch()
    return str(raised.value), raised.value.retryable


def test_a_photo_of_http_is_forwarded(proxy: ForwardProxy, server: Server) -> None:
    asked = asking()
    assert asked.fetch(f"{HTTP}/a.jpg?x=1#y") == PHOTO
    assert asked.metadata_of(f"{HTTP}/a.jpg").size == len(PHOTO)
    assert proxy.asked == [f"GET {HTTP}/a.jpg?x=1", f"HEAD {HTTP}/a.jpg"]
    assert b"\r\nHost: shop.example\r\n" in server.heads["a.jpg"]


@pytest.mark.parametrize("path", ["schöne schuhe.jpg", "a?x=b c&d=%2F", "100%25.jpg", "", "a//b"])
def test_a_proxy_is_asked_for_the_same_target_as_the_server_itself(
    proxy: ForwardProxy, server: Server, path: str
) -> None:
    lines = []
    for origin in (server.origin, HTTP):
        asking(origin, private=True).metadata_of(f"{origin}/{path}")
        lines.append(server.heads[unquote(path.partition("?")[0])].split(b"\r\n")[0])
    assert lines[0] == lines[1]


def test_a_photo_of_https_comes_through_a_tunnel_that_hides_all_but_the_host(
    proxy: ForwardProxy, safe: Server
) -> None:
    asked = asking()
    assert asked.fetch(f"{HTTPS}/a.jpg?{SECRET}") == PHOTO
    assert asked.metadata_of(f"{HTTPS}/a.jpg").size == len(PHOTO)
    assert proxy.asked == ["CONNECT shop.example:443"], "one tunnel for all"
    assert b"a.jpg" not in b"".join(proxy.heads)
    assert safe.requests == {("GET", "a.jpg"): 1, ("HEAD", "a.jpg"): 1}


def test_through_a_tunnel_the_certificate_must_be_that_of_the_host(
    proxy: ForwardProxy, safe: Server
) -> None:
    reported = asking().metadata_of("https://other.example/a.jpg")
    assert "no safe connection: hostname mismatch" in str(reported.fault).lower()
    assert not safe.requests


def test_the_proxy_alone_learns_its_password(
    proxy: ForwardProxy, server: Server, safe: Server
) -> None:
    asked = asking()
    asked.fetch(f"{HTTP}/a.jpg")
    asked.fetch(f"{HTTPS}/b.jpg")
    assert all(b"\r\nProxy-Authorization: Basic " in head for head in proxy.heads)
    for head in (server.heads["a.jpg"], safe.heads["b.jpg"]):
        assert b"Proxy-Authorization" not in head


def test_secret_headers_go_through_the_tunnel_and_not_to_the_proxy(
    proxy: ForwardProxy, safe: Server
) -> None:
    asking(headers=((HTTPS, (("Authorization", "token"),)),)).fetch(f"{HTTPS}/a.jpg")
    assert b"\r\nAuthorization: token\r\n" in safe.heads["a.jpg"]
    assert b"token" not in b"".join(proxy.heads)


def test_what_is_not_allowed_is_not_asked_of_a_proxy_either(
    proxy: ForwardProxy, server: Server
) -> None:
    asked = asking(HTTP)
    assert fault(lambda: asked.fetch("http://other.example/a.jpg"))[0].endswith("remote.allowed")
    server.faults["a.jpg"] = redirect("http://other.example/b.jpg")
    reported = "a redirect: http://other.example is not in remote.allowed"
    assert fault(lambda: asked.fetch(f"{HTTP}/a.jpg")) == (reported, False)
    server.faults["a.jpg"] = redirect("https://other.example/b.jpg")
    assert fault(lambda: asked.fetch(f"{HTTP}/a.jpg"))[0].endswith("remote.allowed")
    assert proxy.asked == [f"GET {HTTP}/a.jpg"] * 2


def test_a_redirect_from_https_to_http_is_refused_through_a_proxy(
    proxy: ForwardProxy, safe: Server
) -> None:
    safe.faults["a.jpg"] = redirect(f"{HTTP}/a.jpg")
    reported = ("a redirect from https to http", False)
    assert fault(lambda: asking().fetch(f"{HTTPS}/a.jpg")) == reported


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    "host",
    [
        *("inner.example", "10.0.0.1", "169.254.169.254", "192.168.1.1", "[fd00::1]"),
        *("[::ffff:10.0.0.1]", "0xa000001", "10.1", "167772161"),
        *("intranet", "printer.local", "metadata.google.internal", "nas.home.arpa"),
        *("a.localhost", "LOCALHOST.", "nas.lan", "git.corp", "wiki.intranet", "web.shop.svc"),
    ],
)
def test_a_private_host_is_not_asked_of_a_proxy(
    proxy: ForwardProxy, scheme: str, host: str, server: Server
) -> None:
    reported = ObjectMetadata(fault="an address of a private network")
    assert asking().metadata_of(f"{scheme}://{host}/a.jpg") == reported
    server.faults["a.jpg"] = redirect(f"{scheme}://{host}/a.jpg")
    assert fault(lambda: asking().fetch(f"{HTTP}/a.jpg"))[0] == reported.fault
    assert proxy.asked == [f"GET {HTTP}/a.jpg"]


def test_a_private_host_is_asked_of_a_proxy_if_the_settings_allow_it(
    proxy: ForwardProxy, server: Server
) -> None:
    assert fault(lambda: asking(private=True, seconds=1).fetch("http://10.0.0.1/a.jpg"))
    assert proxy.asked[0] == "GET http://10.0.0.1/a.jpg"


@pytest.mark.parametrize("host", ["010.8.8.8", "8.0x8.8.8", "0x08080808", "8.8.8", "134744072"])
def test_a_number_that_is_no_usual_address_is_not_asked_of_a_proxy_even_if_it_is_public(
    proxy: ForwardProxy, host: str
) -> None:
    reported = ("an address of a private network", False)
    assert fault(lambda: asking().fetch(f"http://{host}/a.jpg")) == reported
    assert proxy.asked == []


def test_a_host_that_is_known_here_and_public_is_asked_of_a_proxy(proxy: ForwardProxy) -> None:
    assert asking().fetch("http://public.example/a.jpg") == PHOTO


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.8.8.8"])
def test_this_machine_is_not_asked_through_a_proxy(
    proxy: ForwardProxy, server: Server, host: str
) -> None:
    there = server.origin.replace("127.0.0.1", host)
    reported = ("an address of a private network", False)
    assert fault(lambda: asking(there).fetch(f"{there}/a.jpg")) == reported
    if host != "127.8.8.8":
        assert asking(there, private=True).fetch(f"{there}/a.jpg") == PHOTO
    assert proxy.asked == []


@pytest.mark.parametrize(
    ("excepted", "address"),
    [
        ("shop.example", HTTPS),
        ("other.example, .example", HTTPS),
        ("shop.example:443", HTTPS),
        ("*", HTTP),
        ("10.0.0.0/8", "http://10.1.2.3"),
        ("10.1.2.3", "http://10.1.2.3"),
        ("fd00::/8", "http://[fd00::1]"),
        ("::1,fd00::1", "http://[fd00::1]:81"),
    ],
)
def test_hosts_in_no_proxy_are_asked_directly(
    proxy: ForwardProxy, monkeypatch: pytest.MonkeyPatch, excepted: str, address: str
) -> None:
    assert Proxies().of(parse(address)) is not None
    monkeypatch.setenv("no_proxy", excepted)
    assert Proxies().of(parse(address)) is None


def test_a_host_in_no_proxy_gets_no_request_through_it(
    proxy: ForwardProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "shop.example")
    assert asking().metadata_of(f"{HTTP}/a.jpg").fault == "there is no host of that name"
    assert proxy.asked == []


@pytest.mark.parametrize(
    ("variables", "address", "expected"),
    [
        ({"HTTP_PROXY": "http://a:81"}, HTTP, ("a", 81)),
        ({"HTTP_PROXY": "http://a:81"}, HTTPS, None),
        ({"HTTP_PROXY": "http://a:81", "http_proxy": "http://b"}, HTTP, ("b", 80)),
        ({"ALL_PROXY": "a:3128"}, HTTPS, ("a", 3128)),
        ({"ALL_PROXY": "http://a", "HTTPS_PROXY": "http://[::1]:8"}, HTTPS, ("::1", 8)),
        ({"HTTPS_PROXY": ""}, HTTPS, None),
    ],
)
def test_the_variable_of_the_scheme_says_which_proxy(
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    address: str,
    expected: tuple[str, int] | None,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    proxy = Proxies().of(parse(address))
    assert (proxy and (proxy.host, proxy.port)) == expected


@pytest.mark.parametrize(
    "text", ["socks5://a:1", "https://a", "http://", "http://a:x", "http://[a"]
)
def test_a_proxy_of_another_kind_is_reported_without_its_password(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("ALL_PROXY", text.replace("//", f"//me:{SECRET}@"))
    reported = "the proxy in ALL_PROXY cannot be used: write it as http://host:port"
    assert asking().metadata_of(f"{HTTPS}/a.jpg") == ObjectMetadata(fault=reported, retryable=True)


@pytest.mark.parametrize("code", [403, 407, 502, 504])
def test_a_proxy_that_refuses_a_tunnel_is_no_fault_of_the_photo(
    proxy: ForwardProxy, code: int
) -> None:
    proxy.fault = [web_server.head(code)]
    reported, retryable = fault(lambda: asking().fetch(f"{HTTPS}/a.jpg"))
    assert reported.startswith(f"the proxy refuses: {code}: ")
    assert retryable
    assert len(proxy.asked) == (TRIES if code > 500 else 1)


def test_a_wrong_password_is_reported(
    proxy: ForwardProxy, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, proxy.address.replace("me:", "me:not"))
    asked = asking()
    for address, reported in ((HTTP, "407"), (HTTPS, "the proxy refuses: 407")):
        metadata = asked.metadata_of(f"{address}/a.jpg")
        assert str(metadata.fault).startswith(f"{reported}: proxy authentication required")
        assert metadata.retryable
        assert SECRET not in str(metadata.fault) + caplog.text
    assert SECRET not in repr(Proxies().of(parse(HTTP)))


@pytest.mark.parametrize(
    "script",
    [
        [3600.0],
        [b"HTTP/1.1 200 OK\r\nX-Long: ", *[b"x", 0.02] * 1000],
        [b"HTTP/1.1 200 OK\r\n\r\n", 3600.0],
    ],
)
@pytest.mark.parametrize("address", [HTTP, HTTPS])
def test_through_a_proxy_a_photo_takes_no_longer_than_it_may(
    proxy: ForwardProxy, script: web_server.Script, address: str, promptly: Callable[..., Any]
) -> None:
    proxy.fault = script
    start = time.monotonic()
    assert promptly(lambda: fault(lambda: asking(seconds=0.5).fetch(f"{address}/a.jpg")))[1]
    assert time.monotonic() - start < 5


@pytest.mark.parametrize(
    ("address", "answer", "reported"),
    [
        (HTTP, b"", "the connection broke off"),
        (HTTPS, b"", "no answer from the proxy: remote end closed connection"),
        (HTTP, b"garbage\r\n\r\n", "an answer that is not of HTTP"),
        (HTTPS, b"garbage\r\n\r\n", "no answer from the proxy: it is not of HTTP"),
        (HTTPS, b"HTTP/1.1 200 OK\r\n\r\nno TLS", ""),
    ],
)
def test_a_proxy_that_answers_nonsense_is_reported(
    proxy: ForwardProxy, address: str, answer: bytes, reported: str
) -> None:
    proxy.fault = [answer]
    reason, retryable = fault(lambda: asking().fetch(f"{address}/a.jpg"))
    assert reason.startswith(reported)
    assert retryable


def test_a_proxy_that_is_not_there_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        monkeypatch.setenv("all_proxy", f"me:{SECRET}@127.0.0.1:{nobody.getsockname()[1]}")
        reported = "no connection to the proxy: connection refused; tried 4 times"
        assert fault(lambda: asking().fetch(f"{HTTPS}/a.jpg")) == (reported, True)
    monkeypatch.setenv("all_proxy", "http://nowhere.example")
    reported = "no connection to the proxy: name or service not known; tried 4 times"
    assert fault(lambda: asking().fetch(f"{HTTP}/a.jpg")) == (reported, True)


@pytest.mark.parametrize("address", [HTTP, HTTPS])
def test_the_limits_of_a_photo_hold_through_a_proxy(proxy: ForwardProxy, address: str) -> None:
    asked = asking(max_bytes=len(PHOTO) - 1)
    assert fault(lambda: asked.fetch(f"{address}/a.jpg")) == ("more than 10,239 bytes", False)


def test_a_photo_that_is_gone_is_gone_through_a_proxy_too(
    proxy: ForwardProxy, server: Server
) -> None:
    server.faults["a.jpg"] = status(404)
    assert asking().metadata_of(f"{HTTP}/a.jpg") == ObjectMetadata(fault="404: not found")


@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")
@pytest.mark.parametrize("address", [HTTP, HTTPS])
def test_curl_asks_a_proxy_for_the_same(proxy: ForwardProxy, address: str, tmp_path: Path) -> None:
    asking().fetch(f"{address}/a.jpg")
    ours = list(proxy.asked)
    proxy.asked.clear()
    certificate = str(tmp_path / "certificate.pem")
    command = ["curl", "-sS", "--cacert", certificate, f"{address}/a.jpg"]
    assert subprocess.run(command, capture_output=True, check=True, timeout=30).stdout == PHOTO
    assert proxy.asked == ours
