"""Principal components: the directions in which the images of a catalogue differ most.

They use no classes, so they are found once for everything that learns from the classes, also for
the folds of a cross-validation. A sample of the images is enough (M. Turk and A. Pentland,
"Eigenfaces for Recognition", Journal of Cognitive Neuroscience 3, 1991: the eigenvectors of the
products of images give those of the products of features).
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..core.files import checked, write_checked
from ..features.feature_table import Features, FeatureTable, normalise
from . import blas

DIMENSION = 512
# Images that they are found from. Content ids are hashes, so the largest are as good as random, and
# mostly the same when images are added. In a large catalogue they differ from those with the
# smallest ids, which are evaluated.
SAMPLE = 1000
# Rows have length 1: smaller variances are rounding.
SMALLEST = 1e-12
ROWS = 1024  # multiplied at once


@dataclass(frozen=True)
class Components:
    """The directions, and where they start.

    Attributes:
        fingerprint: of the features.
        with_levels: whether the levels of the images are among the features.
        centre: (d,), the mean of the sample's features.
        directions: (d, k), each of length 1; that of the largest variance first.
    """

    fingerprint: str
    with_levels: bool
    centre: NDArray[np.float64]
    directions: NDArray[np.float64]


def sample(images: pa.Table, count: int = SAMPLE) -> pa.ChunkedArray:
    """Return the paths of at most `count` images of different content.

    Args:
        images: with the columns `image` and `content_id`.
        count: how many.
    """
    different = images.group_by("content_id").aggregate([("image", "min")])
    first = different.take(pc.select_k_unstable(different, count, [("content_id", "descending")]))
    return first["image_min"]


def fit(images: FeatureTable, with_levels: bool) -> Components:
    """Return the components of some images, from a sample of them where there are many.

    Args:
        images: all, or those that `sample` names.
        with_levels: whether their levels are among the features.
    """
    sampled = np.argsort(images.content_ids, kind="stable")[-SAMPLE:]
    rows = images.features[sampled].astype(np.float64)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    rows /= np.where(lengths > 0, lengths, 1)
    centre = rows.mean(axis=0)
    centred = rows - centre
    variances, vectors = np.linalg.eigh(centred @ centred.T / len(rows))
    kept = np.flatnonzero(variances > SMALLEST)[::-1][:DIMENSION]
    if len(kept):
        directions = centred.T @ (vectors[:, kept] / np.sqrt(len(rows) * variances[kept]))
    else:  # nothing varies, and any direction will do
        directions = np.eye(centre.size)[:, -1:]
    return Components(images.fingerprint, with_levels, centre, _signed(directions))


def apply(components: Components, features: Features) -> Features:
    """Return `features` (n, d), scaled to length 1, along the components, as float32 (n, k)."""
    return project(features, components.centre, components.directions, scaled=True)


def project(
    features: Features,
    centre: NDArray[np.float64],
    directions: NDArray[np.float64],
    *,
    scaled: bool = False,
) -> Features:
    """Return `features` (n, d), less a centre (d,), along directions (d, k), as float32 (n, k).

    With `scaled`, the features are scaled to length 1 before. The matrix product is always of
    `ROWS` rows and in one thread, so that a row depends neither on those beside it nor on the
    number of cores.
    """
    start_at, along = centre.astype(np.float32), directions.astype(np.float32)
    found = np.empty((len(features), along.shape[1]), np.float32)
    block = np.zeros((ROWS, len(centre)), np.float32)
    with blas.one_thread():
        for start in range(0, len(features), ROWS):
            rows = block[: len(features) - start]
            rows[:] = features[start : start + ROWS]
            if scaled:
                normalise(rows)
            rows -= start_at
            found[start : start + ROWS] = (block @ along)[: len(rows)]
    return found


def reduce(components: Components, table: FeatureTable) -> FeatureTable:
    """Return `table` with its features along the components."""
    return replace(table, features=apply(components, table.features))


def write(path: Path, components: Components) -> None:
    """Write `components` as an .npz file of plain arrays."""
    with write_checked(path) as temporary, temporary.open("wb") as stream:
        np.savez(stream, **vars(components))


def read(path: Path) -> Components:
    """Read components; no code in the file is executed.

    Raises:
        DamagedFileError: the file is damaged, or holds anything but components.
        UserError: the system does not let it be read.
    """
    with checked(path), np.load(path, allow_pickle=False) as content:
        centre, directions = (content[name] for name in ("centre", "directions"))
        if directions.ndim != 2 or centre.shape != directions.shape[:1]:
            raise ValueError("arrays of shapes that do not fit")
        header = str(content["fingerprint"]), bool(content["with_levels"])
        return Components(*header, centre.astype(float), directions.astype(float))


def _signed(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return `vectors` (n, k), each with the sign that makes its largest number positive."""
    largest = np.abs(vectors).argmax(axis=0)
    fixed: NDArray[np.float64] = vectors * np.sign(vectors[largest, np.arange(vectors.shape[1])])
    return fixed
