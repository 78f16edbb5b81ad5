"""The manifest: a row for each file of a collection, and the plan of its shards."""

import logging
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from . import shards
from .collection import Entry, reason
from .errors import DamagedFileError, UserError
from .files import digest, group_values, open_parquet, read_parquet, remove, write_parquet

logger = logging.getLogger(__name__)

SCHEMA = pa.schema(
    [
        ("image", pa.string()),
        ("file", pa.binary()),
        ("label", pa.string()),
        ("content_id", pa.string()),
        ("shard", pa.string()),
        ("fault", pa.string()),
    ]
)
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
# A file changed again within the clock tick of its own time stamp would look unchanged.
SETTLING_NS = 2_000_000_000


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
    rows = sorted(entries, key=lambda entry: entry.image)
    content_ids = _identify(rows, cache, threads)
    known = settled(features, fingerprint, max_pixels)
    new = sorted({id_ for id_, _ in content_ids if id_ is not None} - known.keys())
    known |= plan_shards(new, fingerprint, plan.shard_size(len(new)), features)
    return pa.table(
        {
            "image": [row.image for row in rows],
            "file": [row.file for row in rows],
            "label": [row.label for row in rows],
            "content_id": [id_ for id_, _ in content_ids],
            "shard": [known.get(id_ or "") for id_, _ in content_ids],
            "fault": [fault for _, fault in content_ids],
        },
        schema=SCHEMA.with_metadata({"fingerprint": fingerprint, "max_pixels": str(max_pixels)}),
    )


def settled(features: Path, fingerprint: str, max_pixels: int) -> dict[str, str]:
    """Return the shard of each content id that needs no extraction.

    That is: a shard of this model has its features, or its fault. An image that had too many
    pixels once and no longer has is not settled, nor is one that a shard should hold but does
    not, since its file was gone. A damaged shard is removed, so that it is made anew.
    """
    found = {}
    for path in sorted(features.glob("*.parquet")):
        try:
            contents = shards.read_contents(path)
        except DamagedFileError as error:
            logger.warning("%s: it is removed and made anew", error)
            remove(path)
            continue
        if contents.fingerprint != fingerprint:
            continue
        columns = (contents.content_ids, contents.faults, contents.pixels)
        for content_id, fault, pixels in zip(*columns, strict=True):
            if fault is None or pixels is None or pixels > max_pixels:
                found[content_id] = path.stem
    return found


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


def _identify(
    rows: Sequence[Entry], cache: Path, threads: int
) -> list[tuple[str | None, str | None]]:
    """Return (content id, fault) of each row; one of the two is None."""
    known = _read_cache(cache)
    now = time.time_ns()

    remembered = [known.get((row.image, row.size, row.mtime)) for row in rows]
    with ThreadPoolExecutor(threads) as pool:
        hashed = pool.map(
            _hash,
            [row for row, id_ in zip(rows, remembered, strict=True) if not (id_ or row.fault)],
        )
        identified = [
            (id_, row.fault) if id_ or row.fault else next(hashed)
            for row, id_ in zip(rows, remembered, strict=True)
        ]
    _write_cache(
        cache,
        [
            (row.image, row.size, row.mtime, id_)
            for row, (id_, _) in zip(rows, identified, strict=True)
            if id_ is not None and now - row.mtime > SETTLING_NS
        ],
    )
    return identified


def _hash(row: Entry) -> tuple[str | None, str | None]:
    try:
        return digest(row.file), None
    except OSError as error:
        return None, reason(error)


def _read_cache(path: Path) -> dict[tuple[str, int, int], str]:
    try:
        columns = read_parquet(path).to_pydict()
        keys = zip(columns["image"], columns["size"], columns["mtime"], strict=True)
        return dict(zip(keys, columns["content_id"], strict=True))
    except (UserError, KeyError):
        return {}  # absent or damaged: hashing the files again makes it anew


def _write_cache(path: Path, rows: Sequence[tuple[str, int, int, str]]) -> None:
    columns = list(zip(*rows, strict=True)) or [(), (), (), ()]
    write_parquet(path, pa.table([list(c) for c in columns], schema=CACHE_SCHEMA))
