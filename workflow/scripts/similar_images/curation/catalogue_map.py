"""A map of the catalogue: a place in the plane for each photo, near those that look like it.

The first principal components are laid out by t-SNE (L. van der Maaten and G. Hinton, "Visualizing
Data using t-SNE", JMLR 9, 2008), in the Barnes-Hut form of scikit-learn: benchmarks/results/map.md
compares it with others. The cosine similarity is used even if the settings name an adapted one:
that has learned the labels, so a wrong label would draw its photo to the class that it names.
"""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from ..classification.vote import VOTES
from ..core.tables import Column, ParquetTable
from ..evaluation import leave_one_out
from ..features.feature_table import Features, FeatureTable, normalise
from ..images.columns import CONTENT_ID, IMAGE, LABEL
from ..search import principal_components
from ..search.neighbours import first_of_equals

# More photos would take too long, and hide each other.
MOST = 20_000
DIMENSION = 50
# About how many photos count as near one; van der Maaten and Hinton use 5 to 50.
PERPLEXITY = 30
# How coarsely the forces of far photos are added up, from 0.2 to 0.8. It takes two thirds of
# the time of the usual 0.5, and keeps neighbours as well: benchmarks/results/map.md.
ANGLE = 0.8
# Fewer photos have no neighbourhoods to keep.
LEAST = 5
# Of a coordinate from 0 to 1. The last bits may differ between machines.
DIGITS = 5

TABLE = ParquetTable(
    "results/catalogue/map.parquet",
    IMAGE,
    CONTENT_ID,
    LABEL,
    Column("x", float, "its place, from 0 to 1"),
    Column("y", float, "from 0 to 1"),
    Column(
        "fits", bool, "whether the vote of its neighbours is its class; empty without neighbours"
    ),
    Column("voted", str, "the class that its neighbours vote for; empty without neighbours"),
)


def draw(catalogue: FeatureTable, group_of: NDArray[np.intp], voters: int, vote: str) -> pa.Table:
    """Return the photos that the map shows, see `TABLE`, in the order of the catalogue.

    Equal bytes in one class are one photo. Of more than `MOST`, those with the smallest content
    ids are shown. These are hashes, so they are as good as a random sample, and stay the same when
    photos are added.

    Args:
        catalogue: all its readable images; the features are normalised in place.
        group_of: (n,), rows of one number show one thing, and do not vote on each other.
        voters: how many neighbours vote.
        vote: one of `vote.VOTES`.
    """
    eligible = first_of_equals(catalogue)
    rows = leave_one_out.sample(catalogue, eligible, MOST)
    shown = catalogue.rows(rows)
    components = principal_components.fit(shown, with_levels=False)
    places = layout(principal_components.apply(components, shown.features)[:, :DIMENSION])
    normalise(catalogue.features)
    voted = _voted(catalogue, rows, eligible, group_of, voters, vote)
    columns = {
        "image": shown.paths,
        "content_id": shown.content_ids,
        "label": shown.labels,
        "x": places[:, 0],
        "y": places[:, 1],
        "fits": [
            None if label is None else label == own
            for label, own in zip(voted, shown.labels, strict=True)
        ],
        "voted": voted,
    }
    return pa.table(columns, TABLE.schema)


def layout(features: Features) -> NDArray[np.float64]:
    """Return places (n, 2) for `features` (n, d), of which the first differ most."""
    places = _two_columns(features)
    if len(features) >= LEAST:
        places = _tsne(features, places)
    places -= places.min(axis=0)
    return (places / (places.max() or 1)).round(DIGITS)


def _two_columns(features: Features) -> NDArray[np.float64]:
    """Return the first two columns, with zeros where there is only one."""
    columns = np.zeros((len(features), 2))
    width = min(2, features.shape[1])
    columns[:, :width] = features[:, :width]
    return columns


def _tsne(features: Features, start: NDArray[np.float64]) -> NDArray[np.float64]:
    from sklearn.manifold import TSNE

    # As `init="pca"`, which divides by zero where all photos are equal.
    start = (1e-4 * start / (start[:, 0].std() or 1)).astype(np.float32)
    perplexity = min(PERPLEXITY, (len(features) - 1) / 3)
    # Several threads would add up forces in any order, and each run would give another map.
    with threadpool_limits(1):
        tsne = TSNE(init=start, perplexity=perplexity, angle=ANGLE, random_state=0)
        found = tsne.fit_transform(features)
    return np.asarray(found, np.float64)


def _voted(
    catalogue: FeatureTable,
    rows: NDArray[np.intp],
    eligible: NDArray[np.bool_],
    group_of: NDArray[np.intp],
    voters: int,
    vote: str,
) -> list[str | None]:
    """Return the class that the neighbours of each of `rows` vote for, see `draw`."""
    labels = catalogue.labels
    return [
        VOTES[vote]([str(labels[other]) for other in found.rows], found.similarities.tolist()).label
        if len(found.rows)
        else None
        for (found,) in leave_one_out.neighbours(catalogue, rows, voters, eligible, group_of)
    ]
