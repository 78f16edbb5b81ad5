"""Tell how good the predictions are."""

import logging
from pathlib import Path

import pandas as pd

from similar_images import metrics, model
from similar_images.files import checked, write_csv, write_json
from similar_images.job import logged

with logged(snakemake.log[0], f"evaluate {snakemake.wildcards.queries}"):
    with checked(Path(snakemake.input.predictions)):
        predictions = pd.read_csv(snakemake.input.predictions, dtype=str, keep_default_na=False)
    evaluation = metrics.evaluate(predictions, model.read(Path(snakemake.input.model)))
    write_json(Path(snakemake.output.metrics), evaluation)
    confusion = metrics.confusion(predictions)
    write_csv(
        Path(snakemake.output.confusion), ["label", *confusion.columns], confusion.itertuples()
    )
    logging.info("%s", metrics.sentence(evaluation))
