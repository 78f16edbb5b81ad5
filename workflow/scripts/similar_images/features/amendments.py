"""Amendments: what the decisions of people change in the collections, by the contents of files.

The plan works out which decision concerns which collection, and each collection applies its own.
Nobody's photos are touched.
"""

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from ..photos.decisions import CATALOGUE, OUT, RIGHT, WRONG, Decision
from . import manifest

LEFT_OUT = "left out by a decision"
# What the name of a query begins with that is a member of the catalogue.
_OF_QUERY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*:")

SCHEMA = pa.schema(
    [
        ("collection", pa.string()),
        ("content_id", pa.string()),
        ("decision", pa.string()),
        ("label", pa.string()),
        # Of a query that becomes a member of the catalogue: what it is called there, its file,
        # its label as it came, the set that it is from, and its product.
        ("image", pa.string()),
        ("file", pa.binary()),
        ("given", pa.string()),
        ("set", pa.string()),
        ("product", pa.string()),
    ]
)
# A manifest with what was decided: the label as it came, the decision, and the collection that
# the file is from.
AMENDED = pa.schema(
    [*manifest.SCHEMA, ("given", pa.string()), ("decision", pa.string()), ("set", pa.string())]
)


class _File(NamedTuple):
    """A file of a collection: path in it, path to open, its label as it came, and its product."""

    image: str
    file: bytes
    given: str | None
    product: str | None


class _Amendment(NamedTuple):
    """A row of the amendments."""

    collection: str
    content_id: str
    decision: str
    label: str | None
    image: str | None = None
    file: bytes | None = None
    given: str | None = None
    set: str | None = None
    product: str | None = None


def build(decided: Mapping[str, Decision], manifests: Mapping[str, pa.Table]) -> pa.Table:
    """Return what `decided` changes in the collections, sorted by content, see `SCHEMA`.

    A decision holds for the collection that it was made in, one for the catalogue in both. A
    decision on a content that its collection holds no longer changes nothing.

    Args:
        decided: decisions by content id.
        manifests: of the collections; the first is the catalogue's.
    """
    files = {name: _held(table, decided) for name, table in manifests.items()}
    images = manifests[CATALOGUE]["image"]
    taken = set(images.filter(pc.match_substring(images, ":")).to_pylist())
    rows: list[_Amendment] = []
    for content_id, decision in sorted(decided.items()):
        held = {name: found[content_id] for name, found in files.items() if content_id in found}
        rows += _amend(decision, held, taken)
    return pa.Table.from_pylist([row._asdict() for row in rows], schema=SCHEMA)


def sentence(decided: Mapping[str, Decision], amendments: pa.Table) -> str:
    """Return what to tell of the decisions and what came of them."""
    lost = len(decided) - len(amendments["content_id"].unique())
    told = f"; {lost} of them change nothing: their photos are not there any more" if lost else ""
    return f"{len(decided)} decisions{told}"


def digest(amendments: pa.Table, collection: str) -> str:
    """Return what changes when the amendments of a collection do; "" where there are none."""
    rows = amendments.filter(pc.equal(amendments["collection"], collection)).to_pylist()
    return hashlib.sha256(repr(rows).encode()).hexdigest() if rows else ""


def amend(table: pa.Table, amendments: pa.Table, collection: str) -> pa.Table:
    """Return the manifest `table` of a collection as it was decided, sorted by image.

    A file that is left out gets a fault; see `AMENDED`.
    """
    own = amendments.filter(pc.equal(amendments["collection"], collection))
    row = pc.index_in(table["content_id"], own["content_id"], skip_nulls=True)
    decision = own["decision"].take(row)
    left_out = pc.fill_null(pc.equal(decision, OUT), False)
    amended = pa.table(
        {
            "image": table["image"],
            "file": table["file"],
            "label": pc.coalesce(own["label"].take(row), table["label"]),
            "content_id": table["content_id"],
            "fault": pc.if_else(left_out, LEFT_OUT, table["fault"]),
            "product": table["product"],
            "given": table["label"],
            "decision": decision,
            "set": pa.repeat(collection, len(table)),
        },
        schema=AMENDED,
    )
    adopted = own.filter(pc.is_valid(own["image"]))
    if not len(adopted):
        return amended
    faults = pa.nulls(len(adopted), pa.string())
    columns = [faults if name == "fault" else adopted[name] for name in AMENDED.names]
    return pa.concat_tables([amended, pa.table(columns, schema=AMENDED)]).sort_by("image")


def _held(table: pa.Table, content_ids: Iterable[str]) -> dict[str, _File]:
    """Return for each of `content_ids` that a manifest holds the first of its files."""
    wanted = pa.array(content_ids, pa.string())
    rows = table.filter(pc.is_in(table["content_id"], wanted, skip_nulls=True))
    names = ("content_id", "image", "file", "label", "product")
    columns = (rows[name].to_pylist() for name in names)
    # The last of equal keys stands.
    return {id_: _File(*rest) for id_, *rest in reversed(list(zip(*columns, strict=True)))}


def _amend(
    decision: Decision, held: Mapping[str, _File], taken: Collection[str]
) -> Iterator[_Amendment]:
    """Yield what a decision changes in the collections that hold its content.

    Args:
        decision: on one content.
        held: the file of each collection that holds it.
        taken: names in the catalogue that could be those of queries.
    """
    content_id, label = decision.content_id, decision.label
    queries = [name for name in held if name != CATALOGUE]
    if decision.decision != CATALOGUE and not _of_member(decision, held):
        if decision.set in held:
            yield _Amendment(decision.set, content_id, decision.decision, label)
        return
    for name in [decision.set] if decision.set in queries else queries[:1]:
        yield _Amendment(name, content_id, CATALOGUE, label)
        if CATALOGUE not in held:
            image, file, given, product = held[name]
            yield _Amendment(
                *(CATALOGUE, content_id, decision.decision, label),
                *(_name(name, image, taken), file, given, name),
                product=product,
            )
    if CATALOGUE in held:
        yield _Amendment(CATALOGUE, content_id, decision.decision, label)


def _of_member(decision: Decision, held: Mapping[str, _File]) -> bool:
    """Tell whether a decision of the catalogue is about a query that was taken into it.

    It confirms or corrects the label of a member and is the last word on it, so the query remains
    one.
    """
    return (
        decision.set == CATALOGUE
        and decision.decision in (RIGHT, WRONG)
        and CATALOGUE not in held
        and _OF_QUERY.match(decision.image) is not None
    )


def _name(query_set: str, image: str, taken: Collection[str]) -> str:
    """Return what a query is called in the catalogue, where no file may be called so, too."""
    name = f"{query_set}:{image}"
    return name if name not in taken else _name(query_set, name, taken)
