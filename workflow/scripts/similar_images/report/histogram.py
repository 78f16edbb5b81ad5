"""Histograms of the answers: how many were right and wrong, bin by bin."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

MOST_BINS = 20
WIDTHS = (0.01, 0.02, 0.05, 0.1)


class Bin(NamedTuple):
    """One bar: its bounds, and how many values of each group fall between them."""

    start: float
    end: float
    counts: dict[str, int]


def similarity_edges(values: Sequence[float]) -> NDArray[np.float64]:
    """Return the edges of the bins for similarities: a round width, at most `MOST_BINS` bins."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    width = next((w for w in WIDTHS if (high - low) / w < MOST_BINS - 2), WIDTHS[-1])
    # Half a millionth of a bin is rounding: the value stands on the edge.
    first, last = np.floor(low / width + 5e-7), np.ceil(high / width - 5e-7)
    edges = np.arange(first, max(last, first + 1) + 1) * width
    edges[0], edges[-1] = min(edges[0], low), max(edges[-1], high)
    return edges


def vote_edges(neighbours: int) -> NDArray[np.float64]:
    """Return the edges of the bins for votes, from 1 to `neighbours`."""
    step = -(-neighbours // MOST_BINS)
    return np.arange(0.5, neighbours + 0.5 + step, step)


def bins(groups: Mapping[str, Sequence[float]], edges: NDArray[np.float64]) -> list[Bin]:
    """Count the values of each of `groups` between `edges`."""
    counted = {name: np.histogram(values, edges)[0] for name, values in groups.items()}
    return [
        Bin(float(start), float(end), {name: int(counts[i]) for name, counts in counted.items()})
        for i, (start, end) in enumerate(pairwise(edges))
    ]
