"""Fit the similarity to the classes of the catalogue."""

import logging
from pathlib import Path

from similar_images.base.job import logged
from similar_images.features import images
from similar_images.remote.results import results_of
from similar_images.search import adaptation
from similar_images.search.neighbours import first_of_equals

with logged(snakemake.log[0], "adapt"):
    reduced = images.collect(
        Path(snakemake.input.catalogue),
        results_of(snakemake.config),
        on_disk=True,
        reduced=Path(snakemake.input.reduced),
    )
    fitted = adaptation.fit(reduced, first_of_equals(reduced))
    adaptation.write(Path(snakemake.output[0]), fitted)
    logging.info("Fitted to %d images", len(reduced.paths))
