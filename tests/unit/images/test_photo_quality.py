"""What is measured of a photo as a photo."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from similar_images.images.columns import QUALITY
from similar_images.images.photo_quality import Measures, measure


def scene(width: int = 400, height: int = 300) -> Image.Image:
    """Return a picture with sharp edges: rectangles of many shades."""
    picture, random = Image.new("RGB", (width, height), "grey"), np.random.default_rng(1)
    for x, y, w, h, shade in random.random((150, 5)):
        box = (x * width, y * height, (x + w / 3) * width, (y + h / 3) * height)
        ImageDraw.Draw(picture).rectangle(box, fill=(int(255 * shade),) * 3)
    return picture


def measured(picture: Image.Image) -> Measures:
    return measure(picture, picture.size)


def test_the_columns_are_those_of_the_measures() -> None:
    assert tuple(column.name for column in QUALITY) == Measures._fields


def test_a_blurred_picture_has_more_blur() -> None:
    sharp, soft, softer = (
        measured(scene().filter(ImageFilter.GaussianBlur(radius))).blur for radius in (0, 2, 5)
    )
    assert sharp < 0.3 < soft < softer <= 1


@pytest.mark.parametrize("direction", [(9, 1), (1, 9)])
def test_motion_in_one_direction_is_blur(direction: tuple[int, int]) -> None:
    width, height = direction
    kernel = scene().resize((400 // width, 300 // height), Image.Resampling.BOX)
    assert measured(kernel.resize((400, 300), Image.Resampling.BICUBIC)).blur > 0.6


def test_blur_hardly_depends_on_the_light() -> None:
    dark = scene().point([v // 4 for v in range(256)] * 3)
    assert measured(dark).blur == pytest.approx(measured(scene()).blur, abs=0.05)


def test_a_reduced_picture_gives_about_the_same_measures() -> None:
    photo = scene(1600, 1200).filter(ImageFilter.GaussianBlur(4))
    whole, reduced = measured(photo), measure(photo.reduce(2), photo.size)
    assert reduced[:2] == (1600, 1200)
    assert reduced[2:6] == pytest.approx(whole[2:6], abs=0.05)
    assert reduced[7:] == pytest.approx(whole[7:], abs=2)


def test_a_picture_whose_sides_were_reduced_differently_is_measured_in_its_own_shape() -> None:
    photo = scene(1600, 800).filter(ImageFilter.GaussianBlur(4))
    whole, stretched = measured(photo), measure(photo.reduce((4, 2)), photo.size)
    assert (stretched.width, stretched.height) == (1600, 800)
    assert stretched.blur == pytest.approx(whole.blur, abs=0.05)


def test_light_is_that_of_known_shades() -> None:
    picture = Image.new("RGB", (200, 100), (51, 51, 51))
    picture.paste((204, 204, 204), (100, 0, 200, 100))
    found = measured(picture)
    assert (found.light_5, found.light_99) == (0.2, 0.8)
    assert found.contrast == pytest.approx(0.3)
    assert found.entropy == pytest.approx(1)


def test_one_colour_has_no_contrast_no_entropy_and_no_blur() -> None:
    found = measured(Image.new("RGB", (300, 200), (120, 10, 200)))
    assert (found.blur, found.contrast, found.entropy, found.border_change) == (0, 0, 0, 0)


def test_the_border_has_its_usual_colour_in_cielab() -> None:
    picture = Image.new("RGB", (300, 300), (255, 0, 0))
    ImageDraw.Draw(picture).rectangle((60, 60, 240, 240), fill=(0, 0, 255))
    found = measured(picture)
    # The CIELAB of sRGB red, by any table of colours.
    assert found[-3:] == pytest.approx((53.24, 80.09, 67.20), abs=0.02)
    assert found.border_change == 0


def test_a_product_that_touches_the_edge_changes_the_border() -> None:
    picture = Image.new("RGB", (300, 300), "white")
    ImageDraw.Draw(picture).rectangle((60, 60, 300, 240), fill="black")
    assert measured(picture).border_change == pytest.approx(0.15, abs=0.03)


@pytest.mark.parametrize("size", [(1, 1), (1, 4000), (4000, 1), (3, 2), (9, 9), (10, 10), (11, 11)])
def test_any_size_can_be_measured(size: tuple[int, int]) -> None:
    found = measured(Image.new("RGB", size, "grey"))
    assert np.isfinite(found).all()
    assert (found.width, found.height) == size


def test_the_numbers_are_rounded_so_that_they_are_stored_alike() -> None:
    assert all(value == round(value, 4) for value in measured(scene()))
