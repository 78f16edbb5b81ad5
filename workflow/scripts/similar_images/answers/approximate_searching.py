"""The approximate search for single photos. Imported only where it is used: FAISS takes time."""

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from ..features.feature_table import FeatureTable
from ..search import approximate
from ..search.approximate import Approximate
from ..search.metric_learning import Adaptation
from .description import INDEX, INDEX_DESCRIPTION
from .searching import Learned


@dataclass(frozen=True)
class ApproximateSearch:
    """Compares a photo with the images near it.

    Attributes:
        images: of the catalogue, in the order of their table.
        index: made of them.
        adaptation: of the features, if any.
    """

    images: pa.Table
    index: Approximate
    adaptation: Adaptation | None

    def __call__(self, photos: FeatureTable, count: int, label: str | None = None) -> pa.Table:
        """See `Search`."""
        only = None
        if label is not None:
            only = self.images.filter(pc.equal(self.images["label"], label))["image"]
        return approximate.find([photos], self.index, self.images, count, self.adaptation, only)


def approximate_search(
    results: Path, images: pa.Table, learned: Learned | None
) -> ApproximateSearch:
    """Return the search with the index in `results`.

    Args:
        results: the folder of the results.
        images: of the catalogue, in the order of their table.
        learned: the adapted similarity that the index was made with, or None.

    Raises:
        DamagedFileError, UserError: as `approximate.read`.
    """
    index = approximate.read(results / INDEX, results / INDEX_DESCRIPTION)
    return ApproximateSearch(images, index, learned.adaptation if learned else None)
