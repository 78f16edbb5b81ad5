"""Tests of the search of whole collections, in blocks and in parts."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogues import Rows, lay_out, reference
from similar_images.features.images import Stream
from similar_images.features.index import Index
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
    asked: Rows = [("b", None, 3), ("a", "x", 0), ("c", "y", 11)]
    queries = Stream(lay_out(folder / "queries", asked, 1))
    path = lay_out(folder / "catalogue", catalogue, size)
    found = [neighbours.find(queries, Stream(path, n, parts), 4) for n in range(parts)]
    gathered = neighbours.gather(found, 4)
    assert gathered.schema.equals(neighbours.SCHEMA)
    assert gathered.to_pylist() == reference(asked, catalogue, 4)
    if parts == 1:
        assert gathered.equals(found[0])


@pytest.mark.parametrize("parts", [1, 2, 3, 7])
def test_the_parts_are_the_whole_and_share_nothing(tmp_path: Path, parts: int) -> None:
    rows: Rows = [(f"{n:02}", "x", n) for n in range(20)]
    path = lay_out(tmp_path, rows, 4)
    found = [index.paths for n in range(parts) for index in Stream(path, n, parts)]
    assert found == [index.paths for index in Stream(path)]
    assert sorted(image for images in found for image in images) == [row[0] for row in rows]


@pytest.mark.parametrize("group", [1, 2, 7, 100])
def test_the_answer_does_not_depend_on_how_much_is_in_memory_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, group: int
) -> None:
    asked: Rows = [(f"{n}", None, n) for n in range(9)]
    catalogue: Rows = [(f"{n:02}", "x", n) for n in range(20)]
    queries = Stream(lay_out(tmp_path / "queries", asked, 2))
    monkeypatch.setattr(neighbours, "QUERIES", group)
    monkeypatch.setattr(exact, "ROWS", group)
    found = neighbours.find(queries, Stream(lay_out(tmp_path / "catalogue", catalogue, 3)), 4)
    assert found.to_pylist() == reference(asked, catalogue, 4)


def test_of_equal_bytes_only_the_first_of_each_class_counts() -> None:
    index = Index(
        "network", "model", list("abcde"), list("xxyyx"), list("44441"), np.zeros((5, 1), "f4")
    )
    assert neighbours.first_of_equals(index).tolist() == [True, False, True, False, True]
