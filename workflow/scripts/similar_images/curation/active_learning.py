"""Active learning: queries in the order in which decisions on them gain most.

A decision gains most where the prediction is uncertain and many similar predictions are, too:
uncertainty times density, the information density of B. Settles and M. Craven, "An Analysis of
Active Learning Strategies for Sequence Labeling Tasks" (EMNLP 2008). It gains less after a decision
on a similar query, so the queries are ranked one after the other, as in T. Cardoso et al., "Ranked
batch-mode active learning" (Information Sciences 379, 2017). Two queries are as similar as the
share of neighbours that they have in common (R. Jarvis and E. Patrick, "Clustering Using a
Similarity Measure Based on Shared Near Neighbors", IEEE Transactions on Computers, 1973), which the
search has found already. benchmarks/results/accuracy.md has the gain.
"""

from collections.abc import Iterable, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Row = Mapping[str, str]  # of `predictions.csv`

# The exponent of the density, and the share of its gain that a query loses once one with the same
# neighbours is ranked. Both were chosen on one set of photos: benchmarks/results/accuracy.md.
DENSITY, LOSS = 0.3, 0.3
# So many are ranked one after the other. Nobody decides more before the next run.
FIRST = 1000


def order(predictions: Iterable[Row], neighbours: pa.Table, voters: int) -> dict[str, int]:
    """Return the rank of each query that can be decided and is not yet: 1 for the first.

    Args:
        predictions: rows of `predictions.csv`.
        neighbours: of the readable queries, see `neighbours.TABLE`.
        voters: the configured number of neighbours that vote.
    """
    uncertainties = {
        row["image"]: _uncertainty(row)
        for row in predictions
        if not (row["error"] or row["decision"])
    }
    open_ = neighbours.filter(pc.is_in(neighbours["image"], pa.array(uncertainties, pa.string())))
    images = open_["image"].to_pylist()
    ranked = rank(
        np.array([uncertainties[image] for image in images]),
        _numbers(pc.list_slice(open_["similar"], 0, voters)),
    )
    return {images[row]: place for place, row in enumerate(ranked, 1)}


def rank(uncertainty: NDArray[np.float64], near: NDArray[np.intp]) -> list[int]:
    """Return the numbers of the queries, those first on which a decision gains most.

    Args:
        uncertainty: (n,), the probability that each prediction is wrong.
        near: (n, k), the numbers of the neighbours of each; negative where there are fewer.
    """
    if not near.size:
        return [*np.argsort(-uncertainty, kind="stable").tolist()]
    queries, images = np.nonzero(near >= 0)[0], near[near >= 0]
    summed = np.bincount(images, uncertainty[queries])
    density = np.bincount(queries, summed[images], len(uncertainty)) / near.shape[1]
    gain = uncertainty * density**DENSITY
    # For each image of the catalogue the queries that it is a neighbour of.
    ends = np.bincount(images).cumsum()[:-1]
    queries_of = np.split(queries[np.argsort(images, kind="stable")], ends)
    first: list[int] = []
    for _ in range(min(FIRST, len(uncertainty))):
        best = int(gain.argmax())
        first.append(best)
        gain[best] = -1
        for image in near[best][near[best] >= 0]:
            gain[queries_of[image]] *= 1 - LOSS / near.shape[1]
    rest = np.argsort(-gain, kind="stable")[: len(uncertainty) - len(first)]
    return [*first, *rest.tolist()]


def _uncertainty(row: Row) -> float:
    """Return the probability that the prediction in `row` is wrong; 1 for a refused query.

    Where the confidence is not known, it is not known for any query, and all are equal.
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
