"""Compare the similarity metrics on the catalogue's own images."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from threadpoolctl import threadpool_limits

from similar_images.core.file_formats import write_json
from similar_images.core.job import logged
from similar_images.evaluation import (
    cross_validation,
    held_out_learning,
    leave_one_out,
    metric_comparison,
)
from similar_images.features import feature_table, sharded_features
from similar_images.features.feature_table import FeatureTable
from similar_images.features.sharded_features import ShardedFeatures
from similar_images.search import metric_choice
from similar_images.search.neighbours import first_of_equals
from similar_images.storage.results import results_of

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

listed = Path(snakemake.input.images)
results = results_of(snakemake.config)


def with_levels(sample: FeatureTable) -> FeatureTable:
    """Return `sample` with the levels of its images behind their features."""
    paths = pa.chunked_array([pa.array(sample.paths)])
    parts = ShardedFeatures(listed, only=paths, results=results, with_levels=True)
    found = feature_table.join(list(parts))
    return found.rows(np.argsort(found.paths))


# The threads share the fits. If they shared a product, its last bits would depend on their number.
with logged(snakemake.log[0], "compare metrics"), threadpool_limits(1):
    catalogue = sharded_features.load(Path(snakemake.input.catalogue), results)
    table = sharded_features.TABLE.read(listed, ["image", "product"])
    rows = leave_one_out.sample(
        catalogue, first_of_equals(catalogue), cross_validation.MOST_EVALUATED
    )
    sample = catalogue.rows(rows)
    every = np.ones(len(rows), np.bool_)
    top = held_out_learning.from_all(sample, every, with_levels=False)
    adapted = {metric_choice.ADAPTED: top}
    if sharded_features.channels_of(table.schema):
        both = held_out_learning.from_all(with_levels(sample), every, with_levels=True)
        adapted = {metric_choice.ADAPTED_TOP: top, metric_choice.ADAPTED: both}
    found = metric_comparison.compare(
        sample,
        adapted,
        leave_one_out.groups(catalogue, sharded_features.products(table))[rows],
        snakemake.params.voters,
        snakemake.params.vote,
        snakemake.params.metric,
        snakemake.threads,
    )
    write_json(Path(snakemake.output[0]), found)
    if found["choice"]:  # the advice comes at the end of the run
        logging.info("%s", found["choice"])
