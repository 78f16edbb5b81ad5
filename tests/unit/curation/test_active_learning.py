"""Tests of the order of what to look at next."""

import time
from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from similar_images.curation import active_learning
from similar_images.search import neighbours


def ordered(
    confidences: Mapping[str, float],
    similar: Mapping[str, list[str]],
    **changes: Mapping[str, str],
) -> list[str]:
    """Return the queries in order; `changes` of their rows are given by query."""
    rows = [
        {
            "image": image,
            "confidence": f"{confidence:.4f}",
            "refused": "",
            "error": "",
            "decision": "",
        }
        | dict(changes.get(image, {}))
        for image, confidence in confidences.items()
    ]
    columns = {
        "image": list(similar),
        "label": [None] * len(similar),
        "similar": list(similar.values()),
        "class": [["boots"] * len(found) for found in similar.values()],
        "similarity": [[0.9] * len(found) for found in similar.values()],
    }
    ranks = active_learning.order(rows, pa.table(columns, schema=neighbours.TABLE.schema), 10)
    assert sorted(ranks.values()) == list(range(1, len(ranks) + 1))
    return sorted(ranks, key=ranks.__getitem__)


def test_the_most_uncertain_comes_first() -> None:
    similar = {"a": ["1"], "b": ["2"], "c": ["3"]}
    assert ordered({"a": 0.9, "b": 0.2, "c": 0.6}, similar) == ["b", "c", "a"]


def test_of_equally_uncertain_queries_the_one_in_a_dense_region_comes_first() -> None:
    similar = {"a": ["1", "2"], "b": ["3", "4"], "c": ["3", "4"]}
    assert ordered({"a": 0.5, "b": 0.5, "c": 0.6}, similar) == ["b", "a", "c"]
    assert ordered({"a": 0.5, "b": 0.5, "c": 1.0}, similar)[0] == "a"


def test_after_a_similar_query_a_query_gains_less() -> None:
    similar = {"a": ["1"], "b": ["1"], "c": ["2"], "d": ["2"]}
    assert ordered(dict.fromkeys("abcd", 0.5), similar) == ["a", "c", "b", "d"]


def test_decided_and_unreadable_queries_have_no_rank_and_refused_ones_are_most_uncertain() -> None:
    similar = {"a": ["1"], "b": ["2"], "c": ["3"]}
    order = ordered(
        {"a": 0.1, "b": 0.5, "c": 0.9, "broken": 0},
        similar,
        a={"decision": "right"},
        c={"refused": "too far"},
        broken={"error": "empty file", "confidence": ""},
    )
    assert order == ["c", "b"]


def test_only_the_neighbours_that_vote_count() -> None:
    own = {name: [f"{name}{n}" for n in range(10)] for name in "abc"}
    assert ordered(dict.fromkeys("abc", 0.5), own) == ["a", "b", "c"]
    shared = own | {name: [*own[name], "far"] for name in "bc"}
    assert ordered(dict.fromkeys("abc", 0.5), shared) == ["a", "b", "c"]


def test_equals_come_by_path_and_no_queries_are_no_error() -> None:
    assert ordered({"a": 0.5, "b": 0.5}, {"a": ["1"], "b": ["2"]}) == ["a", "b"]
    assert ordered({}, {}) == []


def test_neighbours_can_be_fewer_for_some() -> None:
    similar = {"a": ["1", "2", "3"], "b": ["1"], "c": []}
    assert set(ordered({"a": 0.5, "b": 0.5, "c": 0.5}, similar)) == {"a", "b", "c"}


def test_a_thousand_queries_take_a_fraction_of_a_second() -> None:
    chance = np.random.default_rng(0)
    doubt, near = chance.random(1000), chance.integers(600, size=(1000, 10))
    started = time.process_time()
    ranked = active_learning.rank(doubt, near)
    assert time.process_time() - started < 0.5
    assert sorted(ranked) == list(range(1000))


def test_queries_beyond_the_first_thousand_have_a_rank_too() -> None:
    chance = np.random.default_rng(0)
    count = active_learning.FIRST + 500
    ranked = active_learning.rank(chance.random(count), chance.integers(600, size=(count, 10)))
    assert sorted(ranked) == list(range(count))
