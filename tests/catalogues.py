"""Collections with known features, and what a search of them must find."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from similar_images.core.timing import Timing
from similar_images.evaluation import held_out_learning
from similar_images.features import levels, sharded_features, shards, store
from similar_images.features.feature_table import FeatureTable, normalise
from similar_images.images.measured import unmeasured
from similar_images.search.neighbours import first_of_equals

Rows = list[tuple[str, str | None, int]]


def content(number: int) -> tuple[str, np.ndarray]:
    """Return a content id and its features; those of 0, 1 and 2 are equal."""
    draw = np.random.default_rng(max(number - 2, 0))
    return f"{number:08x}", draw.integers(-2, 3, 5).astype(np.float32)


def direction(number: int) -> np.ndarray:
    """Return the features of a content, normalised, in double precision."""
    row = content(number)[1][np.newaxis]
    normalise(row)
    found: np.ndarray = row[0].astype(float)
    return found


def of_directions(*images: tuple[str, float]) -> FeatureTable:
    """Return an index of images (class, direction in degrees), each with bytes of its own."""
    angles = np.radians([angle for _, angle in images])
    names = [f"{n:03}" for n in range(len(images))]
    features = np.column_stack([np.cos(angles), np.sin(angles)]).astype(np.float32)
    return FeatureTable("network", "model", names, [label for label, _ in images], names, features)


def learned(index: FeatureTable) -> held_out_learning.Learn:
    """Return the adapted similarity of `index`, to be learned without some images."""
    return held_out_learning.from_all(index, first_of_equals(index), with_levels=False)


def lay_out(folder: Path, rows: Rows, size: int) -> Path:
    """Write rows (path, label, content) as a collection with shards of `size` contents."""
    numbers = sorted({number for *_, number in rows})
    shard_of: dict[str, str] = {}
    for start in range(0, len(numbers), size):
        ids, features = zip(*map(content, numbers[start : start + size]), strict=True)
        name = shards.name_of(ids, "model")
        shard_of |= dict.fromkeys(ids, name)
        count = len(ids)
        shard = shards.Shard(
            list(ids),
            [None] * count,
            [9] * count,
            "model",
            np.stack(features),
            levels.none(count),
            notes=[None] * count,
            measures=unmeasured(count),
        )
        path = store.folder(folder.parent, "network", "model") / f"{name}.parquet"
        shards.write(path, shard, Timing())
    table = [
        {"image": path, "label": label, "content_id": id_, "shard": shard_of[id_]}
        for path, label, number in sorted(rows)
        for id_ in [content(number)[0]]
    ]
    schema = sharded_features.schema("network", "model", 5)
    sharded_features.write(folder / "images.parquet", pa.Table.from_pylist(table, schema=schema))
    return folder / "images.parquet"


def reference(queries: Rows, catalogue: Rows, count: int) -> list[dict[str, Any]]:
    """Return what is found by comparing everything with everything."""
    first: dict[tuple[int, str | None], tuple[str, str | None, int]] = {}
    for path, label, number in sorted(catalogue):
        first.setdefault((number, label), (path, label, number))
    answers: list[dict[str, Any]] = []
    for query, query_label, number in sorted(queries):
        asked = direction(number)
        ranked = sorted(
            (-float((asked * direction(n)).sum()), path, label) for path, label, n in first.values()
        )[:count]
        answers.append(
            {
                "image": query,
                "label": query_label,
                "similar": [path for _, path, _ in ranked],
                "class": [label for *_, label in ranked],
                "similarity": [-value for value, *_ in ranked],
            }
        )
    return answers
