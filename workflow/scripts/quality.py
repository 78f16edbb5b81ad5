"""Measure how often the catalogue's own images are classified correctly by the others."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from threadpoolctl import threadpool_limits

from similar_images.core.file_formats import write_json
from similar_images.core.job import logged
from similar_images.evaluation import cross_validation, held_out_learning, leave_one_out, quality
from similar_images.features import sharded_features
from similar_images.search import metric_choice
from similar_images.search.neighbours import first_of_equals
from similar_images.storage.results import results_of

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

# The threads share the fits. If they shared a product, its last bits would depend on their number.
with logged(snakemake.log[0], "quality"), threadpool_limits(1):
    results = results_of(snakemake.config)
    comparison = metric_choice.read(snakemake.input.comparison)
    metric = metric_choice.chosen(snakemake.params.metric, comparison)
    catalogue = sharded_features.load(Path(snakemake.input.catalogue), results)
    learn = None
    if metric != metric_choice.COSINE:
        listed, eligible = Path(snakemake.input.images), first_of_equals(catalogue)
        if cross_validation.components_overlap(catalogue):
            with_levels = metric == metric_choice.ADAPTED
            features = sharded_features.collect(
                listed, results, on_disk=True, with_levels=with_levels
            )
            learn = held_out_learning.from_all(features, eligible, with_levels=with_levels)
        else:
            reduced = Path(snakemake.input.reduced)
            along = sharded_features.collect(listed, results, on_disk=True, reduced=reduced)
            learn = held_out_learning.from_reduced(along, eligible)
    table = sharded_features.TABLE.read(Path(snakemake.input.images), ["image", "product"])
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
