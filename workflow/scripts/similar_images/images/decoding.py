"""Safe decoding of image files, whatever their bytes."""

import io
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition
from typing import BinaryIO, cast

import numpy as np
from PIL import ExifTags, Image, TiffImagePlugin, UnidentifiedImageError

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
# Pillow's own limit is replaced by `Preprocessor.max_pixels`, which the user can set.
Image.MAX_IMAGE_PIXELS = None
# Memory blocks this large return to the system when freed. Pillow's own, of 16 MB, stay with each
# thread that has decoded a large image.
Image.core.set_block_size(64 * 1024 * 1024)  # type: ignore[attr-defined]
# It warns of unusual metadata, which is not used here.
warnings.filterwarnings("ignore", module=r"PIL\.")


# An image is first reduced, by whole numbers, to at least this many times the result. This is fast
# and loses almost nothing (see `reducing_gap` in Pillow's documentation).
REDUCING_GAP = 3
STRIP_HEIGHT = 64
# Limits of a file, in bytes: for its metadata, which decoders keep in memory, and for each pixel.
METADATA_BYTES = 64 * 1024 * 1024
BYTES_PER_PIXEL = 8
# Each scan of a progressive JPEG takes as long as a whole picture, and few bytes. The limit is that
# of TurboJPEG's TJFLAG_LIMITSCANS; ten scans are common.
MOST_SCANS = 500
TILE_SIDES = (TiffImagePlugin.TILEWIDTH, TiffImagePlugin.TILELENGTH)


class Budget:
    """Lets blocks of code run in parallel while their sum stays within a total."""

    def __init__(self, total: int) -> None:
        self._total = self._free = total
        self._given_back = Condition()

    @contextmanager
    def taken(self, amount: int) -> Iterator[None]:
        """Wait for `amount`, the total at the most, and hold it while the block runs."""
        amount = min(amount, self._total)
        with self._given_back:
            self._given_back.wait_for(lambda: self._free >= amount)
            self._free -= amount
        try:
            yield
        finally:
            with self._given_back:
                self._free += amount
                self._given_back.notify_all()


# Pixels that all threads together may decode at a time, of at most 8 bytes each.
DECODING = Budget(50_000_000)
# The transposition that makes an image upright, by its EXIF orientation.
ORIENTATIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class UnreadableImageError(Exception):
    """The bytes are no readable picture; the message is the reason, for the user.

    Attributes:
        pixels: as `Prepared.pixels`, where they are known.
    """

    def __init__(self, reason: str, pixels: int | None = None) -> None:
        super().__init__(reason)
        self.pixels = pixels


def open_image(file: BinaryIO) -> Image.Image:
    """Return the image in `file`, not decoded yet.

    Raises:
        UnreadableImageError: it has no known format, or is a decompression bomb: it takes far more
            to decode than a picture of its size.
    """
    rationed = _RationedFile(file, METADATA_BYTES)
    try:
        image = Image.open(cast(BinaryIO, rationed), formats=FORMATS)
    except UnidentifiedImageError as error:
        raise UnreadableImageError("not a JPEG, PNG, WebP, GIF, BMP or TIFF image") from error
    except (MemoryError, UnreadableImageError):
        raise  # as above
    except Exception as error:  # as above
        raise UnreadableImageError(f"damaged or truncated: {error}") from error
    if "progressive" in image.info and _scans(file) > MOST_SCANS:
        raise UnreadableImageError(f"more than {MOST_SCANS} scans")
    rationed.left += BYTES_PER_PIXEL * count_pixels(image)
    return image


def count_pixels(image: Image.Image) -> int:
    """Return the number of pixels whose memory it takes to decode `image`.

    For a WebP it is three times its pixels; for a TIFF at least those of one tile.
    """
    pixels = image.width * image.height
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        tile = [side for side in map(image.tag_v2.get, TILE_SIDES) if isinstance(side, int)]
        return max(pixels, math.prod(tile))
    return pixels * (3 if image.format == "WEBP" else 1)


def _scans(file: BinaryIO) -> int:
    """Return the number of scans in a JPEG, including those of embedded JPEGs."""
    file.seek(0)
    return sum(block.count(b"\xff\xda") for block in iter(lambda: file.read(1024 * 1024), b""))


class _RationedFile(io.BufferedIOBase):
    """A file of which at most `left` bytes may be read."""

    def __init__(self, file: BinaryIO, left: int) -> None:
        self._file = file
        self.left = left

    def read(self, size: int | None = -1, /) -> bytes:
        whole = size is None or not 0 <= size <= self.left
        data = self._file.read(self.left + 1 if whole else size or 0)
        self.left -= len(data)
        if self.left < 0:
            raise UnreadableImageError(f"more than {METADATA_BYTES} bytes beside its pixels")
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def fileno(self) -> int:  # libtiff reads from it, at most the size of the pixels
        return self._file.fileno()


def reduced_rgb(image: Image.Image, least: int, *, in_shape: bool = False) -> Image.Image:
    """Return `image` in RGB, its sides divided by whole numbers but no shorter than `least`.

    With `in_shape`, both are divided by the same number. It works strip by strip, so that a large
    image is never copied as a whole.
    """
    across, down = max(1, image.width // least), max(1, image.height // least)
    if in_shape:
        across = down = min(across, down)
    white = _white(image)
    small = Image.new("RGB", (-(-image.width // across), -(-image.height // down)))
    for top, strip in _strips(image, STRIP_HEIGHT * down):
        small.paste(_as_rgb(strip, white).reduce((across, down)), (0, top // down))
    return small


def _strips(image: Image.Image, height: int) -> Iterator[tuple[int, Image.Image]]:
    for top in range(0, image.height, height):
        yield top, image.crop((0, top, image.width, min(top + height, image.height)))


def upright(image: Image.Image, pixels: Image.Image) -> Image.Image:
    """Return `pixels` rotated or mirrored by the EXIF orientation of `image`."""
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # a damaged EXIF block; the picture is good without it
        return pixels
    return pixels.transpose(ORIENTATIONS[orientation]) if orientation in ORIENTATIONS else pixels


def _white(image: Image.Image) -> float | None:
    """Return the value of white in a grey image of over 8 bits: 1, 255, 65535 or its maximum."""
    if image.mode.startswith("I;16"):
        return 65535.0
    if image.mode not in ("I", "F"):
        return None
    brightest = max(
        float(np.nan_to_num(np.asarray(strip)).max()) for _, strip in _strips(image, STRIP_HEIGHT)
    )
    return next((white for white in (1.0, 255.0, 65535.0) if brightest <= white), brightest)


def _as_rgb(image: Image.Image, white: float | None) -> Image.Image:
    if white is not None:
        return _scaled_to_8_bits(image, white).convert("RGB")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        paper = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(paper, image).convert("RGB")
    return image.convert("RGB")


def _scaled_to_8_bits(image: Image.Image, white: float) -> Image.Image:
    values = np.nan_to_num(np.asarray(image, dtype=np.float32)).clip(min=0)
    return Image.fromarray((values * (255 / white)).round().astype(np.uint8))
