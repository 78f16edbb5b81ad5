"""Tests of the photos that a quantised network is fitted on."""

from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from similar_images.core.errors import UserError
from similar_images.images import quantisation_sample
from similar_images.images.preprocessing import Preprocessor

PREPARE = Preprocessor(8, "bicubic", 10**6)


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
    before = reds(quantisation_sample.pictures(some, PREPARE, 20))
    after = reds(quantisation_sample.pictures(all_of_them, PREPARE, 20))
    assert len(before) == len(after) == 20
    assert len(set(before) & set(after)) >= 14


def test_what_is_no_picture_is_passed_over(tmp_path: Path) -> None:
    files = members(tmp_path, 5)
    text = tmp_path / "text.png"
    text.write_text("no picture")
    files[sha256(text.read_bytes()).hexdigest()] = [bytes(text)]
    assert sorted(reds(quantisation_sample.pictures(files, PREPARE, 20))) == [0, 1, 2, 3, 4]


def test_a_photo_that_cannot_be_had_is_passed_over_while_there_are_enough_others(
    tmp_path: Path,
) -> None:
    files = members(tmp_path, 5)
    (tmp_path / "0.png").unlink()
    assert sorted(reds(quantisation_sample.pictures(files, PREPARE, 4))) == [1, 2, 3, 4]
    with pytest.raises(UserError, match=r"1 could not be read, such as .*0\.png \(no such file"):
        quantisation_sample.pictures(files, PREPARE, 5)
