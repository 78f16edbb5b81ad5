"""Tests of the confidence, on votes whose outcome follows a known law."""

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from similar_images.classification import confidence
from similar_images.classification.vote import majority


def drawn(images: int, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Draw evidence, and outcomes that are right as often as the share of the votes."""
    random = np.random.default_rng(seed)
    share = random.uniform(0, 1, images)
    noise = random.uniform(0, 1, (images, 3))
    right = random.uniform(0, 1, images) < 1 / (1 + np.exp(3 - 6 * share))
    return np.column_stack([share, noise]), right


def test_the_probability_is_how_often_such_votes_are_right() -> None:
    fitted = confidence.fit(*drawn(5000))
    for share in (0.1, 0.5, 0.9):
        expected = 1 / (1 + np.exp(3 - 6 * share))
        assert fitted.probability([share, 0.5, 0.5, 0.5]) == pytest.approx(expected, abs=0.04)


@pytest.mark.parametrize("images", [5, 40, 2000])
def test_the_regression_is_that_of_scikit_learn(images: int) -> None:
    evidence, right = drawn(images)
    fitted = confidence.fit(evidence, right)
    centre, scale = evidence.mean(axis=0), evidence.std(axis=0)
    expected = LogisticRegression(tol=1e-10, max_iter=10_000).fit(
        (evidence - centre) / scale, right
    )
    for row in evidence[:20]:
        (probability,) = expected.predict_proba([(row - centre) / scale])[:, 1]
        assert fitted.probability(row) == pytest.approx(probability, abs=1e-6)


def test_evidence_that_separates_right_and_wrong_gives_finite_weights() -> None:
    evidence, _ = drawn(40)
    fitted = confidence.fit(evidence, evidence[:, 0] > 0.5)
    assert (
        fitted.probability([1, 0.5, 0.5, 0.5]) > 0.9 > 0.1 > fitted.probability([0, 0.5, 0.5, 0.5])
    )


def test_the_calibration_error_is_that_on_images_that_were_not_fitted() -> None:
    evidence, right = drawn(2000)
    found = confidence.assess(evidence, right, 5)
    assert found["expected_calibration_error"] < 0.04
    assert sum(bin_["images"] for bin_ in found["reliability"]) == 2000
    low, high = found["calibration_error_interval_95"]
    assert low < found["expected_calibration_error"] < high < 0.06
    random = np.random.default_rng(1).uniform(0, 1, (40, 4))
    overfitted = confidence.assess(random, np.arange(40) % 2 == 0, 5)
    assert overfitted["expected_calibration_error"] > 0.01


def test_the_calibration_is_read_as_it_was_fitted() -> None:
    evidence, right = drawn(200)
    found = confidence.assess(evidence, right, 5)
    assert confidence.read(found) == confidence.fit(evidence, right)


@pytest.mark.parametrize(("right", "expected"), [(True, 11 / 12), (False, 1 / 12)])
def test_where_all_are_right_or_all_wrong_the_probability_is_near_that(
    right: bool, expected: float
) -> None:
    evidence, _ = drawn(10)
    fitted = confidence.fit(evidence, np.full(10, right))
    assert fitted.probability([0.3, 0.5, 0.1, 0]) == pytest.approx(expected)


def test_without_images_nothing_is_known() -> None:
    found = confidence.assess(np.zeros((0, 4)), np.zeros(0, np.bool_), 5)
    assert found["expected_calibration_error"] is found["calibration_error_interval_95"] is None
    assert found["intercept"] is found["weights"] is None
    assert confidence.read(found) is None


def test_evidence_that_never_varies_is_harmless() -> None:
    evidence, right = drawn(50)
    evidence[:, 1:] = 0.5
    assert 0 < confidence.fit(evidence, right).probability([0.5, 0.5, 0.5, 0.5]) < 1
    assert 0 < confidence.fit(evidence, right).probability([0.5, 9e9, -9e9, 9e9]) < 1


@pytest.mark.parametrize(
    ("labels", "similarities", "expected"),
    [
        ("aab", [0.9, 0.8, 0.7], (2 / 3, 0.9, 0.8, 0.2)),
        ("baa", [0.9, 0.8, 0.7], (2 / 3, 0.9, 0.8, -0.1)),
        ("aa", [0.9, 0.7], (1.0, 0.9, 0.8, 0.2)),
        ("a", [0.9], (1.0, 0.9, 0.9, 0.0)),
    ],
)
def test_the_evidence_is_votes_similarities_and_the_lead(
    labels: str, similarities: list[float], expected: tuple[float, ...]
) -> None:
    decision = majority(list(labels), similarities)
    found = confidence.evidence(decision, list(labels), similarities)
    assert found == pytest.approx(expected)


def test_the_expected_calibration_error_is_that_of_guo_and_others() -> None:
    probabilities = np.array([0.95, 0.95, 0.95, 0.95, 0.25, 0.25, 1.0])
    right = np.array([True, True, True, False, False, True, True])
    curve = confidence.reliability(probabilities, right)
    assert [bin_["images"] for bin_ in curve] == [2, 5]
    expected = (2 * abs(0.25 - 0.5) + 5 * abs(0.96 - 0.8)) / 7
    assert confidence.calibration_error(curve) == pytest.approx(expected)
