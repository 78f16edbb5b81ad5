"""The results of earlier searches, so that only new images are searched.

The nearest among old and new images are the nearest of both, so a known query is compared only with
the new images of the catalogue. The results are the same to the bit.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from ..core.file_formats import read_cache
from ..core.files import remove
from ..core.tables import Column, ParquetTable
from ..features.sharded_features import ShardedFeatures
from ..images.columns import CONTENT_ID
from . import neighbours

# Returns the neighbours of queries, see `neighbours.TABLE`. Every neighbour is an image of the
# catalogue that it is given: `search` passes a part of the catalogue and merges what comes back.
Find = Callable[[ShardedFeatures, ShardedFeatures], pa.Table]

ANSWERS = ParquetTable(
    "results/<set>/searched/<part>/answers.parquet",
    Column("content_id", str, "SHA-256 of the query's file"),
    *neighbours.LISTS,
)
CATALOGUE = ParquetTable(
    "results/<set>/searched/<part>/catalogue.parquet",
    Column("image", str, "path in the catalogue"),
    Column("label", str, "its class"),
    CONTENT_ID,
)


class Cache(NamedTuple):
    """What a search has found.

    Attributes:
        answers: neighbours by the content of the query, see `ANSWERS`.
        catalogue: the images that could be found, see `CATALOGUE`.
    """

    answers: pa.Table
    catalogue: pa.Table


def search(
    queries: ShardedFeatures,
    catalogue: ShardedFeatures,
    count: int,
    find: Find,
    folder: Path,
    key: str,
) -> pa.Table:
    """Return what `find` returns for `queries` and `catalogue`, and keep it in `folder`.

    Args:
        queries: all images of the query set.
        catalogue: all that can be found.
        count: how many neighbours `find` gives.
        find: searches for what is not in the cache.
        folder: of the cache, written again. A damaged cache counts as empty.
        key: of all that the answers depend on except the images; answers under another key are
            dropped.

    Raises:
        DamagedFileError, UserError: as a `ShardedFeatures`, and from `find`.
    """
    images, findable = queries.images(), _findable(catalogue.images())
    cache = _read(folder, key)
    answers = _valid(cache, findable)
    known = images.filter(pc.is_in(images["content_id"], answers["content_id"]))
    unknown = images.filter(pc.invert(pc.is_in(images["content_id"], answers["content_id"])))
    added = _without(findable, cache.catalogue)
    old = _answers_of(known.sort_by("image"), answers)
    if len(known) and len(added):
        among_added = find(
            replace(queries, only=known["image"]), replace(catalogue, only=added["image"])
        )
        old = neighbours.join_parts([old, among_added], count)
    new = find(replace(queries, only=unknown["image"]), catalogue)
    found = pa.concat_tables([old, new]).combine_chunks().sort_by("image")
    _write(folder, key, Cache(_by_content(found, images), findable), cache)
    return found


def _findable(images: pa.Table) -> pa.Table:
    """Return the rows that can be found: of equal bytes under one class the first alone.

    As `neighbours.first_of_equals`.
    """
    first = images.group_by(["label", "content_id"]).aggregate([("image", "min")])
    return first.rename_columns({"image_min": "image"}).select(CATALOGUE.names)


def _valid(cache: Cache, findable: pa.Table) -> pa.Table:
    """Return the answers whose neighbours can all still be found."""
    gone = _without(cache.catalogue, findable)
    similar = cache.answers["similar"].combine_chunks()
    lost = pc.is_in(similar.flatten(), gone["image"].combine_chunks())
    wrong = pc.list_parent_indices(similar).filter(lost)
    rows = pa.array(range(len(similar)), pa.int64())
    return cache.answers.filter(pc.invert(pc.is_in(rows, wrong)))


def _without(images: pa.Table, others: pa.Table) -> pa.Table:
    """Return the rows of `images` that are none of `others`."""
    return images.filter(pc.invert(pc.is_in(_whole(images), _whole(others))))


def _whole(images: pa.Table) -> pa.ChunkedArray:
    """Return the rows as one text each."""
    return pc.binary_join_element_wise(*(images[name] for name in CATALOGUE.names), "\0")


def _answers_of(queries: pa.Table, answers: pa.Table) -> pa.Table:
    """Return the neighbours of `queries`, whose `answers` are known, see `neighbours.TABLE`."""
    found = answers.take(pc.index_in(queries["content_id"], answers["content_id"]))
    columns = {"image": queries["image"], "label": queries["label"], **_lists(found)}
    return pa.table(columns, schema=neighbours.TABLE.schema)


def _by_content(found: pa.Table, images: pa.Table) -> pa.Table:
    content_ids = images["content_id"].take(pc.index_in(found["image"], images["image"]))
    return pa.table({"content_id": content_ids, **_lists(found)}, schema=ANSWERS.schema)


def _lists(found: pa.Table) -> dict[str, pa.ChunkedArray]:
    return {column.name: found[column.name] for column in neighbours.LISTS}


def _files(folder: Path) -> tuple[Path, Path]:
    return folder / "answers.parquet", folder / "catalogue.parquet"


def _read_files(folder: Path) -> Cache:
    answers, catalogue = _files(folder)
    return Cache(ANSWERS.read(answers), CATALOGUE.read(catalogue))


def _read(folder: Path, key: str) -> Cache:
    empty = Cache(ANSWERS.schema.empty_table(), CATALOGUE.schema.empty_table())
    cache = read_cache(_read_files, folder, empty)
    known = (cache.answers.schema.metadata or {}).get(b"key") == key.encode()
    return cache if known else empty


def _write(folder: Path, key: str, cache: Cache, before: Cache) -> None:
    """Write the cache; if killed in the middle, no mixture of two caches remains."""
    answers, catalogue = _files(folder)
    if not cache.catalogue.equals(before.catalogue):
        remove(answers)
        CATALOGUE.write(catalogue, cache.catalogue)
    ANSWERS.write(answers, cache.answers.replace_schema_metadata({"key": key}))
