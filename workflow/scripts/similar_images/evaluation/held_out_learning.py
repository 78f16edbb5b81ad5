"""An adapted similarity that does not know some images, which are then asked as if they were new.

They must have no part in it, neither in the map nor in the principal components. In a small
catalogue what one image alone has is among the components, and what a new photo alone has is not.
So images that had a part would look farther from the others than new photos do.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..features.feature_table import FeatureTable
from ..search import metric_learning, principal_components
from ..search.metric_learning import Adaptation

# Given the rows that are left out (n,), returns the catalogue with the features of an adapted
# similarity that does not know them.
Learn = Callable[[NDArray[np.bool_]], FeatureTable]


def from_all(images: FeatureTable, eligible: NDArray[np.bool_], *, with_levels: bool) -> Learn:
    """Return what learns from images: components and map, anew for each part that is left out.

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
    """Return what learns the map alone, along components in which none of those asked had a part.

    For large catalogues: see `principal_components.SAMPLE`.

    Args:
        reduced: images along the components.
        eligible: (n,), the rows that count.
    """
    parts = metric_learning.Parts(reduced, eligible)

    def learn(left_out: NDArray[np.bool_]) -> FeatureTable:
        return _mapped(parts.without(left_out), reduced)

    return learn


def _mapped(fitted: Adaptation, reduced: FeatureTable) -> FeatureTable:
    return replace(reduced, features=metric_learning.apply(fitted, reduced.features))
