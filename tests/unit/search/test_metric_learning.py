"""Tests of the adapted similarity."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray
from scipy.linalg import eigh, orth

from similar_images.core.errors import UserError
from similar_images.features.feature_table import FeatureTable
from similar_images.search import metric_learning, principal_components
from similar_images.search.neighbours import comparable, find


def index_of(
    features: NDArray[np.floating], labels: str, fingerprint: str = "model"
) -> FeatureTable:
    names = [f"{n:04}" for n in range(len(labels))]
    return FeatureTable(
        "network", fingerprint, names, list(labels), names, features.astype(np.float32)
    )


def every(index: FeatureTable) -> NDArray[np.bool_]:
    return np.ones(len(index.paths), np.bool_)


def drawn(images: int = 120, seed: int = 0, dimension: int = 40) -> FeatureTable:
    """Draw classes that differ little in three numbers, and images that differ much in others."""
    random = np.random.default_rng(seed)
    labels = "abc" * (images // 3)
    features = random.normal(0, 0.2, (len(labels), dimension))
    features[:, 5:15] += random.normal(0, 3, (len(labels), 10))
    features[np.arange(len(labels)), [ord(label) - 97 for label in labels]] += 1.5
    return index_of(features + 1, labels)


def reduced(index: FeatureTable, to: FeatureTable | None = None) -> FeatureTable:
    """Return `index` with its features along the principal components of `to`, or its own."""
    return principal_components.reduce(principal_components.fit(to or index, False), index)


def fit(index: FeatureTable) -> metric_learning.Adaptation:
    return metric_learning.fit(reduced(index), every(index))


def share_right(
    queries: FeatureTable, catalogue: FeatureTable, fitted: metric_learning.Adaptation | None
) -> float:
    one, other = (reduced(index, catalogue) for index in (queries, catalogue))
    found = find([one], [other], 1, fitted).to_pylist()
    return float(np.mean([row["class"][0] == row["label"] for row in found]))


def test_new_images_find_their_class_by_what_separates_classes() -> None:
    catalogue, queries = drawn(), drawn(seed=1)
    fitted = fit(catalogue)
    assert share_right(queries, catalogue, None) < 0.7
    assert share_right(queries, catalogue, fitted) > 0.9


def test_within_the_classes_all_adapted_features_vary_equally() -> None:
    catalogue = drawn(1800)
    fitted = fit(catalogue)
    features = reduced(catalogue).features.astype(float)
    mapped = (features - fitted.centre) @ fitted.projection
    labels = np.array(catalogue.labels)
    within = np.vstack([mapped[labels == c] - mapped[labels == c].mean(axis=0) for c in "abc"])
    variances = np.linalg.eigvalsh(within.T @ within / (len(within) - 3))
    before = np.linalg.eigvalsh(np.cov((features - fitted.centre).T))
    assert before[-1] / before[1] > 50
    # All at most 1, but for the two directions between the class means, stretched to 1 + STRETCH.
    assert (variances[:-2] < 1.001).all()
    assert (variances < (1 + metric_learning.STRETCH) ** 2 * 1.001).all()


def test_the_rows_have_length_1_and_are_float32() -> None:
    catalogue = drawn()
    adapted = metric_learning.apply(fit(catalogue), reduced(catalogue).features)
    assert adapted.dtype == np.float32
    assert_allclose(np.linalg.norm(adapted, axis=1), 1, rtol=1e-6)


def test_only_eligible_rows_are_learned_from() -> None:
    catalogue, other = drawn(), drawn(60, seed=1)
    both = index_of(
        np.vstack([catalogue.features, other.features]),
        "".join(map(str, [*catalogue.labels, *["z"] * 60])),
    )
    eligible = np.arange(180) < 120
    one, part = (
        metric_learning.fit(catalogue, every(catalogue)),
        metric_learning.fit(both, eligible),
    )
    assert_array_equal(one.projection, part.projection)
    assert_array_equal(one.centre, part.centre)


def test_the_blocks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    catalogue = drawn()
    fitted, features = fit(catalogue), reduced(catalogue).features
    adapted = metric_learning.apply(fitted, features)
    monkeypatch.setattr(metric_learning, "ROWS", 7)
    assert_allclose(fit(catalogue).projection, fitted.projection, rtol=1e-6, atol=1e-9)
    assert_allclose(metric_learning.apply(fitted, features), adapted, atol=1e-7)


@pytest.mark.parametrize("images", [30, 120])
def test_fewer_images_than_features_are_adapted_to_as_well(images: int) -> None:
    catalogue = drawn(images)
    adapted = metric_learning.apply(fit(catalogue), reduced(catalogue).features)
    expected = by_covariances(catalogue)
    assert_allclose(adapted @ adapted.T, expected @ expected.T, atol=1e-5)


def by_covariances(catalogue: FeatureTable) -> NDArray[np.float64]:
    """Return the adapted features, step by step as the module describes them."""
    features = catalogue.features.astype(float)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    labels, centred = np.array(catalogue.labels), features - features.mean(axis=0)
    means = {c: centred[labels == c].mean(axis=0) for c in "abc"}
    variances, components = eigh(np.cov(centred.T, bias=True))
    components = components[:, variances > 1e-9]
    apart = (centred - [means[label] for label in labels]) @ components
    within = apart.T @ apart / (len(labels) - 3)
    within += metric_learning.SHRINKAGE * np.trace(within) / len(within) * np.eye(len(within))
    whitened = components @ np.linalg.inv(np.linalg.cholesky(within)).T
    between = orth(whitened.T @ np.array(list(means.values())).T, rcond=1e-9)
    mapped = (
        centred @ whitened @ (np.eye(len(within)) + metric_learning.STRETCH * between @ between.T)
    )
    found: NDArray[np.float64] = mapped / np.linalg.norm(mapped, axis=1, keepdims=True)
    return found


@pytest.mark.parametrize("left_out", [3, 60, 100])
def test_what_is_learned_without_some_rows_is_learned_from_the_others(left_out: int) -> None:
    catalogue = drawn()
    rows = np.arange(120) < left_out
    expected = metric_learning.fit(reduced(catalogue), ~rows)
    fitted = metric_learning.MapsWithoutParts(reduced(catalogue), every(catalogue)).without(rows)
    assert_allclose(fitted.centre, expected.centre, atol=1e-12)
    assert_allclose(fitted.projection, expected.projection, rtol=1e-6, atol=1e-9)


def test_a_class_that_is_left_out_as_a_whole_is_not_known() -> None:
    catalogue = drawn()
    rows = np.array(catalogue.labels) == "c"
    expected = metric_learning.fit(reduced(catalogue), ~rows)
    fitted = metric_learning.MapsWithoutParts(reduced(catalogue), every(catalogue)).without(rows)
    assert_allclose(fitted.projection, expected.projection, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(
    ("features", "labels"),
    [
        (np.eye(3), "abc"),
        (np.eye(4), "aabc"),
        (np.ones((4, 8)), "aabb"),
        (np.zeros((3, 5)), "aab"),
        (np.array([[1.0], [2.0], [3.0]]), "aab"),
        (np.array([[1.0], [-2.0], [3.0]]), "aab"),
        (np.random.default_rng(0).random((6, 900)), "aaabbb"),
        (np.repeat(np.eye(2), 3, axis=0), "aaabbb"),
        (np.eye(2)[:1], "a"),
    ],
)
def test_odd_catalogues_can_be_adapted_to(features: NDArray[np.floating], labels: str) -> None:
    catalogue = index_of(features, labels)
    adapted = metric_learning.apply(fit(catalogue), reduced(catalogue).features)
    assert np.isfinite(adapted).all()
    lengths = np.linalg.norm(adapted, axis=1)
    assert (np.isclose(lengths, 1, atol=1e-6) | (lengths == 0)).all()
    found = find([reduced(catalogue)], [reduced(catalogue)], 3, fit(catalogue))
    similarities = np.array(found["similarity"].to_pylist())
    assert (np.abs(similarities) <= 1 + 1e-6).all()


def test_it_is_written_and_read_as_it_is(tmp_path: Path) -> None:
    catalogue = drawn()
    fitted = fit(catalogue)
    metric_learning.write(tmp_path / "a.npz", fitted)
    read = metric_learning.read(tmp_path / "a.npz")
    assert read.fingerprint == "model"
    assert_array_equal(read.centre, fitted.centre)
    assert_array_equal(read.projection, fitted.projection)


def test_the_same_fit_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.npz", "b.npz"):
        catalogue = drawn()
        metric_learning.write(tmp_path / name, fit(catalogue))
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_a_damaged_or_hostile_file_is_named_and_not_executed(tmp_path: Path) -> None:
    path = tmp_path / "adaptation.npz"
    path.write_bytes(b"no zip")
    with pytest.raises(UserError, match=r"adaptation\.npz is damaged"):
        metric_learning.read(path)
    np.savez(path, centre=np.array([object()]), projection=np.eye(1), fingerprint="model")
    with pytest.raises(UserError, match=r"adaptation\.npz is damaged"):
        metric_learning.read(path)
    np.savez(path, centre=np.ones(3), projection=np.eye(2), fingerprint="model")
    with pytest.raises(UserError, match="shapes that do not fit"):
        metric_learning.read(path)


def test_an_adaptation_to_another_model_is_refused() -> None:
    catalogue = drawn()
    fitted = replace(fit(catalogue), fingerprint="other")
    with pytest.raises(UserError, match="another model"):
        comparable(catalogue, fitted)
