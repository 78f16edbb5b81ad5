"""Out-of-distribution queries: photos of classes that the catalogue lacks.

Two published scores complement each other: the similarity of the nearest image
(Y. Sun, Y. Ming, X. Zhu and Y. Li, "Out-of-Distribution Detection with Deep Nearest Neighbors",
ICML 2022), and the confidence in the prediction (D. Hendrycks and K. Gimpel, "A Baseline for
Detecting Misclassified and Out-of-Distribution Examples in Neural Networks", ICLR 2017). They have
different scales, so their ranks among the catalogue's own images are averaged (J. Borda, 1781).
"""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import fsum
from typing import Any

import numpy as np
from numpy.typing import NDArray

SCORES = ("nearest similarity", "confidence")
# With `search.reject: auto`, the share of the catalogue's own images that would be refused.
REFUSED = 0.05
# The quantiles that are kept of the catalogue's own scores.
LEVELS = np.linspace(0, 1, 201)


def scores(similarities: Sequence[float], confidence: float) -> tuple[float, float]:
    """Return the `SCORES` of an image.

    Args:
        similarities: of its neighbours, the most similar first.
        confidence: in its prediction.
    """
    return similarities[0], confidence


@dataclass(frozen=True)
class InDistribution:
    """The scores of the catalogue's own images when they are held out.

    Attributes:
        quantiles: of each of `SCORES`, at `LEVELS`; empty where no image could be evaluated.
        least_score: reached by all but `REFUSED` of them.
    """

    quantiles: Sequence[Sequence[float]]
    least_score: float

    def in_distribution_score(self, scores: Sequence[float]) -> float:
        """Return the mean rank, 0 to 1, of a query's `scores` among those of the catalogue."""
        if not self.quantiles:
            return 1.0
        ranks = [_rank(score, own) for score, own in zip(scores, self.quantiles, strict=True)]
        return fsum(ranks) / len(ranks)


UNKNOWN = InDistribution([], 0.0)


def fit(scores: Sequence[Sequence[float]], group_of: NDArray[np.intp]) -> InDistribution:
    """Return the distribution of the scores; the images of one group count as one.

    Args:
        scores: the `SCORES` of each held-out image.
        group_of: (n,), images of one number show one thing.
    """
    if not len(scores):
        return UNKNOWN
    _, group, sizes = np.unique(group_of, return_inverse=True, return_counts=True)
    weights = 1 / sizes[group]
    quantiles = [_quantiles(own, LEVELS, weights).tolist() for own in np.transpose(scores)]
    found = InDistribution(quantiles, 0.0)
    own = np.array([found.in_distribution_score(one) for one in scores])
    return InDistribution(quantiles, float(_quantiles(own, np.array([REFUSED]), weights)[0]))


def read(stored: Mapping[str, Any]) -> InDistribution:
    """Return what is `stored` in quality.json."""
    return InDistribution(stored["quantiles"], stored["least_score"])


def _quantiles(
    values: NDArray[np.float64], levels: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    # Of NumPy's methods the one that takes weights.
    return np.quantile(values, levels, weights=weights, method="inverted_cdf")


def _rank(score: float, quantiles: Sequence[float]) -> float:
    """Return the share of `quantiles` below `score`; of equal ones half."""
    # Not NumPy, which would make an array of the list for each score.
    return (bisect_left(quantiles, score) + bisect_right(quantiles, score)) / (2 * len(quantiles))
