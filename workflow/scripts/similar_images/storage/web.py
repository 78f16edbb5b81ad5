"""Photos at addresses of http and https: their metadata, and their bytes.

Whatever a server does, the result is a photo or a fault with its reason, within the limits. After a
temporary failure the request is repeated, with growing waits. If the headers of an answer say that
it is no picture, its first bytes decide. A reason never contains the query of an address, and only
the host of a redirect.
"""

import io
import logging
import random
import re
import socket
import ssl
import threading
import time
from calendar import timegm
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_tz
from functools import cache, cached_property, lru_cache
from http.client import BadStatusLine, RemoteDisconnected, responses
from typing import TypeVar
from urllib.parse import urljoin

from urllib3 import BaseHTTPResponse, HTTPConnectionPool, Retry, Timeout
from urllib3.exceptions import (
    HTTPError,
    InvalidHeader,
    NameResolutionError,
    NewConnectionError,
    ProtocolError,
    SSLError,
)
from urllib3.exceptions import TimeoutError as TooLateError

from ..core.errors import reason
from ..core.wording import counted
from .addresses import PORTS, WEB, FetchError, Limits, ObjectMetadata, ParsedAddress
from .connections import (
    GuardedPool,
    GuardedTlsPool,
    PrivateAddressError,
    ProxyFailedError,
    check_behind_proxy,
    tls,
)
from .proxies import Proxies, Proxy
from .signatures import LENGTH, is_image

TRIES = 4
FIRST_WAIT = 0.5  # seconds; each next wait is twice as long, minus a random part of up to half
MOST_REDIRECTS = 5
# Hosts whose connections stay open. With 16 each they are below the 1024 files that a process may
# have open on most systems.
HOSTS = 50
CHUNK = 256 * 1024
# A longer rest of an answer is not read; its connection is closed instead.
SHORT = 64 * 1024
HEADERS = {"Accept": "*/*", "Accept-Encoding": "identity"}
# HEAD may use this share of the time; some servers never answer it.
HEAD_SHARE = 0.25
# A host that fails HEAD so often in a row, and then answers GET, is asked by GET alone.
HEAD_FAILURES = 3

REDIRECT_STATUSES = (301, 302, 303, 307, 308)
# Temporary failures: RFC 9110, 15.5.9 and 15.6, and RFC 6585, 4.
BUSY = (408, 429, 500, 502, 503, 504)
# They ask for fewer requests, so a HEAD request is not followed by a GET request at once.
OVERLOADED = (429, 503)
# Usually a login page, or an error sent with status 200. Not text/plain: old servers send it for
# unknown types.
NO_PICTURE = re.compile(r"(text/(?!plain\b)[a-z.+-]{1,40}|application/(json|xml|xhtml\+xml))\b")
# Content codings that compress, https://www.iana.org/assignments/http-parameters. Many servers send
# others that change nothing, such as aws-chunked, utf-8 or none.
PACKINGS = frozenset(
    (
        *("br", "compress", "dcb", "dcz", "deflate", "exi", "gzip", "pack200-gzip"),
        *("x-compress", "x-gzip", "zstd"),
    )
)
# A longer ETag is ignored.
ETAG = re.compile(r"[\x21-\x7e]{1,128}")
DIGITS = re.compile(r"[0-9]{1,18}")

_ONCE = Retry(False, redirect=False)
T = TypeVar("T")


class Web:
    """Requests photos from web addresses; threads may share it.

    It uses the proxies of the environment, and the headers of `limits`; no cookie or password from
    elsewhere. Looking up a host's name may take longer than `limits.seconds`: the system's
    resolv.conf limits that.
    """

    def __init__(self, limits: Limits) -> None:
        # Its log would contain the queries of addresses.
        logging.getLogger("urllib3").setLevel(logging.CRITICAL)
        self._limits = limits
        self._lock = threading.Lock()
        self._places = cache(lambda host: threading.BoundedSemaphore(limits.connections))
        self._pools = lru_cache(HOSTS)(self._new_pool)
        self._proxies = Proxies()
        self._check_behind_proxy = cache(check_behind_proxy)
        self._head_failures: Counter[str] = Counter()

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return tls()

    def metadata_of(self, address: str) -> ObjectMetadata:
        """Return the metadata of `address` without its bytes."""
        clock = _Clock(self._limits.seconds)
        try:
            return self._ask_metadata(address, self._allowed(address).place, clock)
        except FetchError as error:
            return ObjectMetadata(fault=str(error), retryable=error.retryable)

    def fetch(self, address: str) -> bytes:
        """Return the bytes at `address`.

        Raises:
            FetchError: there are none or too many, or they do not arrive.
        """
        clock = _Clock(self._limits.seconds)
        return _with_retries(lambda: self._ask("GET", address, clock, self._body), clock)

    def _ask_metadata(self, address: str, place: str, clock: "_Clock") -> ObjectMetadata:
        """Return the metadata of `address` by HEAD, or by GET if HEAD does not give it.

        Raises:
            FetchError: GET failed too, or the server is overloaded.
        """
        if self._head_failures[place] < HEAD_FAILURES:
            try:
                metadata = _with_retries(lambda: self._ask_head(address, clock), clock)
            except _NoHeadError:
                pass
            else:
                self._head_failures[place] = 0
                return metadata
        metadata = _with_retries(
            lambda: self._ask("GET", address, clock, self._metadata_of_get), clock
        )
        self._head_failures[place] += 1
        return metadata

    def _ask_head(self, address: str, clock: "_Clock") -> ObjectMetadata:
        try:
            return self._ask("HEAD", address, clock.part(HEAD_SHARE), self._metadata_of_head)
        except _OverloadedError:
            raise
        except FetchError as error:
            raise _NoHeadError from error

    def _ask(
        self, method: str, address: str, clock: "_Clock", read: Callable[[BaseHTTPResponse], T]
    ) -> T:
        """Return what `read` returns for the answer, after all redirects.

        Only one connection is held at a time, so that two crossing redirects cannot wait for each
        other.
        """
        parts = self._allowed(address)
        seen = {parts}
        for _ in range(MOST_REDIRECTS + 1):
            with self._answer(method, parts, clock) as answer:
                location = answer.headers.get("Location")
                if answer.status not in REDIRECT_STATUSES or location is None:
                    return read(answer)
            address, parts = self._redirected(address, parts, location)
            if parts in seen:
                raise FetchError("redirects that lead in a circle")
            seen.add(parts)
        raise FetchError(f"more than {MOST_REDIRECTS} redirects")

    def _allowed(self, address: str) -> ParsedAddress:
        parts = self._limits.check(address)
        if parts.scheme not in WEB:
            raise FetchError(f"an address of {parts.scheme}, not of the web")
        return parts

    def _redirected(
        self, address: str, parts: ParsedAddress, location: str
    ) -> tuple[str, ParsedAddress]:
        """Return the address of a redirect to `location`, and its parts.

        Raises:
            FetchError: it is not allowed.
        """
        try:  # it was read as Latin-1, but is UTF-8
            address = urljoin(address, location.encode("latin-1").decode("utf-8", "replace"))
            target = self._allowed(address)
        except FetchError as error:
            raise FetchError(f"a redirect: {error}") from error
        except ValueError as error:
            raise FetchError("a redirect: not an address") from error
        if parts.scheme == "https" and target.scheme == "http":
            raise FetchError("a redirect from https to http")
        return address, target

    @contextmanager
    def _answer(
        self, method: str, parts: ParsedAddress, clock: "_Clock"
    ) -> Iterator[BaseHTTPResponse]:
        """Yield the answer of one host, using one of the connections that are allowed to it."""
        with self._lock:
            place = self._places(parts.host)
        with clock.stopped():
            place.acquire()
        try:
            with _faults(clock):
                answer = self._request(method, parts, clock)
                try:
                    yield answer
                finally:
                    _put_back(answer)
        finally:
            place.release()

    def _request(self, method: str, parts: ParsedAddress, clock: "_Clock") -> BaseHTTPResponse:
        """Return the answer to one request; its body is not read yet."""
        proxy = self._proxies.of(parts)
        if proxy and not self._limits.private:
            host = parts.host.strip("[]")
            self._check_behind_proxy(host, parts.port or PORTS[parts.scheme])
        with self._lock:
            pool = self._pools(parts.scheme, parts.host, parts.port, proxy)
        headers = {"User-Agent": self._limits.user_agent} | HEADERS
        headers |= self._limits.headers_for(parts)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        if proxy and parts.scheme == "http":  # RFC 9112, 3.2.2
            headers |= proxy.headers
            target = parts.place + target
        return _sent(pool, method, target, headers, clock)

    def _new_pool(
        self, scheme: str, host: str, port: int | None, proxy: Proxy | None
    ) -> HTTPConnectionPool:
        most, private = self._limits.connections, self._limits.private
        if scheme == "http":
            return GuardedPool(host, port, maxsize=most, private=private, proxy=proxy)
        return GuardedTlsPool(
            host, port, maxsize=most, private=private, proxy=proxy, ssl_context=self._tls
        )

    def _metadata_of_head(self, answer: BaseHTTPResponse) -> ObjectMetadata:
        size = self._check(answer)
        if doubt := _doubt(answer):
            raise FetchError(doubt)
        return _metadata(answer, size)

    def _metadata_of_get(self, answer: BaseHTTPResponse) -> ObjectMetadata:
        size = self._check(answer)
        doubt = _doubt(answer)
        if doubt and not is_image(answer.read(LENGTH, decode_content=False)):
            raise FetchError(doubt)
        return _metadata(answer, size)

    def _body(self, answer: BaseHTTPResponse) -> bytes:
        size = self._check(answer)
        doubt = _doubt(answer)
        body = io.BytesIO()
        start = b""
        for chunk in answer.stream(CHUNK, decode_content=False):
            body.write(chunk)
            self._check_size(body.tell())
            start += chunk[: LENGTH - len(start)]
            if doubt and len(start) == LENGTH and not is_image(start):
                raise FetchError(doubt)
        if not start:
            # If the connection breaks in the headers, http.client reports an empty body.
            raise FetchError("empty file") if size == 0 or answer.chunked else _broken_off()
        if doubt and not is_image(start):
            raise FetchError(doubt)
        return body.getvalue()

    def _check(self, answer: BaseHTTPResponse) -> int | None:
        """Return the size of the body by the headers of `answer`, or None.

        Raises:
            FetchError: there is no body, or it is too large.
        """
        _check_status(answer)
        length = answer.headers.get("Content-Length", "").strip()
        if not DIGITS.fullmatch(length):
            return None
        self._check_size(int(length))
        return int(length)

    def _check_size(self, size: int) -> None:
        if size > self._limits.max_bytes:
            raise FetchError(f"more than {counted(self._limits.max_bytes, 'byte')}")


class _RetryError(FetchError):
    """A temporary fault; the next try is after `wait` seconds or later."""

    def __init__(self, reason: str, wait: float = 0) -> None:
        super().__init__(reason, retryable=True)
        self.wait = wait


class _OverloadedError(_RetryError):
    """The server asks for fewer requests."""


class _NoHeadError(Exception):
    """A HEAD request gives no metadata."""


class _Clock:
    """The time limit of a photo, which does not count waiting for a free connection."""

    def __init__(self, seconds: float, whole: "_Clock | None" = None) -> None:
        self.seconds = seconds
        self._whole = whole
        self._ends = time.monotonic() + seconds

    def left(self) -> float:
        return self._ends - time.monotonic()

    def part(self, share: float) -> "_Clock":
        """Return the limit of a part of the work, which may use a `share` of the time left."""
        return _Clock(self.left() * share, whole=self)

    @contextmanager
    def stopped(self) -> Iterator[None]:
        start = time.monotonic()
        yield
        self._extend(time.monotonic() - start)

    def _extend(self, seconds: float) -> None:
        self._ends += seconds
        if self._whole:
            self._whole._extend(seconds)


def _with_retries(work: Callable[[], T], clock: _Clock) -> T:
    """Return the result of `work`, which is repeated after each `_RetryError`.

    Raises:
        FetchError: it failed, or took too long.
    """
    for tries in range(1, TRIES + 1):
        try:
            return work()
        except _RetryError as error:
            wait = max(error.wait, FIRST_WAIT * 2 ** (tries - 1) * random.uniform(0.5, 1))
            if tries == TRIES or wait >= clock.left():
                raise FetchError(_after_retries(error, tries), retryable=True) from error
            time.sleep(wait)
    raise AssertionError("the last try has returned or raised")


def _after_retries(error: _RetryError, tries: int) -> str:
    asked = f", which asks to wait {error.wait:.0f} s" if error.wait >= 1 else ""
    return f"{error}{asked}" + (f"; tried {tries} times" if tries > 1 else "")


def _sent(
    pool: HTTPConnectionPool, method: str, target: str, headers: Mapping[str, str], clock: _Clock
) -> BaseHTTPResponse:
    """Return the answer to one request; its body is not read yet."""
    if clock.left() <= 0:
        raise _too_long(clock)
    return pool.urlopen(
        method,
        target,
        headers=headers,
        timeout=Timeout(total=clock.left()),
        retries=_ONCE,
        redirect=False,
        assert_same_host=False,
        preload_content=False,
        decode_content=False,
    )


def _put_back(answer: BaseHTTPResponse) -> None:
    """Free the connection of `answer`, or close it if much of the body is not read.

    After an interim answer (RFC 9110, 15.2) it is closed: the rest would count as the next answer.
    """
    left = answer.length_remaining
    if answer.status >= 200 and left is not None and left <= SHORT:
        answer.drain_conn()
    answer.close()


@contextmanager
def _faults(clock: _Clock) -> Iterator[None]:
    """Raise all failures of the connection as FetchError."""
    try:
        yield
    except PrivateAddressError as error:
        raise FetchError("an address of a private network") from error
    except ProxyFailedError as error:
        raise _too_long(clock) if clock.left() <= 0 else _fault_of_proxy(error) from error
    except HTTPError as error:
        raise _too_long(clock) if clock.left() <= 0 else _fault(error) from error


def _too_long(clock: _Clock) -> FetchError:
    return FetchError(f"it took more than {clock.seconds:g} s", retryable=True)


def _fault(error: HTTPError) -> FetchError:
    """Return the message to the user about `error`."""
    cause = error.__cause__ or next(reversed(error.args), None)
    if isinstance(error, NameResolutionError):
        if isinstance(cause, socket.gaierror) and cause.errno == socket.EAI_AGAIN:
            return _RetryError("the name of the host could not be looked up")
        return FetchError("there is no host of that name", retryable=True)
    if isinstance(error, NewConnectionError) and isinstance(cause, OSError):
        return _RetryError(f"no connection: {reason(cause)}")
    if isinstance(error, TooLateError):
        return _RetryError("no answer in time")
    if isinstance(cause, ssl.SSLCertVerificationError):
        return FetchError(f"no safe connection: {cause.verify_message}", retryable=True)
    if isinstance(cause, ssl.SSLError) and cause.reason:
        return _RetryError(f"no safe connection: {cause.reason.lower().replace('_', ' ')}")
    if isinstance(cause, BadStatusLine) and not isinstance(cause, RemoteDisconnected):
        return _RetryError("an answer that is not of HTTP")
    if isinstance(error, ProtocolError | SSLError):
        return _broken_off()
    return FetchError("an answer that is not of HTTP")


def _broken_off() -> _RetryError:
    return _RetryError("the connection broke off")


def _fault_of_proxy(error: ProxyFailedError) -> FetchError:
    """Return the message about a proxy, whose fault is never that of a photo."""
    if not error.status:
        return _RetryError(str(error))
    fault = f"{error}: {_words(error.status)}"
    return _RetryError(fault) if error.status in BUSY else FetchError(fault, retryable=True)


def _check_status(answer: BaseHTTPResponse) -> None:
    status = answer.status
    fault = _words(status)
    if status in OVERLOADED:
        raise _OverloadedError(fault, _retry_after(answer))
    if status in BUSY:
        raise _RetryError(fault, _retry_after(answer))
    if status != 200:
        # 407 comes from a proxy, and says nothing about the photo.
        raise FetchError(fault, retryable=status == 407 or 500 <= status < 600)


def _words(status: int) -> str:
    phrase = responses[status].lower() if status in responses else "a status unknown to HTTP"
    return f"{status}: {phrase}"


def _doubt(answer: BaseHTTPResponse) -> str | None:
    """Return why, by its headers, `answer` is no picture, or None."""
    if kind := NO_PICTURE.match(answer.headers.get("Content-Type", "").strip().lower()):
        return f"{kind[1]} in place of a picture"
    codings = answer.headers.get("Content-Encoding", "").lower().split(",")
    if PACKINGS.intersection(coding.strip() for coding in codings):
        # It is not unpacked: it was not requested, and a small packed answer can be huge.
        return "packed by the server, though it was asked not to"
    return None


def _metadata(answer: BaseHTTPResponse, size: int | None) -> ObjectMetadata:
    etag = answer.headers.get("ETag", "").strip()
    version = etag if ETAG.fullmatch(etag) else ""
    return ObjectMetadata(size or 0, _nanoseconds(answer.headers.get("Last-Modified", "")), version)


def _retry_after(answer: BaseHTTPResponse) -> float:
    """Return the seconds that a server asks to wait, RFC 9110, 10.2.3; or 0."""
    try:
        return _ONCE.get_retry_after(answer) or 0
    except (InvalidHeader, ValueError, OverflowError):
        return 0


def _nanoseconds(date: str) -> int:
    """Return the time of an HTTP date, RFC 9110, 5.6.7; or 0."""
    try:
        fields = parsedate_tz(date)
        return timegm(fields[:9]) * 1_000_000_000 if fields else 0
    except (ValueError, OverflowError, IndexError, TypeError):
        return 0
