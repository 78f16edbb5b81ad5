"""The adapted similarity: a linear map learned from the catalogue's classes, then the cosine.

It is learned along the principal components of the features (`components`). There the covariance
within the classes is made the identity, so that what differs between images of one class counts
little (WCCN: A. O. Hatch, S. Kajarekar and A. Stolcke, "Within-Class Covariance Normalization for
SVM-based Speaker Recognition", Interspeech 2006). What differs between the classes, the subspace of
their means as in linear discriminant analysis (R. A. Fisher, 1936), is then stretched. The map has
a closed form: no training in steps.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core.files import checked, write_checked
from ..features.feature_table import Features, FeatureTable, normalise
from . import principal_components

# Chosen by cross-validation: see benchmarks/results/accuracy.md.
SHRINKAGE = 0.2
STRETCH = 3.0

ROWS = 4096
# Rows have length 1 at the most: smaller variances are rounding.
SMALLEST = 1e-12
# Triangular matrices up to this size are inverted as any other is.
TRIANGLE = 64

Matrix = NDArray[np.float64]
Numbers = NDArray[np.intp]


@dataclass(frozen=True)
class Adaptation:
    """A map of reduced features, see `principal_components.apply`.

    Attributes:
        fingerprint: of the features that it was fitted on.
        centre: (k,), subtracted from them.
        projection: (k, k), what they are then multiplied with.
    """

    fingerprint: str
    centre: Matrix
    projection: Matrix


def fit(
    reduced: FeatureTable,
    eligible: NDArray[np.bool_],
    shrinkage: float = SHRINKAGE,
    stretch: float = STRETCH,
) -> Adaptation:
    """Return the map learned from the features and classes of some rows.

    Computed in float64, in memory of the order of k * k whatever the number of images.

    Args:
        reduced: images with reduced features.
        eligible: (n,), the rows to learn from.
        shrinkage: the share of the mean variance that is added to each within the classes.
        stretch: how much longer the differences between the class means become.
    """
    mapped = _map(_moments(reduced, eligible), shrinkage, stretch)
    return Adaptation(reduced.fingerprint, *mapped)


class MapsWithoutParts:
    """The maps learned from a catalogue, each without a part of the rows.

    Each is what `fit` returns without these rows, except for rounding. Common sums are made once.
    """

    def __init__(self, reduced: FeatureTable, eligible: NDArray[np.bool_]) -> None:
        """Make the sums that the maps have in common.

        Args:
            reduced: images with reduced features.
            eligible: (n,), the rows to learn from.
        """
        self._reduced, self._eligible = reduced, eligible
        self._everything = _moments(reduced, eligible)

    def without(self, left_out: NDArray[np.bool_]) -> Adaptation:
        """Return the map learned without the rows in `left_out` (n,)."""
        rest = self._everything.less(_moments(self._reduced, self._eligible & left_out))
        return Adaptation(self._reduced.fingerprint, *_map(rest, SHRINKAGE, STRETCH))


def apply(adaptation: Adaptation, reduced: Features) -> Features:
    """Return reduced features (n, k), mapped, as float32 rows of length 1."""
    adapted = principal_components.project(reduced, adaptation.centre, adaptation.projection)
    normalise(adapted)
    return adapted


def write(path: Path, adaptation: Adaptation) -> None:
    """Write `adaptation` as an .npz file of plain arrays."""
    with write_checked(path) as temporary, temporary.open("wb") as stream:
        np.savez(stream, **vars(adaptation))


def read(path: Path) -> Adaptation:
    """Read an adaptation; no code in the file is executed.

    Raises:
        DamagedFileError: the file is damaged, or holds anything but an adaptation.
        UserError: the system does not let it be read.
    """
    with checked(path), np.load(path, allow_pickle=False) as content:
        centre, projection = (content[name] for name in ("centre", "projection"))
        if projection.ndim != 2 or centre.shape != projection.shape[:1]:
            raise ValueError("arrays of shapes that do not fit")
        fingerprint = str(content["fingerprint"])
        return Adaptation(fingerprint, centre.astype(float), projection.astype(float))


class _Moments(NamedTuple):
    """Sums over images, of their reduced features.

    Attributes:
        counts: (c,), the images of each class of the catalogue.
        sums: (c, k), of the features of each class.
        products: (k, k), of the outer products of all features.
    """

    counts: Matrix
    sums: Matrix
    products: Matrix

    def less(self, part: "_Moments") -> "_Moments":
        """Return the sums over the other images, given those over a part of them."""
        return _Moments(*(whole - own for whole, own in zip(self, part, strict=True)))


def _moments(reduced: FeatureTable, eligible: NDArray[np.bool_]) -> _Moments:
    """Return the sums over some rows."""
    classes = _classes(reduced)
    number, dimension = classes.max() + 1, reduced.features.shape[1]
    counts, sums = np.zeros(number), np.zeros((number, dimension))
    products = np.zeros((dimension, dimension))
    for start in range(0, len(eligible), ROWS):
        rows = _by_class(classes, start + np.flatnonzero(eligible[start : start + ROWS]))
        block = reduced.features[rows].astype(np.float64)
        for whole, own in zip((counts, sums), _sums(block, classes[rows], number), strict=True):
            whole += own
        products += block.T @ block
    return _Moments(counts, sums, products)


def _sums(features: Matrix, classes: Numbers, number: int) -> tuple[Matrix, Matrix]:
    """Return the count (c,) and the sum (c, d) of each of `number` classes, which come in order."""
    sums = np.zeros((number, features.shape[1]))
    there, first = np.unique(classes, return_index=True)
    if len(there):
        sums[there] = np.add.reduceat(features, first, axis=0)
    return np.bincount(classes, minlength=number).astype(float), sums


def _classes(images: FeatureTable) -> Numbers:
    """Return the number of the class of each row."""
    classes: Numbers = np.unique(list(map(str, images.labels)), return_inverse=True)[1]
    return classes


def _by_class(classes: Numbers, rows: Numbers) -> Numbers:
    return rows[np.argsort(classes[rows], kind="stable")]


def _map(moments: _Moments, shrinkage: float, stretch: float) -> tuple[Matrix, Matrix]:
    """Return the centre and the projection of the map."""
    counts, sums, products = moments
    images, there = counts.sum(), counts > 0
    counts, means = counts[there], sums[there] / counts[there][:, np.newaxis]
    centre = sums.sum(axis=0) / images
    # What differs within the classes is what differs in all less what differs between them.
    scatter = products - (means.T * counts) @ means
    whitening = _whitening(scatter / max(images - len(counts), 1), shrinkage)
    return centre, whitening @ _stretch((means - centre) @ whitening, stretch)


def _whitening(within: Matrix, shrinkage: float) -> Matrix:
    """Return the matrix (k, k) that makes the covariance `within`, shrunk, the identity.

    Shrunk, since the covariance of few images is not reliable: a share of the mean variance is
    added to its diagonal. Where nothing varies within the classes, nothing is whitened.
    """
    size = len(within)
    ridge = shrinkage * np.trace(within) / max(size, 1)
    if not ridge > SMALLEST:
        return np.eye(size)
    return _inverse(np.linalg.cholesky(within + ridge * np.eye(size))).T


def _inverse(lower: Matrix) -> Matrix:
    """Return the inverse of a lower triangular matrix, by those of its quarters.

    SciPy has one, but takes longer to import than all inverses take.
    """
    size = len(lower)
    if size <= TRIANGLE:
        return np.linalg.inv(lower).astype(np.float64)
    half = size // 2
    inverse = np.zeros((size, size))
    inverse[:half, :half] = _inverse(lower[:half, :half])
    inverse[half:, half:] = _inverse(lower[half:, half:])
    inverse[half:, :half] = -inverse[half:, half:] @ lower[half:, :half] @ inverse[:half, :half]
    return inverse


def _stretch(means: Matrix, stretch: float) -> Matrix:
    """Return the matrix (k, k) that stretches the subspace of `means` (c, k) by 1 + `stretch`."""
    _, lengths, directions = np.linalg.svd(means, full_matrices=False)
    span = directions[lengths > 1e-9 * max(lengths[:1].sum(), SMALLEST)]
    stretched: Matrix = np.eye(means.shape[1]) + stretch * span.T @ span
    return stretched
