"""Queries that are already in the catalogue, with the same bytes or almost the same pixels.

They show little about accuracy: such a query is found, not recognised.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from ..decisions.decisions import CATALOGUE
from .registration import Likeness, Pair

# Only pictures with at least this cosine are compared: copies reach it.
SIMILAR = 0.65

KINDS = ("exact", "near", "mirrored")
# Compares pairs of contents, given a file for each.
Compare = Callable[[Collection[Pair], Mapping[str, bytes]], Mapping[Pair, Likeness]]


class QueryDuplicate(NamedTuple):
    """A query that is in the catalogue.

    Attributes:
        image: path in the query set.
        duplicate: one of `KINDS`: "exact" where the bytes are the same, "near" where the pixels
            almost are, "mirrored" where they almost are in a mirror.
        duplicate_of: path of the catalogue's image.
    """

    image: str
    duplicate: str
    duplicate_of: str


def find(
    candidates: pa.Table,
    queries: pa.Table,
    catalogue: pa.Table,
    compare: Compare,
) -> list[QueryDuplicate]:
    """Return the queries that are in the catalogue, sorted by path.

    Near duplicates are looked for among the candidates of each query.

    Args:
        candidates: the nearest images of each readable query, see `neighbours.TABLE`.
        queries: the readable images of the query set, see `sharded_features.TABLE`.
        catalogue: those of the catalogue. A query that was moved into it is no copy of itself.
        compare: compares pairs of contents, see `registration.compare_all`.
    """
    content_ids = dict(_columns(queries, candidates["image"], "image", "content_id"))
    equal = _columns(catalogue, content_ids.values(), "content_id", "image", "set")
    copies = {id_: image for id_, image, set_ in reversed(equal) if set_ == CATALOGUE}
    exact = {image: copies[id_] for image, id_ in content_ids.items() if id_ in copies}
    near = _near(_pairs(candidates, exact), queries, catalogue, compare)
    return sorted(
        [
            *(QueryDuplicate(image, "exact", copy) for image, copy in exact.items()),
            *near,
        ]
    )


def _columns(
    images: pa.Table, wanted: Iterable[Any], key: str, *others: str
) -> list[tuple[Any, ...]]:
    """Return columns of those rows of `images` whose `key` is `wanted`, in the table's order."""
    rows = images.filter(pc.is_in(images[key], pa.array(wanted, pa.string())))
    return list(zip(*(rows[name].to_pylist() for name in (key, *others)), strict=True))


def _pairs(candidates: pa.Table, exact: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return queries, but for `exact` ones, each with a candidate that is similar enough."""
    return [
        (query["image"], other)
        for query in candidates.to_pylist()
        if query["image"] not in exact
        for other, similarity in zip(query["similar"], query["similarity"], strict=True)
        if similarity >= SIMILAR
    ]


def _near(
    pairs: Sequence[tuple[str, str]], queries: pa.Table, catalogue: pa.Table, compare: Compare
) -> list[QueryDuplicate]:
    """Return those of `pairs` that show one picture; of several for a query the closest."""
    ours = _contents(queries, {query for query, _ in pairs})
    theirs = _contents(catalogue, {other for _, other in pairs})
    contents = {pair: (ours[pair[0]][0], theirs[pair[1]][0]) for pair in pairs}
    known = compare(set(contents.values()), dict([*ours.values(), *theirs.values()]))
    found: dict[str, tuple[Likeness, str]] = {}
    for (query, other), content in contents.items():
        likeness = known.get(content)
        if likeness and likeness.is_copy and (query not in found or likeness < found[query][0]):
            found[query] = likeness, other
    return [
        QueryDuplicate(query, "mirrored" if likeness.mirrored else "near", other)
        for query, (likeness, other) in found.items()
    ]


def _contents(images: pa.Table, names: Iterable[str]) -> dict[str, tuple[str, bytes]]:
    """Return content id and path to open of the images with these `names`."""
    rows = _columns(images, sorted(names), "image", "content_id", "file")
    return {image: (content_id, file) for image, content_id, file in rows}
