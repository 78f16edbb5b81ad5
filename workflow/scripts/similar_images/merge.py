"""The merge: manifest and shards become the index, with all that was left out listed."""

import csv
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from . import shards
from .errors import UserError
from .index import Index
from .manifest import shard_names
from .model import Model

T = TypeVar("T")
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
        UserError: a shard is damaged, or was made by another model.
    """
    paths = [features / f"{name}.parquet" for name in shard_names(manifest)]
    faults = _faults(paths, model)
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
        features=_collect(content_ids, paths, model.features),
    )
    return index, rejected


def read_rejected(path: Path) -> list[Rejected]:
    """Read a `rejected.csv`."""
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    return [Rejected(row["image"], row["label"] or None, row["reason"]) for row in rows]


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


def _faults(paths: Sequence[Path], model: Model) -> dict[str, str | None]:
    """Return for each content id in the shards why it has no features, or None if it has."""
    faults: dict[str, str | None] = {}
    for path in paths:
        contents = _readable(path, shards.read_contents)
        if contents.fingerprint != model.fingerprint:
            raise UserError(
                f"{path} was made by another model (fingerprint {contents.fingerprint}, not "
                f"{model.fingerprint}). Delete it and run again."
            )
        faults.update(zip(contents.content_ids, contents.faults, strict=True))
    return faults


def _collect(
    content_ids: Sequence[str], paths: Sequence[Path], dimension: int
) -> NDArray[np.float32]:
    """Return the features of `content_ids`, a row for each, out of their shards."""
    collected = np.empty((len(content_ids), dimension), np.float32)
    wanted = defaultdict(list)
    for row, content_id in enumerate(content_ids):
        wanted[content_id].append(row)
    for path in paths:
        shard = _readable(path, shards.read)
        for content_id, vector in zip(shard.content_ids, shard.features, strict=True):
            collected[wanted[content_id]] = vector
    return collected


def _readable(path: Path, read: Callable[[Path], T]) -> T:
    try:
        return read(path)
    except (OSError, pa.ArrowException, KeyError) as error:
        raise UserError(
            f"{path} is damaged ({error}). Delete it and run again: it is then made anew."
        ) from error
