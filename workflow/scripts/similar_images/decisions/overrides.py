"""Label overrides: what decisions change in the collections, by content.

The plan finds the overrides of each collection, and `merge` applies them. Photos never change.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from ..core.tables import Column, ParquetTable
from ..core.wording import counted, first_of
from ..images import manifest
from ..images.columns import CONTENT_ID, DECISION, FILE, ORIGINAL_LABEL, PRODUCT, SET
from .decisions import CATALOGUE, OUT, UNDECIDED, Decision, joining, latest

LEFT_OUT = "left out by a decision"
# Photos that a warning names.
MOST_NAMED = 3

TABLE = ParquetTable(
    "results/plan/overrides.parquet",
    Column("collection", str, "the collection in which it counts"),
    CONTENT_ID,
    Column("decision", str, "the latest decision on it"),
    Column("label", str, "the class by that decision; null if it is left out"),
    # The others are null unless a query becomes a member of the catalogue.
    Column("image", str, "its path there"),
    FILE,
    ORIGINAL_LABEL,
    Column("set", str, "the query set that it is from"),
    PRODUCT,
)
# In memory only: a manifest after the decisions.
OVERRIDDEN = ParquetTable(
    manifest.TABLE.file,
    *manifest.TABLE.columns,
    ORIGINAL_LABEL,
    DECISION,
    SET,
)


class _File(NamedTuple):
    """A file of a collection: path in it, path to open, original label, and product."""

    image: str
    file: bytes
    original_label: str | None
    product: str | None


class _Override(NamedTuple):
    """A row of `TABLE`."""

    collection: str
    content_id: str
    decision: str
    label: str | None
    image: str | None = None
    file: bytes | None = None
    original_label: str | None = None
    set: str | None = None
    product: str | None = None


def build(decided: Iterable[Decision], manifests: Mapping[str, pa.Table]) -> pa.Table:
    """Return the overrides by the decisions `decided`, sorted by content, see `TABLE`.

    In each collection the latest decision that was made there counts. A query that was taken into
    the catalogue belongs to it until it is left out there. A decision on a content that is no
    longer in its collection changes nothing.

    Args:
        decided: see `decisions.read`.
        manifests: of the collections; the first is the catalogue's.
    """
    made: dict[str, list[Decision]] = {}
    for decision in decided:
        if decision.decision != UNDECIDED:
            made.setdefault(decision.content_id, []).append(decision)
    files = {name: _held(table, made) for name, table in manifests.items()}
    images = manifests[CATALOGUE]["image"]
    taken = set(images.filter(pc.match_substring(images, ":")).to_pylist())
    rows: list[_Override] = []
    for content_id, on_content in sorted(made.items()):
        held = {name: found[content_id] for name, found in files.items() if content_id in found}
        rows += _overrides_of(on_content, held, taken)
    return TABLE.from_rows(rows)


def without_effect(decided: Sequence[Decision], manifests: Mapping[str, pa.Table]) -> Iterator[str]:
    """Yield a warning for each set in which decisions change nothing.

    The set is not configured, or it has no photo with these bytes.

    Args:
        decided: see `decisions.read`.
        manifests: as in `build`.
    """
    wanted = {decision.content_id for decision in decided}
    held = {name: _held(table, wanted).keys() for name, table in manifests.items()}
    somewhere = set().union(*held.values())
    # A query that was taken into the catalogue counts there, too, wherever its file is now.
    taken = {one.content_id for one in decided if one.decision == CATALOGUE} & somewhere
    lost: dict[str, list[str]] = {}
    for one in decided:
        elsewhere = one.content_id in taken and CATALOGUE in (one.set, one.decision)
        here = one.content_id in held.get(one.set, ())
        if one.decision != UNDECIDED and not elsewhere and not here:
            lost.setdefault(one.set, []).append(one.image)
    for name, photos in lost.items():
        named = first_of(list(map(repr, photos)), MOST_NAMED)
        ignored = f"ignored {counted(len(photos), 'decision')} on the set “{name}”"
        if name in manifests:
            yield (
                f"{ignored}, which has no photo with these bytes any more: {named}. If a "
                "photo was edited, decide on it again."
            )
        else:
            yield (
                f"{ignored}, which is not in config.yaml: {named}. Correct the column "
                "`set`, or add the set to `queries`."
            )


def digest(overrides: pa.Table, collection: str) -> str:
    """Return a digest of the overrides of a collection; "" if there are none."""
    rows = overrides.filter(pc.equal(overrides["collection"], collection)).to_pylist()
    return hashlib.sha256(repr(rows).encode()).hexdigest() if rows else ""


def apply(table: pa.Table, overrides: pa.Table, collection: str) -> pa.Table:
    """Return the manifest `table` of a collection with its overrides, sorted by image.

    A file that is left out gets a fault. See `OVERRIDDEN` for the columns.
    """
    own = overrides.filter(pc.equal(overrides["collection"], collection))
    row = pc.index_in(table["content_id"], own["content_id"], skip_nulls=True)
    decision = own["decision"].take(row)
    left_out = pc.fill_null(pc.equal(decision, OUT), False)
    changed = pa.table(
        {
            "image": table["image"],
            "file": table["file"],
            "label": pc.coalesce(own["label"].take(row), table["label"]),
            "content_id": table["content_id"],
            "fault": pc.if_else(left_out, LEFT_OUT, table["fault"]),
            "product": table["product"],
            "added": table["added"],
            "row": table["row"],
            "original_label": table["label"],
            "decision": decision,
            "set": pa.repeat(collection, len(table)),
        },
        schema=OVERRIDDEN.schema,
    )
    adopted = own.filter(pc.is_valid(own["image"]))
    if not len(adopted):
        return changed
    for name in ("fault", "added", "row"):
        adopted = adopted.append_column(name, pa.nulls(len(adopted), pa.string()))
    members = adopted.select(OVERRIDDEN.names).cast(OVERRIDDEN.schema)
    return pa.concat_tables([changed, members]).sort_by("image")


def _held(table: pa.Table, content_ids: Iterable[str]) -> dict[str, _File]:
    """Return the first file of each of `content_ids` in a manifest."""
    wanted = pa.array(content_ids, pa.string())
    rows = table.filter(pc.is_in(table["content_id"], wanted, skip_nulls=True))
    names = ("content_id", "image", "file", "label", "product")
    # Reversed, since the last of equal keys counts.
    return {
        row["content_id"]: _File(row["image"], row["file"], row["label"], row["product"])
        for row in reversed(rows.select(names).to_pylist())
    }


def _overrides_of(
    made: Sequence[Decision], held: Mapping[str, _File], taken: Collection[str]
) -> Iterator[_Override]:
    """Yield the overrides for one content in all collections.

    Args:
        made: the decisions on it, the latest of each subject.
        held: its file in each collection that has it.
        taken: names in the catalogue that could be names of queries.
    """
    joined = joining(made)
    home = _home(joined, held) if joined else None
    member = _of_member(made, joined, home) if joined and home else None
    for name in held:
        here = [one for one in made if one.set == name and (joined or one.decision != CATALOGUE)]
        if joined and name in (home, CATALOGUE):
            here.append(joined)
        if last := latest(here):
            label = member.label if member and last is joined else last.label
            yield _Override(name, last.content_id, last.decision, label)
    if member and home:
        found = held[home]
        yield _Override(
            collection=CATALOGUE,
            content_id=member.content_id,
            decision=member.decision,
            label=member.label,
            image=_name(home, found.image, taken),
            file=found.file,
            original_label=found.original_label,
            set=home,
            product=found.product,
        )


def _home(joined: Decision, held: Mapping[str, _File]) -> str | None:
    """Return the query set whose file joins the catalogue; None if the catalogue has the content.

    A file that was moved into another set after the decision still joins.
    """
    if CATALOGUE in held:
        return None
    return joined.set if joined.set in held else next(iter(held), None)


def _of_member(made: Sequence[Decision], joined: Decision, home: str) -> Decision:
    """Return the decision on the class of a query that is in the catalogue.

    It is the latest one, whether it was made in the catalogue or in the query set.
    """
    on_class = [one for one in made if one.set in (home, CATALOGUE) and one.decision != OUT]
    return max([*reversed(on_class), joined], key=attrgetter("when"))


def _name(query_set: str, image: str, taken: Collection[str]) -> str:
    """Return the name of a query in the catalogue, different from all files there."""
    name = f"{query_set}:{image}"
    return name if name not in taken else _name(query_set, name, taken)
