"""Tests of the limits of requests, with invented connections."""

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope, Send

from similar_images.server.uploads import LimitedBodies, Limits

LIMITS = Limits(request_bytes=10, held_bytes=15, seconds=0.1)


def status(bodies: LimitedBodies, parts: Iterable[bytes], *, pause: float = 0.0) -> int | None:
    """Send a body in parts, and return the status of its refusal, or None."""
    messages: list[Message] = [
        {"type": "http.request", "body": part, "more_body": True} for part in parts
    ]
    messages.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> Message:
        await asyncio.sleep(pause)
        return messages.pop(0)

    async def send(message: Message) -> None:
        pass

    async def ask() -> None:
        await bodies({"type": "http"}, receive, send)

    try:
        asyncio.run(ask())
    except HTTPException as error:
        return error.status_code
    return None


async def read(scope: Scope, receive: Receive, send: Send) -> None:
    while (await receive())["more_body"]:
        pass


def test_a_body_may_have_so_many_bytes_and_no_more() -> None:
    bodies = LimitedBodies(read, LIMITS)
    assert status(bodies, [b"12345", b"67890"]) is None
    assert status(bodies, [b"12345", b"678901"]) == 413
    assert status(bodies, [b"12345", b"67890"]) is None


def test_a_body_that_comes_too_slowly_is_refused() -> None:
    bodies = LimitedBodies(read, LIMITS)
    assert status(bodies, [b"1"], pause=0.01) is None
    assert status(bodies, [b"1"] * 9, pause=0.03) == 408


def test_all_requests_together_may_hold_so_many_bytes() -> None:
    inner: list[Any] = []

    async def hold(scope: Scope, receive: Receive, send: Send) -> None:
        await read(scope, receive, send)
        if not inner:  # while it is answered, another one comes
            inner.append(None)

            async def receive_other() -> Message:
                return {"type": "http.request", "body": b"1" * 8, "more_body": False}

            with pytest.raises(HTTPException) as refused:
                await bodies(scope, receive_other, send)
            assert refused.value.status_code == 503
            assert refused.value.headers == {"Retry-After": "1"}

    bodies = LimitedBodies(hold, LIMITS)
    assert status(bodies, [b"1" * 8]) is None
    assert inner
    assert status(bodies, [b"1" * 8]) is None
