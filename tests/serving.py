"""A real server on a project, in a process of its own."""

import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from project import ROOT

SECONDS = 60.0  # for its start, on a busy machine
_ADDRESS = re.compile(r"http://[^\s/]+")


@dataclass
class Served:
    """A running server.

    Attributes:
        address: such as http://127.0.0.1:43211, without a slash at its end.
        process: of the server.
        line: what it printed when it was ready.
        errors: the file with its standard error.
    """

    address: str
    process: subprocess.Popen[str]
    line: str
    errors: IO[str]

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    def complaints(self) -> str:
        """Return what it has written to standard error until now."""
        self.errors.seek(0)
        return self.errors.read()

    def stop(self, with_signal: signal.Signals = signal.SIGTERM) -> int:
        """Ask the server to end, and return its exit code."""
        self.process.send_signal(with_signal)
        return self.process.wait(SECONDS)


@contextmanager
def serving(
    folder: Path, *options: str, environment: Mapping[str, str] | None = None
) -> Iterator[Served]:
    """Serve the project in `folder` while the block runs, on a free port unless options name one.

    Args:
        folder: of a project that has run.
        options: of `python -m similar_images serve`.
        environment: further environment variables.
    """
    library = {"PYTHONPATH": str(ROOT / "workflow/scripts")}
    with TemporaryFile("w+", encoding="utf-8", errors="replace") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "similar_images", "serve", "--port", "0", *options],
            cwd=folder,
            env={**os.environ, **library, **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,
        )
        try:
            line = _first_line(process)
            address = _ADDRESS.search(line)
            served = Served(address[0] if address else "", process, line, errors)
            assert served.address, f"no address: {line}{served.complaints()}"
            yield served
        finally:
            process.terminate()
            try:
                process.wait(SECONDS)
            finally:
                process.kill()
                process.communicate()


def _first_line(process: subprocess.Popen[str]) -> str:
    """Return the first line that `process` prints; nothing if it ended, or printed none in time."""
    assert process.stdout is not None
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        if select.select([process.stdout], [], [], 1.0)[0]:
            return process.stdout.readline()
    return ""
