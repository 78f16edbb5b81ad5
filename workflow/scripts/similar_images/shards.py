"""Shards: immutable files, each with the features of a group of content ids."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from .files import checked, read_parquet, replacing
from .timing import Timing


@dataclass(frozen=True)
class Contents:
    """What a shard is about.

    Attributes:
        content_ids: SHA-256 of the image files' bytes.
        faults: for each of them why its bytes give no features, or None.
        pixels: for each of them `preparation.Prepared.pixels`; None where the image is damaged.
        fingerprint: of the model and the preparation that made the features.
    """

    content_ids: list[str]
    faults: list[str | None]
    pixels: list[int | None]
    fingerprint: str


@dataclass(frozen=True)
class Shard(Contents):
    """A shard with its features.

    Attributes:
        features: float32 array (n, d), a row for each content id; zero where there is a fault.
    """

    features: NDArray[np.float32]


def name_of(content_ids: Sequence[str], fingerprint: str) -> str:
    """Return the name of the shard that holds the features of `content_ids`."""
    return hashlib.sha256("\n".join([fingerprint, *content_ids]).encode()).hexdigest()[:16]


def write(path: Path, shard: Shard, timing: Timing) -> None:
    """Write `shard` to `path`, whole or not at all, with where the time for it went."""
    features = pa.FixedSizeListArray.from_arrays(
        pa.array(shard.features.reshape(-1)), shard.features.shape[1]
    )
    table = pa.table(
        {
            "content_id": pa.array(shard.content_ids, pa.string()),
            "fault": pa.array(shard.faults, pa.string()),
            "pixels": pa.array(shard.pixels, pa.int64()),
            "features": features,
        },
        metadata={"fingerprint": shard.fingerprint, "checksum": _checksum(shard)},
    )
    # Parquet's own checksums cover the columns, `_checksum` the footer that tells of them.
    # Features are noise to a compressor: packing them costs time and saves little.
    packing = {"compression": "none", "use_dictionary": False, "write_page_checksum": True}
    with replacing(path) as temporary, pq.ParquetWriter(temporary, table.schema, **packing) as file:
        with timing.spent_on("write"):
            file.write_table(table)
        file.add_key_value_metadata({"seconds": json.dumps(timing.seconds)})


def read(path: Path) -> Shard:
    """Read the shard at `path`.

    Raises:
        DamagedFileError: the file is not a whole shard.
        UserError: the system does not let it be read.
    """
    with checked(path):
        table = read_parquet(path)
        column = table.column("features").combine_chunks()
        if not _is_features(column.type):
            raise ValueError(f"features of type {column.type}")
        features = column.flatten().to_numpy().reshape(len(column), column.type.list_size)
        return Shard(**vars(_contents(table)), features=features)


def read_contents(path: Path) -> Contents:
    """Read what the shard at `path` is about; the features stay on disk.

    Raises:
        DamagedFileError: the file is not a whole shard.
        UserError: the system does not let it be read.
    """
    with checked(path):
        return _contents(read_parquet(path, ["content_id", "fault", "pixels"]))


def read_seconds(path: Path) -> dict[str, float]:
    """Read where the time for the shard at `path` went."""
    with checked(path):
        seconds: dict[str, float] = json.loads(pq.read_metadata(path).metadata[b"seconds"])
        return seconds


def _is_features(type_: pa.DataType) -> bool:
    return bool(pa.types.is_fixed_size_list(type_) and pa.types.is_float32(type_.value_type))


def _contents(table: pa.Table) -> Contents:
    types = [table.schema.field(name).type for name in ("content_id", "fault", "pixels")]
    if types != [pa.string(), pa.string(), pa.int64()]:
        raise ValueError(f"columns of types {types}")
    contents = Contents(
        table.column("content_id").to_pylist(),
        table.column("fault").to_pylist(),
        table.column("pixels").to_pylist(),
        table.schema.metadata[b"fingerprint"].decode(),
    )
    if table.schema.metadata[b"checksum"].decode() != _checksum(contents):
        raise ValueError("its checksum is wrong")
    return contents


def _checksum(contents: Contents) -> str:
    told = [contents.content_ids, contents.faults, contents.pixels, contents.fingerprint]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()
