"""Draw the confusion matrix and the histogram of similarities."""

from pathlib import Path

from similar_images.core.formats import read_csv
from similar_images.core.job import logged
from similar_images.report import confusion, plots

with logged(snakemake.log[0], f"plot {snakemake.wildcards.queries}"):
    predictions = read_csv(Path(snakemake.input.predictions))
    plots.write(
        plots.confusion(confusion.read(Path(snakemake.input.confusion))),
        Path(snakemake.output.confusion),
        Path(snakemake.output.confusion_svg),
    )
    plots.write(plots.similarity(predictions), Path(snakemake.output.similarity))
