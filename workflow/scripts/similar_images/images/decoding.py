"""Safe decoding of image files, whatever their bytes."""

import io
import math
import re
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Condition
from typing import BinaryIO, NamedTuple, cast

import numpy as np
import pillow_heif
from PIL import (
    AvifImagePlugin,
    ExifTags,
    Image,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
)

from ..storage.signatures import LENGTH, is_image
from .colours import conversion_of

# AVIF before HEIF: a file of either kind can call itself "mif1", and only AVIF's decoder refuses
# the other kind.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF")
NO_IMAGE = "not a JPEG, PNG, WebP, GIF, BMP, TIFF, HEIC or AVIF image"
# Pillow's own limit is replaced by `Preprocessor.max_pixels`, which the user can set.
Image.MAX_IMAGE_PIXELS = None
# Memory blocks this large return to the system when freed. Pillow's own, of 16 MB, stay with each
# thread that has decoded a large image.
Image.core.set_block_size(64 * 1024 * 1024)  # type: ignore[attr-defined]
# It warns of unusual metadata, which is not used here.
warnings.filterwarnings("ignore", module=r"PIL\.")
# A job decodes on threads of its own. Thumbnails in the file can show something else.
AvifImagePlugin.DEFAULT_MAX_THREADS = 1
pillow_heif.register_heif_opener(
    decode_threads=1, thumbnails=False, depth_images=False, aux_images=False
)
# A text or profile in a PNG once it is unpacked, in bytes. `MAX_TEXT_MEMORY` limits them together.
PngImagePlugin.MAX_TEXT_CHUNK = 16 * 1024 * 1024
# Print colours with transparency, which Pillow does not know: the transparency is left out.
for _order in (TiffImagePlugin.II, TiffImagePlugin.MM):
    for _alpha in (1, 2):
        _kind = (_order, 5, (1,), 1, (8,) * 5, (_alpha,))
        TiffImagePlugin.OPEN_INFO.setdefault(_kind, ("CMYK", "CMYKX"))


# An image is first reduced, by whole numbers, to at least this many times the result. This is fast
# and loses almost nothing (see `reducing_gap` in Pillow's documentation).
REDUCING_GAP = 3
STRIP_HEIGHT = 64
# Limits of a file, in bytes: for its metadata, which decoders keep in memory, and for each pixel.
METADATA_BYTES = 64 * 1024 * 1024
BYTES_PER_PIXEL = 8
# Pillow reads the directory of a TIFF, with all layers of Photoshop, up to this often.
TIFF_READS = 4
TIFF_STARTS = (b"II*\0", b"MM\0*")
JPEG_XL_STARTS = (b"\xff\x0a", b"\0\0\0\x0cJXL ")
# Each scan of a progressive JPEG takes as long as a whole picture, and few bytes. The limit is that
# of TurboJPEG's TJFLAG_LIMITSCANS; ten scans are common.
MOST_SCANS = 500
BLOCK = 64 * 1024
# A fault of libheif: its kind, what it is, and details of the file that help nobody.
LIBHEIF = re.compile(r"Invalid input: ([^:]+)")
END_OF_JPEG = b"\xff\xd9"
# What a JPEG decoder writes where there are no data, by the mode of the picture.
NO_DATA = {"L": 128, "RGB": 128, "CMYK": 127}
# The largest share of a JPEG that may be missing.
MOST_MISSING = 0.5
# Pillow does not tell the numbers for the colours of an AVIF. Its header comes first.
AVIF_HEADER = 64 * 1024
NCLX = re.compile(rb"colrnclx(.{4})", re.DOTALL)
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
# Those that swap width and height.
SIDEWAYS = {5, 6, 7, 8}


def damaged(error: Exception) -> str:
    """Return the reason to reject an image for which a decoder raised `error`, in one line."""
    text = " ".join(str(error).split())
    if found := LIBHEIF.match(text):
        text = found[1]
    return f"damaged or truncated: {text.rstrip(' ,;:')}"


class UnreadableImageError(Exception):
    """The bytes are no readable picture; the message is the reason, for the user.

    Attributes:
        pixels: as `Prepared.pixels`, where they are known.
    """

    def __init__(self, reason: str, pixels: int | None = None) -> None:
        super().__init__(reason)
        self.pixels = pixels


class Picture(NamedTuple):
    """A decoded picture.

    Attributes:
        image: in sRGB, as it lies in the file: see `upright`.
        note: what was lost or ignored, or None.
    """

    image: Image.Image
    note: str | None


@dataclass(frozen=True)
class OpenImage:
    """An image file whose header was read, and whose pixels are not decoded yet.

    Attributes:
        image: as Pillow opened it, set to be decoded at a reduced size if it is a JPEG.
        size: width and height of the picture in the file.
        pixels: how many pixels of `BYTES_PER_PIXEL` it takes to decode it.
    """

    image: Image.Image
    size: tuple[int, int]
    pixels: int
    _file: "_RationedFile"

    def reduced(self, least: int, *, in_shape: bool = False) -> Picture:
        """Return the picture, its sides divided by whole numbers but no shorter than `least`.

        With `in_shape`, both are divided by the same number.

        Raises:
            UnreadableImageError: more than `MOST_MISSING` of a JPEG is missing.
            Exception: decoders raise many types for damaged data.
        """
        image = self.image
        # It works strip by strip, so that a large image is never copied as a whole.
        image.load()
        conversion = conversion_of(image)
        cut = _missing(image) if self._file.ended else None
        across, down = max(1, image.width // least), max(1, image.height // least)
        if in_shape:
            across = down = min(across, down)
        mode = "CMYK" if conversion.mode == "CMYK" else "RGB"
        white = _white(image)
        small = Image.new(mode, (-(-image.width // across), -(-image.height // down)))
        for top, strip in _strips(image, STRIP_HEIGHT * down):
            part = strip if mode == "CMYK" else _as_rgb(strip, white)
            small.paste(part.reduce((across, down)), (0, top // down))
        notes = "; ".join(note for note in (cut, conversion.note) if note)
        return Picture(conversion.apply(small), notes or None)


def open_image(file: BinaryIO, least: int) -> OpenImage:
    """Return the image in `file`, not decoded yet.

    Args:
        file: its bytes.
        least: the shortest sides that are wanted. A JPEG decoder can shrink while it decodes, at a
            fraction of the time and memory.

    Raises:
        UnreadableImageError: it has no known format, or is a decompression bomb: it takes far more
            to decode than a picture of its size.
    """
    start = file.read(LENGTH)
    is_tiff = start.startswith(TIFF_STARTS)
    file.seek(0)
    rationed = _RationedFile(file, METADATA_BYTES * (TIFF_READS if is_tiff else 1))
    try:
        image = Image.open(cast(BinaryIO, rationed), formats=FORMATS)
    except UnidentifiedImageError as error:
        raise UnreadableImageError(_why_unknown(start)) from error
    except (MemoryError, UnreadableImageError):
        raise  # as above
    except Exception as error:  # as above
        raise UnreadableImageError(damaged(error)) from error
    if image.format == "AVIF":
        image.info["nclx_profile"] = _nclx(file)
    size = image.size
    coefficients = 0.0
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        rationed.length = _length_without_zeros(file)
        rationed.end = END_OF_JPEG
        coefficients = _coefficient_bytes(image, _in_one_scan(image, file)) * math.prod(size)
        if "progressive" in image.info and _scans(file) > MOST_SCANS:
            raise UnreadableImageError(f"more than {MOST_SCANS} scans")
        image.draft(None, (least, least))
    rationed.left += BYTES_PER_PIXEL * math.prod(size)
    pixels = _count_pixels(image) + math.ceil(coefficients / BYTES_PER_PIXEL)
    return OpenImage(image, size, pixels, rationed)


def _why_unknown(start: bytes) -> str:
    """Return why no decoder knows a file that begins with `start`."""
    if start.startswith(TIFF_STARTS):
        return "a TIFF that is damaged, or with pixels of an unknown kind"
    if is_image(start) and not start.startswith(JPEG_XL_STARTS):
        return "damaged or truncated: its header cannot be read"
    return NO_IMAGE


def _nclx(file: BinaryIO) -> dict[str, int]:
    """Return the numbers for the colours of an AVIF, named as `pillow_heif` does for a HEIC."""
    file.seek(0)
    found = NCLX.search(file.read(AVIF_HEADER))
    if found is None:
        return {}
    names = ("color_primaries", "transfer_characteristics")
    return dict(zip(names, struct.unpack(">HH", found[1]), strict=True))


def _count_pixels(image: Image.Image) -> int:
    """Return the number of pixels whose memory it takes to decode `image`, without coefficients.

    For a WebP or AVIF, and a HEIC of more than 8 bits, it is twice its pixels, for a TIFF at least
    those of one tile.
    """
    pixels = image.width * image.height
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        tile = [side for side in map(image.tag_v2.get, TILE_SIDES) if isinstance(side, int)]
        return max(pixels, math.prod(tile))
    twice = image.format in ("WEBP", "AVIF") or image.info.get("bit_depth", 8) > 8
    return pixels * (2 if twice else 1)


def _coefficient_bytes(image: JpegImagePlugin.JpegImageFile, one_scan: bool) -> float:
    """Return the bytes for each pixel that the decoder keeps until it has read all scans."""
    if one_scan:
        return 0
    sampling = [across * down for _, across, down, _ in image.layer]
    return 2 * sum(sampling) / max([1, *sampling])


def _in_one_scan(image: JpegImagePlugin.JpegImageFile, file: BinaryIO) -> bool:
    """Whether a JPEG that was just opened has one scan with all of its colours."""
    # Pillow stops after the header of the first scan: a length of 6 bytes and 2 for each colour.
    length = 6 + 2 * image.layers
    end = file.tell()
    file.seek(max(0, end - length))
    header = file.read(length)
    file.seek(end)
    whole = struct.pack(">HB", length, image.layers)
    return "progressive" not in image.info and header.startswith(whole)


def _scans(file: BinaryIO) -> int:
    """Return the number of scans in a JPEG, including those of embedded JPEGs."""
    file.seek(0)
    return sum(block.count(b"\xff\xda") for block in iter(lambda: file.read(1024 * 1024), b""))


def _length_without_zeros(file: BinaryIO) -> int:
    """Return the length of `file` without the zeros at its end.

    A download that was stopped can leave a file of the full length. Decoders take the zeros for
    colours.
    """
    place = file.tell()
    end = file.seek(0, io.SEEK_END)
    while end:
        start = max(0, end - BLOCK)
        file.seek(start)
        if block := file.read(end - start).rstrip(b"\0"):
            end = start + len(block)
            break
        end = start
    file.seek(place)
    return end


class _RationedFile(io.BufferedIOBase):
    """A file of which at most `left` bytes may be read.

    Attributes:
        left: see above.
        length: where the file ends for its reader, or None for its own end.
        end: bytes to append to the file.
        ended: whether they were read.
    """

    def __init__(self, file: BinaryIO, left: int) -> None:
        self._file = file
        self.left = left
        self.length: int | None = None
        self.end = b""
        self.ended = False

    def read(self, size: int | None = -1, /) -> bytes:
        whole = size is None or not 0 <= size <= self.left
        number = self.left + 1 if whole else size or 0
        if self.length is not None:
            number = min(number, max(0, self.length - self.tell()))
        data = self._file.read(number)
        self.left -= len(data)
        if self.left < 0:
            raise UnreadableImageError(f"more than {METADATA_BYTES} bytes beside its pixels")
        if not data and self.end and not self.ended:
            self.ended = True
            return self.end
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def fileno(self) -> int:  # libtiff reads from it, at most the size of the pixels
        return self._file.fileno()


def _missing(image: Image.Image) -> str:
    """Return a note on the rows that the decoder of a JPEG could not fill.

    Raises:
        UnreadableImageError: they are too many.
    """
    share = 1 - _filled(image) / image.height
    note = f"the last {share:.0%} of the picture is missing" if share else "its end is missing"
    if share > MOST_MISSING:
        raise UnreadableImageError(f"damaged or truncated: {note}")
    return note


def _filled(image: Image.Image) -> int:
    """Return the number of rows down to the last one that has data."""
    filled = 0
    for top, strip in _strips(image, STRIP_HEIGHT):
        rows = np.asarray(strip).reshape(strip.height, -1) != NO_DATA[image.mode]
        with_data = np.flatnonzero(rows.any(axis=1))
        filled = top + int(with_data[-1]) + 1 if len(with_data) else filled
    return filled


def _strips(image: Image.Image, height: int) -> Iterator[tuple[int, Image.Image]]:
    for top in range(0, image.height, height):
        yield top, image.crop((0, top, image.width, min(top + height, image.height)))


def upright(image: Image.Image, pixels: Image.Image) -> Image.Image:
    """Return `pixels` rotated or mirrored by the EXIF orientation of `image`."""
    orientation = _orientation(image)
    return pixels.transpose(ORIENTATIONS[orientation]) if orientation in ORIENTATIONS else pixels


def upright_size(image: Image.Image, size: tuple[int, int]) -> tuple[int, int]:
    """Return the width and height that `size` has by the EXIF orientation of `image`."""
    width, height = size
    return (height, width) if _orientation(image) in SIDEWAYS else size


def _orientation(image: Image.Image) -> int | None:
    """Return the EXIF orientation of `image`, or None."""
    try:
        orientation: int | None = image.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # a damaged EXIF block; the picture is good without it
        return None
    return orientation


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
