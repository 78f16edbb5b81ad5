"""The readable images of a collection, and the stream of their features."""

import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ..core.file_formats import open_parquet
from ..core.files import write_checked
from ..core.prefetch import prefetch
from ..core.tables import Column, ParquetTable
from ..decisions.decisions import CATALOGUE
from ..images.columns import (
    CONTENT_ID,
    DECISION,
    FILE,
    IMAGE,
    LABEL,
    NOTE,
    ORIGINAL_LABEL,
    PRODUCT,
    QUALITY,
    SET,
)
from ..storage.results import SHARED, Results
from . import feature_table, levels, shards, store
from .feature_table import Features, FeatureTable

TABLE = ParquetTable(
    "results/<collection>/images.parquet",
    IMAGE,
    LABEL,
    CONTENT_ID,
    Column("shard", str, "has its features"),
    FILE,
    ORIGINAL_LABEL,
    DECISION,
    SET,
    PRODUCT,
    NOTE,
    *QUALITY,
)
# What a feature table needs: these columns, and where the features are.
_COLUMNS = ["image", "label", "content_id", "shard", "product"]


@dataclass(frozen=True)
class ShardedFeatures:
    """Iterates over the images of a collection, or a part of it: a feature table for each shard.

    At most three tables are in memory: one in use and two that are read ahead. It can be iterated
    any number of times.

    Attributes:
        path: the table of the images, in the collection's folder of results/.
        part: which part, from 0.
        parts: the number of parts.
        only: the paths of the images to include, or None for all.
        results: fetch the shards.
        with_levels: whether the levels follow the features, see `levels.join`.
        reduced: a file with other features to use in their place, or None: see `write_reduced`.
    """

    path: Path
    part: int = 0
    parts: int = 1
    only: pa.ChunkedArray | None = None
    results: Results = SHARED
    with_levels: bool = False
    reduced: Path | None = None

    def __iter__(self) -> Iterator[FeatureTable]:
        """Yield the feature tables.

        Raises:
            DamagedFileError: the table or a shard is damaged.
            UserError: one of them cannot be read.
        """
        with (
            TABLE.open(self.path, _COLUMNS) as file,
            self._reader(file) as read,
            ThreadPoolExecutor(1) as reader,
        ):
            tables = ((number, self._rows(file, [number])) for number in self._groups(file))
            some = ((number, rows) for number, rows in tables if len(rows))
            yield from prefetch(reader, lambda one: read(*one), some, 1)

    def images(self) -> pa.Table:
        """Return the rows of the images, without their features.

        Raises:
            DamagedFileError, UserError: as `ParquetTable.open`.
        """
        with TABLE.open(self.path, _COLUMNS) as file:
            return self._rows(file, self._groups(file))

    @contextmanager
    def _reader(self, file: pq.ParquetFile) -> Iterator[Callable[[int, pa.Table], FeatureTable]]:
        """Yield the function that reads the features of some images of a row group."""
        if self.reduced:
            with open_parquet(self.reduced) as reduced:
                yield partial(_read_reduced, reduced)
            return
        backbone, fingerprint, _ = model_of(file.schema_arrow)
        folder = store.folder(self.path.parents[1], backbone, fingerprint)
        channels = channels_of(file.schema_arrow) if self.with_levels else []
        yield partial(_read, folder, self.results, channels)

    def _groups(self, file: pq.ParquetFile) -> range:
        """Return the row groups of the part; there is one for each shard."""
        groups = file.num_row_groups
        return range(*(groups * n // self.parts for n in (self.part, self.part + 1)))

    def _rows(self, file: pq.ParquetFile, groups: Iterable[int]) -> pa.Table:
        rows = file.read_row_groups(groups, _COLUMNS, use_threads=False)
        # The index of each in its row group, for `reduced`.
        rows = rows.append_column("place", pa.array(np.arange(len(rows))))
        return rows if self.only is None else rows.filter(pc.is_in(rows["image"], self.only))


def schema(
    backbone: str, fingerprint: str, features: int, channels: Sequence[int] = ()
) -> pa.Schema:
    """Return the schema of a table of images for `model_of` and `channels_of`."""
    metadata = {
        "backbone": backbone,
        "fingerprint": fingerprint,
        "features": str(features),
        "levels": json.dumps(list(channels)),
    }
    return TABLE.schema.with_metadata(metadata)


def write(path: Path, images: pa.Table) -> None:
    """Write the table of the images, with a row group for each shard."""
    TABLE.write(path, images, grouped_by="shard")


def from_queries(path: Path) -> pa.Table:
    """Return the queries in the catalogue: `image`, `content_id`, `set` and `product`.

    Almost nothing is read of the catalogue's own images.
    """
    with TABLE.open(path) as file:
        column = file.schema_arrow.get_field_index("set")
        groups = []
        for n in range(file.num_row_groups):
            found = file.metadata.row_group(n).column(column).statistics
            if {found.min, found.max} != {CATALOGUE}:
                groups.append(n)
        columns = ["image", "content_id", "set", "product"]
        table = file.read_row_groups(groups, columns, use_threads=False)
    return table.filter(pc.not_equal(table["set"], CATALOGUE))


def products(images: pa.Table) -> dict[str, str]:
    """Return the products of those of `images` that have one, by image."""
    known = images.filter(pc.is_valid(images["product"]))
    columns = (known[name].to_pylist() for name in ("image", "product"))
    return dict(zip(*columns, strict=True))


def load(path: str | Path, results: Results = SHARED) -> FeatureTable:
    """Return the feature table at `path`: `features.pkl`, or `images.parquet` with its shards.

    Features from shards are collected in a temporary file, so that they need not fit into memory.

    Raises:
        DamagedFileError, UserError: as `feature_table.read`, or when features are read from shards.
    """
    path = Path(path)
    return (
        feature_table.read(path) if path.suffix == ".pkl" else collect(path, results, on_disk=True)
    )


def write_reduced(path: Path, parts: Iterable[Features], dimension: int) -> None:
    """Write other features of the images, for `ShardedFeatures.reduced`.

    Args:
        path: the file.
        parts: the features (n, d) of each row group of the table of the images, in order.
        dimension: d.
    """
    schema = pa.schema([("features", pa.binary(dimension * shards.FLOAT.itemsize))])
    # Compressing features takes time and saves little.
    packing = {"compression": "none", "use_dictionary": False, "write_page_checksum": True}
    with write_checked(path) as temporary, pq.ParquetWriter(temporary, schema, **packing) as file:
        for features in parts:
            table = pa.table([shards.column(features)], schema=schema)
            file.write_table(table, row_group_size=len(table))


def collect(
    path: Path,
    results: Results = SHARED,
    *,
    on_disk: bool = False,
    with_levels: bool = False,
    reduced: Path | None = None,
) -> FeatureTable:
    """Return the feature table of all images in the table at `path`, sorted by path.

    Args:
        path: the table.
        results: fetch the shards.
        on_disk: whether to keep the features in a file, not in memory.
        with_levels: see `ShardedFeatures`.
        reduced: likewise.

    Raises:
        DamagedFileError, UserError: as iterating over `ShardedFeatures`.
    """
    table = TABLE.read(path, _COLUMNS).sort_by("image")
    backbone, fingerprint, dimension = model_of(table.schema)
    if with_levels:
        dimension += sum(levels.widths(channels_of(table.schema)))
    if reduced:
        dimension = _width_of(reduced)
    shape = (len(table), dimension)
    paths = table["image"].to_pylist()
    features = _on_disk(path.parent, shape) if on_disk else np.empty(shape, np.float32)
    row_of = {image: row for row, image in enumerate(paths)}
    for part in ShardedFeatures(path, results=results, with_levels=with_levels, reduced=reduced):
        features[[row_of[image] for image in part.paths]] = part.features
    return FeatureTable(
        backbone,
        fingerprint,
        paths,
        table["label"].to_pylist(),
        table["content_id"].to_pylist(),
        features,
    )


def _on_disk(folder: Path, shape: tuple[int, int]) -> Features:
    """Return an array in a temporary file, which is deleted with it."""
    with tempfile.TemporaryFile(dir=folder) as file:
        return np.memmap(file, np.float32, "w+", shape=shape)


def model_of(schema: pa.Schema) -> tuple[str, str, int]:
    """Return the backbone, the fingerprint and the number of features in `schema`."""
    backbone, fingerprint, dimension = (
        schema.metadata[name].decode() for name in (b"backbone", b"fingerprint", b"features")
    )
    return backbone, fingerprint, int(dimension)


def channels_of(schema: pa.Schema) -> list[int]:
    """Return the channels of each part of the levels, see `levels`."""
    channels: list[int] = json.loads(schema.metadata[b"levels"])
    return channels


def _read(
    folder: Path, results: Results, channels: Sequence[int], _: int, images: pa.Table
) -> FeatureTable:
    """Return the feature table of `images`, whose features are in one shard.

    If there are `channels`, the levels follow the features.
    """
    path = folder / f"{images['shard'][0].as_py()}.parquet"
    if not path.exists():
        results.fetch(path)
    shard = shards.read(path, with_levels=bool(channels))
    position = {content_id: n for n, content_id in enumerate(shard.content_ids)}
    rows = [position[content_id] for content_id in images["content_id"].to_pylist()]
    features = shard.features[rows]
    if channels:
        features = levels.join(features, shard.levels[rows], channels)
    return _table(images, features)


def _read_reduced(reduced: pq.ParquetFile, number: int, images: pa.Table) -> FeatureTable:
    """Return the feature table of some `images` of a row group, with features from `reduced`."""
    group = reduced.read_row_group(number, use_threads=False)
    features = shards.rows_of(group["features"], shards.FLOAT)
    return _table(images, features[images["place"].to_numpy()])


def _width_of(path: Path) -> int:
    with open_parquet(path) as file:
        return int(file.schema_arrow.field("features").type.byte_width) // shards.FLOAT.itemsize


def _table(images: pa.Table, features: Features) -> FeatureTable:
    backbone, fingerprint, _ = model_of(images.schema)
    return FeatureTable(
        backbone,
        fingerprint,
        images["image"].to_pylist(),
        images["label"].to_pylist(),
        images["content_id"].to_pylist(),
        features,
    )
