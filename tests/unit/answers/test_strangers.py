"""Tests of what strangers are told by."""

import numpy as np
import pytest

from similar_images.answers import strangers


def test_a_neighbour_tells_how_near_a_query_is_and_the_last_where_there_are_fewer() -> None:
    falling = [0.9 - 0.01 * n for n in range(12)]
    assert strangers.nearness(falling, 10) == pytest.approx(0.81)
    assert strangers.nearness(falling[:3], 10) == pytest.approx(0.88)
    assert strangers.nearness(falling, 1) == pytest.approx(0.9)


@pytest.mark.parametrize(
    ("images", "classes", "neighbour"), [(600, 10, 10), (40, 10, 2), (10, 10, 1), (0, 0, 10)]
)
def test_the_neighbour_that_tells_is_one_that_small_classes_have(
    images: int, classes: int, neighbour: int
) -> None:
    assert strangers.told_by(images, classes) == neighbour


def test_the_limit_is_reached_by_19_of_20() -> None:
    near = np.random.default_rng(0).uniform(0, 1, 1000)
    assert (near < strangers.limit(near.tolist())).mean() == pytest.approx(0.05, abs=0.002)


def test_without_images_nobody_is_refused() -> None:
    assert strangers.limit([]) == -1
