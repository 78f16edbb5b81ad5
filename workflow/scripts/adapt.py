"""Fit the similarity to the classes of the catalogue."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from similar_images.core.job import logged
from similar_images.core.wording import counted
from similar_images.features import sharded_features
from similar_images.search import metric_learning
from similar_images.search.neighbours import first_of_equals
from similar_images.storage.results import results_of

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

with logged(snakemake.log[0], "adapt"):
    reduced = sharded_features.collect(
        Path(snakemake.input.catalogue),
        results_of(snakemake.config),
        on_disk=True,
        reduced=Path(snakemake.input.reduced),
    )
    fitted = metric_learning.fit(reduced, first_of_equals(reduced))
    metric_learning.write(Path(snakemake.output[0]), fitted)
    logging.info("Fitted to %s", counted(len(reduced.paths), "image"))
