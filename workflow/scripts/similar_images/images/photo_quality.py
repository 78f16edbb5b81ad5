"""Measures of a photo, not of what it shows: its size, sharpness, light and border.

All are published measures that need no reference photo. They are taken while a photo is decoded
for the network, so they are fast and use Pillow and NumPy alone.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# The longest side of the picture whose blur is measured, in pixels. It is a little more than a
# network sees: blur that is only visible in a larger picture does no harm.
SIDE = 400
# Rows and columns of it that are measured, evenly spread. All of them take five times as long, and
# find as many blurred photos.
LINES = 32
# The longest side of the pixels that are taken for light and border, evenly spread. The border is
# measured on a picture of a quarter of it, so that grain and texture do not count.
SAMPLED = 256
BORDER_REDUCTION = 4
# Neighbouring pixels that Crete et al. average to blur a picture: so many to each side.
REACH = 4
WIDTH = 2 * REACH + 1
# Colours that differ by this much (CIE76) look clearly different.
OTHER_COLOUR = 20
DECIMALS = 4
# The white of sRGB (D65), and the matrix from linear sRGB to CIE XYZ, by IEC 61966-2-1.
WHITE = np.array([0.95047, 1, 1.08883])
TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)


class Measures(NamedTuple):
    """What is measured of a photo.

    Light is Rec. 601 luma from 0 (black) to 1 (white).

    Attributes:
        width: of the photo in its file, upright, in pixels.
        height: likewise.
        blur: 0 (sharp) to 1: how little of the differences between neighbouring pixels is lost if
            the picture is blurred again, in the direction where it is more (Crete, Dolmiere,
            Ladret and Nicolas 2007, "The blur effect"). A picture of one colour has 0.
        light_5: the 5th percentile of light. High only if nothing is dark: product photos have
            much white, so their mean says little about the exposure.
        light_99: the 99th percentile of light.
        contrast: the standard deviation of light (RMS contrast, Peli 1990).
        entropy: of the histogram of light in 256 steps, in bits, from 0 to 8 (Shannon 1948).
        border_change: the share of the border that differs clearly from the border's own colour
            (CIE76). High if the product touches the edge, or the background is busy.
        border_l: the lightness of the border's colour, the median of its pixels in CIELAB.
        border_a: likewise, from green to red.
        border_b: likewise, from blue to yellow.
    """

    width: int
    height: int
    blur: float
    light_5: float
    light_99: float
    contrast: float
    entropy: float
    border_change: float
    border_l: float
    border_a: float
    border_b: float


def measure(picture: Image.Image, size: tuple[int, int]) -> Measures:
    """Return the measures of a photo.

    Args:
        picture: the photo in RGB and upright, reduced; its two sides may be reduced differently.
        size: width and height of the photo in its file, upright.
    """
    shape = _shape(picture, size, SAMPLED)
    sample = picture.resize(shape, Image.Resampling.NEAREST)
    values = (_blur(picture, _shape(picture, size, SIDE)), *_light(sample), *_border(sample))
    return Measures(*size, *(round(float(value), DECIMALS) for value in values))


def _shape(picture: Image.Image, size: tuple[int, int], side: int) -> tuple[int, int]:
    """Return a shape like that of `size`, no longer than `side` and no larger than `picture`."""
    scale = min(side / max(size), picture.width / size[0], picture.height / size[1])
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _blur(picture: Image.Image, shape: tuple[int, int]) -> float:
    """Return the blur along rows or columns of `picture` in `shape`, whichever is more."""
    width, height = shape
    rows = _scaled(picture, (picture.width, min(LINES, height)), (width, min(LINES, height)))
    columns = _scaled(picture, (min(LINES, width), picture.height), (min(LINES, width), height))
    return max(_blur_across(rows), _blur_across(np.ascontiguousarray(columns.T)))


def _scaled(
    picture: Image.Image, sampled: tuple[int, int], shape: tuple[int, int]
) -> NDArray[np.int16]:
    """Return `picture` in grey, sampled and then scaled."""
    lines = picture.resize(sampled, Image.Resampling.NEAREST).convert("L")
    return np.asarray(lines.resize(shape, Image.Resampling.BOX)).astype(np.int16)


def _blur_across(pixels: NDArray[np.int16]) -> float:
    """Return the share of the differences within rows that remains if the rows are blurred.

    Neighbours in the blurred picture are means of `WIDTH` pixels each, all but two of them the
    same. So they differ by those two, divided by `WIDTH`.
    """
    if pixels.shape[1] <= WIDTH:
        return 0
    steps = np.abs(pixels[:, 1:] - pixels[:, :-1])[:, REACH:-REACH] * WIDTH
    blurred = np.abs(pixels[:, WIDTH:] - pixels[:, :-WIDTH])
    total = int(steps.sum(dtype=np.int64))
    lost = int(np.maximum(steps - blurred, 0).sum(dtype=np.int64))
    return 1 - lost / total if total else 0


def _light(sample: Image.Image) -> tuple[float, float, float, float]:
    """Return the 5th and 99th percentile, the standard deviation, and the entropy."""
    counts = np.array(sample.convert("L").histogram())  # by Rec. 601
    shares = counts / counts.sum()
    reached = np.cumsum(counts) / counts.sum()
    low, high = np.searchsorted(reached, [0.05, 0.99])
    levels = np.arange(256) / 255
    mean = shares @ levels
    contrast = np.sqrt(shares @ (levels - mean) ** 2)
    present = shares[shares > 0]
    return low / 255, high / 255, contrast, -(present @ np.log2(present))


def _border(sample: Image.Image) -> tuple[float, float, float, float]:
    """Return the share of the border that differs from its own colour, and this colour."""
    pixels = np.asarray(sample.reduce(BORDER_REDUCTION))
    ring = np.concatenate([pixels[0], pixels[-1], pixels[1:-1, 0], pixels[1:-1, -1]])
    colours = _lab(ring)
    usual = np.median(colours, axis=0)
    distances = np.linalg.norm(colours - usual, axis=1)
    return float(np.mean(distances > OTHER_COLOUR)), *usual


def _lab(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return sRGB pixels in CIELAB."""
    shares = pixels / 255
    linear = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
    ratio = linear @ TO_XYZ.T / WHITE
    root = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio / (3 * (6 / 29) ** 2) + 4 / 29)
    x, y, z = root.T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)
