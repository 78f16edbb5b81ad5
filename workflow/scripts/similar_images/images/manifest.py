"""The manifest: a row for each file of a collection, with the hash of its content."""

import os
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from ..core.digests import SETTLING_NS
from ..core.errors import reason
from ..core.file_formats import read_cache
from ..core.tables import Column, ParquetTable
from ..storage.addresses import FetchError, is_address
from ..storage.archives import StoredPhotoError
from ..storage.stored import absolute, container_of
from .collection import LATEST, Entry
from .columns import ADDED, CONTENT_ID, FILE, IMAGE, LABEL, PRODUCT, ROW
from .photos import LOCAL, Photos
from .retries import TRANSIENT

TABLE = ParquetTable(
    "results/<collection>/manifest.parquet",
    IMAGE,
    FILE,
    LABEL,
    CONTENT_ID,
    Column("fault", str, "why the file cannot be used"),
    PRODUCT,
    ADDED,
    ROW,
)
CACHE = ParquetTable(
    "results/<collection>/hashes.parquet",
    # A collection can be replaced by another one with the same name.
    Column("place", bytes, "absolute path, place in another file, or address"),
    Column("size", int, "bytes"),
    Column("mtime", int, "nanoseconds; null if the content may change without a new size or time"),
    Column("ctime", int, "nanoseconds"),
    CONTENT_ID,
    Column("version", str, "see `Entry.version`"),
)
# In memory only: fields of `Entry` and of `_Identity`.
FILES = pa.schema(
    [
        ("image", pa.string()),
        ("file", pa.binary()),
        ("label", pa.string()),
        ("size", pa.int64()),
        ("mtime", pa.int64()),
        ("fault", pa.string()),
        ("version", pa.string()),
        ("extra_columns", pa.list_(pa.string())),
        ("ctime", pa.int64()),
        ("row", pa.int64()),
    ]
)
HASHES = pa.schema([("content_id", pa.string()), ("fault", pa.string()), ("current", pa.bool_())])
# The names of extra columns begin with this, so that they differ from all others.
EXTRA = "extra: "
# Rows converted at once: Python objects take ten times the memory of Arrow columns.
BATCH = 10_000
# The largest number of photos that a thread hashes at once.
HASHED_AT_ONCE = 100


class _Identity(NamedTuple):
    """What is known about the content of a file.

    Attributes:
        content_id: SHA-256; None if it has a fault.
        fault: why the content cannot be read; None if it has a content id.
        current: whether this is the content now, and not what an earlier run found.
    """

    content_id: str | None
    fault: str | None
    current: bool


def build(
    entries: Iterable[Entry],
    cache: Path,
    threads: int = 1,
    photos: Photos = LOCAL,
    extra_columns: Sequence[str] = (),
    product: str | None = None,
) -> pa.Table:
    """Return the manifest of a collection: one row for each photo, sorted by image.

    Args:
        entries: the photos of the collection.
        cache: a file with the content ids of photos by path, size, times and version.
        threads: photos hashed at once.
        photos: opens them.
        extra_columns: the names of the columns in `Entry.extra_columns`.
        product: the one of them that names the product, if any.
    """
    files = _table_of(entries).sort_by("image")
    hashes = _identify(files, cache, threads, photos)
    others = {
        name: pc.list_element(files["extra_columns"], n) for n, name in enumerate(extra_columns)
    }
    unknown = pa.nulls(len(files), pa.string())
    products = pc.utf8_trim_whitespace(others.get(product or "", unknown))
    products = pc.utf8_normalize(products, "NFC")  # as `names.normal_form`
    table = pa.table(
        {
            "image": files["image"],
            "file": files["file"],
            "label": files["label"],
            "content_id": hashes["content_id"],
            "fault": hashes["fault"],
            "product": pc.if_else(pc.equal(products, ""), None, products),
            "added": unknown,  # see `listing.dated`
            "row": files["row"],
        },
        schema=TABLE.schema,
    )
    for name, values in others.items():
        table = table.append_column(EXTRA + name, values)
    return table


def transient_faults(table: pa.Table) -> dict[str, str]:
    """Return the faults of a manifest that may disappear, by image.

    For example, a network disk could not list a folder.
    """
    faulty = table.filter(pc.is_in(table["fault"], pa.array(sorted(TRANSIENT))))
    return dict(zip(faulty["image"].to_pylist(), faulty["fault"].to_pylist(), strict=True))


def extra_columns(table: pa.Table, names: Sequence[str]) -> dict[str, list[str]]:
    """Return the values in the extra columns `names` of a manifest, by image."""
    columns = (table[EXTRA + name].to_pylist() for name in names)
    images = table["image"].to_pylist()
    return {image: values for image, *values in zip(images, *columns, strict=True)}


def added(table: pa.Table) -> dict[str, str | None]:
    """Return when the content of each image of a manifest was first listed."""
    return dict(zip(table["image"].to_pylist(), table["added"].to_pylist(), strict=True))


def list_rows(table: pa.Table) -> dict[str, int | None]:
    """Return the row of the list that names each image of a manifest."""
    return dict(zip(table["image"].to_pylist(), table["row"].to_pylist(), strict=True))


def files_by_content(table: pa.Table) -> dict[str, list[bytes]]:
    """Return the files of each content id of a manifest or a plan, sorted."""
    table = table.select(["content_id", "file"]).sort_by("content_id")
    files: dict[str, list[bytes]] = {}
    for row in table.to_pylist():
        files.setdefault(row["content_id"], []).append(row["file"])
    return files


def _table_of(entries: Iterable[Entry]) -> pa.Table:
    entries = map(_storable, entries)
    tables = [FILES.empty_table()]
    while batch := [entry._asdict() for entry in islice(entries, BATCH)]:
        tables.append(pa.Table.from_pylist(batch, schema=FILES))
    return pa.concat_tables(tables)


def _storable(entry: Entry) -> Entry:
    mtime, ctime = (max(-LATEST, min(time, LATEST)) for time in (entry.mtime, entry.ctime))
    if (mtime, ctime) == (entry.mtime, entry.ctime):
        return entry
    return entry._replace(mtime=mtime, ctime=ctime)


def _identify(files: pa.Table, cache: Path, threads: int, photos: Photos) -> pa.Table:
    """Return the content id and the fault of each of `files`; one of the two is null."""
    now = time.time_ns()
    places = pa.array([_place(file) for file in files["file"].to_pylist()], pa.binary())
    files = files.append_column("place", places)
    cached = read_cache(CACHE.read, cache, CACHE.schema.empty_table())
    cached = cached.take(pc.index_in(files["place"], cached["place"]))
    known = files.append_column("content_id", _remembered(files, cached))
    known = known.append_column("before", cached["content_id"])
    order = pc.sort_indices(known["row"])  # the row groups of Parquet are read once
    known = known.take(order)
    size = max(1, min(len(known) // (8 * threads), HASHED_AT_ONCE))
    parts = (known.slice(start, size) for start in range(0, len(known), size))
    with ThreadPoolExecutor(threads) as pool:
        found = pool.map(partial(_hash, photos), parts)
        hashes = pa.concat_tables([HASHES.empty_table(), *found])
    hashes = hashes.take(pc.sort_indices(order))
    old = pc.less(pc.max_element_wise(files["mtime"], files["ctime"]), now - SETTLING_NS)
    columns = {name: files[name] for name in CACHE.names if name != "content_id"}
    columns["content_id"] = hashes["content_id"]
    columns["mtime"] = pc.if_else(pc.and_(old, hashes["current"]), files["mtime"], None)
    hashed = pa.table(columns, schema=CACHE.schema)
    CACHE.write(cache, hashed.filter(pc.is_valid(hashed["content_id"])))
    return hashes


def _place(file: bytes) -> bytes:
    if container_of(file):
        return absolute(file)
    return file if is_address(os.fsdecode(file)) else os.path.abspath(file)


def _remembered(files: pa.Table, found: pa.Table) -> pa.ChunkedArray:
    """Return the content id of each of `files` that equals its row of `found` and has no fault."""
    same = pc.and_(pc.is_null(files["fault"]), pc.equal(_version(files), _version(found)))
    for name in ("size", "mtime", "ctime"):
        same = pc.and_(same, pc.equal(files[name], found[name]))
    return pc.if_else(same, found["content_id"], None)


def _version(table: pa.Table) -> pa.ChunkedArray:
    return pc.coalesce(table["version"], "")


def _hash(photos: Photos, files: pa.Table) -> pa.Table:
    columns = [files[name].to_pylist() for name in ("file", "content_id", "fault", "before")]
    rows = [
        _Identity(content_id, fault, True)
        if content_id or fault
        else _identity(photos, file, before)
        for file, content_id, fault, before in zip(*columns, strict=True)
    ]
    return pa.Table.from_pylist([row._asdict() for row in rows], schema=HASHES)


def _identity(photos: Photos, file: bytes, before: str | None) -> _Identity:
    """Read the content of a photo.

    If a server does not send it now, but may do so later, the content id from `before` counts.
    """
    try:
        return _Identity(photos.identify(file), None, True)
    except FetchError as error:
        if before and error.retryable:
            return _Identity(before, None, False)
        return _Identity(None, reason(error), True)
    except OSError as error:
        return _Identity(None, reason(error), True)
    except StoredPhotoError as error:
        return _Identity(None, str(error), True)
