"""Label confidence: how well each image of the catalogue fits each class, judged by the others.

Two methods are averaged, which together find more wrong labels than either: the weighted vote of
the nearest others, and a ridge regression of the classes on the features, whose leave-one-out
predictions have a closed form (D. M. Allen, "The Relationship between Variable Selection and Data
Augmentation and a Method for Prediction", Technometrics 16, 1974). scikit-learn's `RidgeCV` gives
the same figures, but takes much more memory: see docs/measurements.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..classification import conformal
from ..features.feature_table import FeatureTable
from . import leave_one_out

# Added to the variance in every direction; the features have length 1.
RIDGE = 1.0
ROWS = 4_096

Rows = NDArray[np.intp]
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Images:
    """Images of the catalogue, each once for every class that it is in.

    Attributes:
        features: of the whole catalogue, rows of length 1.
        rows: (n,), which of them these are.
        classes: (n,), the number of each one's class.
        names: of the classes.
        neighbours: (n, k), of each the nearest others of other bytes as numbers 0 to n - 1, the
            most similar first; -1 where there are fewer.
        similarities: (n, k), their cosine similarities.
    """

    features: NDArray[np.float32]
    rows: Rows
    classes: Rows
    names: list[str]
    neighbours: Rows
    similarities: Values

    @property
    def sizes(self) -> Rows:
        """The number of images of each class."""
        return np.bincount(self.classes, minlength=len(self.names))

    def blocks(self) -> Iterator[tuple[slice, Values]]:
        """Yield the images block by block: which, and their features."""
        for start in range(0, len(self.rows), ROWS):
            part = slice(start, start + ROWS)
            yield part, self.features[self.rows[part]].astype(np.float64)


def prepare(catalogue: FeatureTable, eligible: NDArray[np.bool_]) -> Images:
    """Return the `eligible` images of `catalogue`, whose features have length 1."""
    rows = np.flatnonzero(eligible)
    names, classes = np.unique([str(catalogue.labels[row]) for row in rows], return_inverse=True)
    neighbours = np.full((len(rows), conformal.NEIGHBOURS), -1, np.intp)
    similarities = np.full((len(rows), conformal.NEIGHBOURS), -np.inf)
    apart = leave_one_out.equal_bytes(catalogue)
    searched = leave_one_out.neighbours(catalogue, rows, conformal.NEIGHBOURS, eligible, apart)
    for n, (nearest,) in enumerate(searched):
        found = len(nearest.rows)
        neighbours[n, :found] = np.searchsorted(rows, nearest.rows)
        similarities[n, :found] = nearest.similarities
    return Images(catalogue.features, rows, classes, names.tolist(), neighbours, similarities)


def _vote(images: Images, part: slice) -> Values:
    """Return the share of each class in the weighted vote of the neighbours: (b, classes)."""
    neighbours, similarities = images.neighbours[part], images.similarities[part]
    shares = np.zeros((len(neighbours), len(images.names)))
    for row, found, near in zip(shares, neighbours, similarities, strict=True):
        if count := (found >= 0).sum():
            classes = images.classes[found[:count]].tolist()
            for class_, share in conformal.shares(classes, near[:count].tolist()).items():
                row[class_] = share
    return shares


@dataclass(frozen=True)
class Ridge:
    """A ridge regression of the classes (1 for the class of an image, 0 for the others).

    Attributes:
        mean: (d,), of the features.
        inverse: (d, d), of their scatter with the ridge added.
        weights: (d, classes).
        shares: (classes,), of the images.
    """

    mean: Values
    inverse: Values
    weights: Values
    shares: Values

    def leave_one_out(self, features: Values, images: Images, part: slice) -> Values:
        """Return for each image the prediction without it, clipped to 0 to 1: (b, classes)."""
        centred = features - self.mean
        own = np.eye(len(images.names))[images.classes[part]]
        leverage = np.einsum("ij,ij->i", centred @ self.inverse, centred) + 1 / len(images.rows)
        fitted = centred @ self.weights + self.shares
        without = (fitted - leverage[:, np.newaxis] * own) / (1 - leverage[:, np.newaxis])
        clipped: Values = np.clip(without, 0, 1)
        return clipped


def fit(images: Images) -> Ridge:
    """Fit the ridge regression to all of `images`, block by block."""
    dimension = images.features.shape[1]
    mean = sum(block.sum(axis=0) for _, block in images.blocks()) / len(images.rows)
    scatter = RIDGE * np.eye(dimension)
    sums = np.zeros((len(images.names), dimension))
    for part, block in images.blocks():
        centred = block - mean
        scatter += centred.T @ centred
        np.add.at(sums, images.classes[part], centred)
    inverse = np.linalg.inv(scatter).astype(np.float64)
    return Ridge(mean, inverse, inverse @ sums.T, images.sizes / len(images.rows))


def confidences(images: Images, ridge: Ridge) -> Iterator[tuple[slice, Values]]:
    """Yield block by block which images, and their confidences (b, classes) of 0 to 1.

    `ridge` is what `fit` returns for the same images.
    """
    for part, features in images.blocks():
        yield part, (_vote(images, part) + ridge.leave_one_out(features, images, part)) / 2
