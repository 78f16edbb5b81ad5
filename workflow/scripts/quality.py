"""Tell how often the catalogue's own images are named rightly by the others."""

import logging
from pathlib import Path

from threadpoolctl import threadpool_limits

from similar_images.base.formats import read_parquet, write_json
from similar_images.base.job import logged
from similar_images.catalogue import leave_one_out, quality
from similar_images.features import images
from similar_images.remote.results import results_of
from similar_images.search import choice

# The threads share the fits. If they shared a product, its last bits would depend on their number.
with logged(snakemake.log[0], "quality"), threadpool_limits(1):
    comparison = choice.read(snakemake.input.comparison)
    catalogue = images.load(Path(snakemake.input.catalogue), results_of(snakemake.config))
    table = read_parquet(Path(snakemake.input.images), ["image", "product"])
    assessment = quality.assess(
        catalogue,
        leave_one_out.groups(catalogue, images.products(table)),
        snakemake.params.voters,
        snakemake.params.vote,
        choice.chosen(snakemake.params.metric, comparison),
        snakemake.params.coverage,
        snakemake.threads,
    )
    told = {**assessment, "choice": comparison.get("choice")}
    write_json(Path(snakemake.output[0]), told)
    logging.info("%s", quality.sentence(assessment))
