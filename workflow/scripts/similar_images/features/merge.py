"""The merge: the readable images of a manifest, and the rejected files, by the shards."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ..backbones.model import Model
from ..core.errors import UserError
from ..core.tables import Column, CsvTable
from ..core.wording import counted
from ..decisions.decisions import OUT
from ..images import measured
from ..images.columns import CONTENT_ID, IMAGE, LABEL, NOTE, PHOTO_FAULTS
from ..images.measured import Measured
from . import sharded_features, shards
from .plan import shard_names
from .rejected import Rejected

NOT_MEASURED = measured.unmeasured(1)[0]
LOST = "missing, changed or unreadable during the run; the next run tries again"

MEMBERS = CsvTable(
    "results/<collection>/members.csv",
    IMAGE,
    LABEL,
    Column("label_from", str, "`folder`, `list` or `decision`"),
    NOTE,
    PHOTO_FAULTS,
)
DUPLICATES = CsvTable(
    "results/<collection>/duplicates.csv",
    IMAGE,
    LABEL,
    CONTENT_ID,
    Column("conflict", bool, "whether their classes differ"),
)


class Outcome(NamedTuple):
    """What extraction made of a content.

    Attributes:
        fault: why it is not usable, or None if it is.
        note: see `columns.NOTE`.
        measures: of its quality, a row of `Measured`.
    """

    fault: str | None
    note: str | None = None
    measures: Measured = NOT_MEASURED


class Member(NamedTuple):
    """A row of `MEMBERS`."""

    image: str
    label: str | None
    label_from: str | None
    note: str | None = None
    photo_faults: str | None = None


class RepeatedContent(NamedTuple):
    """A row of `DUPLICATES`."""

    image: str
    label: str | None
    content_id: str
    conflict: bool


def merge(
    manifest: pa.Table, features: Path, model: Model, max_pixels: int
) -> tuple[pa.Table, list[Rejected]]:
    """Return the readable images of `manifest`, as `sharded_features.TABLE`, and the others.

    Both are in the order of `manifest`.

    Args:
        manifest: the collection's, with label overrides and shards: see `overrides.apply` and
            `plan.assign`.
        features: the folder of the shards.
        model: whose features these must be.
        max_pixels: the limit for images.

    Raises:
        DamagedFileError: a shard is damaged.
        UserError: a shard was made by another model.
    """
    known = manifest.filter(pc.is_valid(manifest["content_id"]))
    shard_of = dict(zip(*(known[c].to_pylist() for c in ("content_id", "shard")), strict=True))
    paths = [features / f"{name}.parquet" for name in shard_names(manifest)]
    outcomes = _outcomes(paths, shard_of, model, max_pixels)
    rejected = []
    readable = []
    notes, measures = [], []
    names = ("image", "label", "content_id", "fault", "original_label", "decision")
    columns = (manifest[name].to_pylist() for name in names)
    for image, label, content_id, fault, original_label, decision in zip(*columns, strict=True):
        found = outcomes.get(content_id, Outcome(LOST))
        reason = fault or found.fault
        readable.append(reason is None)
        notes.append(found.note)
        measures.append(found.measures)
        if reason:
            rejected.append(Rejected(image, label, reason, original_label, decision))
    schema = sharded_features.schema(
        model.backbone, model.fingerprint, model.features, model.levels
    )
    added = {"note": pa.array(notes, pa.string()), **measured.columns(measures)}
    for name, values in added.items():
        manifest = manifest.append_column(name, values)
    table = manifest.filter(pa.array(readable, pa.bool_()))
    return table.select(schema.names).cast(schema), rejected


def timing(manifest: pa.Table, features: Path) -> dict[str, Any]:
    """Return the seconds that the collection's features took, in total and for each shard.

    "read", "decode" and "network" are summed over threads; "total" is the time from the job's first
    image to its last. A shard shared with other collections counts by its share.

    Args:
        manifest: the collection's with its shards, see `plan.assign`.
        features: the folder of the shards.
    """
    needed = manifest.filter(pc.is_valid(manifest["shard"])).group_by("shard")
    spent = {}
    for row in needed.aggregate([("content_id", "count_distinct")]).sort_by("shard").to_pylist():
        path, images = features / f"{row['shard']}.parquet", row["content_id_count_distinct"]
        share = images / max(pq.read_metadata(path).num_rows, images)
        seconds = {what: share * value for what, value in shards.read_seconds(path).items()}
        spent[row["shard"]] = {"images": images, **seconds}
    total = Counter[str]()
    for shard in spent.values():
        total.update(shard)
    rate = total["images"] / total["total"] if total["total"] else None
    return {**total, "images_per_second": rate, "shards": spent}


def check(readable: pa.Table, rejected: Sequence[Rejected], name: str, on_error: str) -> None:
    """Check that the collection called `name` can be used.

    Raises:
        UserError: photos are rejected (not by a decision) and `on_error` is "stop", or it is the
            catalogue and fewer than two classes have a readable image.
    """
    listed = "\n".join(f"  {file.image}: {file.reason}" for file in rejected)
    bad = [file for file in rejected if file.decision != OUT and file.is_loss]
    if bad and on_error == "stop":
        listed = "\n".join(f"  {file.image}: {file.reason}" for file in bad)
        raise UserError(
            f"{name}: {counted(len(bad), 'file')} cannot be used, and images.on_error is stop:\n"
            f"{listed}\nReplace them, name them in images.ignore, or set images.on_error: list."
        )
    if name == "catalogue" and len(readable["label"].unique()) < 2:
        raise UserError(f"catalogue: fewer than two classes have a readable image:\n{listed}")


def members(readable: pa.Table, label_from: str, faults: Sequence[str] = ()) -> list[Member]:
    """Return the images of `readable`.

    Args:
        readable: see `merge`.
        label_from: where labels come from by default.
        faults: of each photo, see `columns.PHOTO_FAULTS`; none if they are not known.
    """
    columns = [readable[name].to_pylist() for name in ("image", "label", "decision", "note")]
    columns.append(list(faults) or [None] * len(readable))
    return [
        Member(image, label, "decision" if decision else label_from if label else None, *rest)
        for image, label, decision, *rest in zip(*columns, strict=True)
    ]


def duplicates(readable: pa.Table) -> list[RepeatedContent]:
    """Return the images of `readable` with the same bytes as another, by content."""
    copies = defaultdict(list)
    columns = (readable[name].to_pylist() for name in ("image", "label", "content_id"))
    for path, label, content_id in zip(*columns, strict=True):
        copies[content_id].append((path, label))
    return [
        RepeatedContent(path, label, content_id, len({label for _, label in found}) > 1)
        for content_id, found in sorted(copies.items(), key=lambda item: item[1])
        if len(found) > 1
        for path, label in found
    ]


def _outcomes(
    paths: Sequence[Path], shard_of: Mapping[str, str], model: Model, limit: int
) -> dict[str, Outcome]:
    """Return what became of each content id that is in its shard."""
    outcomes: dict[str, Outcome] = {}
    for path in paths:
        contents, measures = shards.read_measured(path)
        if contents.fingerprint != model.fingerprint:
            raise UserError(
                f"{path} was made by another model (fingerprint {contents.fingerprint}, not "
                f"{model.fingerprint}). Delete it and run again."
            )
        columns = (contents.content_ids, shards.reasons(contents, limit), contents.notes)
        for content_id, *outcome in zip(*columns, measures, strict=True):
            # Another shard may count for this content: see `plan.shard_of_extracted`.
            if shard_of.get(content_id) == path.stem:
                outcomes[content_id] = Outcome(*outcome)
    return outcomes
