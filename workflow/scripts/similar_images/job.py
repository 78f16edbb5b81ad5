"""What every job has: a log that is also shown on the console, and errors for people."""

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from .errors import UserError

logger = logging.getLogger(__name__)

SECONDS_BETWEEN_REPORTS = 2.0


@contextmanager
def logged(log: str, name: str) -> Iterator[None]:
    """Send the job's messages to the file `log` and to the console, headed by `name`.

    A `UserError` ends the job with its message alone; any other exception with its traceback.
    """
    logging.basicConfig(
        level=logging.INFO,
        format=f"[{name}] %(message)s",
        handlers=[logging.FileHandler(log, "w", "utf-8"), logging.StreamHandler()],
    )
    try:
        yield
    except UserError as error:
        logger.error("Error: %s", error)
        sys.exit(1)
    except Exception:
        logger.exception("Unexpected error")
        sys.exit(1)


class Progress:
    """Tells now and then how many images are done, the rate and the time left."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.started = self.reported = time.monotonic()

    def __call__(self, done: int) -> None:
        """Take note that `done` images are done."""
        now = time.monotonic()
        if done < self.total and now - self.reported < SECONDS_BETWEEN_REPORTS:
            return
        self.reported = now
        rate = done / max(now - self.started, 1e-9)
        left = round((self.total - done) / rate)
        logger.info("%d of %d images, %.1f/s, %d s left", done, self.total, rate, left)
