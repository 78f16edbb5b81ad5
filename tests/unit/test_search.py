"""Tests of the search, against one that compares everything with everything."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from similar_images import search

SMALL = st.integers(-3, 3)


def features(rows: int, dimension: int = 16, seed: int = 0) -> NDArray[np.float32]:
    drawn = np.random.default_rng(seed).standard_normal((rows, dimension)).astype(np.float32)
    search.normalise(drawn)
    return drawn


def reference(
    queries: NDArray[Any], catalogue: NDArray[Any], count: int, eligible: NDArray[np.bool_]
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    similarities = queries.astype(np.float64) @ catalogue.T.astype(np.float64)
    rows = np.flatnonzero(eligible)
    order = np.argsort(-similarities[:, rows], axis=1, kind="stable")[:, :count]
    return rows[order], np.take_along_axis(similarities, rows[order], axis=1)


@st.composite
def problems(draw: st.DrawFn, most: int = 40) -> Any:
    """Draw queries, catalogue, count and eligible rows; whole numbers, so that sums are exact."""
    n, q, d = draw(st.integers(0, most)), draw(st.integers(0, 5)), draw(st.integers(1, 4))
    return (
        draw(arrays(np.float32, (q, d), elements=SMALL)),
        draw(arrays(np.float32, (n, d), elements=SMALL)),
        draw(st.integers(1, 12)),
        draw(arrays(np.bool_, n)),
    )


@given(problem=problems(), rows=st.integers(1, 9), queries=st.integers(1, 3))
def test_the_largest_similarities_are_found_in_blocks_of_any_size(
    problem: Any, rows: int, queries: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "ROWS", rows)
        patch.setattr(search, "QUERIES", queries)
        patch.setattr(search, "SPARE", 0)
        found, similarities = search.nearest(*problem)
    asked, catalogue, _, eligible = problem
    _, expected = reference(*problem)
    assert_array_equal(similarities, expected)
    assert eligible[found].all()
    assert all(len(set(row)) == len(row) for row in found)
    for query, row, values in zip(asked, found, similarities, strict=True):
        assert_array_equal(catalogue[row] @ query, values)


@given(problem=problems(most=16), rows=st.integers(1, 9), queries=st.integers(1, 3))
def test_equal_similarities_are_ranked_by_row(problem: Any, rows: int, queries: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "ROWS", rows)
        patch.setattr(search, "QUERIES", queries)
        found, _ = search.nearest(*problem)
    assert_array_equal(found, reference(*problem)[0])


@pytest.mark.parametrize("block", [16, 16_384])
def test_many_equal_rows_are_ranked_by_row(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr(search, "ROWS", block)
    catalogue = np.repeat(features(1), 60, axis=0)
    found, _ = search.nearest(features(1, seed=1), catalogue, 5, np.ones(60, np.bool_))
    assert found.tolist() == [[0, 1, 2, 3, 4]]


@pytest.mark.parametrize("dimension", [512, 1280, 1536])
def test_equal_rows_have_equal_similarities_wherever_they_stand(dimension: int) -> None:
    catalogue = features(40, dimension)
    catalogue[1::2] = catalogue[0]
    _, similarities = search.nearest(catalogue[:3], catalogue, 40, np.ones(40, np.bool_))
    for values, query in zip(similarities, catalogue[:3], strict=True):
        expected = catalogue[0].astype(np.float64) @ query
        assert len(set(values[np.isclose(values, expected, rtol=0, atol=1e-9)])) == 1


def test_the_result_does_not_depend_on_the_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    queries, catalogue = features(20, 1536, seed=1), features(300, 1536)
    eligible = np.arange(300) % 3 > 0
    expected = search.nearest(queries, catalogue, 10, eligible)
    assert_array_equal(expected[0], reference(queries, catalogue, 10, eligible)[0])
    for rows, block in [(1, 1), (37, 7), (299, 20)]:
        monkeypatch.setattr(search, "ROWS", rows)
        monkeypatch.setattr(search, "QUERIES", block)
        found = search.nearest(queries, catalogue, 10, eligible)
        assert_array_equal(found[0], expected[0])
        assert_array_equal(found[1], expected[1])


def test_similarities_are_cosines() -> None:
    catalogue = np.array([[3, 4], [-6, -8], [0, 0], [4, 3]], np.float32)
    search.normalise(catalogue)
    found, similarities = search.nearest(catalogue[:1], catalogue, 4, np.ones(4, np.bool_))
    assert found.tolist() == [[0, 3, 2, 1]]
    assert similarities.dtype == np.float64
    assert_allclose(similarities, [[1, 24 / 25, 0, -1]], atol=1e-6)


@pytest.mark.parametrize(
    ("queries", "rows", "eligible", "found"),
    [(0, 5, 5, 3), (4, 5, 2, 2), (4, 5, 0, 0), (4, 0, 0, 0)],
)
def test_where_there_are_fewer_rows_all_are_found(
    queries: int, rows: int, eligible: int, found: int
) -> None:
    mask = np.arange(rows) < eligible
    result, similarities = search.nearest(features(queries), features(rows), 3, mask)
    assert result.shape == similarities.shape == (queries, found)
    assert {int(row) for row in result.ravel()} <= set(range(eligible))


def test_normalising_leaves_zero_rows_and_makes_the_others_one_long() -> None:
    values = np.array([[0, 0], [3, 4], [1e-12, 0], [1e15, 1e15]], np.float32)
    search.normalise(values)
    assert_array_equal(values[0], 0)
    assert_allclose(np.linalg.norm(values[1:], axis=1), 1, rtol=1e-6)
