"""From the bytes of an image file to the pixels that a backbone takes."""

from dataclasses import dataclass
from math import ceil
from typing import BinaryIO, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from .decoding import (
    DECODING,
    REDUCING_GAP,
    UnreadableImageError,
    count_pixels,
    open_image,
    reduced_rgb,
    upright,
)

# The only fault that depends on a setting, images.max_pixels.
TOO_MANY = "too many pixels"


Fit = Literal["stretch", "pad", "crop"]


class Prepared(NamedTuple):
    """An image for a backbone.

    Attributes:
        image: RGB, uint8 (size, size, 3).
        pixels: width times height of the file's image; three times that for a WebP.
    """

    image: NDArray[np.uint8]
    pixels: int


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
        """Return the image in `file`, upright.

        The content decides the format. An animation gives its first frame; transparency becomes
        white; 16-bit and float greys are scaled to 8 bits.

        Raises:
            UnreadableImageError: there is no readable image in it, or it has too many pixels.
        """
        pixels = count_pixels(open_image(file))
        if pixels > self.max_pixels:
            raise UnreadableImageError(TOO_MANY, pixels)
        try:
            with DECODING.taken(pixels):
                # Opened again, so that its memory is freed before the next image starts.
                return Prepared(self._decode(open_image(file)), pixels)
        except MemoryError:
            raise  # not a fault of the image
        except UnreadableImageError as error:
            raise UnreadableImageError(str(error), pixels) from error
        except Exception as error:  # decoders raise many types for damaged data
            raise UnreadableImageError(f"damaged or truncated: {error}", pixels) from error

    def _decode(self, image: Image.Image) -> NDArray[np.uint8]:
        scaled = ceil(self.size / self.crop)
        # A JPEG decoder can shrink while it decodes, at a fraction of the cost.
        image.draft(None, (scaled, scaled))
        small = reduced_rgb(image, REDUCING_GAP * scaled, in_shape=self.fit != "stretch")
        return np.asarray(self._square(upright(image, small)))

    def _square(self, image: Image.Image) -> Image.Image:
        square = (self.size, self.size)
        filter_ = Image.Resampling[self.resample.upper()]
        if self.fit == "pad":
            return ImageOps.pad(image, square, filter_, color="white")
        if self.fit == "crop":
            return ImageOps.fit(image, square, filter_, bleed=(1 - self.crop) / 2)
        return image.resize(square, filter_)
