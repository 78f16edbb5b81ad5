"""Tests of the levels of images."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from similar_images.features import levels


def drawn(images: int, channels: list[int]) -> np.ndarray:
    values = np.random.default_rng(0).gamma(1, 1, (images, sum(channels)))
    return values.astype(np.float32)


def cosines(rows: np.ndarray) -> np.ndarray:
    rows = rows.astype(float) / np.linalg.norm(rows, axis=1, keepdims=True)
    found: np.ndarray = rows @ rows.T
    return found


@pytest.mark.parametrize("channels", [[720, 720, 1248, 1248], [816, 816, 2304, 2304], [3840]])
def test_an_image_takes_four_kilobytes_at_the_most(channels: list[int]) -> None:
    encoded = levels.encode(drawn(2, channels), channels)
    assert encoded.shape == (2, sum(levels.widths(channels)))
    assert encoded.nbytes <= 2 * 4096


def test_a_byte_for_each_number_keeps_how_similar_images_are() -> None:
    values = drawn(30, [700])
    encoded = levels.encode(values, [700])
    assert_allclose(cosines(encoded), cosines(values), atol=5e-3)


def test_folding_keeps_how_similar_images_are_but_for_chance() -> None:
    values = drawn(30, [2304]) - 1
    apart = cosines(levels.encode(values, [2304])) - cosines(values)
    assert abs(apart.mean()) < 0.01
    assert apart.std() < 0.05


def test_an_image_does_not_depend_on_those_beside_it() -> None:
    channels = [816, 2304]
    values = drawn(9, channels)
    alone = np.vstack([levels.encode(values[n : n + 1], channels) for n in range(9)])
    assert_array_equal(levels.encode(values, channels), alone)


def test_each_part_counts_the_same_whatever_the_size_of_its_numbers() -> None:
    channels = [5, 1030]
    values = drawn(4, channels)
    larger = values * np.repeat(np.array([100, 0.01], np.float32), channels)
    assert_array_equal(levels.encode(values, channels), levels.encode(larger, channels))
    features = drawn(4, [7])
    joined = levels.join(features, levels.encode(values, channels), channels)
    assert joined.shape == (4, 7 + 5 + 1024)
    assert joined.dtype == np.float32
    for part in np.split(joined, [7, 12], axis=1):
        assert_allclose(np.linalg.norm(part, axis=1), 1, rtol=1e-6)


def test_zeros_stay_zeros() -> None:
    channels = [3, 2000]
    encoded = levels.encode(np.zeros((2, 2003), np.float32), channels)
    assert not encoded.any()
    assert not levels.join(np.zeros((2, 4), np.float32), encoded, channels).any()


def test_a_model_without_levels_has_none() -> None:
    assert levels.encode(np.empty((3, 0), np.float32), []).shape == (3, 0)
    assert levels.none(3).shape == (3, 0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("channels", [3, 2000])
def test_a_part_that_overflowed_is_zero_and_the_others_are_as_they_were(
    bad: float, channels: int
) -> None:
    values = drawn(2, [5, channels])
    expected = levels.encode(values, [5, channels])
    values[1, 6] = bad
    found = levels.encode(values, [5, channels])
    assert_array_equal(found[0], expected[0])
    assert_array_equal(found[1, :5], expected[1, :5])
    assert not found[1, 5:].any()


def test_very_large_numbers_are_folded_without_an_overflow() -> None:
    values = drawn(2, [2000])
    values /= values.max()
    assert_array_equal(
        levels.encode(values * np.float32(3e38), [2000]), levels.encode(values, [2000])
    )
