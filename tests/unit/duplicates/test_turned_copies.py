"""Tests of whether a photo is a turned copy of another."""

from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter, ImageOps

from similar_images.duplicates import turned_copies
from similar_images.duplicates.registration import Likeness
from similar_images.duplicates.turned_copies import TurnedPair


class Folder:
    """Photos by content id."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: dict[str, bytes] = {}

    def save(self, picture: Image.Image) -> str:
        path = self.folder / f"{len(self.files)}.png"
        picture.save(path)
        content_id = sha256(path.read_bytes()).hexdigest()
        self.files[content_id] = bytes(path)
        return content_id

    def compare(self, *pairs: TurnedPair) -> tuple[dict[TurnedPair, Likeness], list[int]]:
        """Return what is found, and how many pairs were new."""
        new: list[int] = []

        def progress_of(number: int):  # type: ignore[no-untyped-def]
            new.append(number)
            return lambda done: None

        cache = self.folder / turned_copies.NAME
        return turned_copies.compare_all(pairs, self.files, cache, 1, progress_of), new


@pytest.fixture
def photos(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def blots(seed: int) -> Image.Image:
    noise = np.random.default_rng(seed).integers(0, 255, (12, 15, 3), np.uint8)
    return Image.fromarray(noise).resize((300, 240)).filter(ImageFilter.GaussianBlur(3))


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_turned_copy_is_found_by_the_turn_that_undoes_it(photos: Folder, quarters: int) -> None:
    original = photos.save(blots(0))
    copy = photos.save(blots(0).rotate(90 * quarters, expand=True).resize((200, 200)))
    pairs = [TurnedPair(copy, turn, original) for turn in (1, 2, 3)]
    found, _ = photos.compare(*pairs)
    assert [pair.quarters for pair, likeness in found.items() if likeness.is_copy] == [quarters]


def test_a_copy_in_a_mirror_is_found(photos: Folder) -> None:
    original = photos.save(blots(0))
    copy = photos.save(ImageOps.mirror(blots(0)).rotate(90, expand=True))
    (likeness,) = photos.compare(TurnedPair(copy, 1, original))[0].values()
    assert likeness.is_copy
    assert likeness.mirrored


def test_another_picture_is_no_copy(photos: Folder) -> None:
    one, other = (photos.save(blots(seed)) for seed in (0, 1))
    (likeness,) = photos.compare(TurnedPair(one, 1, other))[0].values()
    assert not likeness.is_copy


def test_a_pair_is_compared_once(photos: Folder) -> None:
    one, other, third = (photos.save(blots(seed)) for seed in (0, 1, 2))
    first, new = photos.compare(TurnedPair(one, 1, other))
    assert new == [1]
    again, new = photos.compare(TurnedPair(one, 1, other), TurnedPair(one, 2, third))
    assert new == [1]
    assert again.items() >= first.items()


def test_a_photo_that_is_gone_is_not_known(photos: Folder) -> None:
    one, other = (photos.save(blots(seed)) for seed in (0, 1))
    Path(photos.files[one].decode()).unlink()
    assert photos.compare(TurnedPair(one, 1, other))[0] == {}
