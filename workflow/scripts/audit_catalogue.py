"""Find what to check in the catalogue."""

import logging
from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from similar_images.core.job import Progress, logged
from similar_images.curation import audit
from similar_images.curation.findings import CLASSES, FINDINGS, confirmed
from similar_images.duplicates import registration
from similar_images.features import sharded_features
from similar_images.images import manifest, photo_faults, retries
from similar_images.images.photos import Photos
from similar_images.storage.results import results_of

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

output = Path(snakemake.output.audit)
cache, again = output.with_name("differences.parquet"), output.with_name(retries.NAME)
photos = Photos.of(snakemake.config)
results = results_of(snakemake.config)

# The comparisons are kept between runs.
compare = partial(
    registration.compare_all,
    cache=cache,
    threads=snakemake.threads,
    progress_of=partial(Progress, noun="pair of images", plural="pairs of images"),
    photos=photos,
)

with logged(snakemake.log[0], "audit"), results.keeping(cache, again):
    members = sharded_features.TABLE.read(Path(snakemake.input.images))
    limits = photo_faults.limits(members, snakemake.params.photo_faults)
    faults = photo_faults.find(members, limits)
    findings, classes = audit.audit(
        sharded_features.load(Path(snakemake.input.catalogue), results),
        {content_id: files[0] for content_id, files in manifest.files_by_content(members).items()},
        compare,
        snakemake.params.voters,
        confirmed(members),
        dict(zip(members["image"].to_pylist(), faults, strict=True)),
    )
    retries.record(again, photos.unread)
    FINDINGS.write(output, findings)
    CLASSES.write(Path(snakemake.output.classes), classes)
    for kind, number in Counter(finding.finding for finding in findings).items():
        logging.info("%s: %d", kind, number)
