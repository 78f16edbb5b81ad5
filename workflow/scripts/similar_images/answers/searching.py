"""The search for the neighbours of single photos, as the rule `search` finds those of a set.

The rule reads the whole catalogue for thousands of queries. Here it stays mapped from question to
question.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..features import levels
from ..features.feature_table import Features, FeatureTable
from ..features.sharded_features import ShardedFeatures, model_of
from ..features.shards import Shard
from ..search import exact, metric_learning, neighbours, principal_components
from ..search.metric_learning import Adaptation
from ..search.neighbours import Image, Nearest
from ..search.principal_components import Components
from . import mapped_features
from .description import ADAPTATION, COMPONENTS, IMAGES, REDUCED, Description


class Learned(NamedTuple):
    """An adapted similarity.

    Attributes:
        components: of the features.
        adaptation: fitted along these.
    """

    components: Components
    adaptation: Adaptation


class Search(Protocol):
    """Finds the neighbours of some photos."""

    def __call__(self, photos: FeatureTable, count: int, label: str | None = None) -> pa.Table:
        """Return the `count` nearest images of each photo, see `neighbours.TABLE`.

        Args:
            photos: as the search compares them, see `compared`.
            count: how many.
            label: the class among whose images is searched, or None for all.
        """


def read_learned(results: Path) -> Learned:
    """Read the adapted similarity in `results`.

    Raises:
        DamagedFileError, UserError: as `files.checked`.
    """
    return Learned(
        principal_components.read(results / COMPONENTS), metric_learning.read(results / ADAPTATION)
    )


def compared(
    shard: Shard, backbone: str, channels: Sequence[int], learned: Learned | None
) -> FeatureTable:
    """Return what a search compares of the photos in a shard, which are named by their content.

    Args:
        shard: without faults, and with levels if the model has any.
        backbone: its name.
        channels: of each part of the levels.
        learned: the adapted similarity, or None for the cosine similarity.
    """
    features = shard.features.copy()  # a search may change them
    if learned and learned.components.with_levels and channels:
        features = levels.join(features, shard.levels, channels)
    names = shard.content_ids
    unlabelled: list[str | None] = [None] * len(names)
    table = FeatureTable(backbone, shard.fingerprint, names, unlabelled, names, features)
    return principal_components.reduce(learned.components, table) if learned else table


@dataclass(frozen=True)
class ExactSearch:
    """Compares a photo with all images.

    Attributes:
        images: of the catalogue, sorted by path.
        findable: (k,), the rows of the images that can be found: of equal bytes the first.
        features: (k, d), of these, as rows of length 1.
        fingerprint: of the model.
        adaptation: of the features, if any.
    """

    images: pa.Table
    findable: NDArray[np.intp]
    features: Features
    fingerprint: str
    adaptation: Adaptation | None

    def __call__(self, photos: FeatureTable, count: int, label: str | None = None) -> pa.Table:
        """See `Search`."""

        def nearest(features: Features, fingerprint: str) -> Nearest:
            neighbours.check_model(fingerprint, self.fingerprint, "catalogue")
            found = exact.nearest(features, self._blocks(label), count)
            return [
                [(similarity, self._image(place)) for similarity, place in one] for one in found
            ]

        return neighbours.answer([photos], self.adaptation, nearest)

    def _image(self, place: int) -> Image:
        row = int(self.findable[place])
        return self.images["image"][row].as_py(), self.images["label"][row].as_py()

    def _blocks(self, label: str | None) -> Iterator[tuple[Sequence[int], Features]]:
        if label is not None:
            chosen = pc.equal(self.images["label"], label).to_numpy()[self.findable]
            yield from exact.blocks(self.features, chosen)
            return
        for start in range(0, len(self.features), exact.ROWS):
            block = self.features[start : start + exact.ROWS]
            yield range(start, start + len(block)), block


def exact_search(
    results: Path, description: Description, images: pa.Table, learned: Learned | None
) -> ExactSearch:
    """Return the exact search by the plain or the adapted similarity.

    Args:
        results: the folder of the results.
        description: of them.
        images: of the catalogue, sorted by path.
        learned: the adapted similarity, or None for the cosine similarity.

    Raises:
        DamagedFileError, UserError: features cannot be read.
    """
    findable = _findable(images)
    adaptation = learned.adaptation if learned else None
    parts = ShardedFeatures(results / IMAGES, reduced=results / REDUCED if learned else None)
    _, fingerprint, dimension = model_of(images.schema)
    if learned:
        dimension = learned.adaptation.projection.shape[1]

    def fill(array: Features) -> None:
        paths = images["image"].take(pa.array(findable)).combine_chunks()
        # At once: for each shard alone, all paths would have to be gone through again.
        found = pc.index_in(parts.images()["image"].combine_chunks(), paths)
        places, start = found.fill_null(-1).to_numpy(), 0
        for part in parts:
            own = places[start : start + len(part.paths)]
            there = own >= 0  # of equal bytes only the first
            array[own[there]] = neighbours.comparable(part, adaptation)[there]
            start += len(own)

    name = "adapted" if learned else "cosine"
    shape = (len(findable), dimension)
    features = mapped_features.load(results, name, description.files, shape, fill)
    return ExactSearch(images, findable, features, fingerprint, adaptation)


def _findable(images: pa.Table) -> NDArray[np.intp]:
    """Return the rows that can be found, as `neighbours.first_of_equals`, of images by path."""
    rows = images.append_column("row", pa.array(np.arange(len(images))))
    first = rows.group_by(["content_id", "label"]).aggregate([("row", "min")])
    found: NDArray[np.intp] = np.sort(first["row_min"].to_numpy())
    return found
