"""Tests of the sketches, which show that most pairs of pictures are not one."""

import numpy as np
import pytest
from PIL import Image, ImageFilter, ImageOps

from similar_images.duplicates import sketches


def photo(seed: int) -> Image.Image:
    """Return an image of soft blots, as broad as what photos show."""
    noise = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), np.uint8)
    return Image.fromarray(noise).resize((300, 240)).filter(ImageFilter.GaussianBlur(3))


def sketch(image: Image.Image) -> sketches.Sketch:
    image = image.copy()
    image.thumbnail((sketches.SIDE, sketches.SIDE), Image.Resampling.LANCZOS)
    return sketches.draw(image)


def may_be_one(one: sketches.Sketch, other: sketches.Sketch) -> bool:
    return sketches.least_difference(one, other) < sketches.HOPELESS


@pytest.mark.parametrize("seed", range(5))
def test_a_picture_may_be_a_copy_of_its_copy(seed: int) -> None:
    original = photo(seed)
    copies = [
        original.crop((15, 12, 285, 228)),
        original.crop((0, 12, 285, 240)).resize((300, 240)),
        original.resize((120, 96)),
        original.point(lambda value: value * 3 // 4),
        ImageOps.expand(original, 15, "white"),
        ImageOps.expand(original, 30, "white"),
        ImageOps.pad(original, (300, 300), color="black"),
    ]
    for copy in copies:
        for variant in (copy, ImageOps.mirror(copy)):
            assert may_be_one(sketch(original), sketch(variant))


def test_few_other_pictures_may_be_copies() -> None:
    drawn = [sketch(photo(seed)) for seed in range(20)]
    hopes = [may_be_one(a, b) for n, a in enumerate(drawn) for b in drawn[:n]]
    assert sum(hopes) <= len(hopes) / 50


def test_the_same_picture_in_another_colour_is_another() -> None:
    red, green, blue = photo(1).split()
    assert not may_be_one(sketch(photo(1)), sketch(Image.merge("RGB", (green, blue, red))))


def test_it_makes_no_difference_which_picture_comes_first() -> None:
    one, other = sketch(photo(1)), sketch(photo(2))
    assert sketches.least_difference(one, other) == sketches.least_difference(other, one)


def test_a_picture_of_one_colour_is_a_copy_of_none() -> None:
    plain = [sketch(Image.new("RGB", (160, 120), colour)) for colour in ("white", "navy")]
    assert not may_be_one(*plain)
    assert not may_be_one(plain[0], sketch(photo(1)))


@pytest.mark.parametrize("size", [(1, 1), (40, 1), (2, 300)])
def test_pictures_of_any_size_can_be_sketched(size: tuple[int, int]) -> None:
    assert not may_be_one(sketch(photo(1).resize(size)), sketch(photo(2)))
