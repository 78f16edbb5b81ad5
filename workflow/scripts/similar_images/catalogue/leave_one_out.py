"""Leave-one-out: images of the catalogue asked as if they were new."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..features.index import Index
from ..search import exact

# Neighbours that are looked at at once.
FOUND = 1_000_000


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


def equal_bytes(catalogue: Index) -> NDArray[np.intp]:
    """Return the group of each row: those of equal bytes have one number."""
    groups: NDArray[np.intp] = np.unique(catalogue.content_ids, return_inverse=True)[1]
    return groups


def groups(catalogue: Index, product_of: Mapping[str, str]) -> NDArray[np.intp]:
    """Return the group of each row: those of equal bytes, or of one product, have one number.

    So have those of two products with equal bytes.

    Args:
        catalogue: see `Index`.
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
    catalogue: Index,
    asked: NDArray[np.intp],
    count: int,
    eligible: NDArray[np.bool_],
    *groupings: NDArray[np.intp],
) -> Iterator[tuple[Answer, ...]]:
    """Yield for each row in `asked` its `count` nearest images of other groups.

    Exact, and in blocks: memory does not grow with the number of rows asked. Each grouping has an
    answer of its own, and all come from one search.

    Args:
        catalogue: its features are rows of length 1.
        asked: row numbers, any of the catalogue.
        count: how many neighbours; all there are where there are fewer.
        eligible: (n,), which rows may be found, such as `neighbours.first_of_equals` returns.
        groupings: each (n,), rows of one number show one thing: at least those of equal bytes.
    """
    # As many more are asked for as are of an image's own group.
    spare = max(_largest(group_of, asked, eligible) for group_of in groupings)
    size = max(1, min(exact.QUERIES, FOUND // (count + spare)))
    for start in range(0, len(asked), size):
        block = asked[start : start + size]
        found = exact.nearest(
            catalogue.features[block], exact.blocks(catalogue.features, eligible), count + spare
        )
        for row, nearest in zip(block.tolist(), found, strict=True):
            rows = np.array([other for _, other in nearest], np.intp)
            similarities = np.array([similarity for similarity, _ in nearest])
            others = [group_of[rows] != group_of[row] for group_of in groupings]
            yield tuple(
                Answer(row, rows[other][:count], similarities[other][:count]) for other in others
            )


def _largest(
    group_of: NDArray[np.intp], asked: NDArray[np.intp], eligible: NDArray[np.bool_]
) -> int:
    """Return how many `eligible` rows the largest group has that one of `asked` is in."""
    members = np.bincount(group_of[eligible], minlength=group_of.max(initial=0) + 1)
    return int(members[group_of[asked]].max(initial=0))


def sample(catalogue: Index, eligible: NDArray[np.bool_], most: int) -> NDArray[np.intp]:
    """Return the `eligible` rows, or `most` of them where there are more, in ascending order.

    Those with the smallest content ids: these are hashes, so that it is as good as by lot, and an
    image more changes one of the sample at most.
    """
    rows = np.flatnonzero(eligible)
    if len(rows) <= most:
        return rows
    content_ids = np.array(catalogue.content_ids)[rows]
    return np.sort(rows[np.argsort(content_ids, kind="stable")[:most]])


def by_class(catalogue: Index, rows: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return `rows` ordered by class and, within a class, by content id."""
    labels, content_ids = catalogue.labels, catalogue.content_ids
    return np.array(
        sorted(rows.tolist(), key=lambda row: (labels[row] or "", content_ids[row])), np.intp
    )
