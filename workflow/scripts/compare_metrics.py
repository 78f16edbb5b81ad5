"""Tell which of both similarities knows the catalogue's own images better."""

import logging
from pathlib import Path

from threadpoolctl import threadpool_limits

from similar_images.base.formats import read_parquet, write_json
from similar_images.base.job import logged
from similar_images.catalogue import leave_one_out, metric_comparison
from similar_images.features import images
from similar_images.remote.results import results_of

# The threads share the fits. If they shared a product, its last bits would depend on their number.
with logged(snakemake.log[0], "compare metrics"), threadpool_limits(1):
    catalogue = images.load(Path(snakemake.input.catalogue), results_of(snakemake.config))
    table = read_parquet(Path(snakemake.input.images), ["image", "product"])
    found = metric_comparison.compare(
        catalogue,
        leave_one_out.groups(catalogue, images.products(table)),
        snakemake.params.voters,
        snakemake.params.vote,
        snakemake.params.metric,
        snakemake.threads,
    )
    write_json(Path(snakemake.output[0]), found)
    if told := found["choice"] or found["advice"]:
        logging.info("%s", told)
