"""Tests of how the files of images begin, with files that Pillow writes."""

from io import BytesIO

import pytest
from PIL import Image

from similar_images.storage.signatures import LENGTH, is_image


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"])
def test_an_image_is_known_by_its_first_bytes(kind: str) -> None:
    if kind == "AVIF" and ".avif" not in Image.registered_extensions():
        pytest.skip("Pillow cannot write AVIF here")
    file = BytesIO()
    Image.new("RGB", (20, 20)).save(file, kind)
    assert is_image(file.getvalue()[:LENGTH])


@pytest.mark.parametrize(
    "start",
    [
        b"MM\x00*\x00\x00\x00\x08",
        b"II+\x00\x08\x00\x00\x00",
        b"\x00\x00\x00\x18ftypheic",
        b"\x00\x00\x00\x1cftypmif1",
        b"\xff\x0a\x7f",
        b"\x00\x00\x00\x0cJXL \r\n\x87\n",
    ],
)
def test_other_ways_to_begin_are_known(start: bytes) -> None:
    assert is_image(start)


@pytest.mark.parametrize(
    "start",
    [
        b"",
        b"<!doctype html><h",
        b"BMW dealers: welc",
        b"RIFF\x00\x00\x00\x00WAVEfmt ",
        b"\x00\x00\x00\x18ftypmp42",
        b'{"error": "login"}',
        b" \xff\xd8\xff",
        b"%PDF-1.7",
        b"\x1f\x8b\x08\x00",
        b"PK\x03\x04",
    ],
)
def test_other_files_are_no_images(start: bytes) -> None:
    assert not is_image(start[:LENGTH])
