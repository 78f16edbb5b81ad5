"""Tell how often the catalogue's own images are named rightly by the others."""

import logging
from pathlib import Path

from threadpoolctl import threadpool_limits

from similar_images.base.formats import read_parquet, write_json
from similar_images.base.job import logged
from similar_images.catalogue import learning, leave_one_out, quality, survey
from similar_images.features import images
from similar_images.remote.results import results_of
from similar_images.search import choice
from similar_images.search.neighbours import first_of_equals

# The threads share the fits. If they shared a product, its last bits would depend on their number.
with logged(snakemake.log[0], "quality"), threadpool_limits(1):
    results = results_of(snakemake.config)
    comparison = choice.read(snakemake.input.comparison)
    metric = choice.chosen(snakemake.params.metric, comparison)
    catalogue = images.load(Path(snakemake.input.catalogue), results)
    learn = None
    if metric != choice.COSINE:
        listed, eligible = Path(snakemake.input.images), first_of_equals(catalogue)
        if survey.knows_those_asked(catalogue):
            with_levels = metric == choice.ADAPTED
            features = images.collect(listed, results, on_disk=True, with_levels=with_levels)
            learn = learning.from_all(features, eligible, with_levels=with_levels)
        else:
            reduced = Path(snakemake.input.reduced)
            along = images.collect(listed, results, on_disk=True, reduced=reduced)
            learn = learning.from_reduced(along, eligible)
    table = read_parquet(Path(snakemake.input.images), ["image", "product"])
    assessment = quality.assess(
        catalogue,
        leave_one_out.groups(catalogue, images.products(table)),
        snakemake.params.voters,
        snakemake.params.vote,
        metric,
        snakemake.params.coverage,
        learn,
        snakemake.threads,
    )
    told = {**assessment, "choice": comparison.get("choice")}
    write_json(Path(snakemake.output[0]), told)
    logging.info("%s", quality.sentence(assessment))
