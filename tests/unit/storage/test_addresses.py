"""Tests of which addresses may be asked, and what they are called."""

from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from similar_images.core.errors import UserError
from similar_images.storage.addresses import LONGEST, FetchError, Limits, is_address, name_of, parse

SECRET = "hunter2"
OTHERS: dict[str, Any] = {"user_agent": "me", "headers": {}}


def limits(*allowed: str) -> Limits:
    return Limits(allowed, private=False, connections=8, seconds=30, max_bytes=1000)


def fault(address: str, *allowed: str) -> str | None:
    """Return why `address` may not be asked, or None."""
    try:
        limits(*allowed).check(address)
    except FetchError as error:
        return f"{error}, but it heals" if error.retryable else str(error)
    return None


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("https://cdn.example.com/a.jpg", "https://cdn.example.com"),
        ("https://cdn.example.com", "https://cdn.example.com/"),
        ("HTTPS://CDN.Example.com/a.jpg", "https://cdn.example.com"),
        ("https://cdn.example.com./a.jpg", "https://cdn.example.com"),
        ("https://cdn.example.com:443/a.jpg", "https://cdn.example.com"),
        ("https://cdn.example.com/a.jpg", "https://cdn.example.com:443"),
        ("http://cdn.example.com:80/a.jpg", "http://cdn.example.com"),
        ("https://cdn.example.com:8443/a.jpg", "https://cdn.example.com:8443"),
        ("https://cdn.example.com/photos/a.jpg", "https://cdn.example.com/photos"),
        ("https://cdn.example.com/photos", "https://cdn.example.com/photos/"),
        ("https://cdn.example.com/a/../b.jpg", "https://cdn.example.com"),
        ("https://cdn.example.com/photos/a..b/..c.jpg", "https://cdn.example.com/photos"),
        ("https://cdn.example.com/photos/my photo.jpg", "https://cdn.example.com/photos"),
        ("https://a.b.example.com/a.jpg", "https://*.example.com"),
        ("https://cdn7.example.com/a.jpg", "https://cdn*.example.com"),
        ("https://anything.org/a.jpg", "https://*"),
        ("https://bücher.example/a.jpg", "https://xn--bcher-kva.example"),
        ("https://xn--bcher-kva.example/a.jpg", "https://bücher.example"),
        ("http://[2606:4700::1]/a.jpg", "http://[2606:4700::1]"),
        ("http://[2606:4700:0:0::0001]:80/a.jpg", "http://[2606:4700::1]"),
        ("s3://shop/photos/a.jpg", "s3://shop/photos"),
        ("gs://shop/a.jpg", "gs://shop"),
    ],
)
def test_what_begins_as_one_of_the_allowed_may_be_asked(address: str, allowed: str) -> None:
    assert fault(address, "https://elsewhere.example", allowed) is None


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("http://cdn.example.com/a.jpg", "https://cdn.example.com"),
        ("https://cdn.example.com.evil.org/a.jpg", "https://cdn.example.com"),
        ("https://evil.org/cdn.example.com/a.jpg", "https://cdn.example.com"),
        ("https://example.com/a.jpg", "https://*.example.com"),
        ("https://evilexample.com/a.jpg", "https://*.example.com"),
        ("https://cdnXexample.com/a.jpg", "https://cdn.example.com"),
        ("https://cdn.example.com:8443/a.jpg", "https://cdn.example.com"),
        ("https://cdn.example.com:80/a.jpg", "https://cdn.example.com"),
        ("https://anything.org:22/a.jpg", "https://*"),
        ("https://cdn.example.com/photos2/a.jpg", "https://cdn.example.com/photos"),
        ("https://cdn.example.com/Photos/a.jpg", "https://cdn.example.com/photos"),
        ("https://cdn.example.com/", "https://cdn.example.com/photos"),
        # A host in brackets is no class of characters.
        ("http://4/a.jpg", "http://[2606:4700::4]"),
        ("http://[2606:4700::2]/a.jpg", "http://[2606:4700::1]"),
        ("s3://shop2/a.jpg", "s3://shop"),
        ("s3://shop/private/a.jpg", "s3://shop/photos"),
        ("gs://shop/photos/a.jpg", "s3://shop/photos"),
    ],
)
def test_all_else_may_not_be_asked(address: str, allowed: str) -> None:
    assert str(fault(address, allowed)).endswith(" is not in remote.allowed")


@pytest.mark.parametrize(("dot", "slash"), [*product([".", "%2e", "%2E", "%252e"], ["/", "%2f"])])
def test_no_path_leads_up_out_of_what_is_allowed(dot: str, slash: str) -> None:
    allowed = "https://cdn.example.com/photos"
    up = dot + dot
    for path in (f"/{up}{slash}a.jpg", f"/b{slash}{up}{slash}a.jpg", f"/{up}", f"/{up};x/a.jpg"):
        assert fault(f"{allowed}{path}", allowed) is not None, path
    assert fault(f"{allowed}\\{up}\\a.jpg", allowed) is not None
    assert fault(f"{allowed}/\\{up}\\a.jpg", allowed) is not None


@pytest.mark.parametrize("scheme", ["file", "ftp", "data", "javascript", "gopher", "adl", "local"])
def test_other_schemes_cannot_be_read_whatever_is_allowed(scheme: str) -> None:
    address = f"{scheme}://host/a.jpg"
    reported = f"an address of {scheme}; these can be read: http, https, s3, gs, az, abfs, oss"
    assert fault(address, "https://*") == reported


@pytest.mark.parametrize(
    "address",
    [
        f"https://{SECRET}@cdn.example.com/a.jpg",
        f"https://user:{SECRET}@cdn.example.com/a.jpg",
        f"https://cdn.example.com@{SECRET}/a.jpg",
        f"https://cdn.example.com\\@{SECRET}/a.jpg",
    ],
)
def test_a_name_or_password_before_the_host_is_refused_and_not_shown(address: str) -> None:
    assert fault(address, "https://*") == "an address with a name or password before its host"


@pytest.mark.parametrize(
    "address",
    [
        "",
        "a.jpg",
        "//cdn.example.com/a.jpg",
        "https:/cdn.example.com/a.jpg",
        "https://",
        "https:///a.jpg",
        "https://:443/a.jpg",
        "https://cdn.example.com:port/a.jpg",
        "https://cdn.example.com:99999/a.jpg",
        "https://cdn example.com/a.jpg",
        "https://evil.org\\.example.com/a.jpg",
        "https://cdn..example.com/a.jpg",
        "https://%31.example.com/a.jpg",
        "https://[::1/a.jpg",
        "https://[fe80::1%25eth0]/a.jpg",
        "https://[v1.x]/a.jpg",
        "https://cdn.example.com/a\r\nHost: evil.org\r\n.jpg",
        "https://cdn.exa\nmple.com/a.jpg",
        "https://cdn.example.com/\x00.jpg",
        f"https://{SECRET}\udcff.example.com/a.jpg",
        f"https://{'a' * 64}.example.com/a.jpg",
        # NFKC makes a slash of it; the message of Python would hold all of this.
        f"https://user:{SECRET}@ho\u2100st/a.jpg",
    ],
)
def test_what_is_no_address_is_reported_without_a_word_of_it(address: str) -> None:
    assert fault(address, "https://*", "https://*.example.com") == "not an address"


def test_an_address_has_an_end() -> None:
    start = "https://cdn.example.com/"
    assert fault(start.ljust(LONGEST, "a"), start) is None
    assert fault(start.ljust(LONGEST + 1, "a"), start) == "an address of more than 8000 characters"


def test_a_reason_holds_neither_path_nor_query() -> None:
    reported = fault(
        f"https://evil.org:8443/{SECRET}?key={SECRET}#{SECRET}", "https://cdn.example.com"
    )
    assert reported == "https://evil.org:8443 is not in remote.allowed"


@settings(max_examples=50)
@given(st.text(max_size=30), st.sampled_from(["", "https://", "s3://", "https://cdn.example.com/"]))
def test_any_text_may_be_asked_or_has_a_reason(text: str, start: str) -> None:
    fault(start + text, "https://cdn.example.com/photos", "s3://*")
    name_of(start + text)


@pytest.mark.parametrize(
    ("beginning", "reported"),
    [
        ("cdn.example.com", "is not an address"),
        ("file:///photos", "is an address of file"),
        ("https://me@cdn.example.com", "is an address with a name or password"),
        ("https://cdn.example.com:*", "is not an address"),
        ("https://cdn.example.com/photo?id=", "has a query"),
    ],
)
def test_what_is_allowed_is_checked_before_anything_is_asked(beginning: str, reported: str) -> None:
    remote = {
        "allowed": ["https://*", beginning],
        "private": False,
        "connections": 8,
        "seconds": 30,
        "max_bytes": 1000,
        **OTHERS,
    }
    with pytest.raises(UserError, match=r"^remote\.allowed: ") as raised:
        Limits.of(remote)
    assert reported in str(raised.value)


def test_the_limits_are_those_of_the_settings() -> None:
    remote = {
        "allowed": ["https://*"],
        "private": True,
        "connections": 8,
        "seconds": 30,
        "max_bytes": 1000,
        **OTHERS,
    }
    assert Limits.of(remote) == Limits(("https://*",), True, 8, 30, 1000, "me")


def test_an_address_differs_from_a_path() -> None:
    assert is_address("https://host/a.jpg")
    assert is_address("S3://shop/a.jpg")
    for path in ("photos/a.jpg", "/photos/a.jpg", "C:\\photos", "1://a", "://a", "https:/a", ""):
        assert not is_address(path)


def test_the_parts_of_two_ways_to_write_an_address_are_the_same() -> None:
    assert parse("HTTP://Host.:80/a?b#c") == parse("http://host/a?b")
    assert parse("http://[::0:1]:81/").place == "http://[::1]:81"


def test_a_name_hides_what_may_be_a_secret() -> None:
    shown = "https://cdn.example.com/a.jpg"
    assert name_of(shown) == shown
    assert name_of(f"{shown}#part") == shown
    for address in (
        f"{shown}?sig={SECRET}",
        f"{shown}?{SECRET}#{SECRET}",
        f"https://{SECRET}@cdn.example.com/a.jpg",
        f"https://user:{SECRET}@cdn.example.com/a.jpg?{SECRET}",
    ):
        assert name_of(address).startswith(f"{shown}?#")
        assert SECRET not in name_of(address)


def test_a_name_is_of_its_address_alone() -> None:
    shown = "https://host/a.jpg"
    addresses = [
        shown,
        f"{shown}?",
        f"{shown}?a",
        f"{shown}?a?",
        f"{shown}?b@",
        "https://a@host/a.jpg",
        "https://a@host/a.jpg?b@",
        "https://a:@host/a.jpg",
        "https://host/@a.jpg",
        "https://host/a.jpg\udcff?\udcff",
        "http://host/a.jpg",
        "s3://shop/a.jpg",
        # In a bucket these are parts of a name.
        "s3://shop/a.jpg#1",
        "s3://shop/a.jpg#2",
        "s3://shop/a.jpg?1",
        "s3://shop/a.jpg?1#1",
    ]
    addresses += [name_of(address) for address in addresses if address.startswith("s3")]
    addresses = [*dict.fromkeys(addresses)]
    assert len({name_of(address) for address in addresses}) == len(addresses)


@pytest.mark.parametrize("text", ["https://u:SECRET@cdn.example.com", "https://a.com?sig=SECRET"])
def test_a_beginning_that_is_not_allowed_is_reported_without_its_secret(text: str) -> None:
    settings = {"allowed": [text], "private": False, "connections": 1, "seconds": 1, "max_bytes": 1}
    settings |= OTHERS
    with pytest.raises(UserError) as refused:
        Limits.of(settings)
    assert "SECRET" not in str(refused.value)
    assert "remote.allowed" in str(refused.value)
