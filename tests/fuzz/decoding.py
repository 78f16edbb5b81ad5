"""Feeds mutated image files to the decoders: `make fuzz`, or `python decoding.py -help=1`.

Whatever the bytes, an image comes out or an UnreadableImageError. Anything else ends the run, with
the bytes in a file `crash-…`; so do a call of over 20 seconds and more than 1.2 GB of memory.
"""

import io
import sys
import tempfile
from pathlib import Path

import atheris

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2] / "workflow/scripts")]

with atheris.instrument_imports(include=["PIL", "similar_images"]):
    import corpus
    from similar_images.images.decoding import UnreadableImageError
    from similar_images.images.preprocessing import Preprocessor

PREPARE = Preprocessor(32, "bicubic", 1_000_000)
LARGEST = 64 * 1024


def decode(data: bytes) -> None:
    try:
        image, pixels, *_ = PREPARE(io.BytesIO(data))
    except UnreadableImageError:
        return
    assert image.shape == (32, 32, 3)
    assert 0 < pixels <= PREPARE.max_pixels


def seeds(folder: Path) -> None:
    """Put the small files of the corpus into `folder`, to begin with."""
    small = (odd.make() for odd in (*corpus.MALFORMED, *corpus.ODD))
    for number, data in enumerate(small):
        if len(data) <= LARGEST:
            (folder / str(number)).write_bytes(data)


with tempfile.TemporaryDirectory() as folder:
    seeds(Path(folder))
    limits = [f"-max_len={LARGEST}", "-timeout=20", "-rss_limit_mb=1200"]
    atheris.Setup([*sys.argv, *limits, folder], decode)
    atheris.Fuzz()
