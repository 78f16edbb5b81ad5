"""Tests of the photos that a quantised network is fitted on."""

from hashlib import sha256
from pathlib import Path

import numpy as np
from PIL import Image

from similar_images.features import calibration
from similar_images.photos.preparation import Preparation

PREPARE = Preparation(8, "bicubic", 10**6)


def members(folder: Path, count: int) -> dict[str, list[bytes]]:
    """Return the contents of files of one colour each."""
    made = {}
    for number in range(count):
        file = folder / f"{number}.png"
        Image.new("RGB", (9, 9), (number, 0, 0)).save(file)
        made[sha256(file.read_bytes()).hexdigest()] = [bytes(file)]
    return made


def reds(pictures: list[np.ndarray]) -> list[int]:
    return [int(picture[0, 0, 0]) for picture in pictures]


def test_the_sample_is_mostly_the_same_when_photos_are_added(tmp_path: Path) -> None:
    all_of_them = members(tmp_path, 60)
    some = dict(list(all_of_them.items())[:50])
    before = reds(calibration.pictures(some, PREPARE, 20))
    after = reds(calibration.pictures(all_of_them, PREPARE, 20))
    assert len(before) == len(after) == 20
    assert len(set(before) & set(after)) >= 14


def test_what_is_gone_or_cannot_be_read_is_passed_over(tmp_path: Path) -> None:
    files = members(tmp_path, 5)
    (tmp_path / "0.png").unlink()
    (tmp_path / "1.png").write_text("no picture")
    assert sorted(reds(calibration.pictures(files, PREPARE, 20))) == [2, 3, 4]
