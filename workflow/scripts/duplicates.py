"""Find the queries that stand in the catalogue already."""

import logging
from functools import partial
from pathlib import Path

from similar_images.answers import duplicates
from similar_images.base.formats import read_parquet, write_csv
from similar_images.base.job import Progress, logged
from similar_images.photos import perceptual

output = Path(snakemake.output[0])

# They are kept from run to run.
hashes = partial(
    perceptual.hashes,
    cache=output.with_name("perceptual_hashes.parquet"),
    threads=snakemake.threads,
    progress_of=Progress,
)

with logged(snakemake.log[0], f"duplicates {snakemake.wildcards.queries}"):
    found = duplicates.find(
        read_parquet(Path(snakemake.input.neighbours)),
        read_parquet(Path(snakemake.input.manifest)),
        read_parquet(Path(snakemake.input.catalogue_manifest)),
        hashes,
    )
    write_csv(output, duplicates.Duplicate._fields, found)
    if found:
        logging.info("%d images stand in the catalogue already", len(found))
