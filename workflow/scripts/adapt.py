"""Fit the similarity to the classes of the catalogue."""

import logging
from pathlib import Path

from similar_images.base.job import logged
from similar_images.features import images
from similar_images.remote.results import results_of
from similar_images.search import adaptation
from similar_images.search.neighbours import first_of_equals

with logged(snakemake.log[0], "adapt"):
    catalogue = images.load(Path(snakemake.input.catalogue), results_of(snakemake.config))
    fitted = adaptation.fit(catalogue, first_of_equals(catalogue))
    adaptation.write(Path(snakemake.output[0]), fitted)
    logging.info("%d features mapped to %d", *fitted.projection.shape)
