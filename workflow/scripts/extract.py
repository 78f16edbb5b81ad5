"""Extract the features of one shard."""

from pathlib import Path

from similar_images import engines, manifest, model, shards
from similar_images.extraction import extract
from similar_images.files import check
from similar_images.job import Progress, logged
from similar_images.preparation import Preparation
from similar_images.timing import Timing

name, shard = snakemake.wildcards.collection, snakemake.wildcards.shard

with logged(snakemake.log[0], f"extract {name} {shard[:6]}"):
    backbone = model.read(Path(snakemake.input.model))
    timing = Timing()
    plan = manifest.read_shard(Path(snakemake.input.manifest), shard)
    members = manifest.members(plan)
    folder = Path(snakemake.input.backbone)
    with timing.spent_on("load"):
        check(folder)
        engine = engines.load(backbone.engine, folder, snakemake.threads)
    with timing.spent_on("total"):
        extracted = extract(
            members,
            Preparation(backbone.input_size, backbone.resample, manifest.max_pixels(plan)),
            engine,
            dimension=backbone.features,
            fingerprint=backbone.fingerprint,
            threads=snakemake.threads,
            timing=timing,
            progress=Progress(len(members)),
        )
    shards.write(Path(snakemake.output[0]), extracted, timing)
