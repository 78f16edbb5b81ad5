"""Find for each query the most similar images of the catalogue."""

from pathlib import Path

from similar_images import adaptation, index, neighbours
from similar_images.files import write_parquet
from similar_images.job import logged

with logged(snakemake.log[0], f"search {snakemake.wildcards.queries}"):
    found = neighbours.find(
        index.read(Path(snakemake.input.queries)),
        index.read(Path(snakemake.input.catalogue)),
        snakemake.params.neighbours,
        adaptation.read(Path(fitted)) if (fitted := snakemake.input.adaptation) else None,
    )
    write_parquet(Path(snakemake.output[0]), found)
