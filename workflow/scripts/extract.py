"""Extract the features of one shard, or copy them from other shards.

They are copied when small shards are packed, and when an earlier version extracted them.
"""

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from similar_images.backbones import engines, model
from similar_images.core.files import remove
from similar_images.core.job import Progress, logged, termination
from similar_images.core.timing import Timing
from similar_images.features import plan, renewal, shards
from similar_images.features.extraction import extract, preprocessor
from similar_images.images import manifest
from similar_images.images.photos import Photos
from similar_images.storage.results import results_of
from similar_images.storage.stored import order_of

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

shard = snakemake.wildcards.shard
output = Path(snakemake.output[0])
# What a run had extracted when it was stopped.
partial = output.with_suffix(".partial")
results = results_of(snakemake.config)
photos = Photos.of(snakemake.config)

with logged(snakemake.log[0], f"extract {shard[:6]}"):
    backbone = model.read(Path(snakemake.input.model))
    terminated = termination()
    timing = Timing()
    rows = plan.read_shard(Path(snakemake.input.plan), shard)
    prepare = preprocessor(backbone, plan.max_pixels(rows))
    files = manifest.files_by_content(rows)
    kept = None
    if partial.is_file():
        kept = shards.copy(partial, files.keys(), backbone.fingerprint, timing)
    parts = [kept] if kept else []
    held = shards.content_ids(parts)
    sources = {name: set(ids) - held for name, ids in plan.sources(rows).items()}
    results.fetch(*(output.with_stem(source) for source in sources))
    parts += shards.copies(output.parent, sources, backbone.fingerprint, timing)
    parts = [
        renewal.renewed(
            part,
            files,
            prepare,
            snakemake.threads,
            Progress(len(part.content_ids), "earlier photo"),
            photos,
            terminated.is_set,
        )
        if part.decoding < shards.DECODING
        else part
        for part in parts
    ]
    held = shards.content_ids(parts)
    left = (id_ for id_ in files if id_ not in held)
    members = {id_: files[id_] for id_ in sorted(left, key=lambda id_: order_of(files[id_][0]))}
    if members:
        folder = Path(snakemake.input.model).with_name("backbone")
        with timing.spent_on("load"):
            results.fetch(folder)
            engine = engines.load_model(backbone, folder, snakemake.threads)
        with timing.spent_on("total"):
            extracted = extract(
                members,
                prepare,
                engine,
                dimension=backbone.features,
                channels=backbone.levels,
                fingerprint=backbone.fingerprint,
                threads=snakemake.threads,
                timing=timing,
                progress=Progress(len(members)),
                photos=photos,
                stopped=terminated.is_set,
            )
        parts.append(extracted)
    whole = shards.join(parts)
    if terminated.is_set():
        # Without faults: another limit of pixels may allow these photos.
        kept = shards.without_faults(whole)
        shards.write(partial, kept, timing)
        logging.info("%d of %d images are kept", len(kept.content_ids), len(files))
        sys.exit(1)
    shards.write(output, whole, timing)
    remove(partial)
