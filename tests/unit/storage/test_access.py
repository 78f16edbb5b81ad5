"""Tests of what asks addresses of every kind."""

import os

import pytest

from similar_images.storage import access
from similar_images.storage.access import Access
from similar_images.storage.addresses import FetchError, Limits
from web_server import serving, status


@pytest.mark.parametrize("many", [2, 1000])
def test_looks_are_in_the_order_of_the_addresses_however_many_processes_ask(
    monkeypatch: pytest.MonkeyPatch, many: int
) -> None:
    monkeypatch.setattr(access, "MANY", many)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    with serving({f"{n}.jpg": bytes(n) for n in range(1, 20)}) as server:
        server.faults["7.jpg"] = status(404)
        addresses = [server.address(f"{n}.jpg") for n in range(1, 20)]
        found = Access(Limits((server.origin,), True, 6, 5, 1000)).metadata_of(addresses)
        assert server.requests.total() == 19 + 1, "GET, where HEAD found nothing"
    assert [metadata.size for metadata in found] == [0 if n == 7 else n for n in range(1, 20)]
    assert [metadata.fault for metadata in found if metadata.fault] == ["404: not found"]


def test_each_scheme_is_asked_of_what_knows_it_and_others_of_nobody() -> None:
    asked = Access(Limits(("s3://shop",), False, 1, 1, 1))
    found = asked.metadata_of(
        ["s3://other/1.jpg", "https://other.example/1.jpg", "file:///etc/passwd"]
    )
    reported = [metadata.fault or "" for metadata in found]
    assert reported[0].startswith("s3://other is not in remote.allowed")
    assert reported[1].startswith("https://other.example is not in remote.allowed")
    assert reported[2].startswith("an address of file; these can be read: http, https, s3")
    with pytest.raises(FetchError, match="an address of file"):
        asked.fetch("file:///etc/passwd")
