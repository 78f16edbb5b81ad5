"""Find the most similar images among those found in each part of the catalogue."""

from pathlib import Path
from typing import TYPE_CHECKING

from similar_images.core.job import logged
from similar_images.search import neighbours

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0], f"join search {snakemake.wildcards.queries}"):
    for table, count in (
        ("neighbours", snakemake.params.neighbours),
        ("candidates", neighbours.CANDIDATES),
    ):
        parts = [neighbours.TABLE.read(Path(part)) for part in snakemake.input.get(table)]
        neighbours.TABLE.write(
            Path(snakemake.output.get(table)), neighbours.join_parts(parts, count)
        )
