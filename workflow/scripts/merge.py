"""List the readable images of a collection, and what had to be left out."""

import logging
from pathlib import Path

from similar_images.base.formats import write_csv, write_json
from similar_images.base.job import logged
from similar_images.features import images, index, manifest, merge
from similar_images.networks import model

name = snakemake.wildcards.collection
listing = Path(snakemake.input.manifest)
readable = Path(snakemake.output.images)

with logged(snakemake.log[0], f"merge {name}"):
    table = manifest.read(listing)
    features = listing.with_name("features")
    found, rejected = merge.merge(table, features, model.read(Path(snakemake.input.model)))
    merge.check(found, rejected, name, snakemake.params.on_error)
    duplicates = merge.duplicates(found)
    write_json(Path(snakemake.output.timing), merge.timing(table, features))
    images.write(readable, found)
    if snakemake.output.index:
        index.write(Path(snakemake.output.index), images.collect(readable))
    write_csv(Path(snakemake.output.rejected), merge.Rejected._fields, rejected)
    write_csv(Path(snakemake.output.duplicates), merge.Duplicate._fields, duplicates)
    logging.info("%d readable images, %d rejected files", len(found), len(rejected))
    conflicts = {copy.content_id for copy in duplicates if copy.conflict}
    if conflicts:
        logging.warning(
            "%d images stand under more than one class: see %s",
            len(conflicts),
            snakemake.output.duplicates,
        )
