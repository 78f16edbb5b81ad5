"""The review order: which queries to decide first.

A decision gains most if the prediction is uncertain and many such queries are like it: uncertainty
times density, the information density of B. Settles and M. Craven, "An Analysis of Active Learning
Strategies for Sequence Labeling Tasks" (EMNLP 2008). It gains less after one on a query like
it: so the queries are ranked one after the other, as in T. Cardoso et al., "Ranked batch-mode
active learning" (Information Sciences 379, 2017). Two queries are as alike as the share of
neighbours that they have in common (R. Jarvis and E. Patrick, "Clustering Using a Similarity
Measure Based on Shared Near Neighbors", IEEE Transactions on Computers, 1973), which the search has
found already. benchmarks/results/accuracy.md measures the gain.
"""

from collections.abc import Iterable, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Row = Mapping[str, str]  # of `predictions.csv`

# The exponent of the density, and how much less (as a rate) a query gains once one with the same
# neighbours is ranked. Both were chosen on one set of photos alone: benchmarks/results/accuracy.md.
DENSITY, LIKE = 0.3, 0.3
# So many are ranked one after the other. Nobody decides more before the next run.
FIRST = 1000


def order(predictions: Iterable[Row], neighbours: pa.Table, voters: int) -> dict[str, int]:
    """Return the rank of each query that can be decided and has not been: 1 for the first.

    Args:
        predictions: rows of `predictions.csv`.
        neighbours: of the readable queries, see `neighbours.TABLE`.
        voters: the configured number of neighbours that vote.
    """
    doubts = {
        row["image"]: _doubt(row) for row in predictions if not (row["error"] or row["decision"])
    }
    open_ = neighbours.filter(pc.is_in(neighbours["image"], pa.array(doubts, pa.string())))
    images = open_["image"].to_pylist()
    ranked = rank(
        np.array([doubts[image] for image in images]),
        _numbers(pc.list_slice(open_["similar"], 0, voters)),
    )
    return {images[row]: place for place, row in enumerate(ranked, 1)}


def rank(doubt: NDArray[np.float64], near: NDArray[np.intp]) -> list[int]:
    """Return the numbers of the queries, those first on which a decision gains most.

    Args:
        doubt: (n,), the probability that the answer to each is not right.
        near: (n, k), the numbers of the neighbours of each. Who has fewer has negative numbers.
    """
    if not near.size:
        return [*np.argsort(-doubt, kind="stable").tolist()]
    queries, images = np.nonzero(near >= 0)[0], near[near >= 0]
    touched = np.bincount(images, doubt[queries])
    density = np.bincount(queries, touched[images], len(doubt)) / near.shape[1]
    gain = doubt * density**DENSITY
    # For each image of the catalogue the queries that it is a neighbour of.
    asked = np.split(queries[np.argsort(images, kind="stable")], np.bincount(images).cumsum()[:-1])
    first: list[int] = []
    for _ in range(min(FIRST, len(doubt))):
        best = int(gain.argmax())
        first.append(best)
        gain[best] = -1
        for image in near[best][near[best] >= 0]:
            gain[asked[image]] *= 1 - LIKE / near.shape[1]
    rest = np.argsort(-gain, kind="stable")[: len(doubt) - len(first)]
    return [*first, *rest.tolist()]


def _doubt(row: Row) -> float:
    """Return the probability that the answer in `row` is not right; a refusal is none.

    Where the confidence is not known, it is not for any query, and all gain the same.
    """
    return 1.0 if row["refused"] or not row["confidence"] else 1 - float(row["confidence"])


def _numbers(similar: pa.ChunkedArray) -> NDArray[np.intp]:
    """Return numbers (n, k) in place of the paths in `similar`, lists of up to k; -1 for none."""
    lists = similar.combine_chunks()
    lengths = lists.value_lengths().to_numpy(zero_copy_only=False)
    numbers = np.full((len(lengths), max(lengths, default=0)), -1)
    codes = lists.flatten().dictionary_encode().indices.to_numpy(zero_copy_only=False)
    numbers[np.arange(numbers.shape[1]) < lengths[:, np.newaxis]] = codes
    return numbers
