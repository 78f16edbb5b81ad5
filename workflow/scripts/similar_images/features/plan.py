"""The plan: the shard of each content of all collections, existing or to be extracted."""

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from ..core.errors import DamagedFileError
from ..core.file_formats import group_values
from ..core.files import remove
from ..core.tables import Column, ParquetTable
from ..core.wording import counted
from ..images.columns import CONTENT_ID, FILE
from ..images.preprocessing import TOO_MANY
from . import shards

logger = logging.getLogger(__name__)

TABLE = ParquetTable(
    "results/plan/contents.parquet",
    CONTENT_ID,
    FILE,
    Column("shard", str, "name of the shard that has the features, or will have them"),
    Column("source", str, "name of the shard to copy the features from, if any"),
)
# A job for fewer images takes longer to start than it saves.
SMALLEST_SHARD = 64
# When there are so many shards less than half full, they are packed into full ones.
SMALL_SHARDS = 16


@dataclass(frozen=True)
class ShardingPolicy:
    """How new work is divided into shards.

    Attributes:
        largest: the maximum of images in a shard.
        jobs: extraction jobs that can run in parallel.
    """

    largest: int
    jobs: int

    def shard_size(self, images: int) -> int:
        """Return the size of the shards that keeps all jobs busy with `images` new images."""
        share = -(-images // self.jobs)
        return min(max(share, SMALLEST_SHARD), self.largest)


def build(
    manifests: Iterable[pa.Table],
    features: Path,
    *,
    fingerprint: str,
    max_pixels: int,
    policy: ShardingPolicy,
) -> pa.Table:
    """Return the plan for some collections: one row for each content and file that has it.

    Sorted by content and file. The column `source` names the shard to copy the features from, if
    small shards are packed or an earlier version made the shard.

    Args:
        manifests: of the collections.
        features: the folder of the model's shards; features in it are not extracted again.
        fingerprint: of the model.
        max_pixels: the limit for images; those over a former limit are tried again.
        policy: how new work is divided into shards.
    """
    files = _contents(manifests)
    content_ids = files["content_id"].to_pylist()
    known = shard_of_extracted(features, fingerprint, max_pixels)
    needed = set(content_ids)
    new = sorted(needed - known.keys())
    held = {id_: known[id_] for id_ in needed & known.keys()}
    copied = renew(held, fingerprint, policy, features)
    current = {id_: name for id_, name in held.items() if id_ not in copied}
    copied |= pack(current, fingerprint, policy.largest, features)
    shard_of = held | copied | plan_shards(new, fingerprint, policy.shard_size(len(new)), features)
    return pa.table(
        {
            "content_id": files["content_id"],
            "file": files["file"],
            "shard": [shard_of[id_] for id_ in content_ids],
            "source": [held[id_] if id_ in copied else None for id_ in content_ids],
        },
        schema=TABLE.schema.with_metadata({"max_pixels": str(max_pixels)}),
    )


def shard_of_extracted(features: Path, fingerprint: str, max_pixels: int) -> dict[str, str]:
    """Return the shard of each content id that needs no extraction.

    That is: a shard of this model has its features or its fault. Left out are images over a former
    limit of pixels that are below this one, and images that a shard lacks because the file was
    missing. Of several shards one of this version counts, then one with features, then the
    largest. A damaged shard is removed, so that it is made again.
    """
    best: dict[str, tuple[int, bool, int, str]] = {}
    for path in sorted(features.glob("*.parquet")):
        try:
            contents = shards.read_contents(path)
        except DamagedFileError as error:
            logger.warning("%s: it is removed and made again", error)
            remove(path)
            continue
        if contents.fingerprint != fingerprint:
            continue
        columns = (contents.content_ids, contents.faults, contents.pixels)
        for content_id, fault, pixels in zip(*columns, strict=True):
            if fault != TOO_MANY or pixels is None or pixels > max_pixels:
                size = len(contents.content_ids)
                rank = (contents.decoding, fault is None, size, path.stem)
                best[content_id] = max(best.get(content_id, rank), rank)
    return {content_id: name for content_id, (*_, name) in best.items()}


def renew(
    held: Mapping[str, str], fingerprint: str, policy: ShardingPolicy, features: Path
) -> dict[str, str]:
    """Return the new shard of each content id whose shard was made by an earlier version.

    Which features can be copied is decided photo by photo during extraction, see `renewal`. So it
    is done once, by many jobs.

    Args:
        held: the shard of each content id that a collection needs.
        fingerprint: of the model.
        policy: how work is divided into shards.
        features: the folder of the shards.
    """
    names = {*held.values()}
    earlier = {name for name in names if shards.is_earlier(features / f"{name}.parquet")}
    content_ids = sorted(id_ for id_, name in held.items() if name in earlier)
    if content_ids:
        logger.warning(
            "%s have features from an earlier version of this program. These are copied, once, and "
            "the quality of the local photos is measured. Only what that version read otherwise is "
            "extracted again, such as photos that it could not read.",
            counted(len(content_ids), "photo"),
        )
    return plan_shards(content_ids, fingerprint, policy.shard_size(len(content_ids)), features)


def pack(held: Mapping[str, str], fingerprint: str, largest: int, features: Path) -> dict[str, str]:
    """Return the new shard of each content id whose shard is to be packed with others.

    Many small additions leave many small shards. Those that are less than half full are packed
    once there are `SMALL_SHARDS` of them; their features are copied, not extracted again.

    Args:
        held: the shard of each content id that a collection needs.
        fingerprint: of the model.
        largest: the maximum of images in a shard.
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

    If a shard of that name exists but lacks its ids, it is not replaced: the name is hashed again.
    """
    planned: dict[str, str] = {}
    for start in range(0, len(content_ids), size):
        members = content_ids[start : start + size]
        name = shards.name_of(members, fingerprint)
        while (features / f"{name}.parquet").exists():
            name = shards.name_of([name], fingerprint)
        planned |= dict.fromkeys(members, name)
    return planned


def write(path: Path, plan: pa.Table) -> None:
    """Write the plan with a row group for each shard, so that a job reads only its own."""
    TABLE.write(path, plan, grouped_by="shard")


def read_shard(path: Path, shard: str) -> pa.Table:
    """Read the rows of one shard."""
    with TABLE.open(path) as file:
        groups = [n for n, name in enumerate(group_values(file, "shard")) if name == shard]
        return file.read_row_groups(groups, use_threads=False)


def max_pixels(plan: pa.Table) -> int:
    """Return the limit of pixels that the plan was made with."""
    return int(plan.schema.metadata[b"max_pixels"])


def assign(manifest: pa.Table, plan: pa.Table) -> pa.Table:
    """Return `manifest` with another column: the shard of each file's content."""
    rows = pc.index_in(manifest["content_id"], plan["content_id"], skip_nulls=True)
    return manifest.append_column("shard", plan["shard"].take(rows))


def shard_names(table: pa.Table) -> list[str]:
    """Return the names of the shards in `table`, a plan or what `assign` returns, sorted."""
    return sorted(table["shard"].unique().drop_null().to_pylist())


def sources(plan: pa.Table) -> dict[str, list[str]]:
    """Return the content ids of `plan` to copy from each existing shard."""
    found: dict[str, list[str]] = {}
    columns = (plan["source"].to_pylist(), plan["content_id"].to_pylist())
    for source, content_id in sorted({*zip(*columns, strict=True)}, key=str):
        if source is not None:
            found.setdefault(source, []).append(content_id)
    return found


def _contents(manifests: Iterable[pa.Table]) -> pa.Table:
    """Return each content with each of its files, sorted."""
    columns = ["content_id", "file"]
    files = pa.concat_tables([table.select(columns) for table in manifests])
    distinct = files.filter(pc.is_valid(files["content_id"])).group_by(columns).aggregate([])
    return distinct.sort_by([(name, "ascending") for name in columns])
