"""Remove the shards that nobody needs any more."""

import logging
from typing import TYPE_CHECKING

from similar_images.core.files import remove
from similar_images.core.job import logged
from similar_images.core.wording import counted
from similar_images.features import store
from similar_images.storage.results import results_of

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

results = results_of(snakemake.config)

with logged(snakemake.log[0], "tidy"):
    results.fetch(results.folder / "features")
    spare = store.unused(results.folder)
    for path in spare:
        remove(path)
    for folder in (results.folder / "features").glob("*/"):
        if not any(folder.iterdir()):
            folder.rmdir()
    results.put(*spare)
    logging.info("%s removed", counted(len(spare), "shard"))
