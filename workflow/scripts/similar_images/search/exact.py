"""Exact search for the most similar rows, in blocks, so that memory stays bounded."""

from bisect import insort
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..features.feature_table import Features
from . import blas

QUERIES = 1024
# Rows of the catalogue multiplied at once: enough for the matrix product to be at full speed.
ROWS = 8192
# Pairs whose similarity is computed at once in float64: so few that they stay in a core's cache.
PAIRS = 16
# Rows whose largest product represents all of them when a first threshold is sought.
GROUP = 8

Similarities = NDArray[np.float64]
# Names a row: it is returned, and ranks equal similarities.
Item = TypeVar("Item")


class _Pairs(NamedTuple):
    """Rows and queries that may belong together, and their similarities in float64."""

    rows: NDArray[np.intp]
    queries: NDArray[np.intp]
    similarities: Similarities


def nearest(
    queries: Features, catalogue: Iterable[tuple[Sequence[Item], Features]], count: int
) -> list[list[tuple[float, Item]]]:
    """Return the `count` most similar items of `catalogue` for each query, most similar first.

    Candidates come from matrix products in float32. All that can be among the best, given the
    rounding error, are ranked by similarities in float64, and equal similarities by item. So the
    result is exact, and the same to the bit for any blocks of the catalogue, in any order.

    Args:
        queries: (q, d), rows of length 1.
        catalogue: blocks of items with their features (n, d), rows of length 1. A block is
            released before the next is read.
        count: how many, at least 1; all items where there are fewer.

    Returns:
        For each query cosine similarities and items.

    Raises:
        ValueError: `count` is below 1.
    """
    if count < 1:
        raise ValueError(f"count is {count}, and must be at least 1")
    # Negative similarities, so that the most similar come first and equals by item.
    best: list[list[tuple[float, Item]]] = [[] for _ in queries]
    least = np.full(len(queries), -np.inf)  # the similarity that an item must reach
    threads = blas.threads()
    with ThreadPoolExecutor(threads) as pool:
        for items, features in catalogue:
            size = max(1, -(-len(items) // threads))
            for start in range(0, len(queries), QUERIES):
                part = slice(start, start + QUERIES)
                # Each thread multiplies its own rows. If the product itself used threads, the
                # work after it would run in one thread.
                with blas.one_thread():
                    _search(
                        pool, size, queries[part], items, features, count, best[part], least[part]
                    )
    return [[(-opposite, item) for opposite, item in found] for found in best]


def blocks(features: Features, eligible: NDArray[np.bool_]) -> Iterator[tuple[list[int], Features]]:
    """Yield the `eligible` rows of `features`, their numbers first, as `nearest` takes them."""
    for start in range(0, len(features), ROWS):
        block, chosen = features[start : start + ROWS], eligible[start : start + ROWS]
        rows = start + np.flatnonzero(chosen)
        yield rows.tolist(), block if chosen.all() else block[chosen]


def _search(
    pool: ThreadPoolExecutor,
    size: int,
    queries: Features,
    items: Sequence[Item],
    features: Features,
    count: int,
    best: Sequence[list[tuple[float, Item]]],
    least: Similarities,
) -> None:
    """Add what is found in `features` to `best`, and raise `least` accordingly.

    Each thread of `pool` searches `size` rows at once.
    """
    starts = range(0, len(items), size)
    known = least.copy()
    pieces = (features[start : start + size] for start in starts)
    searched = pool.map(lambda piece: _pairs(queries, piece, count, known), pieces)
    for start, pairs in zip(starts, searched, strict=True):
        for row, query, similarity in zip(*(column.tolist() for column in pairs), strict=True):
            found = best[query]
            if len(found) < count or -similarity <= found[-1][0]:
                insort(found, (-similarity, items[start + row]))
                del found[count:]
        for query in np.unique(pairs.queries):
            if len(best[query]) == count:
                least[query] = -best[query][-1][0]


def _pairs(queries: Features, features: Features, count: int, least: Similarities) -> _Pairs:
    """Return the pairs that can be among the `count` best of a query.

    Args:
        queries: (q, d).
        features: (n, d).
        count: how many are sought.
        least: (q,), the similarities below which nothing counts.
    """
    margin = margin_of(queries.shape[1])
    products = features @ queries.T
    if len(features) > count and np.isneginf(least).any():
        least = np.maximum(least, _reached(products, count) - margin)
    near = products >= (least - margin).astype(np.float32)
    # As `np.nonzero`, in a seventh of its time.
    rows, numbers = np.divmod(np.flatnonzero(near), len(queries))
    return _Pairs(rows, numbers, similarities_of(features, queries, rows, numbers))


def _reached(products: Features, count: int) -> Features:
    """Return what at least `count` of the products (n, q) reach in each column.

    The largest product of some rows represents them: a partition of all takes far longer.
    """
    rows = min(GROUP, len(products) // count)
    groups = products[: len(products) // rows * rows].reshape(-1, rows, products.shape[1])
    by_query = groups.max(axis=1).T.copy()  # along rows the partition takes half of the time
    reached: Features = np.partition(by_query, -count, axis=1)[:, -count]
    return reached


def ranked(found: Iterable[tuple[float, Item]], count: int) -> list[tuple[float, Item]]:
    """Return the `count` most similar of `found`, equals sorted by item."""
    return sorted(found, key=lambda one: (-one[0], one[1]))[:count]


def margin_of(dimension: int) -> float:
    """Return how far a float32 product of two rows of length 1 can be from their similarity.

    Twice the bound on the rounding error of a product of `dimension` terms (Higham, Accuracy and
    Stability of Numerical Algorithms, section 3.1).
    """
    return (dimension + 1) * float(np.finfo(np.float32).eps)


def similarities_of(
    features: Features, queries: Features, rows: NDArray[np.intp], numbers: NDArray[np.intp]
) -> Similarities:
    """Return the similarity of each pair of `rows` and query `numbers`, in float64.

    Each is a separate sum, so it does not depend on the others.

    Args:
        features: (n, d).
        queries: (q, d).
        rows: (p,), of `features`.
        numbers: (p,), of `queries`.
    """
    similarities = np.empty(len(rows))
    for start in range(0, len(rows), PAIRS):
        some = slice(start, start + PAIRS)
        products = features[rows[some]].astype(np.float64)
        products *= queries[numbers[some]]
        products.sum(axis=1, out=similarities[some])
    return similarities
