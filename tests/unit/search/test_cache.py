"""Tests of what is remembered of earlier searches."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogues import Rows, lay_out, reference
from similar_images.features.sharded_features import ShardedFeatures
from similar_images.search import approximate, cache, neighbours

COUNT = 4
QUERIES: Rows = [("a", "x", 0), ("b", None, 3), ("c", "y", 11)]
CATALOGUE: Rows = [(f"{n:02}", "x", n) for n in range(20)]


@dataclass
class Search:
    """Searches in a folder, and counts the pairs of query and image that it searched."""

    folder: Path
    key: str = "key"
    approximate: bool = False
    searched: list[tuple[int, int]] = field(default_factory=list)

    def find(self, queries: ShardedFeatures, catalogue: ShardedFeatures) -> pa.Table:
        self.searched.append((len(queries.images()), len(catalogue.images())))
        if not self.approximate:
            return neighbours.find(queries, catalogue, COUNT)
        whole = replace(catalogue, only=None)
        index = approximate.build(whole, whole.images(), COUNT)
        return approximate.find(queries, index, whole.images(), COUNT, only=catalogue.only)

    def __call__(self, queries: Rows, catalogue: Rows, size: int = 3) -> list[dict[str, Any]]:
        self.searched.clear()
        found = cache.search(
            ShardedFeatures(lay_out(self.folder / "queries", queries, 1)),
            ShardedFeatures(lay_out(self.folder / "catalogue", catalogue, size)),
            COUNT,
            self.find,
            self.folder / "cache",
            self.key,
        )
        assert found.schema.equals(neighbours.TABLE.schema)
        rows: list[dict[str, Any]] = found.to_pylist()
        return rows

    @property
    def pairs(self) -> int:
        return sum(queries * images for queries, images in self.searched)


@pytest.fixture
def search(tmp_path: Path) -> Search:
    done = Search(tmp_path)
    done(QUERIES, CATALOGUE)
    assert done.pairs == len(QUERIES) * len(CATALOGUE)
    return done


def test_what_was_searched_is_not_searched_again(search: Search) -> None:
    assert search(QUERIES, CATALOGUE) == reference(QUERIES, CATALOGUE, COUNT)
    assert search.pairs == 0


def test_a_new_query_is_searched_alone(search: Search) -> None:
    queries: Rows = [*QUERIES, ("d", "x", 7)]
    assert search(queries, CATALOGUE) == reference(queries, CATALOGUE, COUNT)
    assert search.pairs == len(CATALOGUE)


def test_old_queries_are_compared_with_new_images_alone(search: Search) -> None:
    catalogue: Rows = [*CATALOGUE, ("new", "y", 30), ("near", "y", 3)]
    assert search(QUERIES, catalogue) == reference(QUERIES, catalogue, COUNT)
    assert search.pairs == len(QUERIES) * 2


def test_only_those_who_had_it_near_are_searched_again_when_an_image_goes(search: Search) -> None:
    gone = search(QUERIES, CATALOGUE)[1]["similar"][0]
    catalogue = [row for row in CATALOGUE if row[0] != gone]
    had_it = [row for row in reference(QUERIES, CATALOGUE, COUNT) if gone in row["similar"]]
    assert search(QUERIES, catalogue) == reference(QUERIES, catalogue, COUNT)
    assert search.pairs == len(had_it) * len(catalogue)
    assert len(had_it) < len(QUERIES)


def test_renamed_and_relabelled_queries_are_not_searched_again(search: Search) -> None:
    queries: Rows = [("z", "y", 0), ("b", "x", 3), ("copy", "x", 3)]
    assert search(queries, CATALOGUE) == reference(queries, CATALOGUE, COUNT)
    assert search.pairs == 0


@pytest.mark.parametrize("name", ["answers.parquet", "catalogue.parquet"])
@pytest.mark.parametrize("damage", [b"", b"PAR1 is how it begins", None])
def test_a_damaged_cache_is_ignored(search: Search, name: str, damage: bytes | None) -> None:
    file = search.folder / "cache" / name
    file.unlink() if damage is None else file.write_bytes(damage)
    assert search(QUERIES, CATALOGUE) == reference(QUERIES, CATALOGUE, COUNT)
    assert search.pairs == len(QUERIES) * len(CATALOGUE)


def test_under_another_key_the_cache_is_empty(search: Search) -> None:
    search.key = "other settings"
    search(QUERIES, CATALOGUE)
    assert search.pairs == len(QUERIES) * len(CATALOGUE)


def test_killed_between_its_files_it_leaves_no_cache_of_another_catalogue(
    search: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(path: Path, table: pa.Table) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cache.ANSWERS, "write", killed)
    grown: Rows = [*CATALOGUE, ("near", "y", 3)]
    with pytest.raises(KeyboardInterrupt):
        search(QUERIES, grown)
    monkeypatch.undo()
    assert search(QUERIES, grown) == reference(QUERIES, grown, COUNT)


collections = st.lists(
    st.tuples(st.text("ab", max_size=3), st.sampled_from("xy"), st.integers(0, 9)),
    unique_by=lambda row: row[0],
    max_size=12,
)


@given(
    days=st.lists(st.tuples(collections, collections, st.integers(1, 4)), min_size=2, max_size=4)
)
def test_whatever_comes_and_goes_the_answer_is_that_of_a_new_search(
    tmp_path_factory: pytest.TempPathFactory, days: list[tuple[Rows, Rows, int]]
) -> None:
    search = Search(tmp_path_factory.mktemp("search"))
    for queries, catalogue, size in days:
        assert search(queries, catalogue, size) == reference(queries, catalogue, COUNT)


@pytest.mark.parametrize("change", ["relabelled", "renamed"])
def test_an_approximate_search_counts_no_image_twice_after_one_has_another_name_or_class(
    tmp_path: Path, change: str
) -> None:
    changed: Rows = [
        ("0", "x", 0) if change == "renamed" else ("00", "y", 0),
        *CATALOGUE[1:],
    ]
    expected = Search(tmp_path / "new", approximate=True)(QUERIES, changed)
    search = Search(tmp_path / "kept", approximate=True)
    search(QUERIES, CATALOGUE)
    assert search(QUERIES, changed) == expected
    assert all(len(set(row["similar"])) == COUNT for row in expected)


def test_neighbours_that_are_in_two_parts_are_refused(tmp_path: Path) -> None:
    part = neighbours.find(
        ShardedFeatures(lay_out(tmp_path / "queries", QUERIES, 1)),
        ShardedFeatures(lay_out(tmp_path / "catalogue", CATALOGUE, 3)),
        COUNT,
    )
    with pytest.raises(ValueError, match="same neighbour in two parts"):
        neighbours.join_parts([part, part], COUNT)
