"""Collections with features with random features, as in results/."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from similar_images.core.file_formats import read_parquet
from similar_images.core.timing import Timing
from similar_images.features import levels, sharded_features, shards, store
from similar_images.features.feature_table import Features
from similar_images.images.measured import unmeasured

FEATURES = 1536  # of EfficientNetB3
SHARD_SIZE = 1024


def write_features(folder: Path, rows: int) -> Path:
    """Write a collection of `rows` images with features drawn by chance; return its table."""
    rng = np.random.default_rng(rows)
    table = []
    for start in range(0, rows, SHARD_SIZE):
        content_ids = [f"{row:064x}" for row in range(start, min(start + SHARD_SIZE, rows))]
        features = rng.random((len(content_ids), FEATURES), dtype=np.float32)
        name = shards.name_of(content_ids, "model")
        path = store.folder(folder, "none", "model") / f"{name}.parquet"
        write_shard(path, content_ids, "model", features)
        table += [
            {"image": f"{id_}.jpg", "label": "x", "content_id": id_, "shard": name}
            for id_ in content_ids
        ]
    schema = sharded_features.schema("none", "model", FEATURES)
    path = folder / "catalogue/images.parquet"
    sharded_features.write(path, pa.Table.from_pylist(table, schema=schema))
    return path


def add_image(path: Path, content_id: str) -> None:
    """Add an image with a shard of its own to the collection with the table at `path`."""
    rng = np.random.default_rng(int(content_id, 16))
    name = shards.name_of([content_id], "model")
    shard = store.folder(path.parents[1], "none", "model") / f"{name}.parquet"
    write_shard(shard, [content_id], "model", rng.random((1, FEATURES), dtype=np.float32))
    row = {"image": f"{content_id}.jpg", "label": "x", "content_id": content_id, "shard": name}
    table = read_parquet(path)
    sharded_features.write(
        path, pa.concat_tables([table, pa.Table.from_pylist([row], schema=table.schema)])
    )


def write_shard(path: Path, content_ids: list[str], fingerprint: str, features: Features) -> None:
    """Write a shard of images without faults."""
    count = len(content_ids)
    shard = shards.Shard(
        content_ids,
        [None] * count,
        [1] * count,
        fingerprint,
        features,
        levels.none(count),
        notes=[None] * count,
        measures=unmeasured(count),
    )
    shards.write(path, shard, Timing())
