"""Exact search for the most similar rows, in blocks, so that memory stays bounded."""

import numpy as np
from numpy.typing import NDArray

QUERIES = 1024
ROWS = 8_192
# More are ranked than asked for, so that rounding in float32 cannot cost the right one its place.
SPARE = 16

Features = NDArray[np.float32]


def normalise(features: Features) -> None:
    """Scale each row of `features` (n, d) to length 1, in place; zero rows stay zero."""
    lengths = np.sqrt(np.einsum("ij,ij->i", features, features, dtype=np.float32))
    features /= np.where(lengths > 0, lengths, 1)[:, np.newaxis]


def nearest(
    queries: Features, catalogue: Features, count: int, eligible: NDArray[np.bool_]
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return the `count` most similar rows of `catalogue` for each query, most similar first.

    The candidates come from matrix products in float32; their similarities are then computed
    in float64, row by row, so that they do not depend on how the work was cut into blocks.
    Equal similarities are ranked by row.

    Args:
        queries: (q, d), rows of length 1.
        catalogue: (n, d), rows of length 1.
        count: how many; all eligible ones where there are fewer.
        eligible: (n,), which rows may be found.

    Returns:
        Row numbers and cosine similarities, both (q, count).
    """
    wanted = min(count, int(eligible.sum()))
    rows = np.empty((len(queries), wanted), np.intp)
    similarities = np.empty((len(queries), wanted))
    if not wanted:
        return rows, similarities
    for start in range(0, len(queries), QUERIES):
        block = queries[start : start + QUERIES]
        candidates = _candidates(block, catalogue, wanted + SPARE, eligible)
        for i, (query, found) in enumerate(zip(block, candidates, strict=True), start):
            found = found[eligible[found]]
            exact = np.einsum("ij,j->i", catalogue[found], query, dtype=np.float64)
            order = np.lexsort((found, -exact))[:wanted]
            rows[i], similarities[i] = found[order], exact[order]
    return rows, similarities


def _candidates(
    queries: Features, catalogue: Features, count: int, eligible: NDArray[np.bool_]
) -> NDArray[np.intp]:
    """Return the `count` rows (all where there are fewer) with the largest products, unsorted."""
    best = np.empty((len(queries), 0), np.float32)
    rows = np.empty((len(queries), 0), np.intp)
    for start in range(0, len(catalogue), ROWS):
        block = catalogue[start : start + ROWS]
        products = queries @ block.T
        products[:, ~eligible[start : start + ROWS]] = -np.inf
        top = _largest(products, count)
        best = np.hstack([best, np.take_along_axis(products, top, axis=1)])
        rows = np.hstack([rows, top + start])
        kept = _largest(best, count)
        best = np.take_along_axis(best, kept, axis=1)
        rows = np.take_along_axis(rows, kept, axis=1)
    return rows


def _largest(values: Features, count: int) -> NDArray[np.intp]:
    """Return the columns of the `count` largest values in each row, of equals the first."""
    if values.shape[1] <= count:
        return np.broadcast_to(np.arange(values.shape[1]), values.shape)
    columns = np.sort(np.argpartition(values, -count, axis=1)[:, -count:], axis=1)
    smallest = np.take_along_axis(values, columns, axis=1).min(axis=1, keepdims=True)
    # Where more are equal to the smallest than there is room for, the partition chose at random.
    for row in np.flatnonzero((values >= smallest).sum(axis=1) > count):
        columns[row] = np.sort(np.argsort(-values[row], kind="stable")[:count])
    return columns
