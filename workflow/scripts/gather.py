"""Find the most similar images among those found in each part of the catalogue."""

from pathlib import Path

from similar_images.core.formats import read_parquet, write_parquet
from similar_images.core.job import logged
from similar_images.search import neighbours

with logged(snakemake.log[0], f"gather {snakemake.wildcards.queries}"):
    for table, count in (
        ("neighbours", snakemake.params.neighbours),
        ("candidates", neighbours.CANDIDATES),
    ):
        parts = [read_parquet(Path(part)) for part in snakemake.input.get(table)]
        write_parquet(Path(snakemake.output.get(table)), neighbours.gather(parts, count))
