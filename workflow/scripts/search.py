"""Find for each query the most similar images of the catalogue, or of a part of it."""

from pathlib import Path

from similar_images import adaptation, neighbours
from similar_images.files import write_parquet
from similar_images.images import Stream
from similar_images.job import logged

with logged(snakemake.log[0], f"search {snakemake.wildcards.queries}"):
    found = neighbours.find(
        Stream(Path(snakemake.input.queries)),
        Stream(
            Path(snakemake.input.catalogue),
            int(snakemake.wildcards.get("part", 0)),
            snakemake.params.parts,
        ),
        snakemake.params.neighbours,
        adaptation.read(Path(fitted)) if (fitted := snakemake.input.adaptation) else None,
    )
    write_parquet(Path(snakemake.output[0]), found)
