"""How the files of images begin."""

import re

# Bytes of a file that show whether it is an image.
LENGTH = 16
_HEIF = b"heic|heix|heim|heis|hevc|hevx|hevm|hevs|mif1|msf1|avif|avis"
_IMAGE = re.compile(
    rb"\xff\xd8\xff"  # JPEG
    rb"|\x89PNG\r\n\x1a\n"
    rb"|GIF8[79]a"
    rb"|RIFF.{4}WEBP"
    rb"|BM.{4}\x00{4}"  # BMP: its size, and four bytes that are zero
    rb"|II[*+]\x00|MM\x00[*+]"  # TIFF and BigTIFF
    rb"|.{4}ftyp(?:" + _HEIF + rb")"  # HEIC and AVIF
    rb"|\xff\x0a|\x00{3}\x0cJXL \r\n\x87\n",  # JPEG XL, bare and in a container
    re.DOTALL,
)


def is_image(start: bytes) -> bool:
    """Whether a file that begins with `start`, its first `LENGTH` bytes, is an image."""
    return _IMAGE.match(start) is not None
