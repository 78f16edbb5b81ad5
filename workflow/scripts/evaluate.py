"""Tell how good the predictions are."""

import logging
from pathlib import Path

import pandas as pd

from similar_images.answers import metrics
from similar_images.answers.predictions import HEADER
from similar_images.base.formats import read_csv, write_csv, write_json
from similar_images.base.job import logged
from similar_images.networks import model

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
