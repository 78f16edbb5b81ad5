"""Tests of the figures about the catalogue."""

from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from catalogues import learned, of_directions
from similar_images.classification import conformal
from similar_images.classification.confidence import Calibration
from similar_images.classification.out_of_distribution import InDistribution
from similar_images.classification.vote import majority
from similar_images.evaluation import cross_validation, leave_one_out, metric_comparison, quality
from similar_images.features.feature_table import FeatureTable


def assess(catalogue: FeatureTable, voters: int, vote: str, metric: str) -> dict[str, Any]:
    """Return the assessment where only equal bytes show one thing."""
    group_of = leave_one_out.equal_bytes(catalogue)
    return quality.assess(catalogue, group_of, voters, vote, metric, 0.9)


# Asked against the others: a, b and d find their class nearest, c and e do not.
LINE = [("boots", 0), ("boots", 1), ("sandals", 3), ("sandals", 20), ("boots", 22.0)]


def at(assessment: dict[str, Any], size: int) -> dict[str, Any]:
    return next(point for point in assessment["curve"] if point["neighbours"] == size)


def test_each_image_is_compared_only_with_the_others() -> None:
    catalogue = of_directions(*LINE)
    catalogue.features[:] *= 5
    found = assess(catalogue, 1, "majority", "cosine")
    assert (found["images"], found["evaluated"], found["correct"]) == (5, 5, 2)
    assert found["accuracy"] == pytest.approx(2 / 5)
    low, high = found["accuracy_interval_95"]
    assert 0 < low < 2 / 5 < high < 1


def test_the_votes_are_counted_or_weighted() -> None:
    # The image at 0 has one near neighbour of its class and two far ones of the other.
    found = assess(
        of_directions(("boots", 0), ("boots", 5), ("sandals", 80), ("sandals", 85)),
        3,
        "weighted",
        "cosine",
    )
    assert at(found, 3)["majority"]["correct"] == 0
    assert at(found, 3)["weighted"]["correct"] == found["correct"] == 4


def test_the_curve_has_the_configured_number_of_neighbours() -> None:
    found = assess(of_directions(*LINE), 7, "majority", "cosine")
    assert [point["neighbours"] for point in found["curve"]] == [1, 3, 5, 7, 10, 15, 20, 30, 50]
    assert found["accuracy"] == at(found, 7)["majority"]["accuracy"]


# Few different ones, so that there are ties.
neighbours = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from([0.9, 0.8, 0.5, -0.1])), min_size=1
).map(lambda found: sorted(found, key=lambda one: -one[1]))


def test_of_a_large_catalogue_a_sample_is_evaluated_and_the_note_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cross_validation, "MOST_EVALUATED", 3)
    found = assess(of_directions(*LINE), 1, "majority", "cosine")
    assert (found["images"], found["evaluated"]) == (5, 3)
    assert found["note"] == "a sample of 3 of the 5 different images was evaluated"
    assert assess(of_directions(*LINE[:3]), 1, "majority", "cosine")["note"] is None


def test_the_sentence_has_the_figures() -> None:
    sentence = quality.sentence(assess(of_directions(*LINE), 1, "majority", "cosine"))
    assert sentence.startswith(
        "2 of 5 catalogue images classified correctly by the others (leave-one-out): 40.0%"
    )


def drawn() -> FeatureTable:
    """Draw images of two classes that overlap."""
    random = np.random.default_rng(0)
    names = [f"{n:03}" for n in range(60)]
    labels: list[str | None] = ["ab"[n % 2] for n in range(60)]
    features = random.normal(size=(60, 10)) + np.outer(np.arange(60) % 2, np.ones(10)) / 2
    return FeatureTable("network", "model", names, labels, names, features.astype(np.float32))


def test_the_cosine_is_also_tested_as_the_adapted_similarities_are() -> None:
    found = assess(drawn(), 5, "majority", "cosine")
    catalogue = drawn()
    group_of = leave_one_out.equal_bytes(catalogue)
    compared = metric_comparison.compare(catalogue, {}, group_of, 5, "majority", "cosine")
    expected = {name: compared["cosine"][name] for name in ("correct", "accuracy")}
    assert expected.items() <= found["cross_validation"].items()
    assert found["cross_validation"]["evaluated"] == compared["images"] == 60
    assert found["cross_validation"]["accuracy"] != found["accuracy"]

    learn = learned(drawn())
    adapted = quality.assess(drawn(), group_of, 5, "majority", "adapted", 0.9, learn)
    assert adapted["method"] == "5-fold cross-validation"
    assert adapted["cross_validation"]["accuracy"] == adapted["accuracy"]


def test_images_of_one_group_do_not_vote_for_each_other() -> None:
    catalogue = of_directions(*LINE)
    found = quality.assess(catalogue, np.array([0, 0, 1, 2, 2]), 1, "majority", "cosine", 0.9)
    assert (found["correct"], found["groups"]) == (1, 3)


def test_near_duplicates_do_not_vote_for_each_other() -> None:
    others = [("b", angle) for angle in (10, 30, 50, 70, 85)]
    alone = [("a", angle) for angle in (20, 40, 60, 80)]
    found = assess(of_directions(("a", 0), ("a", 1), *alone, *others), 1, "majority", "cosine")
    assert (found["groups"], found["correct"]) == (10, 0)
    assert found["near_duplicate_similarity"] == pytest.approx(np.cos(np.radians(5)), abs=1e-3)


# The probability is nearly 1, whatever the answer.
SURE = quality.HeldOutClassifier(1, majority, Calibration(30, [0.0] * 4))


def test_out_of_distribution_images_are_refused() -> None:
    known = InDistribution([[0.9] * 4, [0.5] * 4], 0.6)
    near, far = [("a", 0), ("b", 1), ("b", 2)], [("a", 90), ("b", 1), ("b", 2)]
    shares = [
        quality.refused(cross_validation.prepare(of_directions(*images)), np.arange(3), SURE, known)
        for images in (near, far)
    ]
    assert shares == [0, 1]
    alone = cross_validation.prepare(of_directions(("a", 0), ("a", 1)))
    assert quality.refused(alone, np.arange(2), SURE, known) is None


def test_in_distribution_scores_are_those_of_images_without_their_near_duplicates() -> None:
    apart = [("a", angle) for angle in (0, 8, 16)]
    near = [("a", 24 + 0.1 * n) for n in range(5)]
    catalogue = of_directions(*apart, *near, *(("b", angle) for angle in (27, 35, 43)))
    scores = assess(catalogue, 1, "majority", "cosine")["out_of_distribution"]
    assert max(scores["quantiles"][0]) < np.cos(np.radians(2))


def test_nine_in_ten_images_have_their_class_in_their_set() -> None:
    random = np.random.default_rng(0)
    neighbourhoods = [
        cross_validation.Neighbourhood(
            str(random.choice(["a", "b"], p=[1 - p, p])), ["a", "b"], [0.07, 0.07 * x]
        )
        for x in random.uniform(-2, 1, 500)
        for p in [float(np.exp(x) / (np.e + np.exp(x)))]
    ]
    found = quality.thresholds(neighbourhoods, 0.9)
    sets = [
        conformal.classes(conformal.shares(b.labels, b.similarities), "", found)
        for b in neighbourhoods
    ]
    covered = np.mean([b.label in set_ for b, set_ in zip(neighbourhoods, sets, strict=True)])
    assert 0.9 <= covered < 0.92
    assert np.mean(list(map(len, sets))) < 2
