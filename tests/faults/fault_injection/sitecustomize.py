"""Injects a fault into one job of a run, once.

Every Python process of the run loads this file, since its folder is in PYTHONPATH. The
environment variable FAULT has the fault: see `run_with_fault` in `test_faults.py`.
"""

import atexit
import errno
import itertools
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

FAULT = json.loads(os.environ["FAULT"])


def inject() -> None:
    """Do what the fault says, unless another job already had it."""
    try:
        os.close(os.open(FAULT["mark"], os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return
    ACTIONS[FAULT["kind"]]()


def fail() -> None:
    raise RuntimeError("injected fault")


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def kill_all() -> None:
    os.killpg(0, signal.SIGKILL)


def terminate() -> None:
    os.kill(os.getsid(0), signal.SIGTERM)  # Snakemake leads the session
    time.sleep(1)  # the job is at work when the signal arrives


def interrupt() -> None:
    os.killpg(0, signal.SIGINT)  # as a terminal does
    time.sleep(1)


def fill_disk() -> None:
    with Path(FAULT["filler"]).open("wb", buffering=0) as filler:
        for size in (2**20, 2**12, 1):
            try:
                while True:
                    filler.write(bytes(size))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise


def change() -> None:
    Path(FAULT["photo"]).write_bytes(Path(FAULT["other"]).read_bytes())


def vanish() -> None:
    Path(FAULT["photo"]).unlink()


def wait() -> None:
    while not Path(FAULT["go"]).exists():
        time.sleep(0.1)


AT_RENAME = {
    "exception": fail,
    "SIGKILL of the job": kill,
    "SIGKILL of all": kill_all,
    "SIGTERM": terminate,
    "Ctrl-C": interrupt,
}
AT_START = {
    "disk full": fill_disk,
    "photo changes": change,
    "photo vanishes": vanish,
    "wait": wait,
}
AT_PHOTO = {"Ctrl-C at a photo": interrupt}
ACTIONS = AT_RENAME | AT_START | AT_PHOTO


def inject_at_rename(number: int) -> None:
    """Inject the fault before the n-th file of the job is renamed, or else at its end."""
    replace = os.replace
    left = number

    def counting(source: Any, target: Any) -> None:
        nonlocal left
        if str(source).endswith(".tmp"):
            left -= 1
            if left == 0:
                inject()
        replace(source, target)

    def inject_at_end() -> None:
        if left > 0:
            try:
                inject()
            except RuntimeError:
                os._exit(1)

    os.replace = counting  # type: ignore[assignment]  # jobs give it no folders
    atexit.register(inject_at_end)


def inject_at_photo(number: int) -> None:
    """Inject the fault when the job opens the n-th file in the folder of photos."""
    opened = itertools.count(1)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and "photos/" in str(arguments[0]) and next(opened) == number:
            inject()

    sys.addaudithook(hook)


if Path(sys.orig_argv[-1]).name.endswith(f".{FAULT['rule']}.py"):
    if FAULT["kind"] in AT_START:
        inject()
    elif FAULT["kind"] in AT_PHOTO:
        inject_at_photo(FAULT["photos"])
    else:
        inject_at_rename(FAULT["rename"])
