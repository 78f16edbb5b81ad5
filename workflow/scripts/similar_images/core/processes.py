"""Processes that share the work at the start of a run."""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor

# On a cluster the first machine belongs to all.
MOST = 4


def processes() -> int:
    """Return how many processes may work side by side."""
    return min(os.cpu_count() or 1, MOST)


def forked(count: int) -> "ProcessPoolExecutor":
    """Return a pool of `count` processes; they are forked, since others import Snakemake anew."""
    # Slow, and jobs load what is beside this.
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    return ProcessPoolExecutor(count, get_context("fork"))
