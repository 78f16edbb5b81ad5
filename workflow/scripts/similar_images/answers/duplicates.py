"""Queries that stand in the catalogue already, with the same bytes or almost the same pixels.

An answer to such a query says little of how good the answers are: it was found, not recognised.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from ..photos import perceptual
from ..photos.decisions import CATALOGUE

# The nearest neighbours of a query that are looked at.
NEAREST = 3
# Only pictures this similar (cosine) are compared by their hashes, and of these hashes at most so
# many bits may differ: see docs/audit.md for how both were chosen.
SIMILAR = 0.85
BITS = 60

KINDS = ("exact", "near")
# Returns the perceptual hashes of files, given by content id.
Hashes = Callable[[Mapping[str, bytes]], Mapping[str, bytes]]


class Duplicate(NamedTuple):
    """A query that stands in the catalogue.

    Attributes:
        image: path in the query set.
        duplicate: one of `KINDS`: "exact" where the bytes are the same, "near" where the pixels
            almost are.
        duplicate_of: path of the catalogue's image.
    """

    image: str
    duplicate: str
    duplicate_of: str


def find(
    neighbours: pa.Table,
    queries: pa.Table,
    catalogue: pa.Table,
    hashes: Hashes,
) -> list[Duplicate]:
    """Return the queries that stand in the catalogue, sorted by path.

    Near duplicates are looked for among the `NEAREST` neighbours of each query.

    Args:
        neighbours: of the readable queries, see `neighbours.SCHEMA`.
        queries: the readable images of the query set, see `images.SCHEMA`.
        catalogue: those of the catalogue. A query that was taken into it is no copy of itself.
        hashes: returns the perceptual hashes of files, given by content id.
    """
    content_ids = dict(_columns(queries, neighbours["image"], "image", "content_id"))
    own = catalogue.filter(pc.equal(catalogue["set"], CATALOGUE))
    copies = dict(reversed(_columns(own, content_ids.values(), "content_id", "image")))
    exact = {image: copies[id_] for image, id_ in content_ids.items() if id_ in copies}
    near = _near(_pairs(neighbours, exact), queries, catalogue, hashes)
    return sorted(
        [
            *(Duplicate(image, "exact", copy) for image, copy in exact.items()),
            *(Duplicate(image, "near", copy) for image, copy in near.items()),
        ]
    )


def bits_apart(hashes: Mapping[str, bytes], one: str, other: str) -> int | None:
    """Return by how many bits the `hashes` of two contents differ; None where they are not alike.

    Neither are those of which a hash is missing.
    """
    if one not in hashes or other not in hashes:
        return None
    bits = perceptual.distance(hashes[one], hashes[other])
    return bits if bits <= BITS else None


def _columns(
    images: pa.Table, wanted: Iterable[Any], key: str, *others: str
) -> list[tuple[Any, ...]]:
    """Return columns of those rows of `images` whose `key` is `wanted`, in the table's order."""
    rows = images.filter(pc.is_in(images[key], pa.array(wanted, pa.string())))
    return list(zip(*(rows[name].to_pylist() for name in (key, *others)), strict=True))


def _pairs(neighbours: pa.Table, exact: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return queries, but for `exact` ones, each with a neighbour that is similar enough."""
    return [
        (query["image"], other)
        for query in neighbours.to_pylist()
        if query["image"] not in exact
        for other, similarity in islice(
            zip(query["similar"], query["similarity"], strict=True), NEAREST
        )
        if similarity >= SIMILAR
    ]


def _near(
    pairs: Sequence[tuple[str, str]], queries: pa.Table, catalogue: pa.Table, hashes: Hashes
) -> dict[str, str]:
    """Return those of `pairs` that show one picture; of several for a query the closest."""
    ours = _contents(queries, {query for query, _ in pairs})
    theirs = _contents(catalogue, {other for _, other in pairs})
    known = hashes(dict([*ours.values(), *theirs.values()]))
    found: dict[str, tuple[int, str]] = {}
    for query, other in pairs:
        bits = bits_apart(known, ours[query][0], theirs[other][0])
        if bits is not None and (query not in found or bits < found[query][0]):
            found[query] = bits, other
    return {query: other for query, (_, other) in found.items()}


def _contents(images: pa.Table, names: Iterable[str]) -> dict[str, tuple[str, bytes]]:
    """Return content id and path to open of the images with these `names`."""
    rows = _columns(images, sorted(names), "image", "content_id", "file")
    return {image: (content_id, file) for image, content_id, file in rows}
