"""Make the index for the approximate search, and measure how much it finds."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from similar_images.core.job import logged
from similar_images.features import sharded_features
from similar_images.search import approximate, metric_choice, metric_learning
from similar_images.storage.results import results_of

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

catalogue = Path(snakemake.input.catalogue)

with logged(snakemake.log[0], "approximate"):
    comparison = metric_choice.read(snakemake.input.comparison)
    adapted = metric_choice.chosen(snakemake.params.metric, comparison) != metric_choice.COSINE
    reduced = Path(snakemake.input.learned[1]) if adapted else None
    made = approximate.build(
        sharded_features.ShardedFeatures(
            catalogue, results=results_of(snakemake.config), reduced=reduced
        ),
        sharded_features.TABLE.read(catalogue),
        snakemake.params.neighbours,
        metric_learning.read(Path(snakemake.input.learned[2])) if adapted else None,
    )
    index, description = map(Path, snakemake.output)
    approximate.write(index, description, made)
    logging.info("%s", approximate.sentence(made))
