"""Tests of the adapted similarity that does not know some images."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from similar_images.evaluation import held_out_learning
from similar_images.features.feature_table import FeatureTable
from similar_images.search import principal_components


def drawn(images: int = 60, dimension: int = 90) -> FeatureTable:
    """Draw images of two classes, of more features than there are images."""
    names = [f"{n:03}" for n in range(images)]
    labels: list[str | None] = ["ab"[n % 2] for n in range(images)]
    features = np.random.default_rng(0).normal(size=(images, dimension)).astype(np.float32)
    features[::2, 0] += 2
    return FeatureTable("network", "model", names, labels, names, features)


def test_images_that_are_left_out_have_no_part_in_what_is_learned() -> None:
    catalogue, every = drawn(), np.ones(60, np.bool_)
    left_out = np.arange(60) < 20
    changed = drawn()
    changed.features[left_out] *= -1
    one, other = (
        held_out_learning.from_all(images, every, with_levels=False)(left_out)
        for images in (catalogue, changed)
    )
    assert_array_equal(one.features[~left_out], other.features[~left_out])


def test_components_and_map_are_those_of_the_other_images() -> None:
    """Were an image among the components, what it alone has would set it apart."""
    catalogue, every = drawn(), np.ones(60, np.bool_)
    left_out = np.arange(60) < 20
    learned = held_out_learning.from_all(catalogue, every, with_levels=False)(left_out)
    of_others = principal_components.fit(catalogue.rows(np.flatnonzero(~left_out)), False)
    reduced = principal_components.reduce(of_others, catalogue)
    expected = held_out_learning.from_reduced(reduced, ~left_out)(np.zeros(60, np.bool_))
    assert_allclose(learned.features, expected.features, atol=1e-5)


@pytest.mark.parametrize("left_out", [0, 1, 30])
def test_along_given_components_the_map_is_learned_without_those_left_out(left_out: int) -> None:
    catalogue = drawn()
    rows = np.arange(60) < left_out
    reduced = principal_components.reduce(principal_components.fit(catalogue, False), catalogue)
    learned = held_out_learning.from_reduced(reduced, np.ones(60, np.bool_))(rows)
    alone = held_out_learning.from_reduced(reduced, ~rows)(np.zeros(60, np.bool_))
    assert_allclose(learned.features, alone.features, atol=1e-5)
