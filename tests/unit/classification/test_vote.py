"""Tests of the vote."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from similar_images.classification.vote import TEMPERATURE, Vote, majority, weighted

# Eighths, so that sums are exact in any order.
neighbours = st.lists(
    st.tuples(st.sampled_from("abcd"), st.integers(-8, 8).map(lambda n: n / 8)), min_size=1
).map(lambda pairs: sorted(pairs, key=lambda pair: -pair[1]))


@pytest.mark.parametrize(
    ("labels", "similarities", "decision"),
    [
        ("a", [0.5], ("a", 1, 1)),
        ("abb", [0.9, 0.1, 0.1], ("b", 2, 3)),
        ("abba", [0.9, 0.8, 0.7, 0.1], ("b", 2, 4)),
        ("abba", [0.75, 0.5, 0.5, 0.25], ("a", 2, 4)),
        ("baab", [0.75, 0.5, 0.5, 0.25], ("b", 2, 4)),
        ("ab", [0.5, 0.5], ("a", 1, 2)),
        ("ba", [0.5, 0.5], ("b", 1, 2)),
        ("ab", [-0.5, -0.75], ("a", 1, 2)),
    ],
)
def test_most_votes_then_larger_sum_then_the_nearer_neighbour(
    labels: str, similarities: list[float], decision: tuple[str, int, int]
) -> None:
    assert majority(list(labels), similarities) == decision
    arrays: list[Any] = [np.array(list(labels), object), np.array(similarities)]
    assert majority(*arrays) == decision


@pytest.mark.parametrize(
    ("labels", "similarities", "decision"),
    [
        ("a", [0.5], ("a", 1, 1)),
        ("abb", [0.9, 0.9 - TEMPERATURE, 0.9 - TEMPERATURE], ("a", 1, 3)),
        ("abb", [0.9, 0.9 - TEMPERATURE / 2, 0.9 - TEMPERATURE / 2], ("b", 2, 3)),
        ("ab", [0.5, 0.5], ("a", 1, 2)),
        ("ba", [-1, -1], ("b", 1, 2)),
        ("abb", [1, -1, -1], ("a", 1, 3)),
    ],
)
def test_a_weight_falls_to_an_e_th_for_each_temperature_of_similarity(
    labels: str, similarities: list[float], decision: tuple[str, int, int]
) -> None:
    assert weighted(list(labels), similarities) == decision


@pytest.mark.parametrize("vote", [majority, weighted])
def test_without_neighbours_there_is_no_vote(vote: Vote) -> None:
    with pytest.raises(ValueError, match="empty"):
        vote([], [])


@given(pairs=neighbours)
def test_nobody_beats_the_winner(pairs: list[tuple[str, float]]) -> None:
    labels, similarities = zip(*pairs, strict=True)
    decision = majority(labels, similarities)
    votes = Counter(labels)
    sums = {label: sum(s for other, s in pairs if other == label) for label in votes}
    assert (decision.votes, decision.voters) == (votes[decision.label], len(pairs))
    best = max((votes[label], sums[label]) for label in votes)
    assert (decision.votes, sums[decision.label]) == best
    tied = [label for label in labels if (votes[label], sums[label]) == best]
    assert decision.label == tied[0]


@given(pairs=neighbours, data=st.data())
def test_the_order_of_the_neighbours_matters_only_in_a_full_tie(
    pairs: list[tuple[str, float]], data: st.DataObject
) -> None:
    labels, similarities = zip(*pairs, strict=True)
    mixed = majority(*zip(*data.draw(st.permutations(pairs)), strict=True))
    decision = majority(labels, similarities)
    assert mixed[1:] == decision[1:]
    sums = [sum(s for other, s in pairs if other == d.label) for d in (mixed, decision)]
    assert sums[0] == sums[1]
