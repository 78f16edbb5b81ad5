"""How many questions are answered at once, and how many wait."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from anyio import CapacityLimiter
from anyio.to_thread import run_sync

from .uploads import busy

T = TypeVar("T")


class Desk:
    """Answers a few questions at once. Some more wait, and further ones are sent away.

    Args:
        at_once: how many are answered.
        present: how many are received, wait or are answered.
    """

    def __init__(self, at_once: int, present: int) -> None:
        self._turns = CapacityLimiter(at_once)
        self._most = present
        self._present = 0

    @contextmanager
    def place(self) -> Iterator[None]:
        """Take the place of one question while the block runs.

        Raises:
            HTTPException: none is free.
        """
        if self._present >= self._most:
            raise busy()
        self._present += 1
        try:
            yield
        finally:
            self._present -= 1

    async def run(self, work: Callable[[], T]) -> T:
        """Do work that takes a processor, in its turn."""
        return await run_sync(work, limiter=self._turns)
