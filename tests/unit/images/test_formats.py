"""Tests of what phones, cameras and studios make: their formats, sizes and common damage."""

import io
import struct
from typing import Any

import numpy as np
import pillow_heif
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image, PngImagePlugin, TiffImagePlugin

from similar_images.images.decoding import UnreadableImageError
from similar_images.images.preprocessing import Prepared, Preprocessor

DEFAULT = 50_000_000  # images.max_pixels
NEW = ["HEIF", "AVIF"]


def encode(image: Image.Image, format_: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, format_, **options)
    return stream.getvalue()


def prepared(data: bytes, size: int = 8) -> Prepared:
    return Preprocessor(size, "bicubic", DEFAULT)(io.BytesIO(data))


def plain(colour: Any, mode: str = "RGB", size: tuple[int, int] = (64, 64)) -> Image.Image:
    return Image.new(mode, size, colour)


def smooth(width: int, height: int) -> Image.Image:
    """Return a picture that grows brighter to the right in red and downwards in green."""
    across = Image.linear_gradient("L").transpose(Image.Transpose.ROTATE_90)
    bands = [across, Image.linear_gradient("L"), Image.new("L", (256, 256), 40)]
    return Image.merge("RGB", [band.resize((width, height)) for band in bands])


@pytest.mark.parametrize("format_", NEW)
@pytest.mark.parametrize(
    ("image", "colour"),
    [
        (plain((200, 100, 50)), (200, 100, 50)),
        (plain(90, "L"), (90, 90, 90)),
        (plain((200, 100, 50, 0), "RGBA"), (255, 255, 255)),
        (plain((0, 0, 0, 51), "RGBA"), (204, 204, 204)),
        (plain((7, 0), "LA"), (255, 255, 255)),
    ],
    ids=lambda value: getattr(value, "mode", None),
)
def test_colour_grey_and_transparency_are_read(
    format_: str, image: Image.Image, colour: tuple[int, int, int]
) -> None:
    found = prepared(encode(image, format_, quality=100)).image
    assert_allclose(found, np.broadcast_to(colour, (8, 8, 3)), atol=3)


@pytest.mark.parametrize("bits", [10, 12])
def test_deep_heic_is_read_and_counts_twice(bits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pillow_heif.options, "SAVE_HDR_TO_12_BIT", bits == 12)
    values = np.full((64, 64, 3), (51400, 25700, 12850), np.uint16)
    file = pillow_heif.from_bytes("RGB;16", (64, 64), values.tobytes())
    stream = io.BytesIO()
    file.save(stream, quality=95)
    image, pixels, *_ = prepared(stream.getvalue())
    assert_allclose(image, np.broadcast_to((200, 100, 50), (8, 8, 3)), atol=3)
    assert pixels == 2 * 64 * 64


def test_the_primary_picture_of_a_heic_counts() -> None:
    file = pillow_heif.from_pillow(plain("red"))
    for colour in ("lime", "blue"):
        file.add_from_pillow(plain(colour))
    stream = io.BytesIO()
    file.save(stream, quality=90, primary_index=1)
    assert_allclose(prepared(stream.getvalue()).image[4, 4], (0, 255, 0), atol=6)


@pytest.mark.parametrize("format_", NEW)
def test_a_damaged_file_has_a_reason(format_: str) -> None:
    data = encode(smooth(200, 100), format_)
    for share in (0.1, 0.5, 0.9):
        with pytest.raises(UnreadableImageError):
            prepared(data[: int(share * len(data))])


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", *NEW])
@pytest.mark.parametrize("length", [40, 100, 200])
def test_an_image_cut_in_its_header_is_called_damaged(format_: str, length: int) -> None:
    data = encode(smooth(200, 100), format_)
    with pytest.raises(UnreadableImageError, match=r"^damaged or truncated: "):
        prepared(data[:length])


@pytest.mark.parametrize("start", [b"\xff\x0a\x7f", b"\0\0\0\x0cJXL \r\n\x87\n"])
def test_a_jpeg_xl_is_no_image_that_can_be_read(start: bytes) -> None:
    with pytest.raises(UnreadableImageError, match=r"^not a JPEG, PNG"):
        prepared(start + bytes(100))


def test_the_reason_of_a_damaged_heic_has_no_details_of_its_boxes() -> None:
    data = encode(smooth(200, 100), "HEIF")
    with pytest.raises(UnreadableImageError) as refused:
        prepared(data[:-20])
    assert str(refused.value) == "damaged or truncated: Unexpected end of file"


@pytest.mark.parametrize("format_", NEW)
def test_pixels_are_counted_before_they_are_decoded(
    format_: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = encode(plain("red"), format_)
    monkeypatch.setattr(Image.Image, "crop", None)
    with pytest.raises(UnreadableImageError, match=r"^too many pixels$"):
        Preprocessor(8, "bicubic", 64 * 64 - 1)(io.BytesIO(data))


@pytest.mark.parametrize(("width", "height"), [(12_000, 9_000), (16_320, 12_240)])
def test_the_largest_photos_of_phones_are_read(width: int, height: int) -> None:
    data = encode(smooth(width // 8, height // 8).resize((width, height)), "JPEG")
    image, pixels, note, _ = prepared(data, 300)
    assert (pixels, note) == (-(-width // 8) * -(-height // 8), None)
    expected = np.asarray(smooth(300, 300)).astype(int)
    assert np.abs(image - expected).mean() < 4


def test_a_large_webp_is_read() -> None:
    data = encode(smooth(4472, 4472), "WEBP", method=0)
    assert prepared(data, 300).pixels == 2 * 4472**2


def progressive(width: int, height: int, **options: Any) -> bytes:
    return encode(plain("red", size=(width, height)), "JPEG", **options)


def test_a_jpeg_in_several_scans_counts_by_the_memory_it_takes() -> None:
    side = 800
    full, reduced = side**2, (side // 8) ** 2
    plain_, colour = progressive(side, side), progressive(side, side, progressive=True)
    assert prepared(plain_).pixels == reduced
    # Two bytes for each coefficient, of which there are 1.5 or 3 for each pixel.
    assert prepared(colour).pixels == reduced + full * 3 // 8
    whole = progressive(side, side, progressive=True, subsampling=0)
    assert prepared(whole).pixels == reduced + full * 6 // 8


def test_a_jpeg_whose_colours_come_one_after_another_counts_by_the_memory_it_takes() -> None:
    data = bytearray(progressive(800, 800))
    start = data.index(b"\xff\xda")
    length = struct.unpack_from(">H", data, start + 2)[0]
    # A first scan with only the first colour: the rest would follow in scans of their own.
    first = b"\xff\xda\0\x08\x01" + data[start + 5 : start + 7] + bytes([0, 63, 0])
    data[start : start + 2 + length] = first
    with Image.open(io.BytesIO(bytes(data))):
        pass
    assert prepared(bytes(data)).pixels > 100**2 + 800**2 // 4


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_jpeg_that_lacks_its_last_bytes_is_read_with_a_note(mode: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
    image = Image.fromarray(noise).resize((320, 240)).convert(mode)
    data = encode(image, "JPEG")
    whole = prepared(data, 80)
    cut = prepared(data[: int(0.9 * len(data))], 80)
    assert whole.note is None
    assert cut.note is not None
    assert cut.note.startswith("the last ")
    share = int(cut.note.split()[2].rstrip("%"))
    assert 7 <= share <= 13
    assert_array_equal(cut.image[:60], whole.image[:60])
    assert len(np.unique(cut.image[-1], axis=0)) == 1  # grey
    nearly = prepared(data[:-3], 80)
    assert nearly.note in (None, "its end is missing", "the last 3% of the picture is missing")


@pytest.mark.parametrize("share", [0.9, 0.7])
def test_a_jpeg_whose_end_was_never_written_is_as_one_that_was_cut(share: float) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
    data = encode(Image.fromarray(noise).resize((1600, 1200)), "JPEG", quality=95)
    there = data[: int(share * len(data))].rstrip(b"\0")
    cut, padded = prepared(there, 80), prepared(there.ljust(len(data), b"\0"), 80)
    assert padded.note is not None
    assert padded.note.startswith("the last ")
    assert padded.note == cut.note
    assert_array_equal(padded.image, cut.image)


def test_zeros_after_a_whole_jpeg_do_no_harm() -> None:
    data = encode(smooth(320, 240), "JPEG")
    padded = prepared(data + bytes(200_000), 80)
    assert padded.note is None
    assert_array_equal(padded.image, prepared(data, 80).image)


def test_a_progressive_jpeg_that_lacks_its_last_bytes_is_read_with_a_note() -> None:
    data = encode(smooth(320, 240), "JPEG", progressive=True)
    assert prepared(data[:-40], 80).note == "its end is missing"


def test_a_jpeg_that_lacks_most_of_its_bytes_is_damaged() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8)
    data = encode(Image.fromarray(noise), "JPEG")
    with pytest.raises(UnreadableImageError, match=r"the last 7\d% of the picture is missing"):
        prepared(data[: len(data) // 4])


def test_adobes_inverted_print_colours_are_read() -> None:
    # Pillow writes CMYK as Photoshop does, with Adobe's marker and all inks inverted.
    data = encode(plain((0, 255, 255, 0), "CMYK"), "JPEG", quality=95)
    assert b"Adobe" in data
    assert_allclose(prepared(data).image[4, 4], (255, 0, 0), atol=2)


def with_layers(number: int, **options: Any) -> bytes:
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[37724] = b"Adobe Photoshop Document Data Block\0" + bytes(number)
    tags.tagtype[37724] = 7
    return encode(plain((200, 100, 50)), "TIFF", tiffinfo=tags, **options)


@pytest.mark.parametrize("compression", [None, "tiff_lzw"])
def test_a_tiff_with_the_layers_of_photoshop_is_read(compression: str | None) -> None:
    data = with_layers(30_000_000, compression=compression)
    assert_array_equal(prepared(data).image[4, 4], (200, 100, 50))


def test_a_tiff_with_print_colours_and_transparency_is_read() -> None:
    inks = bytes([0, 255, 255, 0, 255]) * 64
    tags = [(256, 4, 1, 8), (257, 4, 1, 8), (258, 3, 5, 146), (259, 3, 1, 1), (262, 3, 1, 5)]
    tags += [(273, 4, 1, 156), (277, 3, 1, 5), (278, 4, 1, 8), (279, 4, 1, 320), (338, 3, 1, 2)]
    head = b"II*\0\x08\0\0\0" + struct.pack("<H", 10)
    directory = b"".join(struct.pack("<HHLL", *tag) for tag in tags) + bytes(4)
    data = (head + directory).ljust(146, b"\0") + struct.pack("<5H", *[8] * 5) + inks
    assert_array_equal(prepared(data).image[4, 4], (255, 0, 0))


@pytest.mark.parametrize("zipped", [False, True])
def test_a_png_with_a_long_text_is_read(zipped: bool) -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("history", "x" * 1_500_000, zip=zipped)
    info.add_itxt("more", "y" * 1_500_000, zip=zipped)
    data = encode(plain((200, 100, 50)), "PNG", pnginfo=info)
    assert_array_equal(prepared(data).image[4, 4], (200, 100, 50))


def test_a_png_with_a_large_profile_is_read() -> None:
    profile = np.random.default_rng(0).bytes(2_000_000)
    data = encode(plain((200, 100, 50)), "PNG", icc_profile=profile)
    assert_array_equal(prepared(data).image[4, 4], (200, 100, 50))
