"""Draw the confusion matrix and the histogram of similarities."""

from pathlib import Path
from typing import TYPE_CHECKING

from similar_images.classification import tables
from similar_images.core.job import logged
from similar_images.report import confusion, plots

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0], f"plot {snakemake.wildcards.queries}"):
    predictions = tables.PREDICTIONS.read(
        Path(snakemake.input.predictions), snakemake.params.extra_columns
    )
    plots.write(
        plots.confusion(confusion.read(Path(snakemake.input.confusion))),
        Path(snakemake.output.confusion),
        Path(snakemake.output.confusion_svg),
    )
    plots.write(plots.similarity(predictions), Path(snakemake.output.similarity))
