"""Place the photos of the catalogue on a map."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from similar_images.core.job import logged
from similar_images.core.wording import counted
from similar_images.curation import catalogue_map
from similar_images.evaluation import leave_one_out
from similar_images.features import sharded_features
from similar_images.storage.results import results_of

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0], "map"):
    results = results_of(snakemake.config)
    catalogue = sharded_features.load(Path(snakemake.input.catalogue), results)
    listed = sharded_features.TABLE.read(Path(snakemake.input.images), ["image", "product"])
    table = catalogue_map.draw(
        catalogue,
        leave_one_out.groups(catalogue, sharded_features.products(listed)),
        snakemake.params.voters,
        snakemake.params.vote,
    )
    catalogue_map.TABLE.write(Path(snakemake.output[0]), table)
    logging.info("placed: %s", counted(len(table), "photo"))
