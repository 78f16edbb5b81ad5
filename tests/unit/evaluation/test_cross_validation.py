"""Tests of cross-validation."""

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from catalogues import learned, of_directions
from similar_images.evaluation import cross_validation
from similar_images.evaluation.cross_validation import CrossValidation, Round
from similar_images.features.feature_table import FeatureTable
from similar_images.search import principal_components


def drawn(images: int = 60, threads: int = 1) -> CrossValidation:
    """Draw images of two classes, of ten features."""
    random = np.random.default_rng(0)
    names = [f"{n:03}" for n in range(images)]
    labels: list[str | None] = ["ab"[n % 2] for n in range(images)]
    features = random.normal(size=(images, 10)).astype(np.float32)
    catalogue = FeatureTable("network", "model", names, labels, names, features)
    return cross_validation.prepare(catalogue, learned(catalogue), threads)


@pytest.mark.parametrize(("different", "names"), [(29, 1), (29, 2), (30, 1), (30, 2)])
def test_it_is_known_whether_evaluated_images_are_in_the_sample_of_the_components(
    different: int, names: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cross_validation, "MOST_EVALUATED", 20)
    monkeypatch.setattr(principal_components, "SAMPLE", 10)
    ids = [f"{n:03}" for n in range(different)] * names
    paths = [f"{n}.jpg" for n in range(len(ids))]
    features = np.random.default_rng(0).normal(size=(len(ids), 3)).astype(np.float32)
    catalogue = FeatureTable("network", "model", paths, ["a"] * len(ids), ids, features)
    evaluated = {ids[row] for row in cross_validation.prepare(catalogue).sample}
    table = pa.table({"image": paths, "content_id": ids})
    known = {ids[paths.index(path)] for path in principal_components.sample(table, 10).to_pylist()}
    assert (
        cross_validation.components_overlap(catalogue)
        == bool(evaluated & known)
        == (different < 30)
    )


def test_the_folds_keep_a_group_together_and_are_of_one_size() -> None:
    catalogue = of_directions(*(("ab"[n % 2], n) for n in range(60)))
    group_of = np.arange(60) // 6
    fold_of = cross_validation.folds(catalogue, np.ones(60, np.bool_), group_of)
    assert all(len({*fold_of[group_of == group]}) == 1 for group in range(10))
    assert np.bincount(fold_of).tolist() == [12] * 5


def test_each_fold_has_its_share_of_each_class_though_groups_differ_in_size() -> None:
    catalogue = of_directions(*(("a", n) for n in range(20)), *(("b", n) for n in range(20)))
    group_of = np.concatenate([np.arange(16), [16] * 4, np.arange(20, 40)])
    fold_of = cross_validation.folds(catalogue, np.ones(40, np.bool_), group_of)
    assert np.bincount(fold_of[:20]).tolist() == np.bincount(fold_of[20:]).tolist() == [4] * 5


@pytest.mark.parametrize("metric", ["cosine", "adapted"])
def test_each_grouping_has_the_results_that_it_would_have_alone(metric: str) -> None:
    random = np.random.default_rng(0)
    images = [("ab"[n % 2], angle) for n, angle in enumerate(random.uniform(0, 180, 60))]
    catalogue = of_directions(*images)
    drawn = cross_validation.prepare(catalogue, learned(catalogue) if metric == "adapted" else None)
    pairs, tens = np.arange(60) // 2, np.arange(60) // 10
    alone = [cross_validation.neighbourhoods(drawn, 3, group_of)[0] for group_of in (pairs, tens)]
    assert cross_validation.neighbourhoods(drawn, 3, pairs, tens) == alone
    assert alone[0] != alone[1]


def test_the_adapted_similarity_is_learned_without_what_a_round_leaves_out() -> None:
    everyone = drawn()
    left_out = np.arange(60) < 12
    (known,) = cross_validation.in_rounds(
        everyone, 5, [Round(np.arange(12, 60), left_out, np.arange(60))]
    )
    changed = drawn()
    changed.catalogue.features[:12] *= -3
    assert (
        known
        == cross_validation.in_rounds(
            changed, 5, [Round(np.arange(12, 60), left_out, np.arange(60))]
        )[0]
    )


def test_rounds_that_leave_out_the_same_share_one_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    solved = []
    cholesky = np.linalg.cholesky

    def counted(matrix: NDArray[np.floating]) -> NDArray[np.floating]:
        solved.append(matrix)
        return cholesky(matrix)

    monkeypatch.setattr(np.linalg, "cholesky", counted)
    cross_validation.in_other_folds(drawn(), 3, np.arange(60), np.arange(60), np.arange(60) // 3)
    assert len(solved) == 2 * cross_validation.FOLDS


def test_the_neighbourhoods_do_not_depend_on_the_number_of_threads() -> None:
    one, two = (cross_validation.in_other_folds(drawn(threads=n), 3, np.arange(60)) for n in (1, 2))
    assert one == two
