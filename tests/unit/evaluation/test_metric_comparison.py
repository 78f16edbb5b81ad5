"""Tests of the comparison of the similarities."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import binomtest

from catalogues import learned
from similar_images.evaluation import metric_comparison, quality
from similar_images.features.feature_table import FeatureTable
from similar_images.search import metric_choice


def compared(catalogue: FeatureTable, metric: str, **learned_from: FeatureTable) -> dict[str, Any]:
    images = np.arange(len(catalogue.paths))
    adapted = {name.replace("_", "-"): learned(index) for name, index in learned_from.items()}
    return metric_comparison.compare(catalogue, adapted, images, 5, "majority", metric)


def told_apart() -> FeatureTable:
    """Return images whose classes differ in what varies little."""
    random = np.random.default_rng(0)
    labels: list[str | None] = ["boots", "sandals"] * 40
    features = random.normal(0, 0.1, (80, 8)).astype(np.float32)
    features[:, 2:5] += random.normal(0, 3, (80, 3))
    features[np.arange(80), [int(label == "boots") for label in labels]] += 1
    names = [f"{n:03}" for n in range(80)]
    return FeatureTable("network", "model", names, labels, names, features)


def by_chance() -> FeatureTable:
    """Return images whose classes say nothing."""
    features = np.random.default_rng(1).normal(0, 1, (60, 100)).astype(np.float32)
    names = [f"{n:03}" for n in range(60)]
    return FeatureTable("network", "model", names, ["boots", "sandals"] * 30, names, features)


def test_all_similarities_are_evaluated_on_the_same_folds() -> None:
    catalogue = told_apart()
    found = compared(catalogue, "cosine", adapted=catalogue)
    assert (found["folds"], found["images"]) == (5, 80)
    assert found["adapted"]["correct"] > found["cosine"]["correct"] + 10
    gain = (found["adapted"]["correct"] - found["cosine"]["correct"]) / 80
    assert found["adapted"]["gain"] == pytest.approx(gain)
    assert found["adapted"]["better"] is True
    assert found["best"] == "adapted"
    images = np.arange(80)
    assessed = quality.assess(catalogue, images, 5, "majority", "adapted", 0.9, learned(catalogue))
    assert assessed["correct"] == found["adapted"]["correct"]


def test_with_cosine_the_advice_names_a_better_similarity() -> None:
    catalogue = told_apart()
    found = compared(catalogue, "cosine", adapted=catalogue)
    shares = (f"{100 * found[name]['accuracy']:.0f} %" for name in ("adapted", "cosine"))
    expected = "With `search.metric: auto`, about {} instead of {} would be right ("
    assert expected.format(*shares) in str(found["advice"])
    assert found["choice"] is None
    for metric in ("adapted", "auto"):
        assert compared(catalogue, metric, adapted=catalogue)["advice"] is None


def test_auto_takes_the_similarity_with_most_right_predictions() -> None:
    catalogue, random = told_apart(), np.random.default_rng(2)
    worse = replace(catalogue, features=random.normal(size=(80, 8)).astype(np.float32))
    along = {"adapted_top": catalogue, "adapted": worse}
    found = compared(catalogue, "auto", **along)
    assert metric_choice.chosen("auto", found) == found["best"] == "adapted-top"
    shares = (f"{name} {found[name]['accuracy']:.1%}" for name in metric_choice.METRICS)
    assert found["choice"].startswith("search.metric: auto takes adapted-top. ")
    assert all(share in found["choice"] for share in shares)


def test_auto_takes_the_one_that_learns_from_more_unless_the_other_is_better_beyond_chance() -> (
    None
):
    catalogue = told_apart()
    features = catalogue.features.copy()
    features[:2] *= -1  # so that few more are wrong
    along = {
        "adapted_top": catalogue,
        "adapted": replace(catalogue, features=features),
    }
    found = compared(catalogue, "auto", **along)
    assert found["adapted"]["correct"] < found["adapted-top"]["correct"]
    assert found["best"] == "adapted"


def test_of_equals_auto_takes_the_one_that_learns_from_more() -> None:
    catalogue = told_apart()
    found = compared(catalogue, "auto", adapted_top=catalogue, adapted=catalogue)
    assert found["best"] == "adapted"


def test_with_random_labels_an_adapted_similarity_gains_nothing() -> None:
    # If the evaluated images were learned from, all would be right.
    catalogue = by_chance()
    found = compared(catalogue, "cosine", adapted=catalogue)
    assert 0.25 < found["adapted"]["accuracy"] < 0.75
    assert found["adapted"]["better"] is False
    assert found["advice"] is None
    left_to_it = compared(catalogue, "auto", adapted=catalogue)
    assert "takes cosine: on 60 images no adapted similarity is better" in left_to_it["choice"]
    assert metric_choice.chosen("auto", left_to_it) == "cosine"


@pytest.mark.parametrize("metric", ["cosine", "adapted", "adapted-top"])
def test_a_configured_similarity_is_taken_even_if_another_is_better(metric: str) -> None:
    for best in metric_choice.METRICS:
        assert metric_choice.chosen(metric, {"best": best}) == metric
    assert metric_choice.chosen(metric, {}) == metric


@pytest.mark.parametrize(("heads", "tosses"), [(0, 0), (0, 3), (3, 3), (7, 9), (1001, 2000)])
def test_the_chance_of_so_many_heads_is_that_of_scipy(heads: int, tosses: int) -> None:
    expected = binomtest(heads, tosses, alternative="greater").pvalue if tosses else 1
    assert metric_comparison.by_chance(heads, tosses) == pytest.approx(expected)
