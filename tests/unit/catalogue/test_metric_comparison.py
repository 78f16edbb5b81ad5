"""Tests of the comparison of both similarities."""

import numpy as np
import pytest
from scipy.stats import binomtest

from similar_images.catalogue import metric_comparison, quality
from similar_images.features.index import Index
from similar_images.search import choice


def test_both_similarities_are_asked_on_the_same_folds_of_other_images() -> None:
    random = np.random.default_rng(0)
    labels = ["boots", "sandals"] * 40
    features = random.normal(0, 0.1, (80, 8)).astype(np.float32)
    features[:, 2:5] += random.normal(0, 3, (80, 3))
    features[np.arange(80), [int(label == "boots") for label in labels]] += 1
    names = [f"{n:03}" for n in range(80)]
    catalogue = Index("network", "model", names, labels, names, features)
    metrics = metric_comparison.compare(catalogue, np.arange(len(names)), 5, "majority", "cosine")
    assert (metrics["folds"], metrics["images"]) == (5, 80)
    assert metrics["adapted"]["correct"] > metrics["cosine"]["correct"] + 10
    gain = (metrics["adapted"]["correct"] - metrics["cosine"]["correct"]) / 80
    assert metrics["gain"] == pytest.approx(gain)
    assert metrics["adapted_is_better"] is True
    assert "set search.metric: adapted in config.yaml" in metrics["advice"]
    adapted = quality.assess(catalogue, np.arange(80), 5, "majority", "adapted", 0.9)
    assert adapted["correct"] == metrics["adapted"]["correct"]
    assert metrics["choice"] is None
    assert (
        metric_comparison.compare(catalogue, np.arange(len(names)), 5, "majority", "adapted")[
            "advice"
        ]
        is None
    )
    left_to_it = metric_comparison.compare(catalogue, np.arange(len(names)), 5, "majority", "auto")
    assert left_to_it["advice"] is None
    assert "auto takes adapted, since adapted is better: " in left_to_it["choice"]
    shares = (f"{metrics[name]['accuracy']:.1%}" for name in ("adapted", "cosine"))
    assert all(share in left_to_it["choice"] for share in shares)
    assert left_to_it == metrics | {name: left_to_it[name] for name in ("choice", "advice")}
    assert choice.chosen("auto", left_to_it) == "adapted"


def test_labels_that_say_nothing_gain_nothing_by_the_adapted_similarity() -> None:
    # Fitted on the very images that are asked, it would name them all rightly.
    features = np.random.default_rng(1).normal(0, 1, (60, 100)).astype(np.float32)
    names = [f"{n:03}" for n in range(60)]
    catalogue = Index("network", "model", names, ["boots", "sandals"] * 30, names, features)
    found = metric_comparison.compare(catalogue, np.arange(len(names)), 5, "majority", "cosine")
    assert 0.25 < found["adapted"]["accuracy"] < 0.75
    assert found["adapted_is_better"] is False
    assert found["advice"] is None
    left_to_it = metric_comparison.compare(catalogue, np.arange(len(names)), 5, "majority", "auto")
    assert "takes cosine, since adapted is not known to be better" in left_to_it["choice"]
    assert choice.chosen("auto", left_to_it) == "cosine"


@pytest.mark.parametrize("metric", ["cosine", "adapted"])
def test_a_similarity_that_is_set_is_taken_whatever_is_better(metric: str) -> None:
    for better in (False, True):
        assert choice.chosen(metric, {"adapted_is_better": better}) == metric
    assert choice.chosen(metric, {}) == metric


@pytest.mark.parametrize(("heads", "tosses"), [(0, 0), (0, 3), (3, 3), (7, 9), (1001, 2000)])
def test_the_chance_of_so_many_heads_is_that_of_scipy(heads: int, tosses: int) -> None:
    expected = binomtest(heads, tosses, alternative="greater").pvalue if tosses else 1
    assert metric_comparison.by_chance(heads, tosses) == pytest.approx(expected)
