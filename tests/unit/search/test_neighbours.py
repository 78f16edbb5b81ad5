"""Tests of the search of whole collections, in blocks and in parts."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogues import Rows, lay_out, reference
from similar_images.features import sharded_features
from similar_images.features.feature_table import FeatureTable
from similar_images.features.sharded_features import ShardedFeatures
from similar_images.search import exact, neighbours

catalogues = st.lists(
    st.tuples(st.text("ab", max_size=4), st.sampled_from("xy"), st.integers(0, 9)),
    unique_by=lambda row: row[0],
    max_size=20,
)


@given(catalogue=catalogues, size=st.integers(1, 9), parts=st.sampled_from([1, 2, 7]))
def test_the_answer_is_exact_whatever_the_shards_and_parts(
    tmp_path_factory: pytest.TempPathFactory, catalogue: Rows, size: int, parts: int
) -> None:
    folder = tmp_path_factory.mktemp("search")
    wanted: Rows = [("b", None, 3), ("a", "x", 0), ("c", "y", 11)]
    queries = ShardedFeatures(lay_out(folder / "queries", wanted, 1))
    path = lay_out(folder / "catalogue", catalogue, size)
    found = [neighbours.find(queries, ShardedFeatures(path, n, parts), 4) for n in range(parts)]
    gathered = neighbours.join_parts(found, 4)
    assert gathered.schema.equals(neighbours.TABLE.schema)
    assert gathered.to_pylist() == reference(wanted, catalogue, 4)
    if parts == 1:
        assert gathered.equals(found[0])


@pytest.mark.parametrize("count", [1, 3, 9])
def test_the_first_of_the_neighbours_are_what_is_found_for_fewer(
    tmp_path: Path, count: int
) -> None:
    queries = ShardedFeatures(lay_out(tmp_path / "queries", [("a", "x", 0), ("b", None, 3)], 1))
    catalogue = ShardedFeatures(
        lay_out(tmp_path / "catalogue", [(f"{n}", "x", n) for n in range(7)], 4)
    )
    found = neighbours.first(neighbours.find(queries, catalogue, 5), count)
    assert found.equals(neighbours.find(queries, catalogue, min(count, 5)))


@pytest.mark.parametrize("parts", [1, 2, 3, 7])
def test_the_parts_are_the_whole_and_share_nothing(tmp_path: Path, parts: int) -> None:
    rows: Rows = [(f"{n:02}", "x", n) for n in range(20)]
    path = lay_out(tmp_path, rows, 4)
    found = [index.paths for n in range(parts) for index in ShardedFeatures(path, n, parts)]
    assert found == [index.paths for index in ShardedFeatures(path)]
    assert sorted(image for images in found for image in images) == [row[0] for row in rows]


@pytest.mark.parametrize("group", [1, 2, 7, 100])
def test_the_answer_does_not_depend_on_how_much_is_in_memory_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, group: int
) -> None:
    wanted: Rows = [(f"{n}", None, n) for n in range(9)]
    catalogue: Rows = [(f"{n:02}", "x", n) for n in range(20)]
    queries = ShardedFeatures(lay_out(tmp_path / "queries", wanted, 2))
    monkeypatch.setattr(neighbours, "QUERIES", group)
    monkeypatch.setattr(exact, "ROWS", group)
    found = neighbours.find(
        queries, ShardedFeatures(lay_out(tmp_path / "catalogue", catalogue, 3)), 4
    )
    assert found.to_pylist() == reference(wanted, catalogue, 4)


def test_of_equal_bytes_only_the_first_of_each_class_counts() -> None:
    index = FeatureTable(
        "network", "model", list("abcde"), list("xxyyx"), list("44441"), np.zeros((5, 1), "f4")
    )
    assert neighbours.first_of_equals(index).tolist() == [True, False, True, False, True]


def members(*rows: tuple[str, ...]) -> pa.Table:
    """Return readable images of rows (path, content, set, shard), or these and their product."""
    names = ("image", "content_id", "set", "shard", "product")
    table = [dict(zip(names, row, strict=False)) for row in rows]
    return pa.Table.from_pylist(table, schema=sharded_features.TABLE.schema)


def test_queries_that_were_moved_into_the_catalogue_are_known_by_their_content(
    tmp_path: Path,
) -> None:
    catalogue = members(
        ("a", "1", "catalogue", "one"),
        ("new:b", "2", "new", "two"),
        ("d", "4", "catalogue", "two"),
        ("a-set:c", "3", "a-set", "three"),
    )
    sharded_features.write(tmp_path / "images.parquet", catalogue)
    taken = sharded_features.from_queries(tmp_path / "images.parquet")
    assert sorted(taken["image"].to_pylist()) == ["a-set:c", "new:b"]
    queries = members(
        *((name, id_, "new", "one") for name, id_ in zip("pqrs", "1223", strict=True))
    )
    expected = {"q": {"new:b"}, "r": {"new:b"}, "s": {"a-set:c"}}
    assert neighbours.own_members(queries, taken) == expected
    sharded_features.write(tmp_path / "images.parquet", catalogue.slice(0, 1))
    none = sharded_features.from_queries(tmp_path / "images.parquet")
    assert len(none) == 0
    assert neighbours.own_members(queries, none) == {}


def test_moved_photos_of_a_product_are_no_neighbours_of_its_photos() -> None:
    taken = members(("new:a", "1", "new", "s", "P1"), ("new:b", "2", "new", "s", "P1"))
    queries = members(
        *(("a", "1", "new", "s", "P1"), ("c", "3", "new", "s", "P1"), ("d", "4", "new", "s", "P2")),
        *(("e", "5", "new", "s"), ("f", "2", "new", "s")),
    )
    own = neighbours.own_members(queries, taken)
    assert own == {"a": {"new:a", "new:b"}, "c": {"new:a", "new:b"}, "f": {"new:b"}}
    found = {"image": "c", "similar": ["new:a", "x", "new:b"], "class": ["u", "v", "w"]}
    table = pa.Table.from_pylist([found | {"similarity": [0.9, 0.8, 0.7]}], neighbours.TABLE.schema)
    (left,) = neighbours.without_own(table, own, 1).to_pylist()
    assert (left["similar"], left["class"], left["similarity"]) == (["x"], ["v"], [0.8])


@given(rows=catalogues, parts=st.integers(1, 3))
def test_a_query_that_was_moved_into_the_catalogue_does_not_find_itself(
    tmp_path_factory: pytest.TempPathFactory, rows: Rows, parts: int
) -> None:
    folder = tmp_path_factory.mktemp("own")
    wanted: Rows = [("p", "x", 20), ("q", "x", 21), ("r", None, 3)]
    queries = ShardedFeatures(lay_out(folder / "queries", wanted, 1))
    own = {"p": {"new:p"}, "q": {"new:q"}}
    path = lay_out(folder / "catalogue", [*rows, ("new:p", "x", 20), ("new:q", "y", 21)], 2)
    found = neighbours.join_parts(
        [
            neighbours.without_own(
                neighbours.find(queries, ShardedFeatures(path, n, parts), 4), own, 3
            )
            for n in range(parts)
        ],
        3,
    )
    expected = []
    for query in wanted:
        others = [("new:p", "x", 20), ("new:q", "y", 21)]
        rest = [row for row in others if row[0] not in own.get(query[0], ())]
        expected += reference([query], [*rows, *rest], 3)
    assert found.to_pylist() == expected
