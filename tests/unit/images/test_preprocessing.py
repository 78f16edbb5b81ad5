"""Tests of the way from an image file's bytes to pixels."""

import io
import struct
from math import ceil
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray
from PIL import Image, ImageColor

from similar_images.images.decoding import UnreadableImageError
from similar_images.images.preprocessing import Fit, Prepared, Preprocessor

FORMATS = ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "MPO", "AVIF", "HEIF"]
ORIENTATION = 0x0112
# How a camera held in each of the eight ways stores an upright picture.
STORED = {
    1: [],
    2: [Image.Transpose.FLIP_LEFT_RIGHT],
    3: [Image.Transpose.ROTATE_180],
    4: [Image.Transpose.FLIP_TOP_BOTTOM],
    5: [Image.Transpose.TRANSPOSE],
    6: [Image.Transpose.ROTATE_90],
    7: [Image.Transpose.TRANSVERSE],
    8: [Image.Transpose.ROTATE_270],
}


def encode(image: Image.Image, format_: str = "PNG", **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, format_, **options)
    return stream.getvalue()


def prepare(data: bytes, size: int = 8, max_pixels: int = 10**6) -> NDArray[np.uint8]:
    return prepared(data, size, max_pixels).image


def prepared(data: bytes, size: int = 8, max_pixels: int = 10**6) -> Prepared:
    return Preprocessor(size, "bicubic", max_pixels)(io.BytesIO(data))


def as_square(image: Image.Image, fit: Fit, size: int = 8, crop: float = 1.0) -> NDArray[np.uint8]:
    return Preprocessor(size, "bicubic", 10**6, fit, crop)(io.BytesIO(encode(image))).image


def quarters(width: int = 32, height: int = 32) -> Image.Image:
    """Return a picture with a colour in each corner: red, green, blue and black."""
    image = Image.new("RGB", (width, height))
    image.paste("red", (0, 0, width // 2, height // 2))
    image.paste("lime", (width // 2, 0, width, height // 2))
    image.paste("blue", (0, height // 2, width // 2, height))
    return image


def counted(width: int, height: int, format_: str, size: int = 8) -> int:
    """Return how many pixels it takes to decode an image that is wanted at `size`."""
    if format_ in ("JPEG", "MPO"):
        scale = next((scale for scale in (8, 4, 2) if min(width, height) >= size * scale), 1)
        width, height = ceil(width / scale), ceil(height / scale)
    return width * height * (2 if format_ in ("WEBP", "AVIF") else 1)


def corners(pixels: NDArray[np.uint8]) -> list[list[int]]:
    """Return the four corners' colours, each channel rounded to 0 or 1."""
    return [(pixels[y, x] > 127).astype(int).tolist() for y in (0, -1) for x in (0, -1)]


UPRIGHT = [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0]]


def plain(colour: Any, mode: str = "RGB") -> Image.Image:
    return Image.new(mode, (4, 4), colour)


@pytest.mark.parametrize("format_", FORMATS)
def test_every_format_gives_its_picture(format_: str) -> None:
    image, pixels, note, _ = prepared(encode(quarters(32, 48), format_))
    assert image.shape == (8, 8, 3)
    assert image.dtype == np.uint8
    assert corners(image) == UPRIGHT
    assert (pixels, note) == (counted(32, 48, format_), None)


@pytest.mark.parametrize(
    ("image", "colour"),
    [
        (plain(200, "L"), (200, 200, 200)),
        (plain(1, "1"), (255, 255, 255)),
        (plain((10, 20, 30, 255), "RGBA"), (10, 20, 30)),
        (plain((10, 20, 30, 0), "RGBA"), (255, 255, 255)),
        (plain((0, 0, 0, 51), "RGBA"), (204, 204, 204)),
        (plain((7, 255), "LA"), (7, 7, 7)),
        (plain((7, 0), "LA"), (255, 255, 255)),
        (plain((10, 20, 30)).quantize(4), (10, 20, 30)),
        (plain(65535 * 2 // 5, "I;16"), (102, 102, 102)),
    ],
    ids=lambda value: getattr(value, "mode", None),
)
def test_every_mode_becomes_rgb_on_white(image: Image.Image, colour: tuple[int, int, int]) -> None:
    pixels = prepare(encode(image))
    assert_array_equal(pixels, np.broadcast_to(colour, (8, 8, 3)))


def test_a_transparent_palette_lies_on_white() -> None:
    image = plain((10, 20, 30)).quantize(4)
    for format_ in ("PNG", "GIF"):
        data = encode(image, format_, transparency=image.getpixel((0, 0)))
        assert_array_equal(prepare(data), np.full((8, 8, 3), 255))


def test_a_transparent_colour_lies_on_white() -> None:
    data = encode(plain((10, 20, 30)), transparency=(10, 20, 30))
    assert_array_equal(prepare(data), np.full((8, 8, 3), 255))


@pytest.mark.parametrize("format_", ["JPEG", "TIFF"])
def test_print_colours_become_rgb(format_: str) -> None:
    assert corners(prepare(encode(quarters().convert("CMYK"), format_))) == UPRIGHT


@pytest.mark.parametrize(
    ("mode", "darkest", "brightest"),
    [
        ("F", 0.0, 1.0),
        ("F", 0.0, 255.0),
        ("F", -3.0, 65535.0),
        ("F", float("nan"), 1e6),
        ("I", 0, 255),
        ("I", 0, 65535),
        ("I", 0, 10**6),
        ("I;16", 0, 65535),
    ],
)
def test_deep_greys_are_scaled_from_black_to_white(
    mode: str, darkest: float, brightest: float
) -> None:
    image = Image.new(mode, (32, 32), darkest)
    image.paste(brightest, (16, 0, 32, 32))
    pixels = prepare(encode(image, "TIFF"))
    assert_array_equal(pixels[:, 0], 0)
    assert_array_equal(pixels[:, -1], 255)


def test_a_dark_16_bit_picture_stays_dark() -> None:
    assert prepare(encode(plain(257 * 3, "I;16"))).max() == 3


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0, 0.0])
def test_an_odd_float_picture_is_readable(value: float) -> None:
    assert prepare(encode(plain(value, "F"), "TIFF")).shape == (8, 8, 3)


@pytest.mark.parametrize("size", [(32, 32), (64, 24)])
@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
@pytest.mark.parametrize("orientation", STORED)
def test_a_picture_of_each_orientation_is_made_upright(
    orientation: int, format_: str, size: tuple[int, int]
) -> None:
    image = quarters(*size)
    for step in STORED[orientation]:
        image = image.transpose(step)
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    # HEIC and AVIF also have an orientation of their own, which must not be applied twice.
    upright, pixels, *_ = prepared(encode(image, format_, exif=exif.tobytes()))
    assert corners(upright) == UPRIGHT
    assert pixels == counted(*size, format_)


def exif_block(*tags: tuple[int, int, int, bytes]) -> bytes:
    """Return an EXIF block with `tags`: number, type, count and value."""
    fields = b"".join(struct.pack("<HHL4s", *tag) for tag in tags)
    return b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + fields + bytes(4)


@pytest.mark.parametrize(
    "exif",
    [
        b"Exif\0\0",
        b"Exif\0\0nonsense, and more of it",
        b"Exif\0\0II*\0\xff\xff\xff\xff",
        b"Exif\0\0II*\0\x08\0\0\0\xff\xff",
        exif_block((ORIENTATION, 3, 1, b"\x63")),
        exif_block((ORIENTATION, 2, 1, b"x")),
        exif_block((ORIENTATION, 5, 2**31, b"\xff\xff\xff\xff")),
    ],
)
def test_a_damaged_exif_block_does_no_harm(exif: bytes) -> None:
    assert corners(prepare(encode(quarters(), "JPEG", exif=exif))) == UPRIGHT


@pytest.mark.parametrize(
    "damaged",
    [(256, 1, 1, bytes(4)), (270, 5, 1, bytes(4)), (282, 2, 1, bytes(4)), (700, 11, 1, bytes(4))],
)
def test_a_damaged_tag_beside_the_orientation_does_not_keep_a_picture_lying(
    damaged: tuple[int, int, int, bytes],
) -> None:
    tags = sorted([(ORIENTATION, 3, 1, b"\x06"), damaged])
    stored = quarters().transpose(Image.Transpose.ROTATE_90)
    assert corners(prepare(encode(stored, "JPEG", exif=exif_block(*tags)))) == UPRIGHT


@pytest.mark.parametrize("format_", ["GIF", "WEBP", "TIFF", "PNG"])
def test_the_first_frame_counts(format_: str) -> None:
    options = {"lossless": True} if format_ == "WEBP" else {}
    others = [plain("blue"), plain("lime")]
    data = encode(plain("red"), format_, save_all=True, append_images=others, **options)
    assert_array_equal(prepare(data), np.broadcast_to([255, 0, 0], (8, 8, 3)))


def test_a_flipped_byte_in_a_png_is_damage() -> None:
    data = bytearray(encode(quarters()))
    data[len(data) // 2] ^= 0xFF
    with pytest.raises(UnreadableImageError, match="damaged or truncated") as refused:
        prepare(bytes(data))
    assert refused.value.pixels == 32 * 32  # a smaller limit is the better reason


@pytest.mark.parametrize(
    "data",
    [b"", b"x", b"hello, this is no picture\n" * 100, b"<svg></svg>", b"\xff\xd8", b"%PDF-1.7\n"],
)
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(
        UnreadableImageError, match="not a JPEG, PNG, WebP, GIF, BMP, TIFF, HEIC or AVIF"
    ) as refused:
        prepare(data)
    assert refused.value.pixels is None


def test_a_picture_in_another_format_is_refused() -> None:
    with pytest.raises(UnreadableImageError, match="not a JPEG"):
        prepare(encode(plain("red"), "PPM"))


@pytest.mark.parametrize("format_", FORMATS)
def test_too_many_pixels_are_refused_and_just_enough_are_not(format_: str) -> None:
    data = encode(Image.new("RGB", (20, 10)), format_)
    number = counted(20, 10, format_)
    image, pixels, *_ = prepared(data, max_pixels=number)
    assert (image.shape, pixels) == ((8, 8, 3), number)
    with pytest.raises(UnreadableImageError, match=r"^too many pixels$") as refused:
        prepare(data, max_pixels=number - 1)
    assert refused.value.pixels == number


def test_a_huge_picture_is_refused_by_its_header_alone() -> None:
    data = bytearray(encode(plain("red"), "BMP"))
    data[18:26] = struct.pack("<ll", 60_000, 60_000)
    with pytest.raises(UnreadableImageError, match=r"^too many pixels$") as refused:
        prepare(bytes(data))
    assert refused.value.pixels == 3_600_000_000


@pytest.mark.parametrize("size", [(1, 1), (1, 2000), (2000, 1), (3, 5)])
@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP"])
def test_a_picture_of_any_shape_is_stretched(format_: str, size: tuple[int, int]) -> None:
    image, pixels, *_ = prepared(encode(Image.new("RGB", size, (200, 100, 50)), format_))
    assert_allclose(image, np.broadcast_to([200, 100, 50], (8, 8, 3)), atol=6)
    assert pixels == counted(*size, format_)


@pytest.mark.parametrize("fit", ["pad", "crop"])
@pytest.mark.parametrize("size", [(1, 1), (1, 2000), (2000, 1), (3, 5)])
def test_a_picture_of_any_shape_becomes_square(fit: Fit, size: tuple[int, int]) -> None:
    image = as_square(Image.new("RGB", size, (200, 100, 50)), fit)
    assert image.shape == (8, 8, 3)
    assert_allclose(image[4, 4], [200, 100, 50] if fit == "crop" else image[4, 4], atol=6)


def test_a_padded_picture_keeps_its_shape_on_white() -> None:
    image = as_square(Image.new("RGB", (800, 400), "blue"), "pad", size=100)
    assert_array_equal(image[[0, 20, 80, 99]], np.full((4, 100, 3), 255))
    assert_array_equal(image[30:70], np.broadcast_to([0, 0, 255], (40, 100, 3)))


@pytest.mark.parametrize(("crop", "edge"), [(1.0, "red"), (0.8, "blue")])
def test_a_crop_leaves_the_middle_in_its_shape(crop: float, edge: str) -> None:
    # A blue disc in a red frame of a tenth, on a wider green ground.
    picture = Image.new("RGB", (900, 400), "lime")
    picture.paste("red", (250, 0, 650, 400))
    picture.paste("blue", (290, 40, 610, 360))
    image = as_square(picture, "crop", size=100, crop=crop)
    for side in (image[0], image[-1], image[:, 0], image[:, -1]):
        assert_allclose(side[50], ImageColor.getrgb(edge), atol=40)
    assert_allclose(image[50, 50], [0, 0, 255])


def test_a_crop_of_a_large_jpeg_is_nearly_that_of_its_pixels() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)
    image = Image.fromarray(noise).resize((1600, 1200), Image.Resampling.BICUBIC)
    middle = image.crop((275, 75, 1325, 1125)).resize((100, 100), Image.Resampling.BICUBIC)
    found = Preprocessor(100, "bicubic", 10**7, "crop", 0.875)(
        io.BytesIO(encode(image, "JPEG", quality=95))
    )
    assert np.abs(found.image - np.asarray(middle).astype(int)).mean() < 4


def test_shrinking_while_decoding_gives_nearly_the_same_picture() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)
    image = Image.fromarray(noise).resize((1600, 1200), Image.Resampling.BICUBIC)
    expected = np.asarray(image.resize((300, 300), Image.Resampling.BICUBIC)).astype(int)
    shrunk, pixels, *_ = prepared(encode(image, "JPEG", quality=95), size=300, max_pixels=10**7)
    assert np.abs(shrunk - expected).mean() < 8
    assert pixels == 400 * 300


def test_the_filter_is_the_one_asked_for() -> None:
    image = quarters(7, 5)
    for name in ("bilinear", "bicubic"):
        expected = image.resize((8, 8), Image.Resampling[name.upper()])
        found = Preprocessor(8, name, 100)(io.BytesIO(encode(image)))
        assert_array_equal(found.image, np.asarray(expected))


def test_a_shortage_of_memory_is_no_fault_of_the_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object) -> None:
        raise MemoryError

    monkeypatch.setattr(Image.Image, "resize", fail)
    with pytest.raises(MemoryError):
        prepare(encode(plain("red")))
