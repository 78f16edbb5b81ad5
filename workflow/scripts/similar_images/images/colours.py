"""Colour profiles: the colours of a photo as sRGB, which screens and networks expect."""

import io
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageCms

IGNORED = "its colour profile is damaged or does not fit, and was ignored"
# Larger ones are not of any camera, program or printer.
PROFILE_BYTES = 4 * 1024 * 1024
# The most by which a channel may change for a profile to count as sRGB. The many versions of sRGB
# differ by rounding.
NO_CHANGE = 2
# The modes of photos whose colours a profile of some colour space describes.
GREYS = frozenset({"1", "L", "LA", "La", "I", "F", "I;16", "I;16L", "I;16B", "I;16N"})
MODES = {"RGB ": "RGB", "GRAY": "L", "CMYK": "CMYK"}
SRGB = ImageCms.createProfile("sRGB")
# Colours unlike sRGB that a HEIC or AVIF can have by a number instead of a profile: its primaries
# and its transfer characteristics, as in ITU-T H.273.
PRIMARIES = {9: "BT.2020", 11: "DCI-P3", 12: "Display P3"}
TRANSFERS = {16: "PQ", 18: "HLG"}


class Conversion(NamedTuple):
    """How a photo's colours become sRGB.

    Attributes:
        mode: of the pixels to convert.
        transform: converts them, or None where they are sRGB already.
        note: what was ignored, or None.
    """

    mode: str = "RGB"
    transform: ImageCms.ImageCmsTransform | None = None
    note: str | None = None

    def apply(self, pixels: Image.Image) -> Image.Image:
        """Return `pixels`, of the mode `mode` or in RGB, as sRGB."""
        if self.transform is None:
            return pixels.convert("RGB")
        return self.transform.apply(pixels.convert(self.mode))


def conversion_of(image: Image.Image) -> Conversion:
    """Return how the colours of `image` become sRGB. Its pixels are not decoded."""
    profile = image.info.get("icc_profile")
    if image.mode == "LAB":  # needs no profile
        return Conversion()
    if not profile:
        return Conversion(note=_unlike_srgb(image))
    if not isinstance(profile, bytes) or len(profile) > PROFILE_BYTES:
        return Conversion(note=IGNORED)
    kind = "CMYK" if image.mode == "CMYK" else "L" if image.mode in GREYS else "RGB"
    return _conversion(profile, kind)


def _unlike_srgb(image: Image.Image) -> str | None:
    """Return a note if the numbers in `image`, which has no profile, say that it is not in sRGB."""
    numbers = image.info.get("nclx_profile") or {}
    names = [
        PRIMARIES.get(numbers.get("color_primaries", 0)),
        TRANSFERS.get(numbers.get("transfer_characteristics", 0)),
    ]
    named = ", ".join(filter(None, names))
    return f"its colours ({named}, without a profile) are read as sRGB" if named else None


# The photos of a collection have few different profiles, and those for print take a while.
@lru_cache(maxsize=8)
def _conversion(profile: bytes, kind: str) -> Conversion:
    """Return the conversion by `profile` of photos of the mode RGB, L or CMYK."""
    try:
        opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = MODES[opened.profile.xcolor_space]
        # Greys are often described by a profile for colours.
        if mode != kind and (mode, kind) != ("RGB", "L"):
            return Conversion(note=IGNORED)
        transform = ImageCms.buildTransform(
            opened,
            SRGB,
            mode,
            "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (ImageCms.PyCMSError, OSError, KeyError, TypeError, ValueError):
        return Conversion(note=IGNORED)
    return Conversion(mode, None if _changes_nothing(transform, mode, kind) else transform)


def _changes_nothing(transform: ImageCms.ImageCmsTransform, mode: str, kind: str) -> bool:
    """Whether colours from all over the colour space stay as they are."""
    if mode == "CMYK":
        return False
    steps = np.arange(0, 256, 15, dtype=np.uint8)
    colours = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(1, -1, 3)
    if kind == "L":
        colours = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    before = Image.fromarray(colours)
    after = np.asarray(transform.apply(before.convert(mode)))
    return bool(np.abs(after.astype(int) - colours).max() <= NO_CHANGE)
