"""Web connections to public addresses only, with a limit of time for the whole answer.

Through a proxy, TLS goes through a tunnel (CONNECT): the certificate is that of the host, and the
proxy sees only the host's name and port.
"""

import http.client
import math
import re
import socket
import ssl
import sys
import time
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, ClassVar, cast

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.response import HTTPResponse

from ..core.errors import reason
from .proxies import Proxy

# An answer must begin within this share of the remaining time; the rest is for retries.
PATIENCE = 0.5
# Not public, although Python counts them as public. Cloud providers use them for internal services,
# such as Oracle's metadata (192.0.0.192) and Azure's (168.63.129.16). The IANA's registry of
# special addresses, https://www.iana.org/assignments/iana-ipv4-special-registry.
RESERVED = tuple(map(ip_network, ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32")))
GLOBAL = IPv6Network("2000::/3")  # RFC 4291, 2.4: all public addresses
NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: an IPv4 address in the last 32 bits
# A host that only a proxy can look up is private if it has one of these domains or none. RFC 6761,
# RFC 6762, RFC 8375; ICANN has reserved `internal`; companies and clusters use the last ones.
PRIVATE_NAME = re.compile(
    r"[^.]*|(?:.*\.)?(?:localhost|local|internal|home\.arpa|lan|corp|intranet|svc)\.?",
    re.IGNORECASE,
)
# A host that ends in a number is an IPv4 address (https://url.spec.whatwg.org/#ends-in-a-number).
NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)\.?", re.IGNORECASE)


class PrivateAddressError(Exception):
    """A host whose name leads to an address that is not public.

    Not an OSError, because urllib3 treats those as failed connections.
    """


class ProxyFailedError(Exception):
    """A proxy gives no connection; the message is the reason.

    Not an OSError, as `PrivateAddressError`.

    Attributes:
        status: of the proxy's answer, or 0 if there is none.
    """

    def __init__(self, reason: str, status: int = 0) -> None:
        super().__init__(reason)
        self.status = status


def check_behind_proxy(host: str, port: int) -> None:
    """Check that a host is public before a proxy is asked for it.

    Behind many proxies this machine cannot look up the names of the internet. Then the proxy alone
    does, and only hosts with the names of private networks are refused. So are IPv4 addresses in an
    unusual form, such as 010.0.0.1, which this machine and the proxy could read differently.

    Raises:
        PrivateAddressError: it is not public.
    """
    if NUMBER.fullmatch(host) and not _is_ipv4(host):
        raise PrivateAddressError
    try:
        found = _look_up(host, port)
    except (socket.gaierror, UnicodeError) as error:
        if PRIVATE_NAME.fullmatch(host):
            raise PrivateAddressError from error
        return
    _check_public(found)


def _is_ipv4(host: str) -> bool:
    """Whether `host` is an IPv4 address in its usual form: four decimals without leading zeros."""
    try:
        IPv4Address(host)
    except ValueError:
        return False
    return True


def _look_up(host: str, port: int) -> list[Any]:
    return socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)


def _check_public(found: list[Any]) -> None:
    if not all(is_public(str(name[4][0])) for name in found):
        raise PrivateAddressError


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
    """A connection to a public address, or to any if `private`, or to a proxy.

    Without a proxy, the name is looked up once, and the connection goes to the address that was
    checked. This prevents DNS rebinding. With a proxy, call `check_behind_proxy` before. All
    reading ends after `timeout`.
    """

    TUNNELS: ClassVar = False

    def __init__(
        self, *args: Any, private: bool = False, proxy: Proxy | None = None, **options: Any
    ) -> None:
        self._private = private
        self._through = proxy
        super().__init__(*args, **options)

    def _new_conn(self) -> socket.socket:
        """Return a connected socket.

        Raises:
            PrivateAddressError: the host is not public.
            ProxyFailedError: there is no connection through the proxy.
        """
        connected = self._connected() if self._through is None else self._behind(self._through)
        sys.audit("http.client.connect", self, self.host, self.port)
        return connected

    @property
    def _patience(self) -> float:
        return cast(float, self.timeout) * PATIENCE

    def _connected(self) -> "_Timed":
        """Return a socket to the host."""
        try:
            found = _look_up(self._dns_host, self.port)
        except (socket.gaierror, UnicodeError) as error:
            raise NameResolutionError(self.host, self, cast(socket.gaierror, error)) from error
        if not self._private:
            _check_public(found)
        try:
            return _connect(found, time.monotonic() + self._patience)
        except TimeoutError as error:
            raise ConnectTimeoutError(self, "") from error
        except OSError as error:
            raise NewConnectionError(self, "") from error

    def _behind(self, proxy: Proxy) -> "_Timed":
        """Return a socket to `proxy`, or to the host through it."""
        try:
            found = _look_up(proxy.host, proxy.port)
            ends = time.monotonic() + self._patience
            connected = _connect(found, ends)
        except (OSError, UnicodeError) as error:
            raise ProxyFailedError(f"no connection to the proxy: {_words(error)}") from error
        if self.TUNNELS:
            try:
                self._open_tunnel(connected, proxy, ends)
            except BaseException:
                connected.close()
                raise
        return connected

    def _open_tunnel(self, connected: "_Timed", proxy: Proxy, ends: float) -> None:
        """Let `proxy` connect to the host, RFC 9110, 9.3.6."""
        place = f"{f'[{self._dns_host}]' if ':' in self._dns_host else self._dns_host}:{self.port}"
        lines = [f"CONNECT {place} HTTP/1.1", f"Host: {place}"]
        lines += [f"{name}: {value}" for name, value in proxy.headers.items()]
        connected.ends = ends
        answer = http.client.HTTPResponse(connected, method="CONNECT")
        try:
            connected.sendall("".join(f"{line}\r\n" for line in [*lines, ""]).encode("ascii"))
            answer.begin()
        except (OSError, http.client.HTTPException) as error:
            raise ProxyFailedError(f"no answer from the proxy: {_words(error)}") from error
        finally:
            answer.close()
        if answer.status != 200:
            raise ProxyFailedError("the proxy refuses", answer.status)
        connected.settimeout(_left(ends))  # for the TLS handshake

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

    TUNNELS = True


def _words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it took too long"
    if isinstance(error, http.client.HTTPException) and not isinstance(error, OSError):
        return "it is not of HTTP"
    return reason(error) if isinstance(error, OSError) else "its name is not valid"


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
