"""Addresses of photos: what is one, which may be asked, and its metadata.

Addresses come from strangers. Nothing is asked of one that `Limits.allowed` does not cover.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from ..core.errors import UserError

ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
WEB = ("http", "https")
# The beginning of an address that lacks a part of it, or has a space before it.
_NEARLY = re.compile(
    r"\s*([A-Za-z][A-Za-z0-9+.-]*://|(https?|s3|gs|az|abfs|oss):/|//)", re.IGNORECASE
)
# What stands in a name before the digest of what is not shown.
HIDDEN = "?#"
# The stores that fsspec reads, each with its package, which knows its names and credentials.
BUCKETS = {"s3": "s3fs", "gs": "gcsfs", "az": "adlfs", "abfs": "adlfs", "oss": "ossfs"}
# RFC 9110, 4.1, asks of everybody to take 8000 at least; more than that many servers refuse.
LONGEST = 8000
PORTS = {"http": 80, "https": 443}
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# Names of hosts, and IPv4 addresses; what is odder is read one way here and another there.
HOST = re.compile(r"[a-z0-9._*-]+")
# A part of a path that leads up, also to servers that decode twice, or cut a part at a semicolon.
_DOT, _SLASH = r"(?:\.|%(?:25)*2e)", r"(?:[/\\]|%(?:25)*(?:2f|5c))"
UP = re.compile(rf"(?:^|{_SLASH}){_DOT}{{2}}(?:$|;|%(?:25)*3b|{_SLASH})", re.IGNORECASE)
# Of 32 hexadecimal digits nobody can make two texts with the same.
DIGITS = 32
PARTS = re.compile(r"([^:/?#]*://)?([^/?#]*@)?([^?]*)(\?.*)?", re.DOTALL)


class FetchError(OSError):
    """An address that gives no photo; the message is the reason, for the user.

    Attributes:
        retryable: whether another try may help: the server is busy, or the connection broke.
    """

    def __init__(self, reason: str, retryable: bool = False) -> None:
        super().__init__(reason)
        self.retryable = retryable


class ObjectMetadata(NamedTuple):
    """What a server says about an address without its bytes.

    Attributes:
        size: bytes, or 0 where it is not known.
        mtime: time of the last change, in nanoseconds, or 0 where it is not known.
        version: the ETag or another name for these very bytes, or "".
        fault: why there is no photo, or None.
        retryable: see `FetchError`.
    """

    size: int = 0
    mtime: int = 0
    version: str = ""
    fault: str | None = None
    retryable: bool = False

    @property
    def tells_change(self) -> bool:
        """Whether another look would differ if the bytes were others."""
        return bool(self.version or self.mtime)


@dataclass(frozen=True)
class Limits:
    """What may be asked of whom; the settings `remote`.

    Attributes:
        allowed: the beginnings of addresses that may be asked, such as https://cdn.example.com or
            s3://shop/photos; in a host, * stands for any part of it.
        private: whether addresses of private networks and of this machine may be asked.
        connections: to one host at once.
        seconds: that a photo may take, from the first request to the last byte.
        max_bytes: of a photo.
    """

    allowed: tuple[str, ...]
    private: bool
    connections: int
    seconds: float
    max_bytes: int

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> "Limits":
        """Return the limits that the settings `remote` set.

        Raises:
            UserError: one of `allowed` is not the beginning of an address.
        """
        for beginning in settings["allowed"]:
            _check_beginning(beginning)
        return cls(
            tuple(settings["allowed"]),
            settings["private"],
            settings["connections"],
            settings["seconds"],
            settings["max_bytes"],
        )

    def check(self, address: str) -> "ParsedAddress":
        """Return the parts of `address`, which may be asked.

        Raises:
            FetchError: it may not.
        """
        parts = parse(address)
        if not any(_covers(_beginning(text), parts) for text in self.allowed):
            raise FetchError(f"{parts.place} is not in remote.allowed")
        return parts


class ParsedAddress(NamedTuple):
    """An address taken apart, so that two ways to write the same are the same.

    Attributes:
        scheme: in lower case.
        host: in lower case and ASCII, without a dot at its end; an IPv6 address in brackets.
        port: or None for that of the scheme.
        path: as it was written.
        query: as it was written, without its question mark.
    """

    scheme: str
    host: str
    port: int | None
    path: str
    query: str

    @property
    def place(self) -> str:
        """The scheme, host and port: what can be shown of any address."""
        return f"{self.scheme}://{self.host}" + (f":{self.port}" if self.port else "")


def is_address(text: str) -> bool:
    """Tell whether `text` is an address, and not a path."""
    return ADDRESS.match(text) is not None


def looks_like_address(text: str) -> bool:
    """Tell whether `text` is meant for an address and is none, so that a path it is not either.

    Its query may hold a secret, and would be shown as a part of the path.
    """
    return not is_address(text) and _NEARLY.match(text) is not None


def scheme_of(address: str) -> str:
    """Return the scheme of `address`, such as https."""
    return address.partition("://")[0].lower()


def name_of(address: str) -> str:
    """Return what `address` is called in every table, page and log.

    A query may hold a secret, such as a signature, and so may what stands before the host: a digest
    stands for them. So do no two addresses have one name. What follows a # is no part of an address
    of the web; in a bucket, ? and # are letters of a name like others.
    """
    if scheme_of(address) in WEB:
        address = address.partition("#")[0]
    scheme, before_host, shown, query = PARTS.fullmatch(address).groups("")  # type: ignore[union-attr]
    if scheme_of(address) in BUCKETS:
        shown, query = shown + query, ""
    secret = before_host + query
    if not secret:
        return address
    digest = hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()[:DIGITS]
    return f"{scheme}{shown}{HIDDEN}{digest}"


def parse(address: str) -> ParsedAddress:
    """Return the parts of `address`.

    Raises:
        FetchError: it is none, or none that can be read.
    """
    if len(address) > LONGEST:
        raise FetchError(f"an address of more than {LONGEST} characters")
    if not is_address(address) or CONTROL.search(address):
        raise FetchError("not an address")
    scheme = scheme_of(address)
    if scheme not in (*WEB, *BUCKETS):
        known = ", ".join((*WEB, *BUCKETS))
        raise FetchError(f"an address of {scheme[:20]}; these can be read: {known}")
    try:
        return _parse_known(address, scheme)
    except ValueError as error:  # its message may hold a password
        raise FetchError("not an address") from error


def _parse_known(address: str, scheme: str) -> ParsedAddress:
    if scheme in BUCKETS:
        return _parse_object(address, scheme)
    parts = urlsplit(address)
    if "@" in parts.netloc:
        raise FetchError("an address with a name or password before its host")
    host = _host(parts.hostname or "", "[" in parts.netloc)
    port = None if parts.port == PORTS.get(scheme) else parts.port
    return ParsedAddress(scheme, host, port, parts.path, parts.query)


def _parse_object(address: str, scheme: str) -> ParsedAddress:
    """Return the parts of an address in a bucket, whose name is written in one way alone.

    Raises:
        ValueError: there is no such name.
    """
    bucket, slash, key = address.partition("://")[2].partition("/")
    if "@" in bucket:
        raise FetchError("an address with a name or password before its bucket")
    if not HOST.fullmatch(bucket):
        raise ValueError(bucket)
    return ParsedAddress(scheme, bucket, None, slash + key, "")


def _host(text: str, bracketed: bool) -> str:
    """Return the host `text` in the one way to write it.

    Raises:
        ValueError: it is none; an IPv6 address with a zone is one of this machine's networks.
    """
    if bracketed and "%" not in text:
        return f"[{IPv6Address(text)}]"
    host = text.encode("idna").decode("ascii").lower().removesuffix(".")
    if not HOST.fullmatch(host):
        raise ValueError(host)
    return host


@lru_cache
def _beginning(text: str) -> tuple[ParsedAddress, re.Pattern[str]]:
    """Return the parts of one of `Limits.allowed`, and what a host has to match."""
    parts = parse(text)
    return parts, re.compile(re.escape(parts.host).replace(r"\*", ".*"))


def _check_beginning(text: str) -> None:
    try:
        parts, _ = _beginning(text)
    except FetchError as error:
        raise UserError(
            f"remote.allowed: {name_of(text)!r} is {error}. Give the beginnings of addresses, such "
            "as https://cdn.example.com or s3://shop/photos."
        ) from error
    if parts.query:
        raise UserError(
            f"remote.allowed: {name_of(text)!r} has a query; leave out the ? and what follows."
        )


def _covers(beginning: tuple[ParsedAddress, re.Pattern[str]], parts: ParsedAddress) -> bool:
    """Tell whether an address of `parts` begins so, with a whole part of a path at least."""
    start, host = beginning
    folder = start.path.rstrip("/")
    return (
        (start.scheme, start.port) == (parts.scheme, parts.port)
        and host.fullmatch(parts.host) is not None
        and (not folder or _within(parts.path, folder))
    )


def _within(path: str, folder: str) -> bool:
    return (path == folder or path.startswith(f"{folder}/")) and not UP.search(path)
