"""Results of any size: those of a run, with made-up images in the catalogue beside the real ones.

The features of a network lie in clusters, so those of the made-up images do, too: each is that of a
centre, a mixture of two real photos, and noise of such a size that neighbours are as similar as
real ones. Their photos do not exist.
"""

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pyarrow as pa

from similar_images.answers import description
from similar_images.features import feature_table, sharded_features, shards, store
from similar_images.features.feature_table import Features, FeatureTable
from similar_images.features.sharded_features import ShardedFeatures
from similar_images.search import approximate
from stored import SHARD_SIZE, write_shard

CENTRES = 4_000
NOISE = 0.8  # times the deviation of the real features


def grow(run: Path, results: Path, images: int) -> None:
    """Write results with `images` images in the catalogue to the folder `results`.

    Args:
        run: the results of a run, by cosine similarity.
        results: a new folder.
        images: more than the run has.
    """
    for name in ("model", "features"):
        shutil.copytree(run / name, results / name)
    quality = results / description.QUALITY
    quality.parent.mkdir()
    shutil.copy(run / description.QUALITY, quality)
    path = results / description.IMAGES
    real = sharded_features.collect(run / description.IMAGES)
    table = sharded_features.TABLE.read(run / description.IMAGES)
    folder = store.folder(results, real.backbone, real.fingerprint)
    made_up = _made_up(real, images - len(table), folder)
    sharded_features.write(path, pa.concat_tables([table, *made_up]).cast(table.schema))
    _describe(run, results, [results / description.MODEL, path, quality])


def add_index(results: Path) -> approximate.Approximate:
    """Write the index for the approximate search of `results`, and return it."""
    described = description.read(results)
    path = results / description.IMAGES
    made = approximate.build(
        ShardedFeatures(path), sharded_features.TABLE.read(path), described.neighbours
    )
    index = [results / description.INDEX, results / description.INDEX_DESCRIPTION]
    approximate.write(index[0], index[1], made)
    _describe(results, results, [*(results / name for name in described.files), *index])
    return made


def _describe(run: Path, results: Path, files: list[Path]) -> None:
    described = description.read(run)
    project = os.path.relpath(run / described.project, results)
    checksums = description.checksums(results, files)
    written = replace(described, project=project, files=checksums)
    description.write(results / description.DESCRIPTION, written)


def _made_up(real: FeatureTable, count: int, folder: Path) -> Iterator[pa.Table]:
    """Write shards of made-up images to `folder`, and yield the table of each."""
    rng = np.random.default_rng(0)
    feature_table.normalise(real.features)
    pairs = rng.integers(0, len(real.paths), (2, CENTRES))
    shares = rng.random((CENTRES, 1), dtype=np.float32)
    centres = shares * real.features[pairs[0]] + (1 - shares) * real.features[pairs[1]]
    noise = NOISE * real.features.std(axis=0)
    for start in range(0, count, SHARD_SIZE):
        numbers = range(start, min(start + SHARD_SIZE, count))
        chosen = rng.integers(0, CENTRES, len(numbers))
        features = rng.standard_normal((len(numbers), centres.shape[1]), dtype=np.float32)
        features *= noise
        features += centres[chosen]
        labels = [real.labels[pair] for pair in pairs[0][chosen]]
        yield _stored(numbers, labels, features, real.fingerprint, folder)


def _stored(
    numbers: range,
    labels: list[str | None],
    features: Features,
    fingerprint: str,
    folder: Path,
) -> pa.Table:
    content_ids = [sha256(b"%d" % number).hexdigest() for number in numbers]
    name = shards.name_of(content_ids, fingerprint)
    write_shard(folder / f"{name}.parquet", content_ids, fingerprint, features)
    paths = [f"{label}/{number:07}.jpg" for label, number in zip(labels, numbers, strict=True)]
    columns = {
        "image": paths,
        "label": labels,
        "content_id": content_ids,
        "shard": [name] * len(paths),
        "file": [f"made-up/{path}".encode() for path in paths],
        "original_label": labels,
        "set": ["catalogue"] * len(paths),
    }
    schema = sharded_features.TABLE.schema
    rows = pa.table({key: pa.array(column) for key, column in columns.items()})
    nulls = {key: pa.nulls(len(paths)) for key in schema.names if key not in columns}
    for key, column in nulls.items():
        rows = rows.append_column(key, column)
    return rows.select(schema.names).cast(schema)
