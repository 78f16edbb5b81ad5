"""Tests of the out-of-sample confidences."""

import numpy as np
import pytest

from similar_images.evaluation.label_confidence import RIDGE, Images, _vote, fit, prepare
from similar_images.features.feature_table import FeatureTable, normalise
from similar_images.search.neighbours import first_of_equals


def images_of(features: np.ndarray, labels: list[str], ids: list[str] | None = None) -> Images:
    features = features.astype(np.float32)
    normalise(features)
    names = [f"{n:03}" for n in range(len(labels))]
    index = FeatureTable("network", "model", names, [*labels], ids or names, features)
    return prepare(index, first_of_equals(index))


def some(n: int = 30, d: int = 8) -> Images:
    random = np.random.default_rng(1)
    return images_of(random.normal(size=(n, d)), [f"class {n % 3}" for n in range(n)])


def test_the_leave_one_out_regression_is_the_one_fitted_without_the_image() -> None:
    images = some()
    features = images.features.astype(np.float64)
    part = slice(0, len(features))
    found = fit(images).leave_one_out(features, images, part)
    targets = np.eye(3)[images.classes]
    for n in range(len(features)):
        others = np.arange(len(features)) != n
        mean, shares = features[others].mean(axis=0), targets[others].mean(axis=0)
        x, y = features[others] - mean, targets[others] - shares
        weights = np.linalg.solve(x.T @ x + RIDGE * np.eye(8), x.T @ y)
        expected = (features[n] - mean) @ weights + shares
        assert found[n] == pytest.approx(expected.clip(0, 1), abs=1e-9)


def test_the_regression_does_not_depend_on_the_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    images = some()
    whole = fit(images)
    monkeypatch.setattr("similar_images.evaluation.label_confidence.ROWS", 7)
    assert fit(images).weights == pytest.approx(whole.weights)


def test_an_image_does_not_vote_for_itself_nor_do_its_copies() -> None:
    features = np.array([[1, 0], [1, 0], [1, 0.1], [0, 1]])
    images = images_of(features, ["a", "b", "b", "a"], ["x", "x", "y", "z"])
    votes = _vote(images, slice(0, 4))
    assert votes.sum(axis=1) == pytest.approx(1)
    assert votes[0, 1] > 0.9  # by y alone: the copy in b is left out
    assert votes[1, 1] > 0.9


def test_images_without_neighbours_have_no_vote() -> None:
    images = images_of(np.ones((2, 2)), ["a", "b"], ["x", "x"])
    assert _vote(images, slice(0, 2)).tolist() == [[0, 0], [0, 0]]
