"""Leave-one-out: images of the catalogue asked as if they were new."""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..features.index import Index
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


def ask(
    catalogue: Index, asked: NDArray[np.intp], count: int, eligible: NDArray[np.bool_]
) -> Iterator[Answer]:
    """Yield for each row in `asked` its `count` nearest images of other bytes.

    Exact, and in blocks: memory does not grow with the number of rows asked.

    Args:
        catalogue: its features are rows of length 1.
        asked: row numbers, any of the catalogue.
        count: how many neighbours; all there are where there are fewer.
        eligible: (n,), which rows may be found, such as `neighbours.first_of_equals` returns.
    """
    content = np.array(catalogue.content_ids)
    # As many more are asked for as have the image's own bytes: one for each class they stand in.
    copies = Counter(content[eligible].tolist())
    spare = max((copies[content[row]] for row in asked), default=0)
    for start in range(0, len(asked), exact.QUERIES):
        block = asked[start : start + exact.QUERIES]
        found = exact.nearest(
            catalogue.features[block], exact.blocks(catalogue.features, eligible), count + spare
        )
        for row, nearest in zip(block.tolist(), found, strict=True):
            rows = np.array([other for _, other in nearest], np.intp)
            similarities = np.array([similarity for similarity, _ in nearest])
            others = content[rows] != content[row]
            yield Answer(row, rows[others][:count], similarities[others][:count])


def sample(catalogue: Index, eligible: NDArray[np.bool_], most: int) -> NDArray[np.intp]:
    """Return the `eligible` rows, or `most` of them where there are more, in ascending order.

    A systematic sample of the rows ordered by class and content id: each class has its share,
    and, since content ids are hashes, which of its images are drawn is as good as by lot and
    yet the same in every run.
    """
    rows = np.flatnonzero(eligible)
    if len(rows) <= most:
        return rows
    return np.sort(by_class(catalogue, rows)[np.arange(most) * len(rows) // most])


def by_class(catalogue: Index, rows: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return `rows` ordered by class and, within a class, by content id."""
    labels, content_ids = catalogue.labels, catalogue.content_ids
    return np.array(
        sorted(rows.tolist(), key=lambda row: (labels[row] or "", content_ids[row])), np.intp
    )
