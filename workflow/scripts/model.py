"""Build the backbone and export it for the extraction jobs."""

from pathlib import Path
from typing import TYPE_CHECKING

from similar_images.backbones import building, model, quantisation
from similar_images.core.files import write_checked
from similar_images.core.job import logged
from similar_images.features.extraction import preprocessor
from similar_images.images import manifest, quantisation_sample
from similar_images.images.photos import Photos
from similar_images.storage.results import results_of

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

params = snakemake.params
description = Path(snakemake.output.description)
backbone = description.with_name("backbone")

with logged(snakemake.log[0], "model"):
    with write_checked(backbone) as folder:
        made = building.make(
            folder,
            backbone=params.backbone,
            weights_file=Path(params.weights) if params.weights else None,
            fallback=params.fallback,
            engine=params.engine,
            resample=params.resample,
            precision=params.precision,
            device=params.device,
        )
        if params.precision == "int8":
            members = manifest.files_by_content(manifest.TABLE.read(Path(snakemake.input.photos)))
            prepare = preprocessor(made, params.max_pixels)
            pictures = quantisation_sample.pictures(
                members, prepare, quantisation.PICTURES, Photos.of(snakemake.config)
            )
            made = quantisation.quantise(folder, made, pictures)
    results_of(snakemake.config).put(backbone)
    model.write(description, made)
