"""Leave-one-out: the neighbours of catalogue images that are held out, one at a time."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..features.feature_table import Features, FeatureTable
from ..search import exact


class Neighbours(NamedTuple):
    """The neighbours of a held-out image.

    Attributes:
        row: of the image.
        rows: of its neighbours, the most similar first.
        similarities: their cosine similarities.
    """

    row: int
    rows: NDArray[np.intp]
    similarities: NDArray[np.float64]


class _Pairs(NamedTuple):
    """Pairs of a held-out image and a neighbour: columns of one length.

    Attributes:
        queries: the number of the held-out image in its block.
        rows: of the neighbour.
        similarities: of both.
    """

    queries: NDArray[np.intp]
    rows: NDArray[np.intp]
    similarities: NDArray[np.float64]

    def at(self, positions: NDArray[np.intp] | NDArray[np.bool_]) -> "_Pairs":
        """Return some of the pairs."""
        return _Pairs(self.queries[positions], self.rows[positions], self.similarities[positions])

    def joined_with(self, more: "_Pairs") -> "_Pairs":
        """Return these pairs and `more`."""
        return _Pairs(
            np.concatenate([self.queries, more.queries]),
            np.concatenate([self.rows, more.rows]),
            np.concatenate([self.similarities, more.similarities]),
        )


_NONE = _Pairs(np.empty(0, np.intp), np.empty(0, np.intp), np.empty(0))


def equal_bytes(catalogue: FeatureTable) -> NDArray[np.intp]:
    """Return the group of each row: those of equal bytes have one number."""
    groups: NDArray[np.intp] = np.unique(catalogue.content_ids, return_inverse=True)[1]
    return groups


def groups(catalogue: FeatureTable, product_of: Mapping[str, str]) -> NDArray[np.intp]:
    """Return the group of each row: those of equal bytes, or of one product, have one number.

    So have those of two products with equal bytes.

    Args:
        catalogue: see `FeatureTable`.
        product_of: the products of its images; one without is a product by itself.
    """
    number: dict[str, int] = {}
    products = (product_of.get(path, path) for path in catalogue.paths)
    numbers = [number.setdefault(product, len(number)) for product in products]
    kinds = equal_bytes(catalogue), np.array(numbers, np.intp)

    def least(first: NDArray[np.intp]) -> NDArray[np.intp]:
        for kind in kinds:
            smallest = np.full(len(first), len(first))
            np.minimum.at(smallest, kind, first)
            first = smallest[kind]
        return first

    return components(len(catalogue.paths), least)


def components(
    count: int, least: Callable[[NDArray[np.intp]], NDArray[np.intp]]
) -> NDArray[np.intp]:
    """Return the connected component of each of `count` rows: the number of its first row.

    Given a number for each row, `least` returns the least number among the row and those linked
    with it. Not SciPy's function, which takes half a second to import.
    """
    first, before = np.arange(count), np.full(count, -1)
    while (first != before).any():
        before = first
        lower = least(first)
        first = lower[lower]
    return first


def neighbours(
    catalogue: FeatureTable,
    held_out: NDArray[np.intp],
    count: int,
    eligible: NDArray[np.bool_],
    *groupings: NDArray[np.intp],
) -> Iterator[tuple[Neighbours, ...]]:
    """Yield for each row in `held_out` its `count` nearest images of other groups.

    Exact like `exact.nearest`, with the same similarities. The images of its own group are left
    out before the nearest are taken, so a large group costs no more than a small one. Each grouping
    has its own results, and all share one matrix product. Works in blocks, so memory does not grow
    with the number of rows.

    Args:
        catalogue: its features are rows of length 1.
        held_out: row numbers, any of the catalogue.
        count: how many neighbours; all there are where there are fewer.
        eligible: (n,), which rows may be found, such as `neighbours.first_of_equals` returns.
        groupings: each (n,), rows of one number show one thing: at least those of equal bytes.
    """
    for start in range(0, len(held_out), exact.QUERIES):
        block = held_out[start : start + exact.QUERIES]
        found = [_NONE for _ in groupings]
        for numbers, features in exact.blocks(catalogue.features, eligible):
            rows = np.array(numbers, np.intp)
            own = [group_of[block][:, np.newaxis] == group_of[rows] for group_of in groupings]
            found = _search(catalogue.features[block], rows, features, count, own, found)
        ends = [np.searchsorted(pairs.queries, range(len(block) + 1)).tolist() for pairs in found]
        for n, row in enumerate(block.tolist()):
            parts = [slice(*end[n : n + 2]) for end in ends]
            yield tuple(
                Neighbours(row, pairs.rows[part], pairs.similarities[part])
                for pairs, part in zip(found, parts, strict=True)
            )


def _search(
    queries: Features,
    rows: NDArray[np.intp],
    features: Features,
    count: int,
    own: Sequence[NDArray[np.bool_]],
    found: Sequence[_Pairs],
) -> list[_Pairs]:
    """Return for each grouping the nearest among those `found` before and `rows`.

    Args:
        queries: (q, d), features of held-out images.
        rows: (n,), of the images that may be found.
        features: (n, d), theirs.
        count: how many are wanted.
        own: for each grouping (q, n), which of `rows` are of the group of which query.
        found: for each grouping, sorted by query.
    """
    margin = exact.margin_of(features.shape[1])
    products = queries @ features.T
    near = [
        _candidates(products, same, count, _least(before, count, len(queries)), margin)
        for same, before in zip(own, found, strict=True)
    ]
    positions = np.flatnonzero(np.logical_or.reduce(near))
    one, other = np.divmod(positions, max(len(rows), 1))
    every = _Pairs(one, rows[other], exact.similarities_of(features, queries, other, one))
    return [
        _nearest(before.joined_with(every.at(these.ravel()[positions])), count)
        for before, these in zip(found, near, strict=True)
    ]


def _candidates(
    products: Features,
    own: NDArray[np.bool_],
    count: int,
    least: NDArray[np.float64],
    margin: float,
) -> NDArray[np.bool_]:
    """Return which of `products` (q, n), without `own`, can be among the `count` largest.

    Args:
        products: similarities in float32.
        own: (q, n), those that do not count.
        count: how many are wanted.
        least: (q,), what was found before: a similarity below it is not wanted.
        margin: how far products can be from similarities.
    """
    others = np.where(own, np.float32(-np.inf), products)
    if others.shape[1] > count:
        least = np.maximum(least, np.partition(others, -count, axis=1)[:, -count] - margin)
    near: NDArray[np.bool_] = others >= (least - margin).astype(np.float32)[:, np.newaxis]
    return near & ~own


def _nearest(pairs: _Pairs, count: int) -> _Pairs:
    """Return the `count` nearest of each query, the most similar first, equals by row."""
    order = np.lexsort((pairs.rows, -pairs.similarities, pairs.queries))
    return pairs.at(order[_rank(pairs.queries[order]) < count])


def _least(pairs: _Pairs, count: int, queries: int) -> NDArray[np.float64]:
    """Return the similarity of each query's last of `count`; without limit if there are fewer."""
    least = np.full(queries, -np.inf)
    last = _rank(pairs.queries) == count - 1
    least[pairs.queries[last]] = pairs.similarities[last]
    return least


def _rank(ordered: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the position of each of the `ordered` numbers among its equals, from 0."""
    return np.arange(len(ordered)) - np.searchsorted(ordered, ordered)


def sample(catalogue: FeatureTable, eligible: NDArray[np.bool_], most: int) -> NDArray[np.intp]:
    """Return the `eligible` rows, or `most` of them where there are more, in ascending order.

    Those with the smallest content ids. These are hashes, so the sample is as good as random, and
    one more image changes at most one image of the sample.
    """
    rows = np.flatnonzero(eligible)
    if len(rows) <= most:
        return rows
    content_ids = np.array(catalogue.content_ids)[rows]
    return np.sort(rows[np.argsort(content_ids, kind="stable")[:most]])


def by_class(catalogue: FeatureTable, rows: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return `rows` ordered by class and, within a class, by content id."""
    labels, content_ids = catalogue.labels, catalogue.content_ids
    return np.array(
        sorted(rows.tolist(), key=lambda row: (labels[row] or "", content_ids[row])), np.intp
    )
