"""Tests of the perceptual hashes."""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageFilter

from similar_images.answers.duplicates import BITS
from similar_images.photos.perceptual import distance, hashes, perceptual_hash


def picture(seed: int) -> Image.Image:
    """Return an image of soft blots, no two alike."""
    noise = np.random.default_rng(seed).integers(0, 255, (12, 15, 3), np.uint8)
    return Image.fromarray(noise).resize((300, 240)).filter(ImageFilter.GaussianBlur(3))


def save(path: Path, image: Image.Image, **options: int) -> tuple[str, bytes]:
    image.save(path, **options)
    return sha256(path.read_bytes()).hexdigest(), bytes(path)


def ignore(total: int) -> Callable[[int], None]:
    """Take no note of the progress."""
    return lambda done: None


def test_a_picture_keeps_its_hash_through_size_quality_and_brightness(tmp_path: Path) -> None:
    original = picture(1)
    changed = {
        "small.png": original.resize((150, 120)),
        "poor.jpg": original,
        "bright.png": ImageEnhance.Brightness(original).enhance(1.15),
        "cropped.png": original.crop((3, 2, 297, 238)),
    }
    for name, image in changed.items():
        options = {"quality": 30} if name.endswith("jpg") else {}
        image.save(tmp_path / name, **options)
        with Image.open(tmp_path / name) as again:
            assert distance(perceptual_hash(original), perceptual_hash(again)) <= BITS, name


def test_other_pictures_have_other_hashes() -> None:
    found = [perceptual_hash(picture(seed)) for seed in range(8)]
    apart = [distance(a, b) for n, a in enumerate(found) for b in found[:n]]
    assert min(apart) > BITS


def test_files_that_are_gone_or_changed_have_no_hash(tmp_path: Path) -> None:
    content_id, file = save(tmp_path / "a.png", picture(1))
    gone, gone_file = save(tmp_path / "gone.png", picture(2))
    (tmp_path / "gone.png").unlink()
    changed, changed_file = save(tmp_path / "changed.png", picture(3))
    save(tmp_path / "changed.png", picture(4))
    files = {content_id: file, gone: gone_file, changed: changed_file}
    found = hashes(files, tmp_path / "cache.parquet", 2, ignore)
    assert found.keys() == {content_id}
    assert distance(found[content_id], perceptual_hash(picture(1))) <= 8


def test_a_hash_is_made_once_and_forgotten_when_it_is_not_asked_for(tmp_path: Path) -> None:
    cache = tmp_path / "cache.parquet"
    files = dict(save(tmp_path / f"{n}.png", picture(n)) for n in range(3))
    first = hashes(files, cache, 2, ignore)
    for path in tmp_path.glob("*.png"):
        path.unlink()
    kept = dict(list(files.items())[:2])
    assert hashes(kept, cache, 2, ignore) == {id_: first[id_] for id_ in kept}
    assert hashes(files, cache, 2, ignore).keys() == kept.keys()


def test_the_progress_is_that_of_the_new_hashes_alone(tmp_path: Path) -> None:
    totals: list[int] = []

    def note(total: int) -> Callable[[int], None]:
        totals.append(total)
        return lambda done: None

    files = dict(save(tmp_path / f"{n}.png", picture(n)) for n in range(3))
    for asked in (dict(list(files.items())[:2]), files):
        hashes(asked, tmp_path / "cache.parquet", 1, note)
    assert totals == [2, 1]


@pytest.mark.parametrize("damage", [b"", b"PAR1 nonsense PAR1"])
def test_a_damaged_cache_is_made_anew(tmp_path: Path, damage: bytes) -> None:
    cache = tmp_path / "cache.parquet"
    files = dict([save(tmp_path / "a.png", picture(1))])
    first = hashes(files, cache, 1, ignore)
    cache.write_bytes(damage)
    assert hashes(files, cache, 1, ignore) == first
