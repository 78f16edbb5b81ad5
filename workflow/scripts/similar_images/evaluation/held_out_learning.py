"""Held-out learning: an adapted similarity that is learned without the images it is tested on.

They must take part in neither the map nor the principal components. In a small catalogue, what only
one image shows is among the components, while what only a new photo shows is not. So images that
took part would seem farther from the others than new photos are.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..features.feature_table import FeatureTable
from ..search import metric_learning, principal_components
from ..search.metric_learning import Adaptation

# Given the rows that are left out (n,), returns the catalogue with features adapted without them.
Learn = Callable[[NDArray[np.bool_]], FeatureTable]


def from_all(images: FeatureTable, eligible: NDArray[np.bool_], *, with_levels: bool) -> Learn:
    """Return a function that learns components and map again for each part that is left out.

    For catalogues of up to some thousand images.

    Args:
        images: with the features that are learned from.
        eligible: (n,), the rows that count.
        with_levels: whether levels are among the features.
    """

    def learn(left_out: NDArray[np.bool_]) -> FeatureTable:
        others = eligible & ~left_out
        found = principal_components.fit(images.rows(np.flatnonzero(others)), with_levels)
        reduced = principal_components.reduce(found, images)
        return _mapped(metric_learning.fit(reduced, others), reduced)

    return learn


def from_reduced(reduced: FeatureTable, eligible: NDArray[np.bool_]) -> Learn:
    """Return what learns only the map, along components found without the evaluated images.

    For large catalogues: see `principal_components.SAMPLE`.

    Args:
        reduced: images along the components.
        eligible: (n,), the rows that count.
    """
    maps = metric_learning.MapsWithoutParts(reduced, eligible)

    def learn(left_out: NDArray[np.bool_]) -> FeatureTable:
        return _mapped(maps.without(left_out), reduced)

    return learn


def _mapped(fitted: Adaptation, reduced: FeatureTable) -> FeatureTable:
    return replace(reduced, features=metric_learning.apply(fitted, reduced.features))
