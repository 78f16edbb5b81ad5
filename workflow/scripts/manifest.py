"""List the images of a collection and plan the shards of the new ones."""

import logging
from pathlib import Path

from similar_images.base.formats import write_names
from similar_images.base.job import logged
from similar_images.features import manifest
from similar_images.networks import model
from similar_images.photos import collection

name = snakemake.wildcards.collection
output = Path(snakemake.output.manifest)

with logged(snakemake.log[0], f"manifest {name}"):
    entries = collection.scan(Path(snakemake.params.path), snakemake.params.follow_links)
    table = manifest.build(
        collection.with_class(entries) if name == "catalogue" else entries,
        features=output.with_name("features"),
        cache=output.with_name("hashes.parquet"),
        fingerprint=model.read(Path(snakemake.input.model)).fingerprint,
        max_pixels=snakemake.params.max_pixels,
        plan=manifest.Plan(
            largest=snakemake.config["extraction"]["shard_size"], jobs=snakemake.resources.jobs
        ),
        threads=snakemake.threads,
    )
    names = manifest.shard_names(table)
    manifest.write(output, table)
    write_names(Path(snakemake.output.shards), names)
    logging.info("%d files, features in %d shards", len(table), len(names))
