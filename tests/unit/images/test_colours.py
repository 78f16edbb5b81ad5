"""Tests of colour profiles: what colours a photo has for a network and on a page."""

import io
import struct
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray
from PIL import Image, ImageCms

from similar_images.images import thumbnails
from similar_images.images.colours import IGNORED
from similar_images.images.preprocessing import Prepared, Preprocessor

# Chromaticities of red, green and blue, all with the white D65.
DISPLAY_P3 = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
ADOBE_RGB = ((0.640, 0.330), (0.210, 0.710), (0.150, 0.060))
SRGB = ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060))
D65, D50 = (0.3127, 0.3290), (0.96422, 1.0, 0.82521)
BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)
PATCHES = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (200, 120, 40), (90, 90, 90), (255, 255, 255)]


def to_xyz(primaries: Sequence[tuple[float, float]]) -> NDArray[np.float64]:
    """Return the matrix from linear RGB to XYZ under D65."""
    columns = np.array([[x / y, 1, (1 - x - y) / y] for x, y in primaries]).T
    x, y = D65
    scales: NDArray[np.float64] = np.linalg.solve(columns, [x / y, 1, (1 - x - y) / y])
    found: NDArray[np.float64] = columns * scales
    return found


def adapted(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return `matrix` for the white D50, which profiles are relative to."""
    x, y = D65
    before = BRADFORD @ [x / y, 1, (1 - x - y) / y]
    scales = np.diag(BRADFORD @ D50 / before)
    found: NDArray[np.float64] = np.linalg.inv(BRADFORD) @ scales @ BRADFORD @ matrix
    return found


def profile(primaries: Sequence[tuple[float, float]], gamma: float) -> bytes:
    """Return an ICC profile of the colours `primaries` with a simple gamma."""
    columns = adapted(to_xyz(primaries)).T

    def fixed(numbers: Sequence[float]) -> bytes:
        return struct.pack(f">{len(numbers)}i", *(round(65536 * number) for number in numbers))

    curve = b"curv" + bytes(4) + struct.pack(">LH", 1, round(256 * gamma)) + bytes(2)
    text = b"desc" + bytes(4) + struct.pack(">L", 5) + b"test\0" + bytes(79)
    tags = {b"desc": text, b"wtpt": b"XYZ " + bytes(4) + fixed(D50), b"cprt": b"text" + bytes(8)}
    for letter, column in zip(b"rgb", columns, strict=True):
        tags[bytes([letter]) + b"XYZ"] = b"XYZ " + bytes(4) + fixed(column)
        tags[bytes([letter]) + b"TRC"] = curve
    offset, table, data = 128 + 4 + 12 * len(tags), b"", b""
    for name, value in tags.items():
        value += bytes(-len(value) % 4)
        table += name + struct.pack(">LL", offset + len(data), len(value))
        data += value
    size = offset + len(data)
    header = struct.pack(">LLL", size, 0, 0x02100000) + b"mntrRGB XYZ " + bytes(12)
    header += b"acsp" + bytes(28) + fixed(D50)
    return header.ljust(128, b"\0") + struct.pack(">L", len(tags)) + table + data


def by_hand(
    colour: Sequence[int], primaries: Sequence[tuple[float, float]], gamma: float
) -> NDArray[np.float64]:
    """Return a colour of `primaries` as sRGB, computed without LittleCMS."""
    linear = (np.array(colour) / 255) ** gamma
    ours = np.linalg.solve(to_xyz(SRGB), to_xyz(primaries) @ linear).clip(0, 1)
    curved = np.where(ours <= 0.0031308, 12.92 * ours, 1.055 * ours ** (1 / 2.4) - 0.055)
    found: NDArray[np.float64] = 255 * curved
    return found


def encode(image: Image.Image, format_: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, format_, **options)
    return stream.getvalue()


def prepared(data: bytes) -> Prepared:
    return Preprocessor(8, "bicubic", 10**6)(io.BytesIO(data))


def plain(colour: object, mode: str = "RGB") -> Image.Image:
    return Image.new(mode, (32, 32), colour)  # type: ignore[arg-type]


@pytest.mark.parametrize("format_", ["PNG", "TIFF", "HEIF", "AVIF", "WEBP", "JPEG"])
def test_every_format_with_a_profile_has_its_colours_in_srgb(format_: str) -> None:
    p3 = profile(DISPLAY_P3, 2.2)
    data = encode(plain((200, 120, 40)), format_, quality=100, icc_profile=p3)
    image, _, note, _ = prepared(data)
    assert_allclose(image[4, 4], by_hand((200, 120, 40), DISPLAY_P3, 2.2), atol=5)
    assert note is None


@pytest.mark.parametrize("primaries", [DISPLAY_P3, ADOBE_RGB])
@pytest.mark.parametrize("colour", PATCHES)
def test_colours_are_as_computed_by_hand(
    primaries: Sequence[tuple[float, float]], colour: tuple[int, int, int]
) -> None:
    data = encode(plain(colour), "PNG", icc_profile=profile(primaries, 2.2))
    assert_allclose(prepared(data).image[4, 4], by_hand(colour, primaries, 2.2), atol=2)


def test_a_profile_of_srgb_changes_no_pixel() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    image = Image.fromarray(noise)
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    with_profile, plain_ = prepared(encode(image, "PNG", icc_profile=srgb)), encode(image, "PNG")
    assert_array_equal(with_profile.image, prepared(plain_).image)
    assert with_profile.note is None


def test_a_grey_photo_follows_a_profile_of_greys_or_colours() -> None:
    data = encode(plain(100, "L"), "PNG", icc_profile=profile(DISPLAY_P3, 1.0))
    assert_allclose(prepared(data).image[4, 4], by_hand((100,) * 3, SRGB, 1.0), atol=1)


def test_print_colours_follow_their_profile() -> None:
    path = Path("/usr/share/color/icc/ghostscript/default_cmyk.icc")
    if not path.exists():
        pytest.skip("needs Ghostscript's profiles")
    image = plain((255, 0, 0, 0), "CMYK")  # only cyan, which is far from (0, 255, 255) on paper
    for format_ in ("JPEG", "TIFF"):
        found = prepared(encode(image, format_, icc_profile=path.read_bytes()))
        red, green, blue = found.image[4, 4].astype(int)
        assert red < 60
        assert 120 < green < 200
        assert 190 < blue < 250
        assert found.note is None
        assert_allclose(prepared(encode(image, format_)).image[4, 4], (0, 255, 255), atol=1)


@pytest.mark.parametrize(
    "broken",
    [
        b"nonsense",
        bytes(200),
        profile(DISPLAY_P3, 2.2)[:200],
        profile(DISPLAY_P3, 2.2)[:16] + b"CMYK" + profile(DISPLAY_P3, 2.2)[20:],
        profile(DISPLAY_P3, 2.2) + bytes(5_000_000),
    ],
    ids=len,
)
def test_a_broken_profile_is_ignored_with_a_note(broken: bytes) -> None:
    image, _, note, _ = prepared(encode(plain((200, 120, 40)), "TIFF", icc_profile=broken))
    assert_array_equal(image[4, 4], (200, 120, 40))
    assert note == IGNORED


@pytest.mark.parametrize("format_", ["HEIF", "AVIF"])
@pytest.mark.parametrize(
    ("primaries", "transfer", "named"),
    [
        (12, 13, "Display P3"),
        (9, 13, "BT.2020"),
        (9, 16, "BT.2020, PQ"),
        (1, 18, "HLG"),
        (1, 13, None),
        (2, 2, None),
    ],
)
def test_colours_by_number_are_read_as_srgb_with_a_note(
    format_: str, primaries: int, transfer: int, named: str | None
) -> None:
    data = encode(plain((200, 120, 40)), format_, quality=100)
    start = data.index(b"colrnclx") + len(b"colrnclx")
    numbers = struct.pack(">HH", primaries, transfer)
    image, _, note, _ = prepared(data[:start] + numbers + data[start + 4 :])
    assert note == (named and f"its colours ({named}, without a profile) are read as sRGB")
    assert_allclose(image[4, 4], (200, 120, 40), atol=3)


def test_a_profile_is_for_the_picture_without_its_transparency() -> None:
    image = plain((200, 120, 40, 0), "RGBA")
    found = prepared(encode(image, "PNG", icc_profile=profile(ADOBE_RGB, 2.2)))
    assert_array_equal(found.image, np.full((8, 8, 3), 255))


def test_a_thumbnail_shows_the_colours_of_the_profile(tmp_path: Path) -> None:
    data = encode(plain((200, 120, 40)), "PNG", icc_profile=profile(ADOBE_RGB, 2.2))
    path = tmp_path / "photo.png"
    path.write_bytes(data)
    image = thumbnails.read(sha256(data).hexdigest(), bytes(path), 16)
    found = np.asarray(image)[8, 8]
    assert_allclose(found, by_hand((200, 120, 40), ADOBE_RGB, 2.2), atol=2)
