"""Shards: immutable files, each with the features of a group of content ids."""

import hashlib
import json
import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ..core.errors import UserError
from ..core.file_formats import read_parquet
from ..core.files import checked, replacing
from ..core.tables import Column, ParquetTable
from ..core.timing import Timing
from ..images import measured
from ..images.columns import CONTENT_ID, NOTE
from ..images.measured import Measured
from ..images.photo_quality import Measures
from . import levels
from .levels import Levels

logger = logging.getLogger(__name__)

FLOAT, LEVEL = np.dtype("<f4"), np.dtype("i1")
# The measures of quality and the features follow, and the levels if the model has any.
TABLE = ParquetTable(
    "results/features/<model>/<shard>.parquet",
    CONTENT_ID,
    Column("fault", str, "why the file gives no features"),
    Column("pixels", int, "of the photo, see `preprocessing.Prepared.pixels`"),
    NOTE,
)
# The way in which photos are decoded, see `renewal`. Version 2 did not measure their quality.
# Version 1, in shards that do not say theirs, also had no notes, ignored colour profiles, knew
# fewer formats, and counted pixels otherwise.
DECODING = 3
PROFILES_FOLLOWED, QUALITY_MEASURED = 2, 3


@dataclass(frozen=True)
class ShardContents:
    """The contents of a shard, without the features.

    Attributes:
        content_ids: SHA-256 of the image files' bytes.
        faults: for each why its bytes give no features, or None.
        pixels: for each `preprocessing.Prepared.pixels`, or None if unknown.
        fingerprint: of the model that made the features.
        notes: for each `preprocessing.Prepared.note`.
        decoding: the version of the decoding, see `DECODING`.
    """

    content_ids: list[str]
    faults: list[str | None]
    pixels: list[int | None]
    fingerprint: str
    notes: list[str | None] = field(kw_only=True)
    decoding: int = field(default=DECODING, kw_only=True)


@dataclass(frozen=True)
class Shard(ShardContents):
    """A shard with its features.

    Attributes:
        features: float32 array (n, d), a row for each content id; zero where there is a fault.
        levels: int8 array (n, w), likewise, see `levels`; w is 0 where the model gives none.
        measures: of each photo's quality, see `measured`.
    """

    features: NDArray[np.float32]
    levels: Levels
    measures: Measured = field(kw_only=True)


def name_of(content_ids: Sequence[str], fingerprint: str) -> str:
    """Return the name of the shard with the features of `content_ids`."""
    return hashlib.sha256("\n".join([fingerprint, *content_ids]).encode()).hexdigest()[:16]


def write(path: Path, shard: Shard, timing: Timing) -> None:
    """Write `shard` to `path`, completely or not at all, with the seconds that it took."""
    numbers = {
        "measures": column(shard.measures.astype(FLOAT, copy=False)),
        "features": column(shard.features.astype(FLOAT, copy=False)),
    }
    metadata = {"fingerprint": shard.fingerprint, "decoding": str(shard.decoding)}
    if width := shard.levels.shape[1]:
        numbers["levels"] = column(shard.levels)
        metadata["levels"] = str(width)
    table = pa.table(
        {
            "content_id": pa.array(shard.content_ids, pa.string()),
            "fault": pa.array(shard.faults, pa.string()),
            "pixels": pa.array(shard.pixels, pa.int64()),
            "note": pa.array(shard.notes, pa.string()),
            **numbers,
        },
        metadata={**metadata, "checksum": _checksum(shard, width)},
    )
    # Parquet's own checksums cover the columns, `_checksum` covers the footer.
    # Compressing features takes time and saves little.
    packing = {"compression": "none", "use_dictionary": False, "write_page_checksum": True}
    with replacing(path) as temporary, pq.ParquetWriter(temporary, table.schema, **packing) as file:
        with timing.spent_on("write"):
            file.write_table(table)
        file.add_key_value_metadata({"seconds": json.dumps(timing.seconds)})


def read(path: Path, with_levels: bool = True) -> Shard:
    """Read the shard at `path`; without levels their array has no columns.

    Raises:
        DamagedFileError: the file is not a whole shard.
        UserError: the system does not let it be read.
    """
    with checked(path):
        table = read_parquet(path, None if with_levels else [*TABLE.names, "measures", "features"])
        features, kept = rows_of(table["features"], FLOAT), levels.none(len(table))
        if with_levels and (width := _width(table)):
            kept = rows_of(table["levels"], LEVEL)
            if kept.shape[1] != width:
                raise ValueError("levels of another width")
        contents = _contents(table)
        return Shard(
            **vars(contents),
            features=features,
            levels=kept,
            measures=_measures(table, contents.decoding),
        )


def read_measured(path: Path) -> tuple[ShardContents, Measured]:
    """Read the contents of the shard at `path`, and the measures of its photos.

    Raises:
        DamagedFileError: the file is not a whole shard.
        UserError: the system does not let it be read.
    """
    with checked(path):
        table = read_parquet(path, [*TABLE.names, "measures"])
        contents = _contents(table)
        return contents, _measures(table, contents.decoding)


def read_contents(path: Path) -> ShardContents:
    """Read the contents of the shard at `path`, without the features.

    Raises:
        DamagedFileError: the file is not a whole shard.
        UserError: the system does not let it be read.
    """
    with checked(path):
        return _contents(read_parquet(path, TABLE.names))


def copy(
    path: Path, content_ids: Collection[str], fingerprint: str, timing: Timing
) -> Shard | None:
    """Return the part of the shard at `path` for `content_ids`; None if it is missing or damaged.

    The part's share of the shard's seconds is added to `timing`.
    """
    try:
        shard, seconds = read(path), read_seconds(path)
    except UserError as error:
        logger.warning("%s: its images are extracted again", error)
        return None
    if shard.fingerprint != fingerprint:
        return None
    rows = [n for n, content_id in enumerate(shard.content_ids) if content_id in content_ids]
    for what, spent in seconds.items():
        timing.seconds[what] += spent * len(rows) / max(len(shard.content_ids), 1)
    return part(shard, rows)


def copies(
    folder: Path, sources: Mapping[str, Collection[str]], fingerprint: str, timing: Timing
) -> list[Shard]:
    """Return the parts of the shards in `folder` for the content ids in `sources`.

    Missing and damaged shards are left out: see `copy`.
    """
    found = [
        copy(folder / f"{name}.parquet", set(content_ids), fingerprint, timing)
        for name, content_ids in sources.items()
    ]
    return [shard for shard in found if shard is not None]


def join(parts: Sequence[Shard]) -> Shard:
    """Return one shard of all `parts` (at least one), sorted by content id."""
    whole = Shard(
        list(chain.from_iterable(part.content_ids for part in parts)),
        list(chain.from_iterable(part.faults for part in parts)),
        list(chain.from_iterable(part.pixels for part in parts)),
        parts[0].fingerprint,
        np.concatenate([part.features for part in parts]),
        np.concatenate([part.levels for part in parts]),
        notes=list(chain.from_iterable(part.notes for part in parts)),
        measures=np.concatenate([part.measures for part in parts]),
        decoding=min(part.decoding for part in parts),
    )
    return part(whole, sorted(range(len(whole.content_ids)), key=whole.content_ids.__getitem__))


def content_ids(parts: Iterable[ShardContents]) -> set[str]:
    """Return the content ids in all `parts`."""
    return {content_id for part in parts for content_id in part.content_ids}


def reasons(contents: ShardContents, max_pixels: int) -> list[str | None]:
    """Return for each content why it is no usable photo if so many pixels are allowed, or None."""
    return [
        f"too many pixels to decode: {pixels} are over images.max_pixels ({max_pixels})"
        if pixels is not None and pixels > max_pixels
        else fault
        for fault, pixels in zip(contents.faults, contents.pixels, strict=True)
    ]


def without_faults(shard: Shard) -> Shard:
    """Return the part of `shard` that has features."""
    return part(shard, [n for n, fault in enumerate(shard.faults) if fault is None])


def is_earlier(path: Path) -> bool:
    """Whether an earlier version of this program made the shard at `path`.

    Raises:
        DamagedFileError: the file is not a whole shard.
        UserError: the system does not let it be read.
    """
    with checked(path):
        return _decoding_of(pq.read_metadata(path).metadata) < DECODING


def read_seconds(path: Path) -> dict[str, float]:
    """Read the seconds that the shard at `path` took."""
    with checked(path):
        seconds: dict[str, float] = json.loads(pq.read_metadata(path).metadata[b"seconds"])
        return seconds


def _decoding_of(metadata: Mapping[bytes, bytes]) -> int:
    return int(metadata.get(b"decoding", b"1"))


def part(shard: Shard, rows: Sequence[int]) -> Shard:
    """Return the part of `shard` in these rows."""
    return Shard(
        [shard.content_ids[row] for row in rows],
        [shard.faults[row] for row in rows],
        [shard.pixels[row] for row in rows],
        shard.fingerprint,
        shard.features[rows],
        shard.levels[rows],
        notes=[shard.notes[row] for row in rows],
        measures=shard.measures[rows],
        decoding=shard.decoding,
    )


def column(rows: NDArray[Any]) -> pa.FixedSizeBinaryArray:
    """Return an array (n, d) as a column of Parquet.

    As bytes, because a column of lists is read number by number.
    """
    number, dimension = rows.shape
    kind = pa.binary(dimension * rows.itemsize)
    buffer = pa.py_buffer(np.ascontiguousarray(rows))
    return pa.FixedSizeBinaryArray.from_buffers(kind, number, [None, buffer])


def rows_of(column: pa.ChunkedArray, kind: np.dtype[Any]) -> NDArray[Any]:
    """Return the array (n, d) from which `column` was made.

    Raises:
        ValueError: it is not such a column.
    """
    width = column.type.byte_width if pa.types.is_fixed_size_binary(column.type) else 0
    if not width or width % kind.itemsize or column.null_count:
        raise ValueError(f"numbers of type {column.type}")
    shape = (len(column), width // kind.itemsize)
    if not len(column):
        return np.empty(shape, kind)
    values = column.combine_chunks()
    start = values.offset * width
    return np.frombuffer(values.buffers()[1], kind, shape[0] * shape[1], start).reshape(shape)


def _contents(table: pa.Table) -> ShardContents:
    decoding = _decoding_of(table.schema.metadata)
    if decoding == 1:
        table = table.append_column("note", pa.nulls(len(table), pa.string()))
    TABLE.check(table.schema)
    contents = ShardContents(
        table.column("content_id").to_pylist(),
        table.column("fault").to_pylist(),
        table.column("pixels").to_pylist(),
        table.schema.metadata[b"fingerprint"].decode(),
        notes=table.column("note").to_pylist(),
        decoding=decoding,
    )
    if table.schema.metadata[b"checksum"].decode() != _checksum(contents, _width(table)):
        raise ValueError("its checksum is wrong")
    return contents


def _measures(table: pa.Table, decoding: int) -> Measured:
    """Return the measures of the photos in `table`, none of which an earlier version took."""
    if decoding < QUALITY_MEASURED:
        return measured.unmeasured(len(table))
    rows = rows_of(table["measures"], FLOAT)
    if rows.shape[1] != len(Measures._fields):
        raise ValueError("other measures")
    return rows


def _width(table: pa.Table) -> int:
    """Return how many levels an image has."""
    return int(table.schema.metadata.get(b"levels", b"0"))


def _checksum(contents: ShardContents, width: int) -> str:
    parts: list[object] = [contents.content_ids, contents.faults, contents.pixels]
    parts += [contents.fingerprint, *([width] if width else [])]
    if contents.decoding > 1:
        parts += [contents.notes, contents.decoding]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
