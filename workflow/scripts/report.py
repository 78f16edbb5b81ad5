"""Write the report: the page with its thumbnails beside it.

The history and the changed predictions are no outputs: they are kept from run to run.
"""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from similar_images.backbones import model
from similar_images.classification import tables
from similar_images.core.file_formats import read_json
from similar_images.core.files import write_checked
from similar_images.core.job import Progress, logged
from similar_images.curation import active_learning
from similar_images.decisions import decisions
from similar_images.features import sharded_features
from similar_images.features.rejected import read_rejected
from similar_images.images import manifest, retries, thumbnails
from similar_images.images.photos import Photos
from similar_images.report import (
    cards,
    confusion,
    further_neighbours,
    groups,
    history,
    results_page,
)
from similar_images.search import metric_choice, neighbours
from similar_images.storage.results import results_of

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

name = snakemake.wildcards.queries
page = Path(snakemake.output[0])
folder = page.with_name("report_files")
kept = results_of(snakemake.config).keeping(
    folder,
    *map(page.with_name, ("history.csv", "changed.csv", "answers.parquet", retries.NAME)),
)
made = datetime.now().astimezone()

with logged(snakemake.log[0], f"report {name}"), kept:
    predictions = tables.PREDICTIONS.read(
        Path(snakemake.input.predictions), snakemake.params.extra_columns
    )
    metrics = read_json(Path(snakemake.input.metrics))
    made_by = model.read(Path(snakemake.input.model))
    images = sharded_features.TABLE.read(Path(snakemake.input.catalogue))
    catalogue = results_page.catalogue(images)
    queries = cards.files(
        manifest.TABLE.read(Path(snakemake.input.manifest)), {row["image"] for row in predictions}
    )
    similar = cards.files(images, cards.similar_images(predictions))
    products = {}
    if snakemake.input.products:
        answered = tables.PRODUCTS.read(Path(snakemake.input.products))
        products = cards.products(predictions, answered, snakemake.params.product)
    contents = cards.contents(predictions, queries, similar)
    photos = Photos.of(snakemake.config)
    progress = Progress(len(contents), "picture")
    decoders = snakemake.resources.decoders
    pictures = thumbnails.make(contents, folder, decoders, progress, photos)
    retries.record(page.with_name(retries.NAME), photos.unread)
    found = neighbours.TABLE.read(Path(snakemake.input.neighbours))
    line = history.line(made, name, made_by.fingerprint, catalogue.images, metrics)
    answers = [
        history.PastPrediction(row["image"], content_id, row["prediction"])
        for row in predictions
        if not row["error"] and (content_id := queries[row["image"]].content_id)
    ]
    shown = results_page.Report(
        name=name,
        made=made,
        model=made_by,
        neighbours=snakemake.params.neighbours,
        catalogue=catalogue,
        metrics=metrics,
        quality=read_json(Path(snakemake.input.quality)),
        advice=metric_choice.read(snakemake.input.advice).get("advice"),
        cards=cards.cards(
            predictions,
            tables.VOTE_COUNTS.read(Path(snakemake.input.votes)),
            queries,
            similar,
            pictures,
            active_learning.order(
                predictions,
                found,
                snakemake.params.neighbours,
            ),
            {one.image: one.before for one in history.changed(page.parent, answers)},
            snakemake.params.extra_columns,
            products,
        ),
        further=further_neighbours.find(found, sharded_features.products(images), images, pictures),
        confusion=confusion.read(Path(snakemake.input.confusion)),
        rejected={
            name: read_rejected(Path(snakemake.input.rejected)),
            "catalogue": read_rejected(Path(snakemake.input.catalogue_rejected)),
        },
        decided=decisions.rows(decisions.read(decisions.paths(snakemake.params.decisions))),
        history=history.record(page.with_name("history.csv"), line),
        groups=groups.read(tables.GROUPS.read(Path(snakemake.input.groups))),
    )
    with write_checked(page) as temporary:
        temporary.write_text(results_page.render(shown, folder), "utf-8")
