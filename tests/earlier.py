"""Shards as earlier versions of this program wrote them."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq

from similar_images.core.timing import Timing
from similar_images.features import shards


def rewrite(path: Path, lost: Mapping[str, str | None] | None = None) -> None:
    """Write the shard at `path` as version 1.0 did: without notes, measures and `decoding`.

    Args:
        path: of the shard.
        lost: the content ids whose features that version had otherwise, with its fault or None.
    """
    shard, seconds = shards.read(path), shards.read_seconds(path)
    lost = lost or {}
    features = shard.features.copy()
    features[[n for n, id_ in enumerate(shard.content_ids) if id_ in lost]] = 0
    faults = [
        lost.get(id_, fault) for id_, fault in zip(shard.content_ids, shard.faults, strict=True)
    ]
    timing = Timing()
    timing.seconds.update(seconds)
    shard = replace(shard, features=features, faults=faults)
    shards.write(path, shard, timing)
    table = pq.ParquetFile(path).read().drop_columns(["note", "measures"])
    width = shard.levels.shape[1]
    parts = [shard.content_ids, faults, shard.pixels, shard.fingerprint]
    checksum = hashlib.sha256(json.dumps([*parts, *([width] if width else [])]).encode())
    metadata = {"fingerprint": shard.fingerprint, "checksum": checksum.hexdigest()}
    if width:
        metadata["levels"] = str(width)
    schema = table.schema.with_metadata(metadata)
    packing = {"compression": "none", "use_dictionary": False, "write_page_checksum": True}
    with pq.ParquetWriter(path, schema, **packing) as file:
        file.write_table(table.cast(schema))
        file.add_key_value_metadata({"seconds": json.dumps(seconds)})
