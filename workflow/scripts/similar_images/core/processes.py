"""Processes that share the work at the start of a run."""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor

# On a cluster the login node is shared with other users.
MOST = 4


def processes() -> int:
    """Return how many processes may work in parallel."""
    return min(os.cpu_count() or 1, MOST)


def forked(count: int) -> "ProcessPoolExecutor":
    """Return a pool of `count` processes, forked so that they need not import Snakemake again."""
    # Slow to import, and most jobs do not need it.
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    return ProcessPoolExecutor(count, get_context("fork"))
