"""Draw how well the catalogue knows its own images."""

from pathlib import Path
from typing import TYPE_CHECKING

from similar_images.core.file_formats import read_json
from similar_images.core.job import logged
from similar_images.report import plots

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0], "plot catalogue"):
    assessment = read_json(Path(snakemake.input.quality))
    plots.write(plots.quality(assessment), Path(snakemake.output.curve))
    plots.write(plots.reliability(assessment["confidence"]), Path(snakemake.output.reliability))
