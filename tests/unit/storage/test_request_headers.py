"""Tests of the request headers that the settings name, whose values are in the environment."""

from typing import Any

import pytest

from similar_images.core.errors import UserError
from similar_images.storage.addresses import Limits, parse

SHOP = "https://shop.example/photos"
SECRET = "hunter2"


def limits(headers: dict[str, dict[str, str]], private: bool = False) -> Limits:
    remote: dict[str, Any] = {"allowed": ["https://*"], "private": private, "connections": 1}
    remote |= {"seconds": 1, "max_bytes": 1, "user_agent": "me", "headers": headers}
    return Limits.of(remote)


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_TOKEN", f"Bearer {SECRET}")
    monkeypatch.setenv("SHOP_KEY", "key")


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (f"{SHOP}/a.jpg?b#c", {"Authorization": f"Bearer {SECRET}", "X-Key": "key"}),
        ("HTTPS://Shop.Example:443/photos/a.jpg", {"Authorization": f"Bearer {SECRET}"}),
        ("https://shop.example/a.jpg", {}),
        ("https://shop.example/photos/../a.jpg", {}),
        ("https://shop.example/photos2/a.jpg", {}),
        ("https://shop.example:8443/photos/a.jpg", {}),
        ("https://cdn.shop.example/photos/a.jpg", {}),
        ("https://shop.example.evil.org/photos/a.jpg", {}),
        ("http://shop.example/photos/a.jpg", {}),
    ],
)
def test_headers_belong_to_the_addresses_that_begin_so(
    address: str, expected: dict[str, str]
) -> None:
    given = limits({SHOP: {"Authorization": "SHOP_TOKEN", "X-Key": "SHOP_KEY"}})
    found = given.headers_for(parse(address))
    assert found.items() >= expected.items()
    assert bool(found) == bool(expected)


def test_no_text_about_the_limits_holds_a_value() -> None:
    assert SECRET not in repr(limits({SHOP: {"Authorization": "SHOP_TOKEN"}}))


def test_a_variable_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SHOP_TOKEN")
    with pytest.raises(UserError) as raised:
        limits({SHOP: {"Authorization": "SHOP_TOKEN"}})
    assert str(raised.value) == (
        f"remote.headers.{SHOP}.Authorization: the environment variable SHOP_TOKEN is not set. "
        "Set it where you start snakemake: export SHOP_TOKEN=…"
    )


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        f"{SECRET}\r\nHost: evil.org",
        f"{SECRET}\n",
        f"{SECRET}\t",
        f"{SECRET}ü",
        "a" * 9000,
    ],
)
def test_a_value_that_cannot_be_sent_is_refused_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("SHOP_TOKEN", value)
    with pytest.raises(UserError, match="SHOP_TOKEN cannot be sent") as raised:
        limits({SHOP: {"Authorization": "SHOP_TOKEN"}})
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize(
    "header",
    [
        *("Host", "content-length", "Transfer-Encoding", "Connection", "Accept-Encoding", "Range"),
        *("User-Agent", "Proxy-Authorization", "If-None-Match", "Upgrade"),
    ],
)
def test_headers_of_the_program_itself_cannot_be_set(header: str) -> None:
    with pytest.raises(UserError, match=f"{header}: this header is set by the program"):
        limits({SHOP: {header: "SHOP_TOKEN"}})


@pytest.mark.parametrize(
    ("beginning", "reported"),
    [
        ("http://shop.example", "is not of https"),
        ("s3://shop", "is not of https"),
        ("https://*.example", "has a * in its host"),
        ("https://shop.example?a=b", "has a query"),
        ("https://me:pw@shop.example", "a name or password"),
    ],
)
def test_values_go_to_one_host_alone_and_encrypted(beginning: str, reported: str) -> None:
    with pytest.raises(UserError, match=r"^remote\.headers: ") as raised:
        limits({beginning: {"Authorization": "SHOP_TOKEN"}})
    assert reported in str(raised.value)


def test_in_a_private_network_http_is_enough() -> None:
    given = limits({"http://nas.local": {"X-Key": "SHOP_KEY"}}, private=True)
    assert given.headers_for(parse("http://nas.local/a.jpg")) == {"X-Key": "key"}
