"""Shards: immutable files, each with the features of a group of content ids."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from .files import replacing


@dataclass(frozen=True)
class Contents:
    """What a shard is about.

    Attributes:
        content_ids: SHA-256 of the image files' bytes.
        faults: for each of them why its bytes give no features, or None.
        fingerprint: of the model and the preparation that made the features.
        max_pixels: the limit for images that was in force when the faults were found.
    """

    content_ids: list[str]
    faults: list[str | None]
    fingerprint: str
    max_pixels: int


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


def write(path: Path, shard: Shard) -> None:
    """Write `shard` to `path`, whole or not at all."""
    features = pa.FixedSizeListArray.from_arrays(
        pa.array(shard.features.reshape(-1)), shard.features.shape[1]
    )
    table = pa.table(
        {
            "content_id": pa.array(shard.content_ids, pa.string()),
            "fault": pa.array(shard.faults, pa.string()),
            "features": features,
        },
        metadata={"fingerprint": shard.fingerprint, "max_pixels": str(shard.max_pixels)},
    )
    with replacing(path) as temporary:
        # Features are noise to a compressor: packing them costs time and saves little.
        pq.write_table(
            table, temporary, compression="none", use_dictionary=False, write_page_checksum=True
        )


def read(path: Path) -> Shard:
    """Read the shard at `path`.

    Raises:
        OSError, pyarrow.ArrowException: the file is damaged.
    """
    table = pq.read_table(path, page_checksum_verification=True)
    column = table.column("features").combine_chunks()
    features = column.flatten().to_numpy().reshape(len(column), column.type.list_size)
    return Shard(*_contents(table), features)


def read_contents(path: Path) -> Contents:
    """Read what the shard at `path` is about; the features stay on disk.

    Raises:
        OSError, pyarrow.ArrowException: the file is damaged.
    """
    columns = ["content_id", "fault"]
    return Contents(
        *_contents(pq.read_table(path, columns=columns, page_checksum_verification=True))
    )


def _contents(table: pa.Table) -> tuple[list[str], list[str | None], str, int]:
    metadata = table.schema.metadata
    return (
        table.column("content_id").to_pylist(),
        table.column("fault").to_pylist(),
        metadata[b"fingerprint"].decode(),
        int(metadata[b"max_pixels"]),
    )
