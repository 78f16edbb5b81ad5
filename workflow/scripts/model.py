"""Build the backbone and export it for the extraction jobs."""

from pathlib import Path

from similar_images import model
from similar_images.files import sealed
from similar_images.job import logged

with logged(snakemake.log[0], "model"):
    with sealed(Path(snakemake.output.backbone)) as folder:
        made = model.make(
            folder,
            backbone=snakemake.params.backbone,
            weights_file=Path(snakemake.input.weights) if snakemake.input.weights else None,
            fallback=snakemake.params.fallback,
            engine=snakemake.params.engine,
            resample=snakemake.params.resample,
        )
    model.write(Path(snakemake.output.description), made)
