"""The memory that decoding takes, whatever the images."""

import subprocess
import sys
from pathlib import Path

from PIL import Image

from similar_images import preparation

SIDE = 7000  # 49 million pixels, just under the limit
# Decodes the files named on its command line on two threads; tells how many bytes its peak grew by.
DECODE = """
import resource, sys
from concurrent.futures import ThreadPoolExecutor
from similar_images.preparation import Preparation

def prepare(path):
    with open(path, "rb") as file:
        Preparation(300, "bicubic", 50_000_000)(file)

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

before = peak()
with ThreadPoolExecutor(2) as pool:
    list(pool.map(prepare, sys.argv[1:]))
print(peak() - before)
"""


def test_large_images_on_two_threads_take_the_memory_of_one(tmp_path: Path) -> None:
    picture = Image.radial_gradient("L").resize((SIDE, SIDE))
    colour = Image.merge("RGB", [picture, picture.transpose(Image.Transpose.ROTATE_90), picture])
    colour.save(tmp_path / "progressive.jpg", progressive=True, subsampling=0)
    colour.putalpha(picture)
    colour.save(tmp_path / "transparent.png", compress_level=1)
    picture.convert("F").save(tmp_path / "float.tif")
    colour.convert("CMYK").save(tmp_path / "cmyk.tif")
    files = sorted(str(file) for file in tmp_path.iterdir())
    scripts = Path(preparation.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", DECODE, *files, *files],
        env={"PYTHONPATH": str(scripts)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) < 450 * 1024**2
