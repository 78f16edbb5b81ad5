"""What every job needs: a log, also shown on the console, and errors without tracebacks."""

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from typing import TextIO

from .errors import DamagedFileError, UserError
from .files import discard
from .wording import counted

logger = logging.getLogger(__name__)

SECONDS_BETWEEN_REPORTS = 2.0
# PyArrow imports pandas if it is installed, which takes a third of a second; no job passes it
# pandas tables. OpenVINO and NNCF report their use to a server unless this package is missing.
HIDDEN = ("pandas", "openvino_telemetry")


@contextmanager
def logged(log: str, name: str) -> Iterator[None]:
    """Send the job's messages to the file `log` and to the console, each line with `name`.

    A `UserError` ends the job with its message alone; any other exception with its traceback. A
    damaged file is removed, so that the next run makes it again.
    What libraries print, above all TensorFlow, goes only into the file.
    """
    with (
        open(log, "w", encoding="utf-8") as file,
        _standard_error_to(file) as console,
        hidden(HIDDEN),
    ):
        logging.basicConfig(
            level=logging.INFO,
            format=f"[{name}] %(message)s",
            handlers=[logging.StreamHandler(file), logging.StreamHandler(console)],
        )
        try:
            yield
        except DamagedFileError as error:
            logger.error("Error: %s", discard(error))
            sys.exit(1)
        except UserError as error:
            logger.error("Error: %s", error)
            sys.exit(1)
        except Exception:
            logger.exception("Unexpected error")
            sys.exit(1)


def termination() -> threading.Event:
    """Return an event that SIGTERM sets, so that the job can keep what it has.

    Without this call SIGTERM ends the process at once. It comes when the user presses Ctrl-C, or
    from a cluster that ends the job.
    """
    terminated = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: terminated.set())
    return terminated


@contextmanager
def _standard_error_to(file: TextIO) -> Iterator[TextIO]:
    """Redirect standard error, also of native code, to `file`; yield the console."""
    with os.fdopen(os.dup(2), "w", encoding="utf-8", errors="replace") as console:
        os.dup2(file.fileno(), 2)
        try:
            yield console
        finally:
            os.dup2(console.fileno(), 2)


@contextmanager
def hidden(packages: Collection[str]) -> Iterator[None]:
    """Make `packages` look as if they were not installed, unless they are already imported."""
    finder = _Hidden(packages)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


class _Hidden(MetaPathFinder):
    def __init__(self, packages: Collection[str]) -> None:
        self._packages = packages

    def find_spec(self, fullname: str, *_: object) -> None:
        if fullname in self._packages:
            raise ModuleNotFoundError(f"{fullname} is hidden from jobs", name=fullname)


class Progress:
    """Logs every few seconds how many images are done, the rate and the time left.

    Args:
        total: how many there are.
        noun: what is counted, of one.
        plural: see `counted`.
    """

    def __init__(self, total: int, noun: str = "image", plural: str | None = None) -> None:
        self.total = total
        self.all = counted(total, noun, plural)
        self.started = self.reported = time.monotonic()

    def __call__(self, done: int) -> None:
        """Report that `done` are finished."""
        now = time.monotonic()
        if done < self.total and now - self.reported < SECONDS_BETWEEN_REPORTS:
            return
        self.reported = now
        rate = done / max(now - self.started, 1e-9)
        left = round((self.total - done) / rate)
        logger.info("%s of %s, %.1f/s, %d s left", f"{done:,}", self.all, rate, left)
