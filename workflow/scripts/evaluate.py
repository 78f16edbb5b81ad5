"""Tell how good the predictions are."""

import logging
from pathlib import Path

import pandas as pd

from similar_images import metrics, model
from similar_images.files import read_csv, write_csv, write_json
from similar_images.job import logged
from similar_images.predictions import HEADER

with logged(snakemake.log[0], f"evaluate {snakemake.wildcards.queries}"):
    predictions = pd.DataFrame(
        read_csv(Path(snakemake.input.predictions)), columns=list(HEADER), dtype=str
    )
    evaluation = metrics.evaluate(predictions, model.read(Path(snakemake.input.model)))
    write_json(Path(snakemake.output.metrics), evaluation)
    confusion = metrics.confusion(predictions)
    write_csv(
        Path(snakemake.output.confusion), ["label", *confusion.columns], confusion.itertuples()
    )
    logging.info("%s", metrics.sentence(evaluation))
