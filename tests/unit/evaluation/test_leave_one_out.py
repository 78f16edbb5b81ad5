"""Tests of leave-one-out, against an index from which the image is really taken out."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from similar_images.evaluation import leave_one_out
from similar_images.features.feature_table import FeatureTable, normalise
from similar_images.search import exact
from similar_images.search.neighbours import find, first_of_equals


def catalogue_of(labels: str, ids: str | None = None, seed: int = 0) -> FeatureTable:
    """Return an index with an image for each letter of `labels`; equal ids have equal features."""
    ids = ids or "".join(chr(0x100 + n) for n in range(len(labels)))
    drawn = np.random.default_rng(seed).standard_normal((len(labels), 6)).astype(np.float32)
    features = drawn[[ids.index(letter) for letter in ids]]
    normalise(features)
    paths = [f"{n:03}" for n in range(len(labels))]
    return FeatureTable("network", "model", paths, list(labels), list(ids), features)


def without(catalogue: FeatureTable, row: int) -> FeatureTable:
    kept = [n for n, id_ in enumerate(catalogue.content_ids) if id_ != catalogue.content_ids[row]]
    return part(catalogue, kept)


def part(catalogue: FeatureTable, rows: list[int]) -> FeatureTable:
    return FeatureTable(
        "network",
        "model",
        [catalogue.paths[n] for n in rows],
        [catalogue.labels[n] for n in rows],
        [catalogue.content_ids[n] for n in rows],
        catalogue.features[rows].copy(),
    )


def every(catalogue: FeatureTable) -> NDArray[np.intp]:
    return np.arange(len(catalogue.paths))


images = st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("stuvwxyz")), min_size=1)


@given(drawn=images, count=st.integers(1, 5), block=st.integers(1, 3))
def test_each_image_finds_what_a_catalogue_without_its_bytes_would_give_it(
    drawn: list[tuple[str, str]], count: int, block: int
) -> None:
    labels, ids = map("".join, zip(*drawn, strict=True))
    catalogue = catalogue_of(labels, ids)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exact, "QUERIES", block)
        found = leave_one_out.neighbours(
            catalogue,
            every(catalogue),
            count,
            first_of_equals(catalogue),
            leave_one_out.equal_bytes(catalogue),
        )
        answers = [answer for (answer,) in found]
    assert [answer.row for answer in answers] == list(range(len(drawn)))
    for answer in answers:
        (expected,) = find(
            [part(catalogue, [answer.row])], [without(catalogue, answer.row)], count
        ).to_pylist()
        assert [catalogue.paths[row] for row in answer.rows] == expected["similar"]
        np.testing.assert_allclose(answer.similarities, expected["similarity"], atol=1e-6)


@pytest.mark.parametrize(
    ("ids", "products", "expected"),
    [
        ("abcd", {}, "0123"),
        ("abca", {}, "0120"),
        ("abcd", {"001": "P", "003": "P"}, "0121"),
        # A chain: by its product, by its bytes, by that product.
        ("abbc", {"000": "P", "001": "P", "002": "Q", "003": "Q"}, "0000"),
    ],
)
def test_equal_bytes_and_photos_of_one_product_are_of_one_group(
    ids: str, products: dict[str, str], expected: str
) -> None:
    groups = leave_one_out.groups(catalogue_of("xyxy", ids), products)
    assert groups.tolist() == [int(digit) for digit in expected]


def test_only_eligible_rows_are_found() -> None:
    catalogue = catalogue_of("aabb")
    eligible = np.array([True, False, True, False])
    answers = leave_one_out.neighbours(catalogue, np.array([0, 1]), 4, eligible, every(catalogue))
    assert [sorted(answer.rows.tolist()) for (answer,) in answers] == [[2], [0, 2]]


@pytest.mark.parametrize("rows", [2, 8192])
def test_an_image_does_not_find_those_of_its_own_group(
    rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exact, "ROWS", rows)
    catalogue, group_of = catalogue_of("aabbb"), np.array([0, 1, 0, 2, 2])
    everything = np.ones(5, np.bool_)
    answers = leave_one_out.neighbours(catalogue, every(catalogue), 9, everything, group_of)
    assert [sorted(answer.rows.tolist()) for (answer,) in answers] == [
        [1, 3, 4],
        [0, 2, 3, 4],
        [1, 3, 4],
        [0, 1, 2],
        [0, 1, 2],
    ]


def test_each_grouping_has_the_results_that_it_would_have_alone() -> None:
    catalogue, everything = catalogue_of("ab" * 20), np.ones(40, np.bool_)
    groupings = [np.arange(40), np.arange(40) // 2, np.arange(40) // 10]
    together = leave_one_out.neighbours(catalogue, every(catalogue), 5, everything, *groupings)
    alone = (
        leave_one_out.neighbours(catalogue, every(catalogue), 5, everything, one)
        for one in groupings
    )
    for answers, expected in zip(together, zip(*alone, strict=True), strict=True):
        for answer, (own,) in zip(answers, expected, strict=True):
            assert answer.rows.tolist() == own.rows.tolist()
            assert answer.similarities.tolist() == own.similarities.tolist()


def test_a_large_group_takes_no_more_memory_than_a_small_one() -> None:
    catalogue, everything = catalogue_of("ab" * 400), np.ones(800, np.bool_)
    peaks = []
    for size in (1, 400):
        tracemalloc.start()
        for _ in leave_one_out.neighbours(
            catalogue, every(catalogue), 5, everything, np.arange(800) // size
        ):
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]


def test_a_catalogue_within_the_bound_is_sampled_as_a_whole() -> None:
    catalogue = catalogue_of("aabb", ids="wwyz")
    sample = leave_one_out.sample(catalogue, first_of_equals(catalogue), 3)
    assert sample.tolist() == [0, 2, 3]


def test_one_more_image_changes_at_most_one_of_the_sample() -> None:
    catalogue = catalogue_of("ab" * 20)
    more = part(catalogue, list(range(40)))
    less = part(catalogue, list(range(39)))
    samples = [
        {c.content_ids[row] for row in leave_one_out.sample(c, np.ones(n, np.bool_), 10)}
        for c, n in ((more, 40), (less, 39))
    ]
    assert len(samples[0] - samples[1]) <= 1


def test_the_sample_does_not_depend_on_the_order() -> None:
    catalogue = catalogue_of("aaaabbbb")
    backwards = part(catalogue, list(range(8))[::-1])
    samples = [
        {c.content_ids[row] for row in leave_one_out.sample(c, np.ones(8, np.bool_), 4)}
        for c in (catalogue, backwards)
    ]
    assert samples[0] == samples[1]
    assert len(samples[0]) == 4
