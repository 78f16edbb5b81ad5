"""From the bytes of an image file to the pixels that a backbone takes."""

import io
import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
# Pillow's own limit is replaced by `Preparation.max_pixels`, which the user can set.
Image.MAX_IMAGE_PIXELS = None


class UnreadableImageError(Exception):
    """The bytes give no picture; the message is the reason, for the user."""


@dataclass(frozen=True)
class Preparation:
    """How an image becomes pixels.

    Attributes:
        size: width and height of the result, in pixels; the image is stretched to it.
        resample: the filter that does it.
        max_pixels: width times height of a file's image at the most.
    """

    size: int
    resample: Literal["bilinear", "bicubic"]
    max_pixels: int

    def __call__(self, data: bytes) -> NDArray[np.uint8]:
        """Return the image in `data` as RGB, uint8 (size, size, 3), upright.

        The format is told by the content. Of an animation the first frame counts; a
        transparent image lies on white; 16-bit and float greys are scaled to 8 bits.

        Raises:
            UnreadableImageError: there is no readable image in `data`, or it has too many pixels.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd metadata, which is not used
            image = self._open(data)
            try:
                # A JPEG decoder can shrink while it decodes, at a fraction of the cost.
                image.draft(None, (self.size, self.size))
                rgb = as_rgb(upright(image))
                filter_ = Image.Resampling[self.resample.upper()]
                return np.asarray(rgb.resize((self.size, self.size), filter_))
            except Exception as error:  # decoders raise many types for damaged data
                raise UnreadableImageError(f"damaged or truncated: {error}") from error

    def _open(self, data: bytes) -> Image.Image:
        try:
            image = Image.open(io.BytesIO(data), formats=FORMATS)
        except Exception as error:  # as above
            raise UnreadableImageError("not a JPEG, PNG, WebP, GIF, BMP or TIFF image") from error
        width, height = image.size
        if width * height > self.max_pixels:
            raise UnreadableImageError(
                f"too many pixels: {width} x {height} is over images.max_pixels ({self.max_pixels})"
            )
        return image


def upright(image: Image.Image) -> Image.Image:
    """Return `image` turned as its EXIF block says."""
    try:
        return ImageOps.exif_transpose(image)
    except OSError:
        raise  # the pixels are damaged
    except Exception:  # the EXIF block is: the picture is good without it
        return image


def as_rgb(image: Image.Image) -> Image.Image:
    """Return `image` in 8-bit RGB, on white where it is transparent."""
    if image.mode == "F" or image.mode.startswith("I"):
        return _scaled_to_8_bits(image).convert("RGB")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image).convert("RGB")
    return image.convert("RGB")


def _scaled_to_8_bits(image: Image.Image) -> Image.Image:
    """Return a deep grey image as 8 bits; its white is 1, 255 or 65535, or else its maximum."""
    values = np.nan_to_num(np.asarray(image, dtype=np.float32)).clip(min=0)
    brightest = float(values.max())
    if image.mode.startswith("I;16"):
        white = 65535.0
    else:
        white = next((w for w in (1.0, 255.0, 65535.0) if brightest <= w), brightest)
    return Image.fromarray((values * (255 / white)).round().astype(np.uint8))
