"""Tests of the scores that show out-of-distribution queries."""

import numpy as np
import pytest

from similar_images.classification import out_of_distribution
from similar_images.classification.out_of_distribution import InDistribution

# The catalogue's own scores, and the least in-distribution score.
KNOWN = InDistribution([[0.5, 0.6, 0.7, 0.8], [0.9, 0.9, 0.9, 0.9]], 0.3)


@pytest.mark.parametrize(
    ("scores", "in_distribution_score"),
    [((0.9, 0.95), 1), ((0.1, 0.2), 0), ((0.65, 0.95), 0.75), ((0.65, 0.9), 0.5)],
)
def test_the_in_distribution_score_is_the_mean_rank_of_both_scores(
    scores: tuple[float, float], in_distribution_score: float
) -> None:
    assert KNOWN.in_distribution_score(scores) == pytest.approx(in_distribution_score)


def test_19_of_20_images_reach_the_least_score() -> None:
    random = np.random.default_rng(0)
    scores = random.uniform(size=(2000, 2))
    known = out_of_distribution.fit(scores[:1000].tolist(), np.arange(1000))
    new = np.array([known.in_distribution_score(one) for one in scores[1000:].tolist()])
    assert (new < known.least_score).mean() == pytest.approx(0.05, abs=0.02)


def test_images_of_one_group_count_as_one() -> None:
    scores = [(0.1 * n, 0.5) for n in range(20)]
    alone = out_of_distribution.fit(scores, np.arange(20))
    crowd = out_of_distribution.fit([*scores, *[scores[0]] * 63], np.array([*range(20), *[0] * 63]))
    assert crowd == alone


def test_the_distribution_is_read_as_it_was_stored() -> None:
    stored = {"quantiles": KNOWN.quantiles, "least_score": 0.3, "refused": 0.2}
    assert out_of_distribution.read(stored) == KNOWN


def test_without_images_no_query_is_refused() -> None:
    known = out_of_distribution.fit([], np.array([], np.intp))
    assert known.in_distribution_score((-1.0, 0.0)) >= known.least_score
