"""The manifest: a row for each file of a collection, and the plan of its shards."""

import logging
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from ..base.errors import DamagedFileError, UserError, reason
from ..base.files import digest, remove
from ..base.formats import group_values, open_parquet, read_parquet, write_parquet
from ..photos.collection import Entry
from ..photos.preparation import TOO_MANY
from . import shards

logger = logging.getLogger(__name__)

SCHEMA = pa.schema(
    [
        ("image", pa.string()),
        ("file", pa.binary()),
        ("label", pa.string()),
        ("content_id", pa.string()),
        ("shard", pa.string()),
        ("source", pa.string()),
        ("fault", pa.string()),
    ]
)
# As the fields of `Entry`.
FILES_SCHEMA = pa.schema(
    [
        ("image", pa.string()),
        ("file", pa.binary()),
        ("label", pa.string()),
        ("size", pa.int64()),
        ("mtime", pa.int64()),
        ("mode", pa.int64()),
        ("fault", pa.string()),
    ]
)
HASHES_SCHEMA = pa.schema([("content_id", pa.string()), ("fault", pa.string())])
CACHE_SCHEMA = pa.schema(
    [
        ("image", pa.string()),
        ("size", pa.int64()),
        ("mtime", pa.int64()),
        ("content_id", pa.string()),
    ]
)
# Fewer images than this do not pay for a job of their own.
SMALLEST_SHARD = 64
# As many shards that are less than half full are packed into full ones.
SMALL_SHARDS = 16
# A file changed again within the clock tick of its own time stamp would look unchanged.
SETTLING_NS = 2_000_000_000
# The last time stamp that a column holds, of the year 2262.
LATEST = 2**63 - 1
# Rows that are Python objects at once: they take ten times the memory of Arrow's columns.
BATCH = 10_000
# Files that a thread hashes in one go.
HASHED_AT_ONCE = 100


@dataclass(frozen=True)
class Plan:
    """How new work is cut into shards.

    Attributes:
        largest: images in a shard at the most.
        jobs: extraction jobs that can run side by side.
    """

    largest: int
    jobs: int

    def shard_size(self, images: int) -> int:
        """Return the size of the shards that keeps all jobs busy with `images` new images."""
        share = -(-images // self.jobs)
        return min(max(share, SMALLEST_SHARD), self.largest)


def build(
    entries: Iterable[Entry],
    features: Path,
    cache: Path,
    *,
    fingerprint: str,
    max_pixels: int,
    plan: Plan,
    threads: int = 1,
) -> pa.Table:
    """Return the manifest of a collection: one row for each file, sorted by image.

    Args:
        entries: the files of the collection.
        features: the folder of the shards made before; what stands there is not planned again.
        cache: where the content ids of files that keep their size and time are remembered.
        fingerprint: of the model that is to make the features.
        max_pixels: the limit for images; one that had too many under another is tried again.
        plan: how new work is cut into shards.
        threads: files hashed at once.
    """
    files = _table_of(entries).sort_by("image")
    hashes = _identify(files, cache, threads)
    content_ids = hashes["content_id"].to_pylist()
    known = settled(features, fingerprint, max_pixels)
    needed = {id_ for id_ in content_ids if id_ is not None}
    new = sorted(needed - known.keys())
    held = {id_: known[id_] for id_ in needed & known.keys()}
    packed = pack(held, fingerprint, plan.largest, features)
    planned = plan_shards(new, fingerprint, plan.shard_size(len(new)), features)
    shard_of = held | packed | planned
    return pa.table(
        {
            "image": files["image"],
            "file": files["file"],
            "label": files["label"],
            "content_id": hashes["content_id"],
            "shard": [shard_of.get(id_ or "") for id_ in content_ids],
            "source": [held[id_] if id_ in packed else None for id_ in content_ids],
            "fault": hashes["fault"],
        },
        schema=SCHEMA.with_metadata({"fingerprint": fingerprint, "max_pixels": str(max_pixels)}),
    )


def settled(features: Path, fingerprint: str, max_pixels: int) -> dict[str, str]:
    """Return the shard of each content id that needs no extraction.

    That is: a shard of this model has its features, or its fault. An image that had too many
    pixels once and no longer has is not settled, nor is one that a shard should hold but does
    not, since its file was gone. Of several shards the one that has the features counts, and of
    these the largest. A damaged shard is removed, so that it is made anew, and so is one whose
    images all stand in others that count.
    """
    best: dict[str, tuple[bool, int, str]] = {}
    members = {}
    for path in sorted(features.glob("*.parquet")):
        try:
            contents = shards.read_contents(path)
        except DamagedFileError as error:
            logger.warning("%s: it is removed and made anew", error)
            remove(path)
            continue
        if contents.fingerprint != fingerprint:
            continue
        members[path.stem] = contents.content_ids
        columns = (contents.content_ids, contents.faults, contents.pixels)
        for content_id, fault, pixels in zip(*columns, strict=True):
            if fault != TOO_MANY or pixels is None or pixels > max_pixels:
                rank = (fault is None, len(contents.content_ids), path.stem)
                best[content_id] = max(best.get(content_id, rank), rank)
    found = {content_id: name for content_id, (*_, name) in best.items()}
    for name in members.keys() - set(found.values()):
        _remove_superseded(features, name, {found.get(id_) for id_ in members[name]})
    return found


def pack(held: Mapping[str, str], fingerprint: str, largest: int, features: Path) -> dict[str, str]:
    """Return the new shard of each content id whose shard is to be packed with others.

    Many small additions leave many small shards. Those that are less than half full are packed
    once there are `SMALL_SHARDS` of them; their features are copied, not extracted again.

    Args:
        held: the shard of each content id that the collection needs.
        fingerprint: of the model.
        largest: images in a shard at the most.
        features: the folder of the shards.
    """
    sizes = Counter(held.values())
    small = {name for name, size in sizes.items() if 2 * size < largest}
    if len(small) < SMALL_SHARDS:
        return {}
    content_ids = sorted(id_ for id_, name in held.items() if name in small)
    return plan_shards(content_ids, fingerprint, largest, features)


def plan_shards(
    content_ids: Sequence[str], fingerprint: str, size: int, features: Path
) -> dict[str, str]:
    """Cut `content_ids` into shards of at most `size` and return the shard of each id.

    A shard that exists under the name, yet did not settle its ids, is never written again: the
    name is hashed once more.
    """
    planned: dict[str, str] = {}
    for start in range(0, len(content_ids), size):
        members = content_ids[start : start + size]
        name = shards.name_of(members, fingerprint)
        while (features / f"{name}.parquet").exists():
            name = shards.name_of([name], fingerprint)
        planned |= dict.fromkeys(members, name)
    return planned


def write(path: Path, manifest: pa.Table) -> None:
    """Write the manifest with a row group for each shard, so that a job unpacks no more."""
    write_parquet(path, manifest, grouped_by="shard")


def read(path: Path) -> pa.Table:
    """Read the manifest at `path`, sorted by image; the columns are those of `SCHEMA`.

    Raises:
        DamagedFileError, UserError: as `files.checked`.
    """
    return read_parquet(path).sort_by("image")


def read_shard(path: Path, shard: str) -> pa.Table:
    """Read the rows of one shard, likewise."""
    with open_parquet(path) as file:
        groups = [n for n, name in enumerate(group_values(file, "shard")) if name == shard]
        return file.read_row_groups(groups, use_threads=False)


def max_pixels(manifest: pa.Table) -> int:
    """Return the limit for images that the manifest was made under."""
    return int(manifest.schema.metadata[b"max_pixels"])


def shard_names(manifest: pa.Table) -> list[str]:
    """Return the names of the shards that hold the collection's features, sorted."""
    return sorted(manifest["shard"].unique().drop_null().to_pylist())


def members(manifest: pa.Table) -> dict[str, list[bytes]]:
    """Return the content ids of `manifest`, sorted, each with the files that have these bytes."""
    table = manifest.select(["content_id", "file"]).sort_by("content_id")
    files: dict[str, list[bytes]] = {}
    for row in table.to_pylist():
        files.setdefault(row["content_id"], []).append(row["file"])
    return files


def sources(manifest: pa.Table) -> dict[str, list[str]]:
    """Return the shards that hold features of `manifest` already, each with the content ids."""
    found: dict[str, list[str]] = {}
    columns = (manifest["source"].to_pylist(), manifest["content_id"].to_pylist())
    for source, content_id in sorted({*zip(*columns, strict=True)}, key=str):
        if source is not None:
            found.setdefault(source, []).append(content_id)
    return found


def _remove_superseded(features: Path, name: str, successors: set[str | None]) -> None:
    """Remove the shard `name` if all its images stand in `successors`, and these are whole.

    Not from a folder that is a link: a comparison shares the catalogue's shards, and the
    catalogue's own manifest may still name this one.
    """
    if not successors or None in successors or features.is_symlink():
        return
    try:
        for successor in successors:
            shards.read(features / f"{successor}.parquet")
    except DamagedFileError as error:
        logger.warning("%s: %s.parquet is kept for it", error, name)
        return
    remove(features / f"{name}.parquet")


def _table_of(entries: Iterable[Entry]) -> pa.Table:
    entries = map(_storable, entries)
    tables = [FILES_SCHEMA.empty_table()]
    while batch := list(islice(entries, BATCH)):
        tables.append(_table(batch, FILES_SCHEMA))
    return pa.concat_tables(tables)


def _storable(entry: Entry) -> Entry:
    mtime = max(-LATEST, min(entry.mtime, LATEST))
    return entry if mtime == entry.mtime else entry._replace(mtime=mtime)


def _identify(files: pa.Table, cache: Path, threads: int) -> pa.Table:
    """Return the content id and the fault of each of `files`; one of the two is null."""
    now = time.time_ns()
    known = files.append_column("content_id", _remembered(files, _read_cache(cache)))
    parts = (known.slice(start, HASHED_AT_ONCE) for start in range(0, len(known), HASHED_AT_ONCE))
    with ThreadPoolExecutor(threads) as pool:
        hashes = pa.concat_tables([HASHES_SCHEMA.empty_table(), *pool.map(_hash, parts)])
    hashed = files.append_column("content_id", hashes["content_id"])
    old = pc.less(files["mtime"], now - SETTLING_NS)
    lasting = hashed.filter(pc.and_(old, pc.is_valid(hashes["content_id"])))
    write_parquet(cache, lasting.select(CACHE_SCHEMA.names))
    return hashes


def _remembered(files: pa.Table, cache: pa.Table) -> pa.ChunkedArray:
    """Return the content id of each of `files` that `cache` has with this size and time."""
    found = cache.take(pc.index_in(files["image"], cache["image"]))
    same = pc.and_(pc.equal(files["size"], found["size"]), pc.equal(files["mtime"], found["mtime"]))
    return pc.if_else(same, found["content_id"], None)


def _hash(files: pa.Table) -> pa.Table:
    columns = [files[name].to_pylist() for name in ("file", "content_id", "fault")]
    rows = [
        (content_id, fault) if content_id or fault else _digest(file)
        for file, content_id, fault in zip(*columns, strict=True)
    ]
    return _table(rows, HASHES_SCHEMA)


def _digest(file: bytes) -> tuple[str | None, str | None]:
    """Return the content id of a file, or the fault."""
    try:
        return digest(file), None
    except OSError as error:
        return None, reason(error)


def _table(rows: Iterable[Sequence[object]], schema: pa.Schema) -> pa.Table:
    return pa.table([list(column) for column in zip(*rows, strict=True)], schema=schema)


def _read_cache(path: Path) -> pa.Table:
    try:
        table = read_parquet(path)
    except UserError:
        table = None  # absent or damaged: hashing the files again makes it anew
    whole = table is not None and table.schema.equals(CACHE_SCHEMA)
    return table if whole else CACHE_SCHEMA.empty_table()
