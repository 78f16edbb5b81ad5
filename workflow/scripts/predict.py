"""Find for each query the most similar images of the catalogue, and its class."""

from pathlib import Path

from similar_images import index, predictions
from similar_images.files import write_csv
from similar_images.job import logged
from similar_images.merge import read_rejected

with logged(snakemake.log[0], f"predict {snakemake.wildcards.queries}"):
    predicted = predictions.predict(
        index.read(Path(snakemake.input.queries)),
        read_rejected(Path(snakemake.input.rejected)),
        index.read(Path(snakemake.input.catalogue)),
        snakemake.params.neighbours,
    )
    write_csv(Path(snakemake.output.predictions), predictions.HEADER, predicted.rows)
    write_csv(Path(snakemake.output.votes), predictions.VOTES_HEADER, predicted.votes)
