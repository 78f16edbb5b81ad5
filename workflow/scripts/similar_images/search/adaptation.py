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

Matrix = NDArray[np.float64]


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
    counts, sums, products = _moments(catalogue, eligible)
    images, centre = counts.sum(), sums.sum(axis=0) / counts.sum()
    means = sums / counts[:, np.newaxis]
    components = _principal(products / images - np.outer(centre, centre), dimension)
    between = (means - centre) @ components
    scatter = components.T @ (products - (means.T * counts) @ means) @ components
    whitening = _whitening(scatter / max(images - len(counts), 1), shrinkage)
    projection = components @ whitening @ _stretch(between @ whitening, stretch)
    return Adaptation(catalogue.fingerprint, centre, projection)


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


def _moments(catalogue: Index, eligible: NDArray[np.bool_]) -> tuple[Matrix, Matrix, Matrix]:
    """Return the count (c,) and sum (c, d) of each class, and the sum of outer products (d, d).

    They are those of the features scaled to length 1.
    """
    names = {label for label, may in zip(catalogue.labels, eligible, strict=True) if may}
    class_of = {name: n for n, name in enumerate(sorted(map(str, names)))}
    dimension = catalogue.features.shape[1]
    counts, sums = np.zeros(len(class_of)), np.zeros((len(class_of), dimension))
    products = np.zeros((dimension, dimension))
    for start in range(0, len(eligible), ROWS):
        rows = start + np.flatnonzero(eligible[start : start + ROWS])
        block = _normalised(catalogue.features[rows].astype(np.float64))
        classes = [class_of[str(catalogue.labels[row])] for row in rows]
        np.add.at(counts, classes, 1)
        np.add.at(sums, classes, block)
        products += block.T @ block
    return counts, sums, products


def _normalised(rows: Matrix) -> Matrix:
    """Return `rows` scaled to length 1; zero rows stay zero."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    scaled: Matrix = rows / np.where(lengths > 0, lengths, 1)
    return scaled


def _principal(covariance: Matrix, dimension: int) -> Matrix:
    """Return the eigenvectors (d, k) of the `dimension` largest variances, their signs fixed.

    Where nothing varies, one of them all the same: an index of features without any number crashes.
    """
    from scipy.linalg import eigh  # slow, and whoever only applies a map does not need it

    variances, vectors = eigh(covariance, driver="evd")  # the fastest here
    varying = variances > SMALLEST
    varying[-1] = True
    kept = vectors[:, varying][:, ::-1][:, :dimension]
    largest = np.abs(kept).argmax(axis=0)
    fixed: Matrix = kept * np.sign(kept[largest, np.arange(kept.shape[1])])
    return fixed


def _whitening(within: Matrix, shrinkage: float) -> Matrix:
    """Return the matrix (k, k) that makes the covariance `within`, shrunk, the identity.

    Shrunk, since the covariance of few images cannot be relied on: a share of the mean variance
    is added to its diagonal. Where nothing varies within the classes nothing is whitened.
    """
    from scipy.linalg import solve_triangular

    size = len(within)
    ridge = shrinkage * np.trace(within) / max(size, 1)
    if not ridge > SMALLEST:
        return np.eye(size)
    root = np.linalg.cholesky(within + ridge * np.eye(size))
    inverse: Matrix = solve_triangular(root, np.eye(size), lower=True).T
    return inverse


def _stretch(means: Matrix, stretch: float) -> Matrix:
    """Return the matrix (k, k) that stretches the subspace of `means` (c, k) by 1 + `stretch`."""
    _, lengths, directions = np.linalg.svd(means, full_matrices=False)
    span = directions[lengths > 1e-9 * max(lengths[:1].sum(), SMALLEST)]
    stretched: Matrix = np.eye(means.shape[1]) + stretch * span.T @ span
    return stretched
