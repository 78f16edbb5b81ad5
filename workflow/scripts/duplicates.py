"""Find the queries that stand in the catalogue already."""

import logging
from pathlib import Path

from similar_images import duplicates, manifest, perceptual
from similar_images.files import read_parquet, write_csv
from similar_images.job import Progress, logged

output = Path(snakemake.output[0])


def hashes(files):
    """Return the perceptual hashes of `files`; they are kept from run to run."""
    cache = output.with_name("perceptual_hashes.parquet")
    return perceptual.hashes(files, cache, snakemake.threads, Progress(len(files)))


with logged(snakemake.log[0], f"duplicates {snakemake.wildcards.queries}"):
    found = duplicates.find(
        read_parquet(Path(snakemake.input.neighbours)),
        manifest.read(Path(snakemake.input.manifest)),
        manifest.read(Path(snakemake.input.catalogue_manifest)),
        hashes,
    )
    write_csv(output, duplicates.Duplicate._fields, found)
    if found:
        logging.info("%d images stand in the catalogue already", len(found))
