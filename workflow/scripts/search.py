"""Find for each query the most similar images of the catalogue, or of a part of it.

Candidates for duplicates are the nearest by plain cosine, whatever the metric. The results of
earlier searches are kept between runs, so they are not outputs.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa

from similar_images.core.files import digest
from similar_images.core.job import logged
from similar_images.features.feature_table import FeatureTable
from similar_images.features.sharded_features import ShardedFeatures, from_queries, model_of
from similar_images.search import (
    cache,
    metric_choice,
    metric_learning,
    neighbours,
    principal_components,
)
from similar_images.storage.results import results_of

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

if snakemake.input.approximate:
    from similar_images.search import approximate

params = snakemake.params
name = snakemake.wildcards.queries
part = int(snakemake.wildcards.get("part", 0))
results = results_of(snakemake.config)
folder = results.folder / name / "searched" / f"{part}-of-{params.parts}"


class Learned(NamedTuple):
    """The files of an adapted similarity.

    Attributes:
        components: of the features, see `components`.
        reduced: the catalogue's features along them.
        adaptation: fitted on these.
    """

    components: Path
    reduced: Path
    adaptation: Path


def finder(count: int, learned: Learned | None, index: Sequence[str]) -> cache.Find:
    """Return a function that finds the `count` nearest images, exactly or with the index."""
    adapted = metric_learning.read(learned.adaptation) if learned else None
    reduction = principal_components.read(learned.components) if learned else None
    table = approximate.read(*map(Path, index)) if index else None

    def find(asked: ShardedFeatures, searched: ShardedFeatures) -> pa.Table:
        parts: Iterable[FeatureTable] = asked
        if learned and reduction:
            searched = replace(searched, reduced=learned.reduced)
            asked = replace(asked, with_levels=reduction.with_levels)
            parts = (principal_components.reduce(reduction, part) for part in asked)
        if table is None:
            return neighbours.find(parts, searched, count, adapted)
        return approximate.find(
            parts, table, catalogue.images(), count, adapted, only=searched.only
        )

    return find


def nearest(
    count: int, folder: Path, learned: Learned | None = None, index: Sequence[str] = ()
) -> pa.Table:
    """Return the `count` nearest images of each query but its own, cached in `folder`."""
    # A query that was taken into the catalogue finds itself and the other photos of its product
    # there. They are dropped afterwards.
    wanted = count + max(map(len, own.values()), default=0)
    files = [*(learned or ()), *index]
    key = repr([wanted, params.code, *model_of(asked.schema), *map(digest, files)])
    find = finder(wanted, learned, index)
    found = cache.search(queries, catalogue, wanted, find, folder, key)
    return neighbours.without_own(found, own, count) if own else found


with logged(snakemake.log[0], f"search {name}"), results.keeping(folder):
    queries = ShardedFeatures(Path(snakemake.input.queries), results=results)
    catalogue = ShardedFeatures(
        Path(snakemake.input.catalogue), part, params.parts, results=results
    )
    asked = queries.images()
    own = neighbours.own_members(asked, from_queries(catalogue.path))
    comparison = metric_choice.read(snakemake.input.comparison)
    adapted = metric_choice.chosen(params.metric, comparison) != metric_choice.COSINE
    learned = Learned(*map(Path, snakemake.input.learned)) if adapted else None
    found = nearest(params.neighbours, folder, learned, snakemake.input.approximate)
    candidates = (
        nearest(neighbours.CANDIDATES, folder / "candidates")
        if adapted
        else neighbours.first(found, neighbours.CANDIDATES)
    )
    neighbours.TABLE.write(Path(snakemake.output.neighbours), found)
    neighbours.TABLE.write(Path(snakemake.output.candidates), candidates)
