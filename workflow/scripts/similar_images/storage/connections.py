"""Web connections to public addresses only, with a limit of time for the whole answer."""

import math
import socket
import ssl
import sys
import time
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, cast

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.response import HTTPResponse

# An answer must begin within this share of the remaining time; the rest is for retries.
PATIENCE = 0.5
# Not public, although Python counts them as public. Cloud providers use them for internal services,
# such as Oracle's metadata (192.0.0.192) and Azure's (168.63.129.16). The IANA's registry of
# special addresses, https://www.iana.org/assignments/iana-ipv4-special-registry.
RESERVED = tuple(map(ip_network, ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32")))
GLOBAL = IPv6Network("2000::/3")  # RFC 4291, 2.4: all public addresses
NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: an IPv4 address in the last 32 bits


class PrivateAddressError(Exception):
    """A host whose name leads to an address that is not public.

    Not an OSError, because urllib3 treats those as failed connections.
    """


def is_public(text: str) -> bool:
    """Whether the IP address `text` is public.

    Private, loopback, link-local, multicast, reserved and shared (RFC 6598) addresses are not, nor
    is an IPv6 address that leads to such an IPv4 address.
    """
    address = ip_address(text)
    if isinstance(address, IPv6Address):
        inner = _inner(address)
        return _is_public4(inner) if inner else address in GLOBAL and address.is_global
    return _is_public4(address)


def _is_public4(address: IPv4Address) -> bool:
    return (
        address.is_global
        and not address.is_multicast
        and not any(address in network for network in RESERVED)
    )


def _inner(address: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address that `address` leads to: mapped, 6to4 or NAT64."""
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


class _Timed(socket.socket):
    """A socket that raises `TimeoutError` after the time `ends`.

    The timeout of an ordinary socket starts again with every byte.
    """

    ends = math.inf

    def recv_into(self, *args: Any) -> int:
        self.settimeout(_left(self.ends))
        return super().recv_into(*args)


class _TimedTls(_Timed, ssl.SSLSocket):
    pass


def _left(ends: float) -> float:
    left = ends - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def tls() -> ssl.SSLContext:
    """Return the settings of TLS, with the certificates that the system trusts."""
    context = ssl.create_default_context()
    context.sslsocket_class = _TimedTls
    return context


class GuardedConnection(HTTPConnection):
    """A connection to a public address, or to any if `private`.

    The name is looked up once, and the connection goes to the address that was checked. This
    prevents DNS rebinding. All reading ends after `timeout`.
    """

    def __init__(self, *args: Any, private: bool = False, **options: Any) -> None:
        self._private = private
        super().__init__(*args, **options)

    def _new_conn(self) -> socket.socket:
        """Return a connected socket.

        Raises:
            PrivateAddressError: the host is not public.
        """
        patience = cast(float, self.timeout) * PATIENCE
        try:
            found = socket.getaddrinfo(self._dns_host, self.port, 0, socket.SOCK_STREAM)
        except (socket.gaierror, UnicodeError) as error:
            raise NameResolutionError(self.host, self, cast(socket.gaierror, error)) from error
        if not self._private and not all(is_public(str(name[4][0])) for name in found):
            raise PrivateAddressError
        try:
            connected = _connect(found, time.monotonic() + patience)
        except TimeoutError as error:
            raise ConnectTimeoutError(self, "") from error
        except OSError as error:
            raise NewConnectionError(self, "") from error
        sys.audit("http.client.connect", self, self.host, self.port)
        return connected

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]
        """Return the server's answer; its body is not read yet."""
        now, seconds = time.monotonic(), cast(float, self.timeout)
        connected = cast(_Timed, self.sock)
        connected.ends = now + seconds * PATIENCE
        response = super().getresponse()
        connected.ends = now + seconds
        return response


class GuardedTlsConnection(GuardedConnection, HTTPSConnection):
    """The same, with TLS."""


def _connect(found: list[Any], ends: float) -> _Timed:
    """Return a socket to the first of `found` that answers; they share the time until `ends`.

    Raises:
        OSError: none did.
    """
    failed: OSError = OSError("no address")
    for tried, (family, kind, protocol, _, name) in enumerate(found):
        connected = _Timed(family, kind, protocol)
        try:
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connected.settimeout(_left(ends) / (len(found) - tried))
            connected.connect(name)
            connected.settimeout(_left(ends))  # for the TLS handshake
            return connected
        except OSError as error:
            connected.close()
            failed = error
    raise failed


class GuardedPool(HTTPConnectionPool):
    """Connections to a host."""

    ConnectionCls = GuardedConnection


class GuardedTlsPool(HTTPSConnectionPool):
    """The same, with TLS."""

    ConnectionCls = GuardedTlsConnection
