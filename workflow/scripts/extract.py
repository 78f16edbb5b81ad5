"""Extract the features of one shard, or copy them from the shards that are packed into it."""

from pathlib import Path
from typing import TYPE_CHECKING

from similar_images.backbones import engines, model
from similar_images.core.files import check
from similar_images.core.job import Progress, logged
from similar_images.core.timing import Timing
from similar_images.features import plan, shards
from similar_images.features.extraction import extract
from similar_images.images import manifest
from similar_images.images.photos import Photos
from similar_images.images.preprocessing import Preprocessor
from similar_images.storage.results import results_of

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

shard = snakemake.wildcards.shard
output = Path(snakemake.output[0])
results = results_of(snakemake.config)

with logged(snakemake.log[0], f"extract {shard[:6]}"):
    backbone = model.read(Path(snakemake.input.model))
    timing = Timing()
    rows = plan.read_shard(Path(snakemake.input.plan), shard)
    sources = plan.sources(rows)
    results.fetch(*(output.with_stem(source) for source in sources))
    parts = shards.copies(output.parent, sources, backbone.fingerprint, timing)
    held = {content_id for part in parts for content_id in part.content_ids}
    members = {
        id_: files for id_, files in manifest.files_by_content(rows).items() if id_ not in held
    }
    if members:
        folder = Path(snakemake.input.model).with_name("backbone")
        with timing.spent_on("load"):
            results.fetch(folder)
            check(folder)
            engine = engines.load(
                backbone.engine, folder, snakemake.threads, backbone.precision, backbone.device
            )
        with timing.spent_on("total"):
            extracted = extract(
                members,
                Preprocessor(
                    backbone.input_size,
                    backbone.resample,
                    plan.max_pixels(rows),
                    backbone.fit,
                    backbone.crop,
                ),
                engine,
                dimension=backbone.features,
                channels=backbone.levels,
                fingerprint=backbone.fingerprint,
                threads=snakemake.threads,
                timing=timing,
                progress=Progress(len(members)),
                photos=Photos.of(snakemake.config),
            )
        parts.append(extracted)
    shards.write(output, shards.join(parts), timing)
