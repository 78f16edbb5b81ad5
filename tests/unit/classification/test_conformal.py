"""Tests of the sets of classes, on shares of the vote that follow a known law."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from similar_images.classification import conformal
from similar_images.classification.conformal import Thresholds


def test_the_shares_are_those_of_the_weighted_vote_the_largest_first() -> None:
    found = conformal.shares(["a", "b", "b"], [0.9, 0.83, 0.83])
    assert list(found) == ["a", "b"]
    assert found["a"] == pytest.approx(1 / (1 + 2 / np.e))
    assert sum(found.values()) == pytest.approx(1)


def test_only_the_nearest_have_a_share() -> None:
    labels = ["a"] * conformal.NEIGHBOURS + ["b"]
    assert list(conformal.shares(labels, [0.5] * len(labels))) == ["a"]


@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.9, 0.95])
def test_new_images_have_their_class_in_the_set_as_often_as_is_set(coverage: float) -> None:
    random = np.random.default_rng(0)
    covered = []
    for _ in range(300):
        held_out = [("a", share) for share in random.uniform(0, 1, 60)]
        thresholds = conformal.fit(held_out, coverage)
        covered.append("a" in conformal.classes({"a": random.uniform()}, "", thresholds))
    assert np.mean(covered) == pytest.approx(coverage, abs=0.05)


def test_a_class_has_its_own_threshold_where_it_has_images_enough() -> None:
    held_out = [("many", 0.5)] * 18 + [("many", 0.2)] * 2 + [("few", 0.9)] * 19
    found = conformal.fit(held_out, 0.9)
    assert found.own == {"many": 0.2}
    assert found.all == 0.5
    assert conformal.classes({"few": 0.45, "many": 0.3, "other": 0.25}, "few", found) == [
        "few",
        "many",
    ]


def test_with_few_held_out_images_every_class_with_a_share_is_in_the_set() -> None:
    found = conformal.fit([("a", 0.9)] * 8, 0.9)
    assert conformal.classes({"a": 0.99, "b": 0.01}, "a", found) == ["a", "b"]


def test_the_prediction_is_in_the_set_whatever_its_share() -> None:
    assert conformal.classes({"a": 0.9, "b": 0.1}, "b", Thresholds(0.9, 0.5, {})) == ["a", "b"]


@given(st.lists(st.text('ab|\\\n"', min_size=1)))
def test_names_of_any_characters_are_read_as_they_were_joined(names: list[str]) -> None:
    assert conformal.split(conformal.joined(names)) == names


def test_the_classes_are_joined_by_a_bar() -> None:
    assert conformal.joined(["boots", "a|b"]) == "boots|a\\|b"
