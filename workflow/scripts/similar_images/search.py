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
        asked, candidates = _candidates(block, catalogue, wanted + SPARE, eligible)
        bounds = np.searchsorted(asked, np.arange(len(block) + 1))
        for i, query in enumerate(block):
            found = candidates[bounds[i] : bounds[i + 1]]
            exact = np.einsum("ij,j->i", catalogue[found], query, dtype=np.float64)
            order = np.lexsort((found, -exact))[:wanted]
            rows[start + i], similarities[start + i] = found[order], exact[order]
    return rows, similarities


def _candidates(
    queries: Features, catalogue: Features, count: int, eligible: NDArray[np.bool_]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the `count` rows (all where there are fewer) with the largest products.

    Once a query has `count` of them, only products that reach the smallest of these are looked
    at, so that nearly all the time goes into the matrix product.

    Returns:
        Query numbers, ascending, and the rows that belong to them.
    """
    asked, rows = np.empty(0, np.intp), np.empty(0, np.intp)
    values = np.empty(0, np.float32)
    floor = np.full(len(queries), -np.inf, np.float32)
    for start in range(0, len(catalogue), ROWS):
        may = eligible[start : start + ROWS]
        products = catalogue[start : start + ROWS] @ queries.T
        if not start and may.sum() > count:
            floor = np.partition(products[may], -count, axis=0)[-count]
        hits = np.flatnonzero(products >= floor)
        row, query = np.divmod(hits[may[hits // len(queries)]], len(queries))
        asked, rows = np.hstack([asked, query]), np.hstack([rows, row + start])
        values = np.hstack([values, products[row, query]])
        best = _best(asked, values, rows, count)
        asked, rows, values = asked[best], rows[best], values[best]
        full = np.searchsorted(asked, np.arange(len(queries)), side="right") - 1
        enough = np.bincount(asked, minlength=len(queries)) == count
        floor[enough] = values[full[enough]]
    return asked, rows


def _best(
    asked: NDArray[np.intp], values: Features, rows: NDArray[np.intp], count: int
) -> NDArray[np.intp]:
    """Return where the `count` largest values of each query are, of equals the first rows."""
    order = np.lexsort((rows, -values, asked))
    first = np.searchsorted(asked[order], asked[order])
    return order[np.arange(len(order)) - first < count]
