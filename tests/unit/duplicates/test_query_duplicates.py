"""Tests of the queries that are in the catalogue."""

from collections.abc import Callable, Collection, Mapping

import pyarrow as pa

from similar_images.duplicates.query_duplicates import SIMILAR, QueryDuplicate, find
from similar_images.duplicates.registration import COPY, Likeness, Pair
from similar_images.features import sharded_features
from similar_images.search import neighbours


def comparing(mirrored: bool = False, **apart: float) -> Callable[..., dict[Pair, Likeness]]:
    """Return a comparison by which x, the content of the query, differs so much from others."""
    return lambda pairs, files: {("x", other): Likeness(apart[other], mirrored) for other in apart}


def listing(**content_ids: str) -> pa.Table:
    """Return readable images with these contents; names of queries begin with new_."""
    rows = [
        {
            "image": name,
            "file": name.encode(),
            "label": "boots",
            "content_id": content_id,
            "set": "new" if name.startswith("new_") else "catalogue",
        }
        for name, content_id in content_ids.items()
    ]
    return pa.Table.from_pylist(rows, schema=sharded_features.TABLE.schema)


def found_for(*similar: tuple[str, float]) -> pa.Table:
    """Return the neighbours of one query, q."""
    names, similarities = zip(*similar, strict=True)
    columns = ["q"], ["boots"], [list(names)], [["boots"] * len(names)], [list(similarities)]
    return pa.table(
        dict(zip(neighbours.TABLE.schema.names, columns, strict=True)), neighbours.TABLE.schema
    )


def test_the_same_bytes_are_an_exact_duplicate_of_the_first_image_that_has_them() -> None:
    def compare(pairs: Collection[Pair], files: Mapping[str, bytes]) -> dict[Pair, Likeness]:
        assert not pairs
        return {}

    found = find(found_for(("b", 1.0)), listing(q="x"), listing(a="x", b="x", c="y"), compare)
    assert found == [QueryDuplicate("q", "exact", "a")]


def test_a_query_that_was_moved_into_the_catalogue_is_no_duplicate_of_itself() -> None:
    catalogue = listing(a="y", new_q="x")
    assert find(found_for(("a", 0.5)), listing(q="x"), catalogue, comparing()) == []


def test_almost_the_same_pixels_are_a_near_duplicate_of_the_closest_image() -> None:
    neighbours = found_for(("b", 0.99), ("c", 0.98), ("d", 0.97))
    catalogue = listing(b="y", c="z", d="w")
    found = find(neighbours, listing(q="x"), catalogue, comparing(y=COPY, z=0.1, w=0.2))
    assert found == [QueryDuplicate("q", "near", "c")]


def test_a_picture_that_is_a_copy_only_when_mirrored_is_a_mirrored_duplicate() -> None:
    apart = comparing(mirrored=True, y=0.1)
    found = find(found_for(("b", 0.99)), listing(q="x"), listing(b="y"), apart)
    assert found == [QueryDuplicate("q", "mirrored", "b")]


def test_of_equally_close_images_the_more_similar_one_is_named() -> None:
    neighbours, catalogue = found_for(("b", 0.99), ("a", 0.98)), listing(a="y", b="z")
    found = find(neighbours, listing(q="x"), catalogue, comparing(y=0.1, z=0.1))
    assert found == [QueryDuplicate("q", "near", "b")]


def test_pictures_further_apart_are_no_duplicate() -> None:
    apart = comparing(y=COPY + 0.01)
    assert not find(found_for(("b", 0.99)), listing(q="x"), listing(b="y"), apart)


def test_only_the_nearest_pictures_that_are_similar_are_opened() -> None:
    opened: dict[str, bytes] = {}
    compared: set[Pair] = set()

    def compare(pairs: Collection[Pair], files: Mapping[str, bytes]) -> dict[Pair, Likeness]:
        opened.update(files)
        compared.update(pairs)
        return {}

    similar = ("a", 0.99), ("b", SIMILAR), ("c", SIMILAR - 0.01), ("d", SIMILAR - 0.02)
    catalogue = listing(a="1", b="2", c="3", d="4")
    find(found_for(*similar), listing(q="x"), catalogue, compare)
    assert opened == {"x": b"q", "1": b"a", "2": b"b"}
    assert compared == {("x", "1"), ("x", "2")}


def test_a_picture_that_cannot_be_compared_is_no_duplicate() -> None:
    assert not find(found_for(("b", 0.99)), listing(q="x"), listing(b="y"), comparing())
