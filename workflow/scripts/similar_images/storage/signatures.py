"""How the files of images begin."""

import re

# Bytes of a file that show whether it is an image.
LENGTH = 16
# How each format begins, by the usual ending of its files.
_STARTS = {
    ".jpg": rb"\xff\xd8\xff",
    ".png": rb"\x89PNG\r\n\x1a\n",
    ".gif": rb"GIF8[79]a",
    ".webp": rb"RIFF.{4}WEBP",
    ".bmp": rb"BM.{4}\x00{4}",  # its size, and four bytes that are zero
    ".tif": rb"II[*+]\x00|MM\x00[*+]",  # TIFF and BigTIFF
    ".avif": rb".{4}ftyp(?:avif|avis)",
    ".heic": rb".{4}ftyp(?:heic|heix|heim|heis|hevc|hevx|hevm|hevs|mif1|msf1)",
    ".jxl": rb"\xff\x0a|\x00{3}\x0cJXL \r\n\x87\n",  # bare and in a container
}
_FORMATS = {ending: re.compile(start, re.DOTALL) for ending, start in _STARTS.items()}


def is_image(start: bytes) -> bool:
    """Whether a file that begins with `start`, its first `LENGTH` bytes, is an image."""
    return ending(start) is not None


def ending(start: bytes) -> str | None:
    """Return the usual ending of files that begin with `start`, or None if it is no image."""
    return next((name for name, known in _FORMATS.items() if known.match(start)), None)
