"""Write the page of the catalogue's audit, with its thumbnails beside it."""

from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from similar_images.backbones import model
from similar_images.core.files import replacing
from similar_images.core.job import Progress, logged
from similar_images.curation.findings import ADVICE, CLASSES, FINDINGS, ROTATED
from similar_images.decisions import decisions
from similar_images.decisions.decisions import CATALOGUE
from similar_images.features import sharded_features
from similar_images.images import manifest, retries, thumbnails
from similar_images.images.photos import Photos
from similar_images.report import audit_page, cards
from similar_images.storage.results import results_of

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

page = Path(snakemake.output[0])
collections = snakemake.params.collections
folder, again = page.with_name("report_files"), page.with_name(retries.NAME)

with logged(snakemake.log[0], "audit report"), results_of(snakemake.config).keeping(folder, again):
    members = sharded_features.TABLE.read(Path(snakemake.input.images))
    listing = manifest.TABLE.read(Path(snakemake.input.manifest))
    decided = decisions.read(decisions.paths(snakemake.params.decisions))
    findings = FINDINGS.read(Path(snakemake.input.audit))
    rotated = map(ROTATED.read, map(Path, snakemake.input.rotated))
    findings += audit_page.rotated_photos(dict(zip(collections, rotated, strict=True)))
    findings += audit_page.decided_photos(decided, members, listing)
    shown = audit_page.images(audit_page.shown(findings))
    files = cards.files(listing, shown) | cards.files(members, shown)
    for set_, path in zip(collections, map(Path, snakemake.input.members), strict=True):
        if set_ != CATALOGUE:
            # An image of the catalogue may have the same name.
            files = audit_page.files_of_set(set_, sharded_features.TABLE.read(path), shown) | files
    contents = {content_id: file for content_id, file in files.values() if content_id}
    photos = Photos.of(snakemake.config)
    progress = Progress(len(contents), "picture")
    pictures = thumbnails.make(contents, folder, snakemake.threads, progress, photos)
    retries.record(again, photos.unread)
    report = audit_page.AuditReport(
        made=datetime.now().astimezone(),
        backbone=model.read(Path(snakemake.input.model)).backbone,
        classes=CLASSES.read(Path(snakemake.input.classes)),
        advice=[row["statement"] for row in ADVICE.read(Path(snakemake.input.advice))],
        groups=audit_page.groups(findings, files, pictures),
        files=Counter(members["content_id"].to_pylist()),
        decided=decisions.rows(decided),
    )
    with replacing(page) as temporary:
        temporary.write_text(audit_page.render(report, folder), "utf-8")
