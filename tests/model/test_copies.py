"""Copies of photographs, which the early rejection of pairs must not lose."""

import math
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path

import pytest
from PIL import Image, ImageOps

from similar_images.duplicates import registration, sketches
from similar_images.duplicates.registration import Likeness, Pair

PHOTOS = Path(__file__).resolve().parents[3] / "shared" / "data"

# Small ones were lost where a registration was judged after one number of steps, and those with
# something around them where a sketch was laid on few windows.
CHANGES: Mapping[str, Callable[[Image.Image], Image.Image]] = {
    "130 pixels": lambda image: ImageOps.contain(image, (130, 130)),
    "150 pixels": lambda image: ImageOps.contain(image, (150, 150)),
    "a square around it": lambda image: ImageOps.pad(image, (400, 400), color="white"),
    "a broad border": lambda image: ImageOps.expand(image, max(image.size) // 10, "white"),
    "darker": lambda image: image.point(lambda value: value // 3),
}


@pytest.mark.parametrize("change", CHANGES)
def test_early_rejection_loses_no_copy_that_a_full_registration_finds(
    change: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = sorted(PHOTOS.glob("*/catalogue/*/*.jpg"))[::25]
    if not photos:
        pytest.skip(f"no photographs in {PHOTOS}")
    files: dict[str, bytes] = {}
    pairs = []
    for number, photo in enumerate(photos):
        copy = tmp_path / f"{number}.jpg"
        with Image.open(photo) as image:
            CHANGES[change](ImageOps.exif_transpose(image).convert("RGB")).save(copy, quality=85)
        ids = [sha256(file.read_bytes()).hexdigest() for file in (photo, copy)]
        files |= zip(ids, (bytes(photo), bytes(copy)), strict=True)
        pairs.append((min(ids), max(ids)))
    found = copies(pairs, files, tmp_path / "found.parquet")
    monkeypatch.setattr(sketches, "HOPELESS", math.inf)
    monkeypatch.setattr(registration, "HOPELESS", math.inf)
    assert found == copies(pairs, files, tmp_path / "all.parquet")
    assert len(found) > len(pairs) / 2


def copies(pairs: list[Pair], files: dict[str, bytes], memory: Path) -> dict[Pair, Likeness]:
    """Return those of `pairs` that are copies."""
    found = registration.compare_all(pairs, files, memory, 2, lambda total: lambda done: None)
    return {pair: likeness for pair, likeness in found.items() if likeness.is_copy}
