"""Leave-one-out: images of the catalogue asked as if they were new."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..features.feature_table import Features, FeatureTable
from ..search import exact


class Answer(NamedTuple):
    """What an image of the catalogue finds among the others.

    Attributes:
        row: of the image that was asked.
        rows: of its neighbours, the most similar first.
        similarities: their cosine similarities.
    """

    row: int
    rows: NDArray[np.intp]
    similarities: NDArray[np.float64]


class _Found(NamedTuple):
    """Pairs of an image that was asked and one that it finds: columns of one length.

    Attributes:
        asked: the number of the one among those asked.
        rows: of the other.
        similarities: of both.
    """

    asked: NDArray[np.intp]
    rows: NDArray[np.intp]
    similarities: NDArray[np.float64]

    def at(self, positions: NDArray[np.intp] | NDArray[np.bool_]) -> "_Found":
        """Return some of the pairs."""
        return _Found(self.asked[positions], self.rows[positions], self.similarities[positions])

    def and_(self, more: "_Found") -> "_Found":
        """Return these pairs and `more`."""
        return _Found(
            np.concatenate([self.asked, more.asked]),
            np.concatenate([self.rows, more.rows]),
            np.concatenate([self.similarities, more.similarities]),
        )


_NONE = _Found(np.empty(0, np.intp), np.empty(0, np.intp), np.empty(0))


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
    group_of = np.arange(len(catalogue.paths))
    while True:
        joined = group_of
        for kind in kinds:
            first = np.full(len(joined), len(joined))
            np.minimum.at(first, kind, joined)
            joined = first[kind]
        if (joined == group_of).all():
            return joined
        group_of = joined


def ask(
    catalogue: FeatureTable,
    asked: NDArray[np.intp],
    count: int,
    eligible: NDArray[np.bool_],
    *groupings: NDArray[np.intp],
) -> Iterator[tuple[Answer, ...]]:
    """Yield for each row in `asked` its `count` nearest images of other groups.

    Exact like `exact.nearest`, with the same similarities. The images of its own group are left
    out before the nearest are taken, so a large group costs no more than a small one. Each grouping
    has its own answers, and all share one matrix product. Works in blocks, so memory does not grow
    with the number of rows asked.

    Args:
        catalogue: its features are rows of length 1.
        asked: row numbers, any of the catalogue.
        count: how many neighbours; all there are where there are fewer.
        eligible: (n,), which rows may be found, such as `neighbours.first_of_equals` returns.
        groupings: each (n,), rows of one number show one thing: at least those of equal bytes.
    """
    for start in range(0, len(asked), exact.QUERIES):
        block = asked[start : start + exact.QUERIES]
        found = [_NONE for _ in groupings]
        for numbers, features in exact.blocks(catalogue.features, eligible):
            rows = np.array(numbers, np.intp)
            own = [group_of[block][:, np.newaxis] == group_of[rows] for group_of in groupings]
            found = _search(catalogue.features[block], rows, features, count, own, found)
        ends = [np.searchsorted(one.asked, range(len(block) + 1)).tolist() for one in found]
        for n, row in enumerate(block.tolist()):
            parts = [slice(*end[n : n + 2]) for end in ends]
            yield tuple(
                Answer(row, one.rows[part], one.similarities[part])
                for one, part in zip(found, parts, strict=True)
            )


def _search(
    asked: Features,
    rows: NDArray[np.intp],
    features: Features,
    count: int,
    own: Sequence[NDArray[np.bool_]],
    found: Sequence[_Found],
) -> list[_Found]:
    """Return for each grouping the nearest among those `found` before and `rows`.

    Args:
        asked: (q, d), features of the images that are asked.
        rows: (n,), of the images that may be found.
        features: (n, d), theirs.
        count: how many are wanted.
        own: for each grouping (q, n), which of `rows` are of the group of one that is asked.
        found: for each grouping, sorted by those asked.
    """
    margin = exact.margin_of(features.shape[1])
    products = asked @ features.T
    near = [
        _candidates(products, same, count, _least(before, count, len(asked)), margin)
        for same, before in zip(own, found, strict=True)
    ]
    pairs = np.flatnonzero(np.logical_or.reduce(near))
    one, other = np.divmod(pairs, max(len(rows), 1))
    every = _Found(one, rows[other], exact.similarities_of(features, asked, other, one))
    return [
        _nearest(before.and_(every.at(these.ravel()[pairs])), count)
        for before, these in zip(found, near, strict=True)
    ]


def _candidates(
    products: Features,
    own: NDArray[np.bool_],
    count: int,
    least: NDArray[np.float64],
    margin: float,
) -> NDArray[np.bool_]:
    """Return which of `products` (q, n), `own` ones apart, can be among the `count` largest.

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


def _nearest(found: _Found, count: int) -> _Found:
    """Return the `count` nearest of each image asked, the most similar first, equals by row."""
    order = np.lexsort((found.rows, -found.similarities, found.asked))
    return found.at(order[_rank(found.asked[order]) < count])


def _least(found: _Found, count: int, asked: int) -> NDArray[np.float64]:
    """Return the similarity of the last of `count` nearest; without limit where there are fewer."""
    least = np.full(asked, -np.inf)
    last = _rank(found.asked) == count - 1
    least[found.asked[last]] = found.similarities[last]
    return least


def _rank(ordered: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the place of each of the `ordered` numbers among its equals, from 0."""
    return np.arange(len(ordered)) - np.searchsorted(ordered, ordered)


def sample(catalogue: FeatureTable, eligible: NDArray[np.bool_], most: int) -> NDArray[np.intp]:
    """Return the `eligible` rows, or `most` of them where there are more, in ascending order.

    Those with the smallest content ids: these are hashes, so that it is as good as by lot, and an
    image more changes one of the sample at most.
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
