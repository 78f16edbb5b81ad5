"""Write the page with the map of the catalogue, with its thumbnails beside it."""

from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from similar_images.backbones import model
from similar_images.core.files import replacing
from similar_images.core.job import Progress, logged
from similar_images.curation import catalogue_map
from similar_images.decisions import decisions
from similar_images.features import sharded_features
from similar_images.images import retries, thumbnails
from similar_images.images.photos import Photos
from similar_images.report import cards, map_page
from similar_images.storage.results import results_of

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

page = Path(snakemake.output[0])
# The page of the audit removes the pictures that it does not show, so each has its own folder.
folder, again = page.with_name("map_files"), page.with_name(retries.NAME)

with logged(snakemake.log[0], "map page"), results_of(snakemake.config).keeping(folder, again):
    members = sharded_features.TABLE.read(Path(snakemake.input.images))
    points = catalogue_map.TABLE.read(Path(snakemake.input.map))
    files = cards.files(members, points["image"].to_pylist())
    contents = {content_id: file for content_id, file in files.values() if content_id}
    photos = Photos.of(snakemake.config)
    progress = Progress(len(contents), "picture")
    pictures = thumbnails.make(contents, folder, snakemake.threads, progress, photos)
    retries.record(again, photos.unread)
    shown = map_page.CatalogueMap(
        made=datetime.now().astimezone(),
        backbone=model.read(Path(snakemake.input.model)).backbone,
        points=points,
        files=files,
        pictures=pictures,
        classes=sorted({*members["label"].to_pylist()}),
        members=Counter(members["content_id"].to_pylist()),
        decided=decisions.rows(decisions.read(decisions.paths(snakemake.params.decisions))),
    )
    with replacing(page) as temporary:
        temporary.write_text(map_page.render(shown, folder), "utf-8")
