"""Learn from turned photos of the catalogue how its photos lie."""

import logging
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from threadpoolctl import threadpool_limits

from similar_images.backbones import model
from similar_images.core.job import logged, termination
from similar_images.curation import orientation
from similar_images.features import feature_table, sharded_features, turned
from similar_images.features.sharded_features import ShardedFeatures
from similar_images.images import manifest, retries
from similar_images.images.photos import Photos
from similar_images.search import principal_components
from similar_images.storage.results import results_of

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

output, images = Path(snakemake.output[0]), Path(snakemake.input.images)
cache, again = output.with_name(turned.NAME), output.with_name(retries.NAME)
photos = Photos.of(snakemake.config)
results = results_of(snakemake.config)

# With one thread the last bits are the same on any number of cores.
with logged(snakemake.log[0], "orientation"), results.keeping(cache, again), threadpool_limits(1):
    terminated = termination()
    backbone = model.read(Path(snakemake.input.model))
    files = manifest.files_by_content(sharded_features.TABLE.read(images))
    catalogue = ShardedFeatures(images, results=results)
    chosen = principal_components.sample(catalogue.images(), orientation.MOST)
    sample = feature_table.join(list(replace(catalogue, only=chosen)))
    found = turned.features(
        sample.content_ids,
        files,
        cache,
        backbone,
        Path(snakemake.input.model).with_name("backbone"),
        snakemake.params.max_pixels,
        snakemake.threads,
        photos,
        results,
        terminated.is_set,
    )
    if terminated.is_set():
        results.put(cache)
        sys.exit(1)
    retries.record(again, photos.unread)
    views = turned.views(sample.content_ids, sample.features, found)
    learned = orientation.learn(backbone.fingerprint, views)
    orientation.write(output, learned)
    if len(views) < orientation.LEAST:
        logging.info(
            "no rotated photo can be found: %d photos are too few to learn from; %d are needed",
            len(views),
            orientation.LEAST,
        )
    elif np.isinf(learned.limit):
        logging.info("no rotated photo can be found: this network does not see how photos lie")
