"""What people send, above all photos: how large, how many, how slow, and how many at once.

They are held in memory, and never written to a disk. Pixels are limited where photos are decoded.
"""

import asyncio
from dataclasses import dataclass
from http import HTTPStatus
from typing import NamedTuple

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

FIELD = "photo"
MULTIPART = "multipart/form-data"
BINARY = "application/octet-stream"
IMAGE = "image/"
JSON = "application/json"
# Any other field is an error, which names it.
MOST_FIELDS = 10


@dataclass(frozen=True)
class Limits:
    """What is too much.

    Attributes:
        photo_bytes: of one photo.
        request_bytes: of a whole request.
        decisions_bytes: of a request with decisions.
        held_bytes: of all requests that are received or answered.
        photos: in one request.
        seconds: until a request is there completely.
        questions: that are received, wait, or are answered.
    """

    photo_bytes: int = 50_000_000
    request_bytes: int = 100_000_000
    decisions_bytes: int = 8_000_000
    held_bytes: int = 500_000_000
    photos: int = 50
    seconds: float = 60.0
    questions: int = 64


LIMITS = Limits()


class Photo(NamedTuple):
    """A photo that was sent, under the name that its sender gave it, which is only shown."""

    name: str
    data: bytes


class LimitedBodies:
    """Ends requests whose body is too large, or comes too slowly.

    Args:
        app: answers the requests.
        limits: of them.
    """

    def __init__(self, app: ASGIApp, limits: Limits = LIMITS) -> None:
        self._app = app
        self._limits = limits
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See `ASGIApp`."""
        body = _Body(receive, self._limits)

        async def receive_limited() -> Message:
            before = body.bytes
            message = await body.receive()
            self._held += body.bytes - before
            if self._held > self._limits.held_bytes:
                raise busy()
            return message

        try:
            await self._app(scope, receive_limited, send)
        finally:
            self._held -= body.bytes


class _Body:
    """The body of one request, of which `bytes` are there."""

    def __init__(self, receive: Receive, limits: Limits) -> None:
        self._receive = receive
        self._limits = limits
        self._end = asyncio.get_running_loop().time() + limits.seconds
        self._complete = False
        self.bytes = 0

    async def receive(self) -> Message:
        """Return the next message.

        Raises:
            HTTPException: the body is too large or too slow.
        """
        if self._complete:  # the next message is that the connection has ended
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._end):
                message = await self._receive()
        except TimeoutError:
            raise HTTPException(
                HTTPStatus.REQUEST_TIMEOUT,
                f"The request took longer than {self._limits.seconds:.0f} s. Send fewer photos at "
                "once.",
            ) from None
        self._complete = not message.get("more_body", False)
        self.bytes += len(message.get("body", b""))
        if self.bytes > self._limits.request_bytes:
            raise too_large("The request is too large.", self._limits)
        return message


async def received(request: Request, limits: Limits = LIMITS) -> list[Photo]:
    """Return the photos in a request: parts of a form, or its body.

    Raises:
        HTTPException: it has none, or has something else, or is refused.
    """
    kind = _kind(request)
    if kind == MULTIPART:
        photos = await _of_form(request, limits)
    elif kind == BINARY or kind.startswith(IMAGE):
        data = await _connected(request)
        photos = [Photo(FIELD, data)] if data else []
    else:
        raise HTTPException(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"The content type is {kind[:60] or 'missing'}; allowed: {MULTIPART} with the field "
            f"{FIELD}, or the bytes of one photo as {IMAGE}… or {BINARY}.",
        )
    if not photos:
        raise HTTPException(
            HTTPStatus.BAD_REQUEST, f"There is no photo. Send it in the field {FIELD}."
        )
    if any(len(photo.data) > limits.photo_bytes for photo in photos):
        raise too_large("A photo is too large.", limits)
    return photos


async def decisions(request: Request, limits: Limits = LIMITS) -> bytes:
    """Return the body of a request with decisions, in JSON.

    Raises:
        HTTPException: it is too large, or of another kind.
    """
    kind = _kind(request)
    if kind != JSON:  # pages of other sites may send some other kinds
        raise HTTPException(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"The content type is {kind[:60] or 'missing'}; allowed: {JSON}.",
        )
    data = bytearray()
    try:
        async for part in request.stream():
            data += part
            if len(data) > limits.decisions_bytes:
                raise HTTPException(
                    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                    "There are too many decisions in a request. Allowed: "
                    f"{limits.decisions_bytes:,} bytes. Send some of them first.",
                )
    except ClientDisconnect:
        raise _ended() from None
    return bytes(data)


def _kind(request: Request) -> str:
    """Return the content type of the body, without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


class _InMemory(MultiPartParser):
    """Keeps files in memory, as `LimitedBodies` allows. Starlette writes large ones to a disk."""

    spool_max_size = 0  # no limit


async def _of_form(request: Request, limits: Limits) -> list[Photo]:
    parser = _InMemory(
        request.headers, request.stream(), max_files=limits.photos, max_fields=MOST_FIELDS
    )
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise HTTPException(
            HTTPStatus.BAD_REQUEST,
            f"The form cannot be read: {error.message} Send at most {limits.photos} photos, each "
            f"as a file in the field {FIELD}.",
        ) from error
    except ClientDisconnect:
        raise _ended() from None
    return [await _photo(field, value) for field, value in form.multi_items()]


async def _photo(field: str, value: UploadFile | str) -> Photo:
    if field != FIELD or isinstance(value, str):
        raise HTTPException(
            HTTPStatus.BAD_REQUEST,
            f"The form has the field {field[:60]!r}; allowed: files in the field {FIELD}. Settings "
            "such as neighbours are given in the address.",
        )
    return Photo(value.filename or FIELD, await value.read())


async def _connected(request: Request) -> bytes:
    try:
        return await request.body()
    except ClientDisconnect:
        raise _ended() from None


def busy() -> HTTPException:
    """Return the answer to a request for which there is no room now."""
    return HTTPException(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "There are too many questions at once. Try again in a second.",
        {"Retry-After": "1"},
    )


def too_large(what: str, limits: Limits) -> HTTPException:
    """Return the answer to a request that is too large in the way that `what` says."""
    return HTTPException(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"{what} Allowed: {limits.photo_bytes:,} bytes for each photo, and "
        f"{limits.request_bytes:,} for all photos of a request.",
    )


def _ended() -> HTTPException:
    """Return an answer that nobody receives."""
    return HTTPException(HTTPStatus.BAD_REQUEST, "The connection has ended.")
