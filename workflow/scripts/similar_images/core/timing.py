"""The time that a job spends on each kind of work."""

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock


class Timing:
    """Adds up seconds for each kind of work; threads may share it."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._lock = Lock()

    @contextmanager
    def spent_on(self, what: str) -> Iterator[None]:
        """Add the time that the block takes to `what`."""
        started = time.perf_counter()
        try:
            yield
        finally:
            passed = time.perf_counter() - started
            with self._lock:
                self.seconds[what] += passed
