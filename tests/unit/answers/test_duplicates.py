"""Tests of the queries that stand in the catalogue."""

from collections.abc import Mapping

import pyarrow as pa

from similar_images.answers.duplicates import BITS, SIMILAR, Duplicate, find
from similar_images.features import images
from similar_images.search import neighbours

ONE = bytes(32)


def differing(bits: int) -> bytes:
    """Return a hash that differs from `ONE` in so many bits."""
    return ((1 << bits) - 1).to_bytes(32)


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
    return pa.Table.from_pylist(rows, schema=images.SCHEMA)


def found_for(*similar: tuple[str, float]) -> pa.Table:
    """Return the neighbours of one query, q."""
    names, similarities = zip(*similar, strict=True)
    columns = ["q"], ["boots"], [list(names)], [["boots"] * len(names)], [list(similarities)]
    return pa.table(dict(zip(neighbours.SCHEMA.names, columns, strict=True)), neighbours.SCHEMA)


def test_the_same_bytes_are_an_exact_duplicate_of_the_first_image_that_has_them() -> None:
    def hashes(files: Mapping[str, bytes]) -> dict[str, bytes]:
        assert not files
        return {}

    found = find(found_for(("b", 1.0)), listing(q="x"), listing(a="x", b="x", c="y"), hashes)
    assert found == [Duplicate("q", "exact", "a")]


def test_a_query_that_was_taken_into_the_catalogue_is_no_duplicate_of_itself() -> None:
    catalogue = listing(a="y", new_q="x")
    assert find(found_for(("a", 0.5)), listing(q="x"), catalogue, lambda files: {}) == []


def test_almost_the_same_pixels_are_a_near_duplicate_of_the_closest_image() -> None:
    known = {"x": ONE, "y": differing(BITS), "z": differing(3)}
    catalogue = listing(b="y", c="z")
    found = find(
        found_for(("b", 0.99), ("c", 0.98)), listing(q="x"), catalogue, lambda files: known
    )
    assert found == [Duplicate("q", "near", "c")]


def test_hashes_further_apart_are_no_duplicate() -> None:
    known = {"x": ONE, "y": differing(BITS + 1)}
    assert not find(found_for(("b", 0.99)), listing(q="x"), listing(b="y"), lambda files: known)


def test_only_the_nearest_pictures_that_are_similar_are_opened() -> None:
    asked: dict[str, bytes] = {}

    def hashes(files: Mapping[str, bytes]) -> dict[str, bytes]:
        asked.update(files)
        return dict.fromkeys(files, ONE)

    similar = ("a", 0.99), ("b", SIMILAR), ("c", SIMILAR - 0.01), ("d", SIMILAR - 0.02)
    catalogue = listing(a="1", b="2", c="3", d="4")
    find(found_for(*similar), listing(q="x"), catalogue, hashes)
    assert asked == {"x": b"q", "1": b"a", "2": b"b"}


def test_a_picture_that_cannot_be_hashed_is_no_duplicate() -> None:
    assert not find(
        found_for(("b", 0.99)), listing(q="x"), listing(b="y"), lambda files: {"x": ONE}
    )
