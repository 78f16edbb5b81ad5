"""List the files of a collection."""

import logging
from pathlib import Path

from similar_images.base.formats import write_parquet
from similar_images.base.job import logged
from similar_images.features import manifest
from similar_images.photos import collection

name = snakemake.wildcards.collection
output = Path(snakemake.output[0])

with logged(snakemake.log[0], f"manifest {name}"):
    entries = collection.scan(Path(snakemake.params.path), snakemake.params.follow_links)
    table = manifest.build(
        collection.with_class(entries) if name == "catalogue" else entries,
        cache=output.with_name("hashes.parquet"),
        threads=snakemake.threads,
    )
    write_parquet(output, table)
    logging.info("%d files", len(table))
