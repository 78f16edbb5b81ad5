"""What the unit tests share."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import Any

import pytest
from hypothesis import settings

from models import HISTOGRAM
from similar_images.backbones.model import Model

# How long an example takes says nothing of whether it is right.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture
def model() -> Model:
    return HISTOGRAM


@pytest.fixture
def promptly() -> Callable[[Callable[[], Any]], Any]:
    """Give a function that returns (or raises) what a call does, unless the call hangs."""

    def run(call: Callable[[], Any]) -> Any:
        outcome: Future[Any] = Future()

        def work() -> None:
            try:
                outcome.set_result(call())
            except BaseException as error:
                outcome.set_exception(error)

        Thread(target=work, daemon=True).start()
        return outcome.result(timeout=15)

    return run
