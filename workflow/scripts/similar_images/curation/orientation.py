"""How a photo lies: upright, on a side or upside down, learned from the catalogue.

Photos of the catalogue are turned by 90, 180 and 270 degrees, and a linear discriminant analysis
learns from their features by how much (the task of S. Gidaris, P. Singh and N. Komodakis,
"Unsupervised Representation Learning by Predicting Image Rotations", ICLR 2018). One view decides
little: networks that saw mirror images in training hardly tell the left side from the right. So a
photo is turned as well, and all four views must agree: see benchmarks/results/rotated.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..core.files import checked, write_checked
from ..features.feature_table import Features

# Photos of the catalogue that it is learned from, at most and at least.
MOST, LEAST = 600, 50
# The share of the mean variance that replaces a part of the covariance within the classes.
SHRINKAGE = 0.3
# Features have length 1, so smaller variances are rounding.
SMALLEST = 1e-12
# A photo that was learned from is judged by what was learned without its part.
PARTS = 5
# A photo counts as rotated from a mean difference in log-probability on that so many of the
# catalogue's own photos do not reach, and that lies between these two. More than a few of these may
# be rotated themselves: the limit must not become one of theirs.
USUAL = 0.98
CLEAR, CERTAIN = 1.0, 3.0
# With a larger margin a photo is surely rotated: in the benchmark, 2 of 1,606 upright ones have it.
SURE = 5.0
# If fewer of the catalogue's photos are found upright, the network does not see how photos lie.
SEEN = 0.5
# A photo is turned and looked at only if it is less likely to be upright than this.
DOUBTFUL = 0.5

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Orientation:
    """What was learned of how the catalogue's photos lie.

    Attributes:
        fingerprint: of the features.
        sample: the content ids that it was learned from, sorted.
        weights: (`PARTS` + 1, d, 4), each learned without one part of the sample, the last from
            all; column `h` is for pictures turned clockwise by `h` quarters.
        offsets: (`PARTS` + 1, 4).
        limit: the margin above which a photo counts as rotated; infinite where nothing can be said.
    """

    fingerprint: str
    sample: NDArray[np.str_]
    weights: Numbers
    offsets: Numbers
    limit: float

    def looks(self, content_ids: Sequence[str], features: Features) -> Numbers:
        """Return the log-probabilities (n, 4) of how pictures are turned, from features (n, d)."""
        scores = np.empty((len(features), 4))
        parts = self._parts(content_ids)
        for part in np.unique(parts):
            rows = parts == part
            scores[rows] = features[rows] @ self.weights[part] + self.offsets[part]
        scores -= scores.max(axis=1, keepdims=True)
        return np.asarray(scores - np.log(np.exp(scores).sum(axis=1, keepdims=True)))

    def doubtful(self, content_ids: Sequence[str], features: Features) -> NDArray[np.bool_]:
        """Return which photos may be rotated, from their features (n, d) as they are."""
        if np.isinf(self.limit):
            return np.zeros(len(features), np.bool_)
        return np.asarray(self.looks(content_ids, features)[:, 0] < np.log(DOUBTFUL))

    def evidence(self, content_ids: Sequence[str], views: Features) -> Numbers:
        """Return for each photo how well all its views fit each way of lying.

        Args:
            content_ids: of the photos.
            views: (n, 4, d), their features when turned clockwise by 0 to 3 quarters.

        Returns:
            Mean log-probabilities (n, 4): column `h` is for a photo that lies turned clockwise by
            `h` quarters.
        """
        found = np.zeros((len(views), 4))
        for turned in range(4):
            looks = self.looks(content_ids, views[:, turned])
            found += np.roll(looks, -turned, axis=1) / 4
        return found

    def _parts(self, content_ids: Sequence[str]) -> NDArray[np.intp]:
        sample = {*self.sample.tolist()}
        return np.array([_part_of(one) if one in sample else PARTS for one in content_ids], np.intp)


def margins(evidence: Numbers) -> Numbers:
    """Return by how much the best other way of lying fits better than upright, for each photo."""
    return np.asarray(evidence[:, 1:].max(axis=1) - evidence[:, 0])


def learn(fingerprint: str, views: Mapping[str, Features]) -> Orientation:
    """Return what is learned from photos of the catalogue.

    Args:
        fingerprint: of the features.
        views: for each content id of the sample its normalised features (4, d), turned clockwise by
            0 to 3 quarters.
    """
    ids = sorted(views)
    if len(ids) < LEAST:
        return _nothing(fingerprint, ids)
    features = np.stack([views[content_id] for content_id in ids])
    parts = np.array([_part_of(content_id) for content_id in ids])
    fits = [_fit(features[parts != part]) for part in range(PARTS)] + [_fit(features)]
    weights, offsets = (np.stack(column) for column in zip(*fits, strict=True))
    found = Orientation(fingerprint, np.array(ids), weights, offsets, 0.0)
    apart = margins(found.evidence(ids, features))
    limit = float(np.clip(np.quantile(apart, USUAL), CLEAR, CERTAIN))
    if (apart < 0).mean() < SEEN:
        limit = float("inf")
    return Orientation(fingerprint, found.sample, weights, offsets, limit)


def _part_of(content_id: str) -> int:
    """Return to which part a content of the sample belongs."""
    return int(content_id[:8], 16) % PARTS


def _nothing(fingerprint: str, content_ids: Sequence[str]) -> Orientation:
    """Return what is known from too few photos."""
    weights, offsets = np.zeros((PARTS + 1, 1, 4)), np.zeros((PARTS + 1, 4))
    sample = np.array(content_ids, np.str_)
    return Orientation(fingerprint, sample, weights, offsets, float("inf"))


def _fit(views: Features) -> tuple[Numbers, Numbers]:
    """Return weights (d, 4) and offsets (4,) learned from photos (n, 4, d).

    Those of scikit-learn's `LinearDiscriminantAnalysis` with the solver `lsqr`, which takes the
    singular values for it, and so seconds in place of a tenth.
    """
    means = views.mean(axis=0, dtype=np.float64)
    centred = (views - means).reshape(-1, views.shape[2])
    covariance = centred.T @ centred / len(centred)
    variance = max(float(np.trace(covariance)) / len(covariance), SMALLEST)
    covariance *= 1 - SHRINKAGE
    covariance[np.diag_indices_from(covariance)] += SHRINKAGE * variance
    weights = np.linalg.solve(covariance, means.T)
    return weights, -(means.T * weights).sum(axis=0) / 2


def write(path: Path, orientation: Orientation) -> None:
    """Write `orientation` as an .npz file of plain arrays."""
    with write_checked(path) as temporary, temporary.open("wb") as stream:
        np.savez(stream, **vars(orientation))


def read(path: Path) -> Orientation:
    """Read what was learned; no code in the file is executed.

    Raises:
        DamagedFileError: the file is damaged, or holds anything else.
        UserError: the system does not let it be read.
    """
    with checked(path), np.load(path, allow_pickle=False) as content:
        weights, offsets = (content[name].astype(float) for name in ("weights", "offsets"))
        if weights.ndim != 3 or offsets.shape != (len(weights), weights.shape[2]):
            raise ValueError("arrays of shapes that do not fit")
        fingerprint, limit = str(content["fingerprint"]), float(content["limit"])
        return Orientation(fingerprint, content["sample"].astype(str), weights, offsets, limit)
