"""Tell how often the catalogue's own images are named rightly by the others."""

import logging
from pathlib import Path

from similar_images.base.formats import write_json
from similar_images.base.job import logged
from similar_images.catalogue import quality
from similar_images.features import images

with logged(snakemake.log[0], "quality"):
    assessment = quality.assess(
        images.load(Path(snakemake.input.catalogue)),
        snakemake.params.voters,
        snakemake.params.vote,
        snakemake.params.metric,
    )
    write_json(Path(snakemake.output[0]), assessment)
    logging.info("%s", quality.sentence(assessment))
