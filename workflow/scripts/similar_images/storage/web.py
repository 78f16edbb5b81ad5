"""Photos at addresses of http and https: their metadata, and their bytes.

Whatever a server does, the result is a photo or a fault with its reason, within the limits. After a
temporary failure the request is repeated, with growing waits. A reason never contains the query of
an address, and only the host of a redirect.
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
from collections.abc import Callable, Iterator
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
from .addresses import WEB, FetchError, Limits, ObjectMetadata, ParsedAddress
from .connections import GuardedPool, GuardedTlsPool, PrivateAddressError, tls

TRIES = 4
FIRST_WAIT = 0.5  # seconds; each next wait is twice as long, minus a random part of up to half
MOST_REDIRECTS = 5
# Hosts whose connections stay open. With 16 each they are below the 1024 files that a process may
# have open on most systems.
HOSTS = 50
CHUNK = 256 * 1024
# A longer rest of an answer is not read; its connection is closed instead.
SHORT = 64 * 1024
HEADERS = {"User-Agent": "Similar Image Finder", "Accept": "*/*", "Accept-Encoding": "identity"}

REDIRECT_STATUSES = (301, 302, 303, 307, 308)
# Temporary failures: RFC 9110, 15.5.9 and 15.6, and RFC 6585, 4.
BUSY = (408, 429, 500, 502, 503, 504)
# HEAD is unknown or forbidden: a signature, as in S3, may allow only GET.
NO_HEAD = (403, 405, 501)
# A login page, or an error sent with status 200. Not text/plain: old servers send it for unknown
# types, so there the bytes decide.
NO_PICTURE = re.compile(r"(text/(?!plain\b)[a-z.+-]{1,40}|application/(json|xml|xhtml\+xml))\b")
# A longer ETag is ignored.
ETAG = re.compile(r"[\x21-\x7e]{1,128}")
DIGITS = re.compile(r"[0-9]{1,18}")

_ONCE = Retry(False, redirect=False)
T = TypeVar("T")


class Web:
    """Requests photos from web addresses; threads may share it.

    It uses no proxy, cookie or password. Looking up a host's name may take longer than
    `limits.seconds`: the system's resolv.conf limits that.
    """

    def __init__(self, limits: Limits) -> None:
        # Its log would contain the queries of addresses.
        logging.getLogger("urllib3").setLevel(logging.CRITICAL)
        self._limits = limits
        self._lock = threading.Lock()
        self._places = cache(lambda host: threading.BoundedSemaphore(limits.connections))
        self._pools = lru_cache(HOSTS)(self._new_pool)

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return tls()

    def metadata_of(self, address: str) -> ObjectMetadata:
        """Return the metadata of `address` without its bytes."""
        try:
            return self._with_retries(lambda clock: self._ask_metadata(address, clock))
        except FetchError as error:
            return ObjectMetadata(fault=str(error), retryable=error.retryable)

    def fetch(self, address: str) -> bytes:
        """Return the bytes at `address`.

        Raises:
            FetchError: there are none or too many, or they do not arrive.
        """
        return self._with_retries(lambda clock: self._ask("GET", address, clock, self._body))

    def _with_retries(self, work: Callable[["_Clock"], T]) -> T:
        """Return the result of `work`, which is repeated after each `_RetryError`.

        Raises:
            FetchError: it failed, or took too long.
        """
        clock = _Clock(self._limits.seconds)
        for tries in range(1, TRIES + 1):
            try:
                return work(clock)
            except _RetryError as error:
                wait = max(error.wait, FIRST_WAIT * 2 ** (tries - 1) * random.uniform(0.5, 1))
                if tries == TRIES or wait >= clock.left():
                    raise FetchError(_after_retries(error, tries), retryable=True) from error
                time.sleep(wait)
        raise AssertionError("the last try has returned or raised")

    def _ask_metadata(self, address: str, clock: "_Clock") -> ObjectMetadata:
        try:
            return self._ask("HEAD", address, clock, self._metadata_of_head)
        except _NoHeadError:
            return self._ask("GET", address, clock, self._metadata_of_answer)

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
            pool = self._pools(parts.scheme, parts.host, parts.port)
        with clock.stopped():
            place.acquire()
        try:
            with _faults(clock):
                answer = _request(pool, method, parts, clock)
                try:
                    yield answer
                finally:
                    _put_back(answer)
        finally:
            place.release()

    def _new_pool(self, scheme: str, host: str, port: int | None) -> HTTPConnectionPool:
        most, private = self._limits.connections, self._limits.private
        if scheme == "http":
            return GuardedPool(host, port, maxsize=most, private=private)
        return GuardedTlsPool(host, port, maxsize=most, private=private, ssl_context=self._tls)

    def _metadata_of_head(self, answer: BaseHTTPResponse) -> ObjectMetadata:
        if answer.status in NO_HEAD:
            raise _NoHeadError("HEAD is refused")
        return self._metadata_of_answer(answer)

    def _metadata_of_answer(self, answer: BaseHTTPResponse) -> ObjectMetadata:
        size = self._check(answer)
        etag = answer.headers.get("ETag", "").strip()
        version = etag if ETAG.fullmatch(etag) else ""
        return ObjectMetadata(
            size or 0, _nanoseconds(answer.headers.get("Last-Modified", "")), version
        )

    def _body(self, answer: BaseHTTPResponse) -> bytes:
        size = self._check(answer)
        body = io.BytesIO()
        for chunk in answer.stream(CHUNK, decode_content=False):
            body.write(chunk)
            self._check_size(body.tell())
        if not body.tell():
            # If the connection breaks in the headers, http.client reports an empty body.
            raise FetchError("empty file") if size == 0 or answer.chunked else _broken_off()
        return body.getvalue()

    def _check(self, answer: BaseHTTPResponse) -> int | None:
        """Return the size of the body by the headers of `answer`, or None.

        Raises:
            FetchError: by its headers it is no picture.
        """
        _check_status(answer)
        if kind := NO_PICTURE.match(answer.headers.get("Content-Type", "").strip().lower()):
            raise FetchError(f"{kind[1]} in place of a picture")
        # It was not requested, and a small compressed answer can be huge.
        if answer.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
            raise FetchError("packed by the server, though it was asked not to")
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


class _NoHeadError(FetchError):
    """The server refuses HEAD requests."""


class _Clock:
    """The time limit of a photo, which does not count waiting for a free connection."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._ends = time.monotonic() + seconds

    def left(self) -> float:
        return self._ends - time.monotonic()

    @contextmanager
    def stopped(self) -> Iterator[None]:
        start = time.monotonic()
        yield
        self._ends += time.monotonic() - start


def _after_retries(error: _RetryError, tries: int) -> str:
    asked = f", which asks to wait {error.wait:.0f} s" if error.wait >= 1 else ""
    return f"{error}{asked}" + (f"; tried {tries} times" if tries > 1 else "")


def _request(
    pool: HTTPConnectionPool, method: str, parts: ParsedAddress, clock: _Clock
) -> BaseHTTPResponse:
    """Return the answer to one request; its body is not read yet."""
    if clock.left() <= 0:
        raise _too_long(clock)
    return pool.urlopen(
        method,
        (parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
        headers=HEADERS,
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


def _check_status(answer: BaseHTTPResponse) -> None:
    status = answer.status
    phrase = responses[status].lower() if status in responses else "a status unknown to HTTP"
    fault = f"{status}: {phrase}"
    if status in BUSY:
        raise _RetryError(fault, _retry_after(answer))
    if status != 200:
        raise FetchError(fault, retryable=500 <= status < 600)


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
