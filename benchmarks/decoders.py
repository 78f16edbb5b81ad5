"""How long a photo takes from its bytes to the input of the network: `make decoders DATA=folder`.

    PYTHONPATH=workflow/scripts python benchmarks/decoders.py DATA

DATA has JPEGs in it, at any depth. Puts a section into benchmarks/results/performance.md.
"""

import argparse
import io
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pages
import simplejpeg
from numpy.typing import NDArray
from PIL import Image

from machine import take_turns
from similar_images.backbones import building, engines, validation
from similar_images.images.preprocessing import Preprocessor

SIZE = 260  # of EfficientNetLite2
PHOTOS, ROUNDS = 64, 7
# As large as a phone's: some 12 million pixels in place of 0.2.
ENLARGED = 8
# What OpenCV can divide the sides by while it decodes.
REDUCED = {
    8: cv2.IMREAD_REDUCED_COLOR_8,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    1: cv2.IMREAD_COLOR,
}
Pixels = NDArray[np.uint8]

TEXT = """
Made by `make decoders DATA=folder`: one thread, from the bytes of a JPEG to the pixels that
EfficientNetLite2 takes, and the cosine of its features to those that the project gives. Each
decoder makes the picture smaller while it decodes. The photos are those of that folder, and
the same enlarged.
"""
CONCLUSION = """
What was asked of another decoder is twice the speed, features within a cosine of 0.9999, every
limit that [security.md](security.md) tells, and that it is well kept. None has all of it.

- *simplejpeg* 1.9: the same features, but most of the time goes into the bicubic filter, which is
  Pillow's in both. Its decoder needs its own checks of metadata and scans before it, and Pillow
  beside it for all other formats.
- *OpenCV* 5.0: fast enough on small photos by the mean of the area, which is another filter: all
  features would have to be extracted anew, and its decoder has none of those limits.
- *Pillow-SIMD* 12.1, built for AVX2, in an environment of its own: 1.8 to 2.0 times as fast on
  small photos, 1.1 on enlarged ones, but its pixels differ by up to 5 levels, and the least cosine
  is 0.99983. It has no wheels: every machine needs a compiler. It takes the place of Pillow, which
  other packages require by that name; and Pillow is a version ahead of it.

Two threads prepare several times as many photos as any of the networks takes in the same time: see
`decode` and the other engines above.
"""


def main() -> None:
    """Parse the command line, measure, and write the section."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, help="a folder with JPEGs")
    files = sorted(parser.parse_args().data.resolve().rglob("*.jpg"))
    photos = [file.read_bytes() for file in files[:: max(1, len(files) // PHOTOS)][:PHOTOS]]
    if len(photos) < PHOTOS:
        parser.error(f"there are fewer than {PHOTOS} JPEGs in it")
    cv2.setNumThreads(1)
    rows = [
        *measure("as they are", photos),
        *measure("enlarged", [enlarged(photo) for photo in photos]),
    ]
    header = ["photos", "way", "ms a photo", "times as fast", "mean cosine", "least cosine"]
    lines = [*TEXT.splitlines()[1:], "", *pages.table(header, rows), *CONCLUSION.splitlines()[1:]]
    pages.put("performance.md", "Decoders", lines)


def enlarged(photo: bytes) -> bytes:
    """Return a JPEG like `photo` with many more pixels."""
    stream = io.BytesIO()
    image = Image.open(io.BytesIO(photo)).convert("RGB")
    sides = (ENLARGED * image.width, ENLARGED * image.height)
    image.resize(sides, Image.Resampling.BICUBIC).save(stream, "JPEG", quality=90)
    return stream.getvalue()


def measure(name: str, photos: list[bytes]) -> Iterator[list[str]]:
    """Yield a row for each way."""
    contestants = {way: partial(run, prepare, photos) for way, prepare in WAYS.items()}
    seconds = take_turns(contestants, ROUNDS)
    likeness = likenesses(photos)
    for way, taken in seconds.items():
        figures = (f"{1000 * taken / len(photos):.1f}", f"{seconds[OURS] / taken:.1f}")
        yield [name, way, *figures, *likeness.get(way, ("", ""))]


def run(prepare: Callable[[bytes], Pixels], photos: list[bytes]) -> None:
    """Prepare one photo after the other."""
    for photo in photos:
        prepare(photo)


def likenesses(photos: list[bytes]) -> dict[str, tuple[str, str]]:
    """Return the mean and the least cosine of the features of each way to those of the project."""
    features = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "network")
        building.export(building.build("EfficientNetLite2", None)[0], "openvino", folder)
        engine = engines.load("openvino", folder, threads=2)
        for way in (OURS, SIMPLEJPEG, OPENCV):
            found = validation.features_of(engine, np.stack([WAYS[way](photo) for photo in photos]))
            features[way] = found / np.linalg.norm(found, axis=1, keepdims=True)
    cosines = {way: (found * features[OURS]).sum(axis=1) for way, found in features.items()}
    return {way: (f"{c.mean():.5f}", f"{c.min():.5f}") for way, c in cosines.items()}


def by_project(photo: bytes) -> Pixels:
    """Prepare a photo as the project does."""
    return Preprocessor(SIZE, "bicubic", 10**9)(io.BytesIO(photo)).image


def by_simplejpeg(photo: bytes) -> Pixels:
    """Decode with libjpeg-turbo, and scale with Pillow's filter."""
    image = Image.fromarray(decoded(photo))
    return np.asarray(image.resize((SIZE, SIZE), Image.Resampling.BICUBIC))


def by_opencv(photo: bytes) -> Pixels:
    """Decode and scale with OpenCV, by the mean of the area, its filter for smaller pictures."""
    _, _, factor = shrunk(photo)
    image = cv2.imdecode(np.frombuffer(photo, np.uint8), REDUCED[factor])
    image = cv2.resize(image, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)  # type: ignore[return-value]


def decoded(photo: bytes) -> Pixels:
    """Decode with libjpeg-turbo, and do no more."""
    height, width, _ = shrunk(photo)
    pixels: Pixels = simplejpeg.decode_jpeg(photo, min_height=height, min_width=width, strict=False)
    return pixels


def shrunk(photo: bytes) -> tuple[int, int, int]:
    """Return height and width to decode to, and by what they are divided, as Pillow chooses it.

    Left alone, simplejpeg takes eighths, such as 5/8, and the features are others.
    """
    height, width, *_ = simplejpeg.decode_jpeg_header(photo)
    factor = next((factor for factor in REDUCED if min(height, width) // SIZE >= factor), 1)
    return -(-height // factor), -(-width // factor), factor


OURS, SIMPLEJPEG, OPENCV = "Pillow, as the project", "simplejpeg, Pillow's filter", "OpenCV"
WAYS: dict[str, Callable[[bytes], Pixels]] = {
    OURS: by_project,
    SIMPLEJPEG: by_simplejpeg,
    OPENCV: by_opencv,
    "simplejpeg, decoding alone": decoded,
}

if __name__ == "__main__":
    main()
