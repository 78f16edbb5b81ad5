"""Prints what a workbook of 10,000 photos costs, each picture different from all others.

    PYTHONPATH=workflow/scripts:tests python benchmarks/workbook.py FOLDER

FOLDER has photos, in any sub-folders.
"""

import argparse
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from PIL import Image

from report_factory import made_cards, write_page
from similar_images.images import thumbnails
from similar_images.report import workbook

PHOTOS = 10_000
SIMILAR = 10_000  # catalogue photos that are shown beside them
THREADS = 2
CLASSES = [f"class {n:02}" for n in range(20)]


def draw(photos: Sequence[Path], folder: Path) -> None:
    """Write thumbnails, each a different part of one of `photos`."""
    random_ = random.Random(0)
    for number in range(PHOTOS + SIMILAR):
        with Image.open(photos[number % len(photos)]) as image:
            image.draft("RGB", (800, 800))
            width, height = image.size
            left, top = random_.randrange(width // 8), random_.randrange(height // 8)
            part = image.convert("RGB").crop(
                (left, top, left + width * 7 // 8, top + height * 7 // 8)
            )
        part.thumbnail((thumbnails.SIDE, thumbnails.SIDE), thumbnails.RESAMPLE)
        part.save(thumbnails.path_of(folder, f"{number:064x}"), quality=thumbnails.QUALITY)


def measured(folder: Path) -> None:
    """Write and read the workbook of the page in `folder`, and print what that cost."""
    page, path = folder / "report.html", folder / "predictions.xlsx"
    begin = time.perf_counter()
    html = page.read_text("utf-8")
    workbook.write(path, html, folder / "report_files", datetime.now(UTC), THREADS)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    print(
        f"{PHOTOS:,} photos: {time.perf_counter() - begin:.1f} s with {THREADS} threads, "
        f"{path.stat().st_size / 1e6:.1f} MB, at most {peak:.0f} MB of memory"
    )
    code = f"""
import time
begin = time.perf_counter()
from pathlib import Path
from similar_images.decisions import decisions
decisions.read([Path({str(path)!r})])
print(f"read in {{time.perf_counter() - begin:.2f}} s")
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def main() -> None:
    """Read the command line, draw the pictures and measure."""
    parser = argparse.ArgumentParser(description="Measure a workbook of 10,000 photos.")
    parser.add_argument("photos", type=Path)
    photos = sorted(parser.parse_args().photos.rglob("*.jpg"))
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        random_ = random.Random(0)
        similar = [f"{n:064x}" for n in range(PHOTOS, PHOTOS + SIMILAR)]
        cards = [
            replace(
                card,
                similar=[replace(one, picture=random_.choice(similar)) for one in card.similar],
            )
            for card in made_cards(PHOTOS, CLASSES)
        ]
        write_page(folder, cards, CLASSES)
        draw(photos, folder / "report_files")
        measured(folder)


if __name__ == "__main__":
    main()
