"""Describe the results, so that single photos can be asked about."""

from pathlib import Path
from typing import TYPE_CHECKING

from similar_images import __version__
from similar_images.answers import description
from similar_images.core.file_formats import read_json
from similar_images.core.job import logged
from similar_images.search import metric_choice
from similar_images.storage.results import results_of

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

given, params = snakemake.input, snakemake.params
results = results_of(snakemake.config).folder

with logged(snakemake.log[0], "describe catalogue"):
    files = [given.model, given.images, given.quality, *given.approximate]
    if read_json(Path(given.quality))["metric"] != metric_choice.COSINE:
        files += given.learned
    described = description.Description(
        version=__version__,
        **params.settings,
        files=description.checksums(results, map(Path, files)),
    )
    description.write(Path(snakemake.output[0]), described)
