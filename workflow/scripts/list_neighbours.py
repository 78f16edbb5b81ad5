"""Write the neighbours of each query as a CSV file."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from similar_images.classification import neighbour_rows, tables
from similar_images.core.file_formats import read_json
from similar_images.core.job import logged
from similar_images.core.wording import counted
from similar_images.features import sharded_features
from similar_images.search import neighbours

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

most, least_similarity = snakemake.params.most, snakemake.params.least_similarity

with logged(snakemake.log[0], f"neighbours {snakemake.wildcards.queries}"):
    found = neighbours.TABLE.read(Path(snakemake.input.neighbours))
    images = sharded_features.TABLE.read(Path(snakemake.input.catalogue))
    metric = read_json(Path(snakemake.input.quality))["metric"]
    rows = [
        *neighbour_rows.listed(
            found, sharded_features.products(images), most, least_similarity, metric
        )
    ]
    tables.NEIGHBOURS.write(Path(snakemake.output[0]), rows)
    without = len(found) - len({row["image"] for row in rows})
    if without:
        logging.info(
            "no neighbour is at least %s similar: %s", least_similarity, counted(without, "photo")
        )
