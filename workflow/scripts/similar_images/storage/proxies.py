"""The proxies in the environment variables HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY."""

from base64 import b64encode
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies_environment, proxy_bypass

from .addresses import PORTS, FetchError, ParsedAddress


@dataclass(frozen=True)
class Proxy:
    """A proxy.

    Attributes:
        host: its name or IP address, without brackets.
        port: of its connections.
        authorization: the value of the header Proxy-Authorization, or "".
    """

    host: str
    port: int
    authorization: str = field(repr=False)

    @property
    def headers(self) -> dict[str, str]:
        """The request headers for the proxy itself."""
        return {"Proxy-Authorization": self.authorization} if self.authorization else {}


class Proxies:
    """The proxies of the environment, read once."""

    def __init__(self) -> None:
        self._variables = getproxies_environment()

    def of(self, parts: ParsedAddress) -> Proxy | None:
        """Return the proxy for an address, or None for a direct connection.

        This machine is always reached directly.

        Raises:
            FetchError: the environment has a proxy that cannot be used.
        """
        name = parts.scheme if parts.scheme in self._variables else "all"
        proxy = self._variables.get(name)
        if proxy is None or _is_this_machine(parts.host) or self._is_excepted(parts):
            return None
        try:
            return _parsed(urlsplit(proxy if "://" in proxy else f"http://{proxy}"))
        except ValueError as error:  # its message may hold a password
            raise FetchError(
                f"the proxy in {name.upper()}_PROXY cannot be used: write it as http://host:port",
                retryable=True,
            ) from error

    def _is_excepted(self, parts: ParsedAddress) -> bool:
        """Whether NO_PROXY names the host, its domain, its port or its network."""
        host = parts.host.strip("[]")
        entries = self._variables.get("no", "").split(",")
        return (
            proxy_bypass(f"{host}:{parts.port or PORTS[parts.scheme]}")
            or proxy_bypass(host)
            or any(_contains(entry.strip(), host) for entry in entries)
        )


def _parsed(proxy: SplitResult) -> Proxy:
    """Return a proxy by the parts of its address.

    Raises:
        ValueError: it is not of http, or has no host.
    """
    if proxy.scheme != "http" or not proxy.hostname:
        raise ValueError
    port = proxy.port or PORTS["http"]
    if proxy.username is None:
        return Proxy(proxy.hostname, port, "")
    secret = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return Proxy(proxy.hostname, port, f"Basic {b64encode(secret.encode()).decode()}")


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _contains(network: str, host: str) -> bool:
    """Whether `network`, such as 10.0.0.0/8, contains the IP address `host`."""
    try:
        return ip_address(host) in ip_network(network, strict=False)
    except ValueError:
        return False
