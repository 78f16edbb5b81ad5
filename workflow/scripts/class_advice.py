"""Find classes of the catalogue that are better merged."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from threadpoolctl import threadpool_limits

from similar_images.core.job import logged
from similar_images.curation import class_advice
from similar_images.curation.findings import ADVICE
from similar_images.evaluation import cross_validation
from similar_images.search import metric_choice
from similar_images.storage.results import results_of

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

# As in quality.py.
with logged(snakemake.log[0], "class advice"), threadpool_limits(1):
    results = results_of(snakemake.config)
    comparison = metric_choice.read(snakemake.input.comparison)
    metric = metric_choice.chosen(snakemake.params.metric, comparison)
    reduced = Path(snakemake.input.reduced) if snakemake.input.reduced else None
    features, listed = Path(snakemake.input.catalogue), Path(snakemake.input.images)
    catalogue, group_of, learn = cross_validation.load(features, listed, reduced, metric, results)
    photos = class_advice.classify(
        catalogue,
        group_of,
        snakemake.params.voters,
        snakemake.params.vote,
        learn,
        snakemake.threads,
    )
    advice = class_advice.advise(photos)
    ADVICE.write(Path(snakemake.output[0]), advice)
    logging.info("%s", class_advice.summary(advice))
