"""The adapted similarity: a linear map learned from the catalogue's classes, then the cosine.

Features are scaled to length 1, centred and reduced to their principal components. There the
covariance within the classes is made the identity, so that what differs between images of one
class counts little (WCCN: A. O. Hatch, S. Kajarekar and A. Stolcke, "Within-Class Covariance
Normalization for SVM-based Speaker Recognition", Interspeech 2006). What differs between the
classes, the subspace of their means as in linear discriminant analysis (R. A. Fisher, 1936), is
then stretched. The map has a closed form: nothing is trained in steps.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..base.files import checked, sealed
from ..features.index import Features, Index

# Chosen by cross-validation: see docs/accuracy.md.
DIMENSION = 512
SHRINKAGE = 0.3
STRETCH = 2.0

ROWS = 4096
# Rows have length 1: smaller variances are rounding.
SMALLEST = 1e-12
# Triangular matrices up to this size are inverted as any other is.
TRIANGLE = 64

Matrix = NDArray[np.float64]
Numbers = NDArray[np.intp]


@dataclass(frozen=True)
class Adaptation:
    """A map of features.

    Attributes:
        fingerprint: of the features that it was fitted on.
        centre: (d,), subtracted from features of length 1.
        projection: (d, k), what they are then multiplied with.
    """

    fingerprint: str
    centre: Matrix
    projection: Matrix


def fit(
    catalogue: Index,
    eligible: NDArray[np.bool_],
    dimension: int = DIMENSION,
    shrinkage: float = SHRINKAGE,
    stretch: float = STRETCH,
) -> Adaptation:
    """Return the map learned from the features and classes of some rows.

    Computed in float64, in memory of the order of d * d whatever the number of images.

    Args:
        catalogue: see `Index`.
        eligible: (n,), the rows to learn from.
        dimension: principal components that are kept at the most.
        shrinkage: the share of the mean variance that is added to each within the classes.
        stretch: how much longer the differences between the class means become.
    """
    if _few(catalogue, eligible):
        spread = _of_rows(catalogue, eligible, dimension)
    else:
        spread = _of_moments(_moments(catalogue, eligible), dimension)
    return Adaptation(catalogue.fingerprint, *_map(spread, shrinkage, stretch))


class Parts:
    """The maps learned from some rows of a catalogue, each without others of them.

    Each is what `fit` returns, but for rounding. What they have in common is summed once, so that
    one costs little more than its eigenvectors.
    """

    def __init__(self, catalogue: Index, eligible: NDArray[np.bool_]) -> None:
        """Sum up what the maps have in common.

        Args:
            catalogue: see `Index`.
            eligible: (n,), the rows to learn from.
        """
        self._catalogue, self._eligible = catalogue, eligible
        few = _few(catalogue, eligible)
        self._everything = None if few else _moments(catalogue, eligible)

    def without(self, left_out: NDArray[np.bool_]) -> Adaptation:
        """Return the map learned without the rows in `left_out` (n,)."""
        rest = self._eligible & ~left_out
        if self._everything is None or _few(self._catalogue, rest):
            return fit(self._catalogue, rest)
        moments = self._everything.less(_moments(self._catalogue, self._eligible & left_out))
        mapped = _map(_of_moments(moments, DIMENSION), SHRINKAGE, STRETCH)
        return Adaptation(self._catalogue.fingerprint, *mapped)


def apply(adaptation: Adaptation, features: Features) -> Features:
    """Return `features` (n, d), scaled to length 1 and mapped, as float32 rows of length 1.

    Computed in float64, so that a row does not depend on those beside it.
    """
    adapted = np.empty((len(features), adaptation.projection.shape[1]), np.float32)
    for start in range(0, len(features), ROWS):
        block = _normalised(features[start : start + ROWS].astype(np.float64))
        mapped = (block - adaptation.centre) @ adaptation.projection
        adapted[start : start + ROWS] = _normalised(mapped)
    return adapted


def write(path: Path, adaptation: Adaptation) -> None:
    """Write `adaptation` as an .npz file of plain arrays."""
    with sealed(path) as temporary, temporary.open("wb") as stream:
        np.savez(stream, **vars(adaptation))


def read(path: Path) -> Adaptation:
    """Read an adaptation; nothing that its bytes may ask for is executed.

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
    """Sums over images, of their features scaled to length 1.

    Attributes:
        counts: (c,), the images of each class of the catalogue.
        sums: (c, d), of the features of each class.
        products: (d, d), of the outer products of all features.
    """

    counts: Matrix
    sums: Matrix
    products: Matrix

    def less(self, part: "_Moments") -> "_Moments":
        """Return the sums over the other images, given those over a part of them."""
        return _Moments(*(whole - own for whole, own in zip(self, part, strict=True)))


class _Spread(NamedTuple):
    """How images differ, in the directions in which they differ most.

    Attributes:
        centre: (d,), the mean of their features, scaled to length 1.
        components: (d, k), the directions, the one of the largest variance first.
        variances: (k,), of the images along them.
        counts: (c,), the images of each class; no class is without.
        means: (c, k), of each class along the directions, from the centre.
    """

    centre: Matrix
    components: Matrix
    variances: Matrix
    counts: Matrix
    means: Matrix


def _few(catalogue: Index, eligible: NDArray[np.bool_]) -> bool:
    """Return whether there are fewer rows than features: what takes their number is cheaper then.

    The eigenvectors of the products of rows, and those of the products of features, are the same
    directions (M. Turk and A. Pentland, "Eigenfaces for Recognition", 1991).
    """
    return int(np.count_nonzero(eligible)) < int(catalogue.features.shape[1])


def _of_rows(catalogue: Index, eligible: NDArray[np.bool_], dimension: int) -> _Spread:
    """Return how some rows differ, by their products with each other."""
    classes = _classes(catalogue)
    rows = _by_class(classes, np.flatnonzero(eligible))
    features = _normalised(catalogue.features[rows].astype(np.float64))
    centre = features.mean(axis=0)
    centred = features - centre
    variances, vectors = _principal(centred @ centred.T / len(rows), dimension)
    if variances[0] > SMALLEST:
        components = centred.T @ (vectors / np.sqrt(len(rows) * variances))
    else:  # nothing varies, and any direction will do
        components = np.eye(centre.size)[:, -1:]
    counts, sums = _sums(features, classes[rows], classes.max() + 1)
    return _spread(centre, _signed(components), variances, counts, sums)


def _of_moments(moments: _Moments, dimension: int) -> _Spread:
    """Return how images differ, by the products of their features."""
    counts, sums, products = moments
    images, centre = counts.sum(), sums.sum(axis=0) / counts.sum()
    variances, components = _principal(products / images - np.outer(centre, centre), dimension)
    return _spread(centre, _signed(components), variances, counts, sums)


def _spread(
    centre: Matrix, components: Matrix, variances: Matrix, counts: Matrix, sums: Matrix
) -> _Spread:
    """Return how images differ, given the count and the sum (c, d) of each class."""
    there = counts > 0
    means = sums[there] / counts[there][:, np.newaxis]
    return _Spread(centre, components, variances, counts[there], (means - centre) @ components)


def _moments(catalogue: Index, eligible: NDArray[np.bool_]) -> _Moments:
    """Return the sums over some rows."""
    classes = _classes(catalogue)
    number, dimension = classes.max() + 1, catalogue.features.shape[1]
    counts, sums = np.zeros(number), np.zeros((number, dimension))
    products = np.zeros((dimension, dimension))
    for start in range(0, len(eligible), ROWS):
        rows = _by_class(classes, start + np.flatnonzero(eligible[start : start + ROWS]))
        block = _normalised(catalogue.features[rows].astype(np.float64))
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


def _classes(catalogue: Index) -> Numbers:
    """Return the number of the class of each row."""
    classes: Numbers = np.unique(list(map(str, catalogue.labels)), return_inverse=True)[1]
    return classes


def _by_class(classes: Numbers, rows: Numbers) -> Numbers:
    return rows[np.argsort(classes[rows], kind="stable")]


def _map(spread: _Spread, shrinkage: float, stretch: float) -> tuple[Matrix, Matrix]:
    """Return the centre and the projection of the map."""
    centre, components, variances, counts, means = spread
    images = counts.sum()
    # What differs within the classes is what differs in all less what differs between them.
    scatter = images * np.diag(variances) - (means.T * counts) @ means
    whitening = _whitening(scatter / max(images - len(counts), 1), shrinkage)
    return centre, components @ (whitening @ _stretch(means @ whitening, stretch))


def _normalised(rows: Matrix) -> Matrix:
    """Return `rows` scaled to length 1; zero rows stay zero."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    scaled: Matrix = rows / np.where(lengths > 0, lengths, 1)
    return scaled


def _principal(covariance: Matrix, dimension: int) -> tuple[Matrix, Matrix]:
    """Return the `dimension` largest variances (k,) and their eigenvectors (n, k), largest first.

    Where nothing varies, one of them all the same: an index of features without any number crashes.
    """
    variances, vectors = np.linalg.eigh(covariance)
    varying = variances > SMALLEST
    varying[-1] = True
    kept = np.flatnonzero(varying)[::-1][:dimension]
    return variances[kept], vectors[:, kept]


def _signed(vectors: Matrix) -> Matrix:
    """Return `vectors` (n, k), each with the sign that makes its largest number positive."""
    largest = np.abs(vectors).argmax(axis=0)
    fixed: Matrix = vectors * np.sign(vectors[largest, np.arange(vectors.shape[1])])
    return fixed


def _whitening(within: Matrix, shrinkage: float) -> Matrix:
    """Return the matrix (k, k) that makes the covariance `within`, shrunk, the identity.

    Shrunk, since the covariance of few images cannot be relied on: a share of the mean variance
    is added to its diagonal. Where nothing varies within the classes nothing is whitened.
    """
    size = len(within)
    ridge = shrinkage * np.trace(within) / max(size, 1)
    if not ridge > SMALLEST:
        return np.eye(size)
    return _inverse(np.linalg.cholesky(within + ridge * np.eye(size))).T


def _inverse(lower: Matrix) -> Matrix:
    """Return the inverse of a lower triangular matrix, by those of its quarters.

    SciPy has one, but takes longer to import than all of them take.
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
