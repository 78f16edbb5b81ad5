"""Tests of what requests wait for."""

import asyncio
import threading
from typing import Any

import pytest
from starlette.exceptions import HTTPException

from similar_images.server import routes
from similar_images.server.desk import Desk


def test_other_requests_do_not_wait_while_the_inbox_is_looked_up() -> None:
    threads: list[threading.Thread] = []

    class Service:
        def inbox(self) -> None:
            threads.append(threading.current_thread())

    async def keep() -> None:
        nothing: Any = None
        service: Any = Service()
        await routes.keep(nothing, Desk(1, 1), service)

    with pytest.raises(HTTPException, match="--inbox"):
        asyncio.run(keep())
    assert threads != [threading.main_thread()]


def test_an_empty_label_is_none() -> None:
    assert routes.label_of("") is None
