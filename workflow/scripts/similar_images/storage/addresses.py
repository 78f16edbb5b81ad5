"""Addresses of photos: which texts are addresses, which are allowed, and their metadata.

Addresses are not trusted. No request goes to one that `Limits.allowed` does not cover.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv6Address
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from ..core.errors import UserError
from .request_headers import Headers, from_environment

ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
WEB = ("http", "https")
# The object stores, by scheme, with the package of fsspec that reads each.
OBJECT_STORES = {"s3": "s3fs", "gs": "gcsfs", "az": "adlfs", "abfs": "adlfs", "oss": "ossfs"}
# Other schemes for the same objects: those of Hadoop, and that of Google's own tools.
ALIASES = {"s3a": "s3", "s3n": "s3", "gcs": "gs", "abfss": "abfs"}
# The stores of Azure. An address may name the account of its container.
AZURE = ("az", "abfs")
_AZURE_BUCKET = re.compile(
    r"([a-z0-9$*-]{1,63})@([a-z0-9*]{1,24})\.(?:dfs|blob)\.core\.windows\.net", re.IGNORECASE
)
# An address with a mistake at its beginning, or a space before it.
_NEARLY = re.compile(
    rf"\s*({ADDRESS.pattern}|({'|'.join((*WEB, *OBJECT_STORES, *ALIASES))}):/|//)", re.IGNORECASE
)
# In a name, the digest of the hidden part follows this.
HIDDEN = "?#"
# RFC 9110, 4.1: every server must accept 8000 characters. Many refuse more.
LONGEST = 8000
PORTS = {"http": 80, "https": 443}
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# Host names and IPv4 addresses. Programs disagree on how to read other characters.
HOST = re.compile(r"[a-z0-9._*-]+")
# A part of a path that leads up (..), also for servers that decode twice or cut at a semicolon.
_DOT, _SLASH = r"(?:\.|%(?:25)*2e)", r"(?:[/\\]|%(?:25)*(?:2f|5c))"
UP = re.compile(rf"(?:^|{_SLASH}){_DOT}{{2}}(?:$|;|%(?:25)*3b|{_SLASH})", re.IGNORECASE)
# With 32 hexadecimal digits nobody can find two texts with equal digests.
DIGITS = 32
# What a text that is no address may have before or after a secret; @2x is a size of an image.
_BEFORE_HOST = re.compile(r".*@(?!\d+x\.)", re.DOTALL)
# An address that was joined to another one, with what comes before its host.
_JOINED = re.compile(r"(?<=://)[^/?#]*@")
_MAY_HIDE = re.compile(rf"://|\?|{_BEFORE_HOST.pattern}", re.DOTALL)
PARTS = re.compile(r"([^:/?#]*://)?([^/?#]*@)?([^?]*)(\?.*)?", re.DOTALL)


class FetchError(OSError):
    """No photo could be fetched from an address; the message is the reason, for the user.

    Attributes:
        retryable: whether another try may help: the server is busy, or the connection broke.
    """

    def __init__(self, reason: str, retryable: bool = False) -> None:
        super().__init__(reason)
        self.retryable = retryable


class ObjectMetadata(NamedTuple):
    """What a server reports about the photo at an address, without its bytes.

    Attributes:
        size: bytes, or 0 where it is not known.
        mtime: time of the last change, in nanoseconds, or 0 where it is not known.
        version: the ETag or another identifier that changes with the bytes, or "".
        fault: why there is no photo, or None.
        retryable: see `FetchError`.
    """

    size: int = 0
    mtime: int = 0
    version: str = ""
    fault: str | None = None
    retryable: bool = False

    @property
    def shows_changes(self) -> bool:
        """Whether the metadata changes whenever the bytes change."""
        return bool(self.version or self.mtime)


@dataclass(frozen=True)
class Limits:
    """The settings `remote`: which addresses are allowed, and the limits of requests.

    Attributes:
        allowed: the beginnings of allowed addresses, such as https://cdn.example.com or
            s3://shop/photos; in a host, * matches any text.
        private: whether addresses in private networks and on this machine are allowed.
        connections: to one host at once.
        seconds: for one photo, from the first request to the last byte.
        max_bytes: of a photo.
        user_agent: names the program in each request to a web server.
        headers: further request headers for the addresses that begin so; their values are secret.
    """

    allowed: tuple[str, ...]
    private: bool
    connections: int
    seconds: float
    max_bytes: int
    user_agent: str = "SimilarImageFinder"
    headers: tuple[tuple[str, Headers], ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> "Limits":
        """Return the limits in the settings `remote`.

        Raises:
            UserError: one of `allowed` is not the beginning of an address, or one of `headers` is
                not allowed or has no value.
        """
        for beginning in settings["allowed"]:
            _check_beginning("remote.allowed", beginning)
        for beginning in settings["headers"]:
            _check_beginning("remote.headers", beginning)
            _check_secure(beginning, settings["private"])
        return cls(
            tuple(settings["allowed"]),
            settings["private"],
            settings["connections"],
            settings["seconds"],
            settings["max_bytes"],
            settings["user_agent"],
            tuple(
                (beginning, from_environment(f"remote.headers.{beginning}", variables))
                for beginning, variables in settings["headers"].items()
            ),
        )

    def check(self, address: str) -> "ParsedAddress":
        """Return the parts of `address`, if it is allowed.

        Raises:
            FetchError: it is not.
        """
        parts = parse(address)
        if not any(_covers(_beginning(text), parts) for text in self.allowed):
            raise FetchError(f"{parts.place} is not in remote.allowed")
        return parts

    def headers_for(self, parts: "ParsedAddress") -> dict[str, str]:
        """Return the secret headers for an address of `parts`."""
        return {
            name: value
            for beginning, headers in self.headers
            if _covers(_beginning(beginning), parts)
            for name, value in headers
        }


class ParsedAddress(NamedTuple):
    """The parts of an address, equal for all ways to write the same address.

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
        """The scheme, host and port, which hold no secret."""
        return f"{self.scheme}://{self.host}" + (f":{self.port}" if self.port else "")


def is_address(text: str) -> bool:
    """Whether `text` is an address, and not a path."""
    return ADDRESS.match(text) is not None


def looks_like_address(text: str) -> bool:
    """Whether `text` is a mistyped address.

    Its query may contain a secret, which would be shown if it were taken as a path.
    """
    return not is_address(text) and _NEARLY.match(text) is not None


def scheme_of(address: str) -> str:
    """Return the scheme of `address`, such as https; s3 for the other ways to write that."""
    scheme = address.partition("://")[0].lower()
    return ALIASES.get(scheme, scheme)


def normal_address(address: str) -> str:
    """Return `address`; that of an object in the one way that names it."""
    scheme = scheme_of(address)
    if scheme not in OBJECT_STORES:
        return address
    bucket, slash, key = address.partition("://")[2].partition("/")
    if scheme in AZURE and (match := _AZURE_BUCKET.fullmatch(bucket)):
        bucket = f"{match[1]}@{match[2]}.dfs.core.windows.net".lower()
    return f"{scheme}://{bucket}{slash}{key}"


class StoredObject(NamedTuple):
    """An object or a folder in a store.

    Attributes:
        scheme: of the store.
        account: the account of Azure that the address names, or "".
        path: as fsspec knows it: the bucket and the key.
    """

    scheme: str
    account: str
    path: str

    def address_of(self, path: str) -> str:
        """Return the address of `path` in the same store."""
        bucket, slash, key = path.partition("/")
        account = f"@{self.account}.dfs.core.windows.net" if self.account else ""
        return f"{self.scheme}://{bucket}{account}{slash}{key}"


def stored_object(address: str) -> StoredObject:
    """Return what is at `address` in a store."""
    scheme, _, path = normal_address(address).partition("://")
    bucket, slash, key = path.partition("/")
    match = _AZURE_BUCKET.fullmatch(bucket) if scheme in AZURE else None
    container, account = (match[1], match[2]) if match else (bucket, "")
    return StoredObject(scheme, account, container + slash + key)


def name_of(address: str) -> str:
    """Return the name of `address` in every table, page and log.

    The query, and what comes before the host, may contain a secret such as a signature. A digest
    replaces them, so that two addresses never have the same name. The part after # does not belong
    to a web address; in a bucket, ? and # are ordinary characters. The account of Azure is shown.
    """
    address = normal_address(address)
    scheme = scheme_of(address)
    if scheme in AZURE and stored_object(address).account:
        return address
    if scheme in WEB:
        address = address.partition("#")[0]
    start, before_host, shown, query = PARTS.fullmatch(address).groups("")  # type: ignore[union-attr]
    if scheme in OBJECT_STORES:
        shown, query = shown + query, ""
    elif joined := "".join(_JOINED.findall(shown)):
        shown, before_host = _JOINED.sub("", shown), before_host + joined
    secret = before_host + query
    return f"{start}{shown}{_digest_of(secret)}" if secret else address


def may_hide_secret(text: str) -> bool:
    """Whether `text`, if it is not the path of a file, may be an address with a secret in it."""
    return _MAY_HIDE.search(text) is not None


def without_secret(text: str) -> str:
    """Return a name for `text`, which is no address: without its query and what is before an @.

    A digest replaces them, as in `name_of`.
    """
    shown, mark, query = text.partition("?")
    before_host = _BEFORE_HOST.match(shown)
    start = before_host[0] if before_host else ""
    secret = start + mark + query
    return shown.removeprefix(start) + _digest_of(secret) if secret else text


def _digest_of(secret: str) -> str:
    """Return what replaces `secret` in a name."""
    return HIDDEN + hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()[:DIGITS]


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
    if scheme not in (*WEB, *OBJECT_STORES):
        known = ", ".join((*WEB, *OBJECT_STORES))
        raise FetchError(f"an address of {scheme[:20]}; these can be read: {known}")
    try:
        return _parse_known(address, scheme)
    except ValueError as error:  # its message may hold a password
        raise FetchError("not an address") from error


def _parse_known(address: str, scheme: str) -> ParsedAddress:
    if scheme in OBJECT_STORES:
        return _parse_object(address, scheme)
    parts = urlsplit(address)
    if "@" in parts.netloc:
        raise FetchError("an address with a name or password before its host")
    host = _host(parts.hostname or "", "[" in parts.netloc)
    port = None if parts.port == PORTS.get(scheme) else parts.port
    return ParsedAddress(scheme, host, port, parts.path, parts.query)


def _parse_object(address: str, scheme: str) -> ParsedAddress:
    """Return the parts of an address in a bucket; its name can be written in only one way.

    Raises:
        ValueError: there is no such name.
    """
    bucket, slash, key = normal_address(address).partition("://")[2].partition("/")
    if scheme in AZURE and _AZURE_BUCKET.fullmatch(bucket):
        return ParsedAddress(scheme, bucket, None, slash + key, "")
    if "@" in bucket:
        raise FetchError("an address with a name or password before its bucket")
    if not HOST.fullmatch(bucket):
        raise ValueError(bucket)
    return ParsedAddress(scheme, bucket, None, slash + key, "")


def _host(text: str, bracketed: bool) -> str:
    """Return the host `text` in its normal form.

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


def _check_beginning(setting: str, text: str) -> None:
    try:
        parts, _ = _beginning(text)
    except FetchError as error:
        raise UserError(
            f"{setting}: {name_of(text)!r} is {error}. Give the beginnings of addresses, such "
            "as https://cdn.example.com or s3://shop/photos."
        ) from error
    if parts.query:
        raise UserError(
            f"{setting}: {name_of(text)!r} has a query; leave out the ? and what follows."
        )


def _check_secure(text: str, private: bool) -> None:
    """Check that secret headers go to one host alone, and not readable over the internet.

    Raises:
        UserError: they do not.
    """
    parts, _ = _beginning(text)
    if parts.scheme != "https" and not (private and parts.scheme == "http"):
        raise UserError(
            f"remote.headers: {text!r} is not of https, so that others could read the values on "
            "their way. Use https; http is allowed with remote.private: true."
        )
    if "*" in parts.host:
        raise UserError(
            f"remote.headers: {text!r} has a * in its host. Name each host that may know them."
        )


def _covers(beginning: tuple[ParsedAddress, re.Pattern[str]], parts: ParsedAddress) -> bool:
    """Whether an address of `parts` has this beginning, up to the end of a part of its path."""
    start, host = beginning
    folder = start.path.rstrip("/")
    return (
        (start.scheme, start.port) == (parts.scheme, parts.port)
        and host.fullmatch(parts.host) is not None
        and (not folder or _within(parts.path, folder))
    )


def _within(path: str, folder: str) -> bool:
    return (path == folder or path.startswith(f"{folder}/")) and not UP.search(path)
