"""Classify each query by the vote of its neighbours, and report how often that is correct."""

import logging
from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from similar_images.backbones import model
from similar_images.classification import groups, predictions, products, tables
from similar_images.core.file_formats import read_json, write_csv, write_json
from similar_images.core.job import Progress, logged
from similar_images.core.wording import counted
from similar_images.duplicates import query_duplicates, registration
from similar_images.evaluation import metrics
from similar_images.features import feature_table, sharded_features
from similar_images.features.feature_table import FeatureTable
from similar_images.features.rejected import read_rejected
from similar_images.features.sharded_features import ShardedFeatures
from similar_images.images import manifest, photo_faults, retries
from similar_images.images.photos import Photos
from similar_images.search import blas, neighbours
from similar_images.storage.results import results_of

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

output = Path(snakemake.output.predictions)
cache, again = output.with_name("differences.parquet"), output.with_name(retries.NAME)
photos = Photos.of(snakemake.config)
results = results_of(snakemake.config)
kept = results.keeping(cache, again)

# They are kept from run to run.
compare = partial(
    registration.compare_all,
    cache=cache,
    threads=snakemake.threads,
    progress_of=partial(Progress, noun="pair of images", plural="pairs of images"),
    photos=photos,
)


def features_of(images: pa.ChunkedArray) -> FeatureTable:
    """Return the features of some queries."""
    path = Path(snakemake.input.queries)
    return feature_table.join([*ShardedFeatures(path, only=images, results=results)])


with logged(snakemake.log[0], f"predict {snakemake.wildcards.queries}"), kept:
    found = neighbours.TABLE.read(Path(snakemake.input.neighbours))
    queries = sharded_features.TABLE.read(Path(snakemake.input.queries))
    catalogue = sharded_features.TABLE.read(Path(snakemake.input.catalogue))
    candidates = neighbours.TABLE.read(Path(snakemake.input.candidates))
    copies = query_duplicates.find(candidates, queries, catalogue, compare)
    retries.record(again, photos.unread)
    if copies:
        logging.info("in the catalogue already: %s", counted(len(copies), "image"))
    quality = read_json(Path(snakemake.input.quality))
    product_of = sharded_features.products(catalogue)
    classifier = predictions.Classifier.of(
        quality, snakemake.params.voters, snakemake.params.vote, snakemake.params.reject
    )
    rejected = read_rejected(Path(snakemake.input.rejected))
    predicted = predictions.predict(
        found,
        [file for file in rejected if file.is_query(snakemake.params.listed)],
        {copy.image: copy for copy in copies},
        predictions.known(queries),
        classifier,
        product_of,
    )
    names = snakemake.params.extra_columns
    listed = manifest.TABLE.read(Path(snakemake.input.manifest))
    extra_columns = manifest.extra_columns(listed, names)
    added, row_of = manifest.added(listed), manifest.list_rows(listed)
    limits = photo_faults.limits(catalogue, snakemake.params.photo_faults)
    faults = dict(
        zip(queries["image"].to_pylist(), photo_faults.joined(queries, limits), strict=True)
    )
    rows = [
        {
            **row,
            "added": added[str(row["image"])],
            "row": row_of[str(row["image"])],
            "photo_faults": faults.get(str(row["image"])),
            **dict(zip(names, extra_columns[str(row["image"])], strict=True)),
        }
        for row in predicted.rows
    ]
    tables.PREDICTIONS.write(output, rows, names)
    tables.VOTE_COUNTS.write(Path(snakemake.output.votes), predicted.votes)
    rows = tables.PREDICTIONS.read(output, names)
    nearest = dict(
        zip(*(candidates[name].to_pylist() for name in ("image", "similarity")), strict=True)
    )
    contents = dict(
        zip(*(queries[name].to_pylist() for name in ("image", "content_id")), strict=True)
    )
    unknown = groups.candidates(rows, nearest, contents, classifier.known)
    with blas.one_thread():
        together = groups.find(unknown, features_of)
    tables.GROUPS.write(Path(snakemake.output.groups), together)
    by_product = None
    if snakemake.output.products:
        path = Path(snakemake.output.products)
        answers = products.answers(
            rows,
            found,
            snakemake.params.product,
            product_of,
            classifier.voters,
            classifier.vote,
        )
        tables.PRODUCTS.write(path, answers)
        by_product = tables.PRODUCTS.read(path)
    members = sharded_features.from_queries(Path(snakemake.input.catalogue))["content_id"]
    evaluation = metrics.evaluate(
        rows,
        model.read(Path(snakemake.input.model)),
        by_product,
        {*queries.filter(pc.is_in(queries["content_id"], members))["image"].to_pylist()},
        Counter(catalogue["label"].to_pylist()),
    )
    write_json(Path(snakemake.output.metrics), evaluation)
    classes, counts = metrics.confusion(rows)
    # A matrix, not a `CsvTable`: a class may be called "label", too.
    write_csv(
        Path(snakemake.output.confusion),
        ["label", *classes],
        ([class_, *taken] for class_, taken in zip(classes, counts.tolist(), strict=True)),
    )
    logging.info("%s", metrics.sentence(evaluation))
