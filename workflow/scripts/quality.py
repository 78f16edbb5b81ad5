"""Measure how often the catalogue's own images are classified correctly by the others."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from threadpoolctl import threadpool_limits

from similar_images.core.file_formats import write_json
from similar_images.core.job import logged
from similar_images.evaluation import cross_validation, quality
from similar_images.search import metric_choice
from similar_images.storage.results import results_of

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

# The threads share the fits. If they shared a product, its last bits would depend on their number.
with logged(snakemake.log[0], "quality"), threadpool_limits(1):
    results = results_of(snakemake.config)
    comparison = metric_choice.read(snakemake.input.comparison)
    metric = metric_choice.chosen(snakemake.params.metric, comparison)
    reduced = Path(snakemake.input.reduced) if snakemake.input.reduced else None
    features, listed = Path(snakemake.input.catalogue), Path(snakemake.input.images)
    catalogue, group_of, learn = cross_validation.load(features, listed, reduced, metric, results)
    assessment = quality.assess(
        catalogue,
        group_of,
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
