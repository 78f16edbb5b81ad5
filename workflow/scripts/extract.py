"""Extract the features of one shard."""

from pathlib import Path

from similar_images import engines, manifest, model, shards
from similar_images.extraction import extract
from similar_images.job import Progress, logged
from similar_images.preparation import Preparation

name, shard = snakemake.wildcards.collection, snakemake.wildcards.shard

with logged(snakemake.log[0], f"extract {name} {shard[:6]}"):
    backbone = model.read(Path(snakemake.input.model))
    plan = Path(snakemake.input.manifest)
    members = manifest.members(plan, shard)
    extracted = extract(
        members,
        Preparation(backbone.input_size, backbone.resample, manifest.max_pixels(plan)),
        engines.load(backbone.engine, Path(snakemake.input.backbone), snakemake.threads),
        dimension=backbone.features,
        fingerprint=backbone.fingerprint,
        threads=snakemake.threads,
        progress=Progress(len(members)),
    )
    shards.write(Path(snakemake.output[0]), extracted)
