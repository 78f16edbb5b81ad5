"""Tests of the search, against one that compares everything with everything."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray
from threadpoolctl import threadpool_info, threadpool_limits

from similar_images.features.feature_table import Features, normalise
from similar_images.search import exact

Item = tuple[str, str]
Found = tuple[float, Item]
SMALL = st.integers(-3, 3)
Blocks = list[tuple[list[Item], Features]]


def features(rows: int, dimension: int = 16, seed: int = 0) -> NDArray[np.float32]:
    drawn = np.random.default_rng(seed).standard_normal((rows, dimension)).astype(np.float32)
    normalise(drawn)
    return drawn


def blas_threads() -> set[int]:
    return {one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"}


def item(row: int) -> Item:
    return f"{row:06}", f"class {row % 3}"


def blocks(catalogue: NDArray[np.float32], size: int = 7, seed: int | None = None) -> Blocks:
    """Return the rows of `catalogue` in blocks of `size`; with a `seed` in any order."""
    rows = np.arange(len(catalogue))
    if seed is not None:
        np.random.default_rng(seed).shuffle(rows)
    cut = np.split(rows, range(size, len(rows), size))
    return [([item(row) for row in part], catalogue[part]) for part in cut]


def reference(queries: NDArray[Any], catalogue: NDArray[Any], count: int) -> list[list[Found]]:
    """Return the answer of a plain search in float64, of equals the first rows first."""
    products = queries.astype(np.float64)[:, np.newaxis] * catalogue.astype(np.float64)
    similarities = products.sum(axis=2)
    order = np.argsort(-similarities, axis=1, kind="stable")[:, :count]
    return [
        [(values[row], item(row)) for row in best]
        for values, best in zip(similarities, order, strict=True)
    ]


@st.composite
def problems(draw: st.DrawFn, most: int = 40) -> Any:
    """Draw queries, catalogue and count; whole numbers, so that many are equal."""
    n, q, d = draw(st.integers(0, most)), draw(st.integers(0, 5)), draw(st.integers(1, 4))
    return (
        draw(arrays(np.float32, (q, d), elements=SMALL)),
        draw(arrays(np.float32, (n, d), elements=SMALL)),
        draw(st.integers(1, 12)),
    )


@given(problem=problems(), size=st.integers(1, 9), seed=st.integers(0, 9))
def test_the_most_similar_are_found_equals_by_item_in_blocks_of_any_size_and_order(
    problem: Any, size: int, seed: int
) -> None:
    queries, catalogue, count = problem
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exact, "PAIRS", size)
        patch.setattr(exact, "QUERIES", 2)
        found = exact.nearest(queries, blocks(catalogue, size, seed), count)
    assert found == reference(queries, catalogue, count)


@pytest.mark.parametrize("size", [16, 16_384])
def test_any_number_of_equal_rows_are_ranked_by_item(size: int) -> None:
    catalogue = np.repeat(features(1), 600, axis=0)
    (found,) = exact.nearest(features(1, seed=1), blocks(catalogue, size, seed=0), 5)
    assert [name for _, name in found] == [item(row) for row in range(5)]
    assert len({similarity for similarity, _ in found}) == 1


@pytest.mark.parametrize("dimension", [1, 512, 1280, 1536])
def test_the_result_is_the_same_to_the_bit_however_the_catalogue_is_cut(dimension: int) -> None:
    queries, catalogue = features(20, dimension, seed=1), features(300, dimension)
    catalogue[1::4] = catalogue[0]
    expected = reference(queries, catalogue, 10)
    for size, seed in [(300, None), (1, 1), (37, 2), (299, 3)]:
        assert exact.nearest(queries, blocks(catalogue, size, seed), 10) == expected


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_the_result_is_the_same_to_the_bit_with_any_number_of_threads(threads: int) -> None:
    queries, catalogue = features(20, 512, seed=1), features(300, 512)
    catalogue[1::4] = catalogue[0]
    with threadpool_limits(threads, user_api="blas"):
        found = exact.nearest(queries, blocks(catalogue, 120, seed=0), 10)
    assert found == reference(queries, catalogue, 10)


def test_the_catalogue_is_read_with_as_many_threads_as_before_the_search() -> None:
    seen = []

    def stream() -> Iterator[tuple[list[Item], Features]]:
        for block in blocks(features(50), 10):
            seen.append(blas_threads())
            yield block

    with threadpool_limits(2, user_api="blas"):
        exact.nearest(features(3, seed=1), stream(), 2)
        seen.append(blas_threads())
    assert seen == [{2}] * 6


def test_rows_that_are_equal_in_float32_are_distinguished() -> None:
    query = features(1, 1536)
    catalogue = np.repeat(query, 200, axis=0)
    rng = np.random.default_rng(0)
    for row in catalogue:
        row[rng.integers(1536)] *= np.float32(1 + 2**-23)
    expected = reference(query, catalogue, 10)
    assert exact.nearest(query, blocks(catalogue, 50, seed=0), 10) == expected
    assert len({similarity for similarity, _ in expected[0]}) > 1


@pytest.mark.parametrize("size", [1, 7, 100])
def test_a_row_is_normalised_the_same_to_the_bit_in_any_block(size: int) -> None:
    values = np.random.default_rng(0).standard_normal((100, 1537)).astype(np.float32)
    parts = [values[n : n + size].copy() for n in range(0, 100, size)]
    for part in [*parts, values]:
        normalise(part)
    assert_array_equal(np.concatenate(parts), values)


def test_similarities_are_cosines() -> None:
    catalogue = np.array([[3, 4], [-6, -8], [0, 0], [4, 3]], np.float32)
    normalise(catalogue)
    (found,) = exact.nearest(catalogue[:1], blocks(catalogue), 4)
    assert [name for _, name in found] == [item(row) for row in (0, 3, 2, 1)]
    assert_allclose([similarity for similarity, _ in found], [1, 24 / 25, 0, -1], atol=1e-6)


@pytest.mark.parametrize(("queries", "rows", "found"), [(0, 5, 3), (4, 2, 2), (4, 0, 0)])
def test_where_there_are_fewer_rows_all_are_found(queries: int, rows: int, found: int) -> None:
    result = exact.nearest(features(queries), blocks(features(rows)), 3)
    assert [len(best) for best in result] == [found] * queries


def test_a_block_is_released_before_the_next_is_read() -> None:
    seen: list[int] = []

    def stream() -> Iterator[tuple[list[Item], Features]]:
        for number, block in enumerate(blocks(features(50), 10)):
            seen.append(number)
            yield block

    found = exact.nearest(features(3, seed=1), stream(), 2)
    assert seen == [0, 1, 2, 3, 4]
    assert found == reference(features(3, seed=1), features(50), 2)


def test_normalising_leaves_zero_rows_and_makes_the_others_one_long() -> None:
    values = np.array([[0, 0], [3, 4], [1e-12, 0], [1e15, 1e15]], np.float32)
    normalise(values)
    assert_array_equal(values[0], 0)
    assert_allclose(np.linalg.norm(values[1:], axis=1), 1, rtol=1e-6)


def test_the_rows_of_an_array_are_found_by_their_numbers_where_they_may_be() -> None:
    catalogue, queries = features(30), features(2, seed=1)
    eligible = np.arange(30) % 3 > 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exact, "ROWS", 7)
        found = exact.nearest(queries, exact.blocks(catalogue, eligible), 30)
    allowed = [
        [one for one in best if int(one[1][0]) % 3] for best in reference(queries, catalogue, 30)
    ]
    assert found == [[(value, int(name)) for value, (name, _) in best] for best in allowed]
