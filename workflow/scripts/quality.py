"""Measure how often the catalogue's own images are classified correctly by the others."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from threadpoolctl import threadpool_limits

from similar_images.core.file_formats import write_json
from similar_images.core.job import logged
from similar_images.evaluation import cross_validation, leave_one_out, quality
from similar_images.features import sharded_features
from similar_images.search import metric_choice
from similar_images.storage.results import results_of

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

# The threads share the fits. If they shared a product, its last bits would depend on their number.
with logged(snakemake.log[0], "quality"), threadpool_limits(1):
    results = results_of(snakemake.config)
    comparison = metric_choice.read(snakemake.input.comparison)
    metric = metric_choice.chosen(snakemake.params.metric, comparison)
    catalogue = sharded_features.load(Path(snakemake.input.catalogue), results)
    listed, reduced = Path(snakemake.input.images), snakemake.input.reduced
    learn = cross_validation.learning(
        metric, catalogue, listed, Path(reduced) if reduced else None, results
    )
    table = sharded_features.TABLE.read(listed, ["image", "product"])
    assessment = quality.assess(
        catalogue,
        leave_one_out.groups(catalogue, sharded_features.products(table)),
        snakemake.params.voters,
        snakemake.params.vote,
        metric,
        snakemake.params.coverage,
        learn,
        snakemake.threads,
    )
    result = {**assessment, "choice": comparison.get("choice")}
    write_json(Path(snakemake.output[0]), result)
    logging.info("%s", quality.sentence(assessment))
