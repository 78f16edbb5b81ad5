"""Strangers: queries of classes that the catalogue lacks.

They are told by the similarity of the k-th nearest image (Y. Sun, Y. Ming, X. Zhu and Y. Li,
"Out-of-Distribution Detection with Deep Nearest Neighbors", ICML 2022). The nearest alone tells
them a little better, yet in the catalogue it is often of one series with the image that is asked,
and a limit taken from that refuses many who are none: see docs/accuracy.md.
"""

from collections.abc import Sequence

import numpy as np

NEAREST = 10
# With `search.reject: auto`, the share of the catalogue's own images that would be refused.
REFUSED = 0.05


def told_by(images: int, classes: int) -> int:
    """Return which neighbour tells: the `NEAREST`th, or an earlier one where classes are small.

    A neighbour beyond one's own class is as far for those that are known as for strangers.
    """
    return max(1, min(NEAREST, images // (2 * classes))) if classes else NEAREST


def nearness(similarities: Sequence[float], neighbour: int) -> float:
    """Return the similarity of a neighbour, or of the last where there are fewer.

    Args:
        similarities: of at least one neighbour, the most similar first.
        neighbour: which one tells, from 1.
    """
    return similarities[:neighbour][-1]


def limit(nearness: Sequence[float]) -> float:
    """Return what the `nearness` of images asked reaches for all but `REFUSED` of them."""
    return float(np.quantile(nearness, REFUSED)) if nearness else -1.0
