"""Find classes of the catalogue that are better merged."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from threadpoolctl import threadpool_limits

from similar_images.core.job import logged
from similar_images.curation import class_advice
from similar_images.curation.findings import ADVICE
from similar_images.evaluation import cross_validation, leave_one_out
from similar_images.features import sharded_features
from similar_images.search import metric_choice
from similar_images.storage.results import results_of

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

# As in quality.py.
with logged(snakemake.log[0], "class advice"), threadpool_limits(1):
    results = results_of(snakemake.config)
    comparison = metric_choice.read(snakemake.input.comparison)
    metric = metric_choice.chosen(snakemake.params.metric, comparison)
    catalogue = sharded_features.load(Path(snakemake.input.catalogue), results)
    listed, reduced = Path(snakemake.input.images), snakemake.input.reduced
    learn = cross_validation.learning(
        metric, catalogue, listed, Path(reduced) if reduced else None, results
    )
    table = sharded_features.TABLE.read(listed, ["image", "product"])
    photos = class_advice.classify(
        catalogue,
        leave_one_out.groups(catalogue, sharded_features.products(table)),
        snakemake.params.voters,
        snakemake.params.vote,
        learn,
        snakemake.threads,
    )
    advice = class_advice.advise(photos)
    ADVICE.write(Path(snakemake.output[0]), advice)
    logging.info("%s", class_advice.summary(advice))
