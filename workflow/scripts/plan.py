"""Plan the shards of what has no features yet, over all collections."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from similar_images.backbones import model
from similar_images.core.file_formats import write_json
from similar_images.core.job import logged
from similar_images.core.wording import counted
from similar_images.decisions import decisions, overrides
from similar_images.features import plan, store
from similar_images.images import manifest
from similar_images.storage.results import results_of

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

shards = Path(snakemake.output.shards)
results = results_of(snakemake.config)
# Kept from run to run.
applied, lost = (shards.with_name(f"decisions-{name}.csv") for name in ("applied", "lost"))

with logged(snakemake.log[0], "plan"):
    made_by = model.read(Path(snakemake.input.model))
    features = store.folder(results.folder, made_by.backbone, made_by.fingerprint)
    results.fetch(features)
    features.mkdir(parents=True, exist_ok=True)
    manifests = {
        name: manifest.TABLE.read(Path(path))
        for name, path in zip(snakemake.params.collections, snakemake.input.manifests, strict=True)
    }
    there = set(features.iterdir())
    table = plan.build(
        manifests.values(),
        features,
        fingerprint=made_by.fingerprint,
        max_pixels=snakemake.params.max_pixels,
        policy=plan.ShardingPolicy(
            largest=snakemake.params.shard_size, jobs=snakemake.resources.jobs
        ),
    )
    results.put(*there.difference(features.iterdir()))  # those that were damaged, and are gone
    plan.write(Path(snakemake.output.contents), table)
    files = decisions.paths(snakemake.params.decisions)
    decided = decisions.read(files)
    decisions.keep_workbooks(files, shards.with_name("workbooks"))
    with results.keeping(applied, lost):
        missing = decisions.remember(decided, applied, lost)
    changes = overrides.build(decided, manifests)
    overrides.TABLE.write(Path(snakemake.output.overrides), changes)
    needed = {
        name: plan.shard_names(plan.assign(overrides.apply(listing, changes, name), table))
        for name, listing in manifests.items()
    }
    write_json(
        shards,
        {
            "model": features.name,
            "shards": needed,
            "sources": list(plan.sources(table)),
            "overrides": {name: overrides.digest(changes, name) for name in manifests},
        },
    )
    if decided:
        logging.info("%s", counted(len(decided), "decision"))
    for warning in overrides.without_effect(decided, manifests):
        logging.warning("%s: %s", ", ".join(map(str, files)), warning)
    if missing:
        logging.warning(
            "%s of the last run not in the file of decisions any more, such as “%s” for %s (%s). "
            "The photos are as they were before. To get decisions back, copy their rows from %s.",
            counted(len(missing), "decision"),
            missing[0].decision,
            missing[0].image,
            missing[0].set,
            lost,
        )
    logging.info("features in %s", counted(len(plan.shard_names(table)), "shard"))
    if former := store.of_former_models(features):
        logging.warning(
            "All features are extracted once more: those in %s were made by another model (other "
            "settings, or an earlier version of this program). They are kept until you run: "
            "snakemake --cores 1 tidy",
            ", ".join(map(str, former)),
        )
    # A run that compares settings shares the store of another, which may need what this does not.
    if not features.parent.is_symlink() and (spare := store.unused(results.folder)):
        logging.info(
            "no longer needed: %s (%.0f MB); to remove: snakemake --cores 1 tidy",
            counted(len(spare), "shard"),
            sum(path.stat().st_size for path in spare) / 1e6,
        )
