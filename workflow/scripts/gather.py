"""Find the most similar images among those found in each part of the catalogue."""

from pathlib import Path

from similar_images import neighbours
from similar_images.files import read_parquet, write_parquet
from similar_images.job import logged

with logged(snakemake.log[0], f"gather {snakemake.wildcards.queries}"):
    parts = [read_parquet(Path(part)) for part in snakemake.input]
    found = neighbours.gather(parts, snakemake.params.neighbours)
    write_parquet(Path(snakemake.output[0]), found)
