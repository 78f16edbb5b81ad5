"""Tests of the address that the server prints."""

import ipaddress
import socket

import pytest

from similar_images.server.run import address_for_others


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_a_server_at_all_addresses_is_reached_at_one_of_them(host: str) -> None:
    address = address_for_others(host)
    assert address == "localhost" or not ipaddress.ip_address(address).is_unspecified


def test_without_a_network_it_is_reached_from_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(self: socket.socket, address: object) -> None:
        raise OSError

    monkeypatch.setattr(socket.socket, "connect", unreachable)
    assert address_for_others("::") == "localhost"


def test_any_other_host_is_printed_as_it_was_given() -> None:
    assert address_for_others("192.168.1.5") == "192.168.1.5"
