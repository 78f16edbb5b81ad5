"""List the readable images of a collection, and what had to be left out."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from similar_images.backbones import model
from similar_images.core.file_formats import write_json
from similar_images.core.job import logged
from similar_images.core.wording import counted
from similar_images.decisions import overrides
from similar_images.features import feature_table, merge, plan, rejected, sharded_features, store
from similar_images.images import manifest, photo_faults, retries
from similar_images.storage.results import results_of

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

name = snakemake.wildcards.collection
planned = Path(snakemake.input.plan)
readable = Path(snakemake.output.images)
again = readable.with_name(retries.NAME)

with logged(snakemake.log[0], f"merge {name}"):
    made_by = model.read(Path(snakemake.input.model))
    features = store.folder(planned.parents[1], made_by.backbone, made_by.fingerprint)
    decided = overrides.apply(
        manifest.TABLE.read(Path(snakemake.input.manifest)),
        overrides.TABLE.read(Path(snakemake.input.overrides)),
        name,
    )
    table = plan.assign(decided, plan.TABLE.read(planned, ["content_id", "shard"]))
    found, others = merge.merge(table, features, made_by, snakemake.params.max_pixels)
    with results_of(snakemake.config).keeping(again):
        lost = {one.image: one.reason for one in others if one.reason == merge.LOST}
        retries.record(again, lost)
    merge.check(found, others, name, snakemake.params.on_error)
    duplicates = merge.duplicates(found)
    write_json(Path(snakemake.output.timing), merge.timing(table, features))
    sharded_features.write(readable, found)
    if snakemake.output.features:
        feature_table.write(Path(snakemake.output.features), sharded_features.collect(readable))
    rejected.REJECTED.write(Path(snakemake.output.rejected), others)
    faults: list[str] = []
    if name == "catalogue":  # queries are compared with it, by `predict`
        limits = photo_faults.limits(found, snakemake.params.photo_faults)
        faults = photo_faults.joined(found, limits)
    members = merge.members(found, snakemake.params.label_from, faults)
    merge.MEMBERS.write(Path(snakemake.output.members), members)
    merge.DUPLICATES.write(Path(snakemake.output.duplicates), duplicates)
    readable_images = counted(len(found), "readable image")
    logging.info("%s", ", ".join(filter(None, [readable_images, rejected.in_words(others)])))
    conflicts = {copy.content_id for copy in duplicates if copy.conflict}
    if conflicts:
        logging.warning(
            "under more than one class: %s; see %s",
            counted(len(conflicts), "image"),
            snakemake.output.duplicates,
        )
