"""The merge: manifest and shards become the index, with all that was left out listed."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from . import shards
from .errors import UserError
from .files import read_csv
from .index import Index
from .manifest import max_pixels, shard_names
from .model import Model

TOO_MANY = "too many pixels: {} are over images.max_pixels ({}); a WebP's count thrice"
LOST = "gone or changed while the run was going on; the next run reads it"


class Rejected(NamedTuple):
    """A file that could not be used, and why."""

    image: str
    label: str | None
    reason: str


class Duplicate(NamedTuple):
    """A file whose bytes stand in the collection more than once.

    `conflict` tells that they stand under more than one class.
    """

    image: str
    label: str | None
    content_id: str
    conflict: bool


def merge(manifest: pa.Table, features: Path, model: Model) -> tuple[Index, list[Rejected]]:
    """Return the index of all readable images of `manifest`, and the files it lacks.

    Args:
        manifest: the collection's, see `manifest.SCHEMA`.
        features: the folder of its shards.
        model: whose features these must be.

    Raises:
        DamagedFileError: a shard is damaged.
        UserError: a shard was made by another model.
    """
    known = manifest.filter(pc.is_valid(manifest["content_id"]))
    shard_of = dict(zip(*(known[c].to_pylist() for c in ("content_id", "shard")), strict=True))
    paths = [features / f"{name}.parquet" for name in shard_names(manifest)]
    faults = _faults(paths, shard_of, model, max_pixels(manifest))
    rejected = []
    rows = []
    for row in manifest.select(["image", "label", "content_id", "fault"]).to_pylist():
        reason = row["fault"] or faults.get(row["content_id"], LOST)
        if reason:
            rejected.append(Rejected(row["image"], row["label"], reason))
        else:
            rows.append(row)
    content_ids = [row["content_id"] for row in rows]
    index = Index(
        backbone=model.backbone,
        fingerprint=model.fingerprint,
        paths=[row["image"] for row in rows],
        labels=[row["label"] for row in rows],
        content_ids=content_ids,
        features=_collect(content_ids, paths, shard_of, model.features),
    )
    return index, rejected


def read_rejected(path: Path) -> list[Rejected]:
    """Read a `rejected.csv`."""
    return [Rejected(row["image"], row["label"] or None, row["reason"]) for row in read_csv(path)]


def timing(manifest: pa.Table, features: Path) -> dict[str, Any]:
    """Return where the time for the collection's features went, in sum and for each shard.

    "read", "decode" and "network" are summed over threads, "total" is what passed from the
    job's first image to its last.
    """
    spent = {}
    for name in shard_names(manifest):
        path = features / f"{name}.parquet"
        spent[name] = {"images": pq.read_metadata(path).num_rows, **shards.read_seconds(path)}
    total = Counter[str]()
    for shard in spent.values():
        total.update(shard)
    rate = total["images"] / total["total"] if total["total"] else None
    return {**total, "images_per_second": rate, "shards": spent}


def check(index: Index, rejected: Sequence[Rejected], name: str, on_error: str) -> None:
    """Check that the collection called `name` can be used.

    Raises:
        UserError: files are rejected and `on_error` is "stop", or it is the catalogue and fewer
            than two classes have a readable image.
    """
    listed = "\n".join(f"  {file.image}: {file.reason}" for file in rejected)
    if rejected and on_error == "stop":
        raise UserError(
            f"{name}: {len(rejected)} files cannot be used, and images.on_error is stop:\n{listed}"
        )
    if name == "catalogue" and len(set(index.labels)) < 2:
        raise UserError(f"catalogue: fewer than two classes have a readable image:\n{listed}")


def duplicates(index: Index) -> list[Duplicate]:
    """Return the images of `index` whose bytes stand there more than once, by content."""
    copies = defaultdict(list)
    for path, label, content_id in zip(index.paths, index.labels, index.content_ids, strict=True):
        copies[content_id].append((path, label))
    return [
        Duplicate(path, label, content_id, len({label for _, label in found}) > 1)
        for content_id, found in sorted(copies.items(), key=lambda item: item[1])
        if len(found) > 1
        for path, label in found
    ]


def _faults(
    paths: Sequence[Path], shard_of: Mapping[str, str], model: Model, limit: int
) -> dict[str, str | None]:
    """Return for each content id in its shard why it is not usable, or None if it is."""
    faults: dict[str, str | None] = {}
    for path in paths:
        contents = shards.read_contents(path)
        if contents.fingerprint != model.fingerprint:
            raise UserError(
                f"{path} was made by another model (fingerprint {contents.fingerprint}, not "
                f"{model.fingerprint}). Delete it and run again."
            )
        columns = (contents.content_ids, contents.faults, contents.pixels)
        for content_id, fault, pixels in zip(*columns, strict=True):
            # A shard can hold what another one is to answer for: see `manifest.settled`.
            if shard_of.get(content_id) == path.stem:
                too_many = pixels is not None and pixels > limit
                faults[content_id] = TOO_MANY.format(pixels, limit) if too_many else fault
    return faults


def _collect(
    content_ids: Sequence[str], paths: Sequence[Path], shard_of: Mapping[str, str], dimension: int
) -> NDArray[np.float32]:
    """Return the features of `content_ids`, a row for each, out of their shards."""
    collected = np.empty((len(content_ids), dimension), np.float32)
    rows = defaultdict(list)
    for row, content_id in enumerate(content_ids):
        rows[shard_of[content_id]].append(row)
    for path in paths:
        shard = shards.read(path)
        position = {content_id: n for n, content_id in enumerate(shard.content_ids)}
        wanted = rows[path.stem]
        collected[wanted] = shard.features[[position[content_ids[row]] for row in wanted]]
    return collected
