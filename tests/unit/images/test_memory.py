"""The memory that decoding takes, whatever the images."""

import subprocess
import sys
from pathlib import Path

from PIL import Image

import corpus
from similar_images.images import preprocessing

SIDE = 7000  # 49 million pixels, just under the limit
# Decodes the files named on its command line on two threads; tells how many bytes its peak grew by.
# Linux counts the memory of the process that started it in ru_maxrss, but not in VmHWM.
DECODE = """
import re, sys
from concurrent.futures import ThreadPoolExecutor
from similar_images.images.preprocessing import Preprocessor
from similar_images.images.decoding import UnreadableImageError

def prepare(path):
    with open(path, "rb") as file:
        try:
            Preprocessor(300, "bicubic", 50_000_000)(file)
        except UnreadableImageError:
            pass

def peak():
    with open("/proc/self/status") as status:
        return int(re.search(r"VmHWM:\\s+(\\d+) kB", status.read())[1]) * 1024

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
    assert growth(tmp_path) < 450 * 1024**2


def test_bombs_on_two_threads_take_no_more(tmp_path: Path) -> None:
    corpus.lay_out(tmp_path, corpus.BOMBS)
    assert growth(tmp_path) < 450 * 1024**2


def growth(folder: Path) -> int:
    """Return by how many bytes a process grows that decodes each file in `folder` twice."""
    files = sorted(str(file) for file in folder.rglob("*.*"))
    scripts = Path(preprocessing.__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", DECODE, *files, *files],
        env={"PYTHONPATH": str(scripts)},
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    return int(done.stdout)
