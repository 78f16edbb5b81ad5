"""Make the index for the approximate search, and measure how much it finds."""

import logging
from pathlib import Path

from similar_images.base.formats import read_parquet
from similar_images.base.job import logged
from similar_images.features.images import Stream
from similar_images.remote.results import results_of
from similar_images.search import adaptation, approximate, choice

catalogue = Path(snakemake.input.catalogue)

with logged(snakemake.log[0], "approximate"):
    comparison = choice.read(snakemake.input.comparison)
    adapted = choice.chosen(snakemake.params.metric, comparison) != choice.COSINE
    reduced = Path(snakemake.input.learned[1]) if adapted else None
    made = approximate.build(
        Stream(catalogue, results=results_of(snakemake.config), reduced=reduced),
        read_parquet(catalogue),
        snakemake.params.neighbours,
        adaptation.read(Path(snakemake.input.learned[2])) if adapted else None,
    )
    approximate.write(*map(Path, snakemake.output), made)
    logging.info("%s", approximate.sentence(made))
