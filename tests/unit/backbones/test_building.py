"""Tests of what stands for the code in the fingerprint of the features."""

import io
import json
from hashlib import sha256

import numpy as np
from PIL import Image

from similar_images.backbones import building, engines
from similar_images.images.preprocessing import Preprocessor

# For what stands for the code, what it makes of `pictures`. Where features are meant to change,
# change `building.CODE` and add a line; a line that stands here is never changed.
KNOWN = {
    "9fd21a62": "02b723a1971f1235",
}


def pictures() -> list[bytes]:
    """Return image files of several formats and kinds of pixels."""
    noise = np.random.default_rng(0).integers(0, 256, (90, 120, 4), np.uint8)
    soft = Image.fromarray(noise).resize((480, 360), Image.Resampling.BICUBIC)
    deep = Image.fromarray(noise[..., 0].astype(np.uint16) * 257)
    kinds = [
        (soft, "PNG"),
        (soft.convert("RGB"), "JPEG"),
        (soft.convert("CMYK"), "JPEG"),
        (soft.convert("P"), "GIF"),
        (deep, "TIFF"),
    ]
    files = []
    for image, format_ in kinds:
        stream = io.BytesIO()
        image.save(stream, format_)
        files.append(stream.getvalue())
    return files


def test_features_change_only_with_what_stands_for_the_code() -> None:
    code = sha256(json.dumps(building.CODE).encode()).hexdigest()[:8]
    made = sha256()
    for file in pictures():
        for resample in ("bilinear", "bicubic"):
            image = Preprocessor(64, resample, 10**6)(io.BytesIO(file)).image
            made.update(image.tobytes())
            made.update(engines.Histogram()(image[np.newaxis]).tobytes())
    assert KNOWN[code] == made.hexdigest()[:16]
