"""Find the photos of a collection that lie rotated, and rotated copies of catalogue photos."""

import logging
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.compute as pc
from threadpoolctl import threadpool_limits

from similar_images.backbones import model
from similar_images.core.job import Progress, logged, termination
from similar_images.curation import findings, orientation, rotated
from similar_images.decisions.decisions import CATALOGUE
from similar_images.duplicates import turned_copies
from similar_images.features import feature_table, sharded_features, turned
from similar_images.features.feature_table import Features
from similar_images.features.sharded_features import ShardedFeatures
from similar_images.images import manifest, retries
from similar_images.images.photos import Photos
from similar_images.storage.results import results_of

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

output, images = Path(snakemake.output[0]), Path(snakemake.input.images)
cache, again = output.with_name(turned.NAME), output.with_name(retries.NAME)
differences = output.with_name(turned_copies.NAME)
name = f"rotated {snakemake.wildcards.collection}"
photos = Photos.of(snakemake.config)
results = results_of(snakemake.config)
compare = partial(
    turned_copies.compare_all,
    cache=differences,
    threads=snakemake.threads,
    progress_of=partial(Progress, noun="turned pair", plural="turned pairs"),
    photos=photos,
)

# With one thread the last bits are the same on any number of cores.
with (
    logged(snakemake.log[0], name),
    results.keeping(cache, differences, again),
    threadpool_limits(1),
):
    terminated = termination()
    backbone = model.read(Path(snakemake.input.model))
    learned = orientation.read(Path(snakemake.input.orientation))
    members = sharded_features.TABLE.read(images)
    listed = sharded_features.TABLE.read(Path(snakemake.input.catalogue_images))
    if snakemake.wildcards.collection != CATALOGUE:
        # What the catalogue has, too, is looked at there.
        members = members.filter(pc.invert(pc.is_in(members["content_id"], listed["content_id"])))
    files = manifest.files_by_content(members)
    doubtful: dict[str, Features] = {}
    for part in ShardedFeatures(images, results=results):
        feature_table.normalise(part.features)
        chosen = learned.doubtful(part.content_ids, part.features).nonzero()[0]
        own = [row for row in chosen if part.content_ids[row] in files]
        doubtful |= {part.content_ids[row]: part.features[row] for row in own}
    found = turned.features(
        doubtful.keys(),
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
    catalogue = sharded_features.load(snakemake.input.catalogue, results)
    feature_table.normalise(catalogue.features)
    first = {
        content_id: paths[0]
        for content_id, paths in (manifest.files_by_content(listed) | files).items()
    }
    views = turned.views(list(doubtful), list(doubtful.values()), found)
    confirmed = findings.confirmed(members, "content_id")
    lying = rotated.find(views, learned, catalogue, first, compare, confirmed)
    findings.ROTATED.write(output, rotated.rows(lying, members, catalogue))
    retries.record(again, photos.unread)
    copies = sum(one.difference is not None for one in lying)
    logging.info(
        "%d of %d photos were turned: %d rotated photos, %d rotated copies",
        len(views),
        len(files),
        len(lying) - copies,
        copies,
    )
