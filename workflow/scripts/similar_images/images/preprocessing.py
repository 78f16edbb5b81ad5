"""From the bytes of an image file to the pixels that a backbone takes."""

from dataclasses import dataclass
from math import ceil
from typing import BinaryIO, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from .colours import conversion_of
from .decoding import (
    DECODING,
    REDUCING_GAP,
    OpenImage,
    UnreadableImageError,
    damaged,
    open_image,
    upright,
    upright_size,
)
from .photo_quality import Measures, measure

# The only fault that depends on a setting, images.max_pixels.
TOO_MANY = "too many pixels"


Fit = Literal["stretch", "pad", "crop"]


class Prepared(NamedTuple):
    """An image for a backbone.

    Attributes:
        image: RGB, uint8 (size, size, 3).
        pixels: how many pixels it takes to decode it, see `decoding.OpenImage.pixels`.
        note: what of the picture was lost or ignored, or None.
        measures: of its quality.
    """

    image: NDArray[np.uint8]
    pixels: int
    note: str | None
    measures: Measures


@dataclass(frozen=True)
class Preprocessor:
    """Converts an image file to the pixels that a backbone takes.

    Attributes:
        size: width and height of the result, in pixels.
        resample: the filter that scales the image to it.
        max_pixels: the limit for `Prepared.pixels`.
        fit: how the image becomes square: stretched, padded with white, or cropped.
        crop: the share of the shorter side that a centre crop keeps.
    """

    size: int
    resample: Literal["bilinear", "bicubic"]
    max_pixels: int
    fit: Fit = "stretch"
    crop: float = 1.0

    def __call__(self, file: BinaryIO) -> Prepared:
        """Return the image in `file`, upright and in sRGB.

        The content decides the format. An animation gives its first frame; transparency becomes
        white; 16-bit and float greys are scaled to 8 bits. What a JPEG lacks at its end is grey.

        Raises:
            UnreadableImageError: there is no readable image in it, or it has too many pixels.
        """
        pixels = self._open(file).pixels
        if pixels > self.max_pixels:
            raise UnreadableImageError(TOO_MANY, pixels)
        try:
            with DECODING.taken(pixels):
                # Opened again, so that its memory is freed before the next image starts.
                return self._decode(self._open(file))
        except MemoryError:
            raise  # not a fault of the image
        except UnreadableImageError as error:
            raise UnreadableImageError(str(error), pixels) from error
        except Exception as error:  # decoders raise many types for damaged data
            raise UnreadableImageError(damaged(error), pixels) from error

    def follows_profile(self, file: BinaryIO) -> bool:
        """Whether the colour profile of a photo changes the picture, or is worth a note.

        Raises:
            UnreadableImageError: there is no image in it.
        """
        conversion = conversion_of(self._open(file).image)
        return bool(conversion.transform or conversion.note)

    @property
    def _scaled(self) -> int:
        """The side of the square, before a crop."""
        return ceil(self.size / self.crop)

    def _open(self, file: BinaryIO) -> OpenImage:
        file.seek(0)
        return open_image(file, self._scaled)

    def _decode(self, opened: OpenImage) -> Prepared:
        small, note = opened.reduced(REDUCING_GAP * self._scaled, in_shape=self.fit != "stretch")
        picture, size = upright(opened.image, small), upright_size(opened.image, opened.size)
        square = self._square(picture)
        return Prepared(np.asarray(square), opened.pixels, note, measure(picture, size))

    def _square(self, image: Image.Image) -> Image.Image:
        square = (self.size, self.size)
        filter_ = Image.Resampling[self.resample.upper()]
        if self.fit == "pad":
            return ImageOps.pad(image, square, filter_, color="white")
        if self.fit == "crop":
            return ImageOps.fit(image, square, filter_, bleed=(1 - self.crop) / 2)
        return image.resize(square, filter_)
