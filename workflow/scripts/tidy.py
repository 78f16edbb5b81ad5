"""Remove the shards that nobody needs any more."""

import logging
from pathlib import Path

from similar_images.base.files import remove
from similar_images.base.job import logged
from similar_images.features import store

with logged(snakemake.log[0], "tidy"):
    spare = store.unused(Path(snakemake.input[0]).parents[1])
    for path in spare:
        remove(path)
    logging.info("%d shards removed", len(spare))
