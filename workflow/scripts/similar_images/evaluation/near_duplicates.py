"""Near-duplicate groups: photos of one thing in one place, which a catalogue often has many times.

Each would find its class through the others, as no new photo would, so a group is held out as a
whole. Its photos are no copies, and no picture alone shows them; the catalogue as a whole does.
Two photos of one class are linked where they are more similar than images of different classes
almost ever are. A group is all that is linked, directly or through others (single linkage:
P. Sneath, "The Application of Computers to Taxonomy", Journal of General Microbiology 17, 1957).
benchmarks/results/accuracy.md shows where this works well and where it finds too little.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..features.feature_table import Features, FeatureTable
from . import leave_one_out
from .cross_validation import FOLDS

# So many images are sampled for their nearest one of another class.
SAMPLE = 1000
# Of larger classes only so many images are compared: memory grows as the square.
MOST = 4096
ROWS = 512


class Linkage(NamedTuple):
    """How wide a near-duplicate group is.

    Attributes:
        rare: the share of images that are less similar to all of other classes than the limit.
        fewest: a class that would fall into fewer groups stays as it is. All of its images are
            alike, and the few groups would not represent it.
    """

    rare: float
    fewest: int


NARROW = Linkage(rare=0.99, fewest=FOLDS)
# So wide that the photos outside a group certainly show other things.
WIDE = Linkage(rare=0.9, fewest=2)


class Groups(NamedTuple):
    """Which images show one thing.

    Attributes:
        group_of: (n,), rows of one number do.
        limit: the cosine similarity from which on two of one class do; None where there are no
            different classes.
    """

    group_of: NDArray[np.intp]
    limit: float | None


def join(
    catalogue: FeatureTable,
    eligible: NDArray[np.bool_],
    group_of: NDArray[np.intp],
    *widths: Linkage,
) -> list[Groups]:
    """Return `group_of` with near-duplicate groups joined, for each of `widths`.

    Args:
        catalogue: its features are rows of length 1.
        eligible: (n,), the rows that count, such as `neighbours.first_of_equals` returns.
        group_of: (n,), rows of one number show one thing already.
        widths: of the near-duplicate groups.
    """
    classes = np.unique(list(map(str, catalogue.labels)), return_inverse=True)[1]
    others = _nearest_others(catalogue, eligible, group_of, classes)
    if not len(others):
        return [Groups(group_of, None) for _ in widths]
    limits = [float(np.quantile(others, width.rare)) for width in widths]
    joined = [group_of.copy() for _ in widths]
    for rows in np.split(*_by_class(classes, np.flatnonzero(eligible))):
        part = rows[:MOST]
        for groups, near, width in zip(
            joined, _near(catalogue.features[part], limits), widths, strict=True
        ):
            linked = _linked(near)
            if len(np.unique(linked)) >= width.fewest:
                _join(groups, part, linked)
    return [Groups(groups, limit) for groups, limit in zip(joined, limits, strict=True)]


def _nearest_others(
    catalogue: FeatureTable,
    eligible: NDArray[np.bool_],
    group_of: NDArray[np.intp],
    classes: NDArray[np.intp],
) -> NDArray[np.float64]:
    """Return how similar images of a sample are to their nearest one of another class."""
    rows = np.flatnonzero(eligible)
    sample = leave_one_out.sample(catalogue, eligible, SAMPLE)
    features, nearest = catalogue.features[sample], np.full(len(sample), -np.inf)
    for start in range(0, len(rows), ROWS):
        block = rows[start : start + ROWS]
        similarities = features @ catalogue.features[block].T
        same = (classes[sample, np.newaxis] == classes[block]) | (
            group_of[sample, np.newaxis] == group_of[block]
        )
        similarities[same] = -np.inf
        nearest = np.maximum(nearest, similarities.max(axis=1))
    found: NDArray[np.float64] = nearest[np.isfinite(nearest)]
    return found


def _by_class(
    classes: NDArray[np.intp], rows: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return `rows` by class, and where each class but the first begins."""
    ordered = rows[np.argsort(classes[rows], kind="stable")]
    return ordered, np.flatnonzero(np.diff(classes[ordered])) + 1


def _near(features: Features, limits: Sequence[float]) -> NDArray[np.bool_]:
    """Return which two of `features` (n, d) are similar, by each of `limits`: (limits, n, n)."""
    near = np.empty((len(limits), len(features), len(features)), np.bool_)
    for start in range(0, len(features), ROWS):
        block = slice(start, start + ROWS)
        similarities = features[block] @ features.T
        for own, limit in zip(near, limits, strict=True):
            own[block] = similarities >= limit
    return near


def _linked(near: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return for each image the first that it is linked with, directly or through others.

    `near` (n, n) says which two are similar; its diagonal is set.
    """
    np.fill_diagonal(near, True)
    blocks = [near[start : start + ROWS] for start in range(0, len(near), ROWS)]

    def least(first: NDArray[np.intp]) -> NDArray[np.intp]:
        return np.concatenate([np.where(own, first, len(first)).min(axis=1) for own in blocks])

    return leave_one_out.components(len(near), least)


def _join(group_of: NDArray[np.intp], rows: NDArray[np.intp], linked: NDArray[np.intp]) -> None:
    """Give the groups of those `rows` that are `linked` one number, in place."""
    for row, first in zip(rows.tolist(), rows[linked].tolist(), strict=True):
        one, other = group_of[row], group_of[first]
        if one != other:
            group_of[group_of == one] = other
