"""Fit the similarity to the classes of the catalogue."""

import logging
from pathlib import Path

from similar_images import adaptation, images
from similar_images.job import logged
from similar_images.neighbours import first_of_equals

with logged(snakemake.log[0], "adapt"):
    catalogue = images.load(Path(snakemake.input.catalogue))
    fitted = adaptation.fit(catalogue, first_of_equals(catalogue))
    adaptation.write(Path(snakemake.output[0]), fitted)
    logging.info("%d features mapped to %d", *fitted.projection.shape)
