"""Tell which similarity knows the catalogue's own images best."""

import logging
from pathlib import Path

import numpy as np
import pyarrow as pa
from threadpoolctl import threadpool_limits

from similar_images.base.formats import read_parquet, write_json
from similar_images.base.job import logged
from similar_images.catalogue import learning, leave_one_out, metric_comparison, survey
from similar_images.features import images, index
from similar_images.features.images import Stream
from similar_images.features.index import Index
from similar_images.remote.results import results_of
from similar_images.search import choice
from similar_images.search.neighbours import first_of_equals

listed = Path(snakemake.input.images)
results = results_of(snakemake.config)


def with_levels(sample: Index) -> Index:
    """Return `sample` with the levels of its images behind their features."""
    paths = pa.chunked_array([pa.array(sample.paths)])
    parts = Stream(listed, only=paths, results=results, with_levels=True)
    found = index.join(list(parts))
    return found.rows(np.argsort(found.paths))


# The threads share the fits. If they shared a product, its last bits would depend on their number.
with logged(snakemake.log[0], "compare metrics"), threadpool_limits(1):
    catalogue = images.load(Path(snakemake.input.catalogue), results)
    table = read_parquet(listed, ["image", "product"])
    asked = leave_one_out.sample(catalogue, first_of_equals(catalogue), survey.MOST_ASKED)
    sample = catalogue.rows(asked)
    every = np.ones(len(asked), np.bool_)
    top = learning.from_all(sample, every, with_levels=False)
    adapted = {choice.ADAPTED: top}
    if images.channels_of(table.schema):
        both = learning.from_all(with_levels(sample), every, with_levels=True)
        adapted = {choice.ADAPTED_TOP: top, choice.ADAPTED: both}
    found = metric_comparison.compare(
        sample,
        adapted,
        leave_one_out.groups(catalogue, images.products(table))[asked],
        snakemake.params.voters,
        snakemake.params.vote,
        snakemake.params.metric,
        snakemake.threads,
    )
    write_json(Path(snakemake.output[0]), found)
    if found["choice"]:  # the advice comes at the end of the run
        logging.info("%s", found["choice"])
