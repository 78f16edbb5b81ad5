"""Tests of the engine without a network; those with one are tested with the model."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from similar_images.backbones import engines

SIZE = engines.HISTOGRAM_SIZE


@pytest.fixture
def histogram() -> engines.Engine:
    return engines.load("histogram", Path("/nowhere"), threads=1)


def test_a_plain_picture_has_one_bin(histogram: engines.Engine) -> None:
    images = np.zeros((3, SIZE, SIZE, 3), np.uint8)
    images[1] = (31, 255, 64)
    images[2] = 255
    features = histogram(images)
    assert features.shape == (3, engines.HISTOGRAM_FEATURES)
    assert features.dtype == np.float32
    assert [np.flatnonzero(row).tolist() for row in features] == [[0], [0o072], [0o777]]
    assert_array_equal(features.max(axis=1), 1)


def test_a_bin_holds_the_square_root_of_its_share(histogram: engines.Engine) -> None:
    images = np.zeros((1, SIZE, SIZE, 3), np.uint8)
    images[0, : SIZE // 4] = 255
    features = histogram(images)[0]
    assert_allclose(features[[0, -1]], np.sqrt([0.75, 0.25]), rtol=1e-6)
    assert np.count_nonzero(features) == 2


def test_features_have_length_one_and_do_not_depend_on_the_images_beside(
    histogram: engines.Engine,
) -> None:
    images = np.random.default_rng(0).integers(0, 256, (8, SIZE, SIZE, 3), np.uint8)
    features = histogram(images)
    assert_allclose(np.linalg.norm(features, axis=1), 1, rtol=1e-5)
    for row, image in zip(features, images, strict=True):
        assert_array_equal(histogram(image[np.newaxis])[0], row)


def test_the_place_of_a_pixel_does_not_matter(histogram: engines.Engine) -> None:
    image = np.random.default_rng(0).integers(0, 256, (1, SIZE, SIZE, 3), np.uint8)
    assert_array_equal(histogram(image), histogram(image[:, ::-1, ::-1]))
