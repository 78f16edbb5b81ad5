"""Processes that this one starts, also to share work with them."""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor

# On a cluster the login node is shared with other users.
MOST = 4


def find_modules_first_in(folder: str) -> None:
    """Let Python processes that this one starts find modules in `folder` before all others."""
    others = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = f"{folder}{os.pathsep}{others}" if others else folder


def processes() -> int:
    """Return how many processes may work in parallel."""
    return min(os.cpu_count() or 1, MOST)


def forked(count: int) -> "ProcessPoolExecutor":
    """Return a pool of `count` processes, forked so that they need not import Snakemake again."""
    # Slow to import, and most jobs do not need it.
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    return ProcessPoolExecutor(count, get_context("fork"))
