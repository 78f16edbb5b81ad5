"""Build the backbone and export it for the extraction jobs."""

from pathlib import Path

from similar_images.base.files import sealed
from similar_images.base.job import logged
from similar_images.networks import building, model

with logged(snakemake.log[0], "model"):
    with sealed(Path(snakemake.output.backbone)) as folder:
        made = building.make(
            folder,
            backbone=snakemake.params.backbone,
            weights_file=Path(snakemake.input.weights) if snakemake.input.weights else None,
            fallback=snakemake.params.fallback,
            engine=snakemake.params.engine,
            resample=snakemake.params.resample,
        )
    model.write(Path(snakemake.output.description), made)
