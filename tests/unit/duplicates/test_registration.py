"""Tests of whether two pictures are one."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from itertools import combinations
from pathlib import Path
from typing import Any, BinaryIO

import cv2
import numpy as np
import pyarrow as pa
import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from similar_images.core.file_formats import write_parquet
from similar_images.duplicates.registration import (
    COPY,
    Likeness,
    Pair,
    Picture,
    compare,
    compare_all,
    difference,
)
from similar_images.images.photos import Photos
from similar_images.storage.access import NO_ACCESS
from similar_images.storage.photo_cache import PhotoCache


def blots(seed: int, rows: int = 12, columns: int = 15) -> Image.Image:
    """Return an image of soft blots, no two alike."""
    noise = np.random.default_rng(seed).integers(0, 255, (rows, columns, 3), np.uint8)
    return Image.fromarray(noise).resize((300, 240)).filter(ImageFilter.GaussianBlur(3))


def boot(colour: str = "#46352b", heel: int = 12, shaft: int = 100, sole: str = "black") -> Picture:
    """Return a boot as a studio shows it: on white, in the pose of all others."""
    image = Image.new("RGB", (320, 320), "#fcfcfc")
    draw = ImageDraw.Draw(image)
    top = 260 - heel
    draw.rounded_rectangle((200, top - 60 - shaft, 280, top), 12, fill=colour)
    draw.rounded_rectangle((40, top - 60, 280, top), 28, fill=colour)
    draw.rectangle((40, top - 4, 280, top + 6), fill=sole)
    draw.rectangle((220, top, 280, 266), fill=sole)
    draw.line((200, top - 60, 280, top - 75), fill="tan", width=5)
    return seen(image.filter(ImageFilter.GaussianBlur(1)))


def seen(image: Image.Image) -> Picture:
    """Return `image` in the size in which pictures are compared."""
    image = image.convert("RGB")
    image.thumbnail((160, 160), Image.Resampling.LANCZOS)
    return np.asarray(image)


COPIES: Mapping[str, Callable[[Image.Image], Image.Image]] = {
    "smaller": lambda image: image.resize((120, 96)),
    "brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.15),
    "darker": lambda image: ImageEnhance.Brightness(image).enhance(0.8),
    "more contrast": lambda image: ImageEnhance.Contrast(image).enhance(1.15),
    "cut at every side": lambda image: image.crop((15, 12, 285, 228)),
    "cut at one side": lambda image: image.crop((15, 0, 300, 240)),
    "cut, and stretched to its size": lambda i: i.crop((0, 14, 285, 230)).resize((300, 240)),
    "with a white border": lambda image: ImageOps.expand(image, 15, "white"),
    "with a black border": lambda image: ImageOps.expand(image, 6, "black"),
    "with a broad border": lambda image: ImageOps.expand(image, 30, "white"),
    "with a square around it": lambda image: ImageOps.pad(image, (300, 300), color="white"),
}


@pytest.mark.parametrize("change", COPIES)
def test_a_copy_differs_by_little(change: str) -> None:
    original = blots(1)
    assert difference(seen(original), seen(COPIES[change](original))) <= COPY


def test_a_copy_of_poor_quality_differs_by_little(tmp_path: Path) -> None:
    blots(1).save(tmp_path / "poor.jpg", quality=40)
    with Image.open(tmp_path / "poor.jpg") as poor:
        assert difference(seen(blots(1)), seen(poor)) <= COPY


def test_other_pictures_differ_by_more() -> None:
    pictures = [seen(blots(seed)) for seed in range(6)]
    apart = [difference(a, b) for n, a in enumerate(pictures) for b in pictures[:n]]
    assert min(apart) > COPY


@pytest.mark.parametrize(
    "other",
    [
        boot(heel=24),
        boot(shaft=108),
        boot(colour="#70242a"),
        boot(colour="#1f5028"),
        boot(colour="#2a292c"),
        boot(sole="#b5651d"),
    ],
    ids=["heel", "shaft", "red", "green of the same brightness", "black", "sole"],
)
def test_products_that_differ_in_one_thing_on_white_are_no_copies(other: Picture) -> None:
    assert difference(boot(), other) > COPY


def test_a_copy_of_a_product_on_white_is_one() -> None:
    brighter = ImageEnhance.Brightness(Image.fromarray(boot())).enhance(1.1)
    assert difference(boot(), seen(brighter)) <= COPY


def test_the_difference_does_not_depend_on_which_picture_comes_first() -> None:
    bright = seen(COPIES["brighter"](blots(1)))
    for other in (bright, seen(blots(2))):
        assert difference(seen(blots(1)), other) == difference(other, seen(blots(1)))


@pytest.mark.parametrize("change", COPIES)
def test_a_mirrored_copy_is_marked_as_mirrored(change: str) -> None:
    original = blots(1, 6, 8)  # as broad as what photos show
    mirrored = seen(ImageOps.mirror(COPIES[change](original)))
    for pair in ((seen(original), mirrored), (mirrored, seen(original))):
        found = compare(*pair)
        assert found.is_copy
        assert found.mirrored


def test_a_copy_that_is_its_own_mirror_image_is_no_mirrored_one() -> None:
    half = blots(1)
    half.paste(ImageOps.mirror(half.crop((0, 0, 150, 240))), (150, 0))
    assert compare(seen(half), seen(half.resize((200, 160)))) == Likeness(
        difference(seen(half), seen(half.resize((200, 160))))
    )


def test_products_that_differ_in_one_thing_are_no_copies_in_a_mirror_either() -> None:
    for other in (boot(heel=24), boot(shaft=108), boot(colour="#70242a")):
        found = compare(boot(), np.ascontiguousarray(other[:, ::-1]))
        assert found.difference > COPY
        assert not found.mirrored


@pytest.mark.parametrize("size", [(160, 3), (1, 1), (160, 31)])
def test_pictures_too_narrow_to_be_registered_are_no_copies(size: tuple[int, int]) -> None:
    narrow = seen(blots(1).resize(size))
    assert difference(narrow, narrow) == np.inf


def test_pictures_of_one_colour_are_no_copies() -> None:
    white, navy = (seen(Image.new("RGB", (160, 120), colour)) for colour in ("white", "navy"))
    assert difference(white, navy) == np.inf
    assert difference(white, seen(blots(1))) == np.inf


def save(path: Path, image: Image.Image) -> tuple[str, bytes]:
    image.save(path)
    return sha256(path.read_bytes()).hexdigest(), bytes(path)


def ignore(total: int) -> Callable[[int], None]:
    """Take no note of the progress."""
    return lambda done: None


def saved(folder: Path) -> tuple[list[Pair], dict[str, bytes]]:
    """Return pairs of pictures, copies the first of them, and the files."""
    pictures = {
        "a": blots(1),
        "copy of a": blots(1).resize((200, 160)),
        "b": blots(2),
    }
    made = [save(folder / f"{name}.png", image) for name, image in pictures.items()]
    one, copy, other = (content_id for content_id, _ in made)
    return [(one, copy), (one, other)], dict(made)


def test_pairs_are_compared_as_they_are_in_their_files(tmp_path: Path) -> None:
    pairs, files = saved(tmp_path)
    found = compare_all(pairs, files, tmp_path / "cache.parquet", 2, ignore)
    assert found[pairs[0]].difference <= COPY < found[pairs[1]].difference
    assert not found[pairs[0]].mirrored


def test_a_pair_with_a_file_that_is_gone_or_changed_has_no_difference(tmp_path: Path) -> None:
    pairs, files = saved(tmp_path)
    (tmp_path / "copy of a.png").unlink()
    save(tmp_path / "b.png", blots(3))
    assert not compare_all(pairs, files, tmp_path / "cache.parquet", 2, ignore)


def test_a_pair_is_compared_once_and_dropped_when_it_is_not_wanted(tmp_path: Path) -> None:
    cache = tmp_path / "cache.parquet"
    pairs, files = saved(tmp_path)
    first = compare_all(pairs, files, cache, 2, ignore)
    for path in tmp_path.glob("*.png"):
        path.unlink()
    assert compare_all(pairs[:1], files, cache, 2, ignore) == {pairs[0]: first[pairs[0]]}
    assert compare_all(pairs, files, cache, 2, ignore).keys() == {pairs[0]}


def test_the_progress_is_that_of_the_new_pairs(tmp_path: Path) -> None:
    totals: list[int] = []

    def note(total: int) -> Callable[[int], None]:
        totals.append(total)
        return lambda done: None

    pairs, files = saved(tmp_path)
    for wanted in (pairs[:1], pairs):
        compare_all(wanted, files, tmp_path / "cache.parquet", 1, note)
    assert totals == [1, 1]


@pytest.mark.parametrize("damage", [b"", b"PAR1 nonsense PAR1"])
def test_a_damaged_cache_is_made_again(tmp_path: Path, damage: bytes) -> None:
    cache = tmp_path / "cache.parquet"
    pairs, files = saved(tmp_path)
    first = compare_all(pairs, files, cache, 1, ignore)
    cache.write_bytes(damage)
    assert compare_all(pairs, files, cache, 1, ignore) == first


class Counting(Photos):
    """Opens files, and counts how often each one was opened."""

    def __init__(self) -> None:
        super().__init__(NO_ACCESS, PhotoCache(Path(), 0))
        self.count: dict[bytes, int] = {}

    @contextmanager
    def opened(self, content_id: str, file: bytes, *, fetched: bool = True) -> Iterator[BinaryIO]:
        self.count[file] = self.count.get(file, 0) + 1
        with super().opened(content_id, file, fetched=fetched) as stream:
            yield stream


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The longest side of the pictures in each registration."""
    sides: list[int] = []
    register = cv2.findTransformECC

    def noted(one: Picture, other: Picture, *arguments: Any) -> Any:
        sides.append(max(other.shape))
        return register(one, other, *arguments)

    monkeypatch.setattr(cv2, "findTransformECC", noted)
    return sides


def in_files(folder: Path, pictures: Mapping[str, Image.Image]) -> dict[str, tuple[str, bytes]]:
    """Save pictures; return the content id and the file of each."""
    return {name: save(folder / f"{name}.png", image) for name, image in pictures.items()}


def test_most_pairs_that_are_no_copies_are_never_registered(
    tmp_path: Path, registered: list[int]
) -> None:
    made = in_files(tmp_path, {str(seed): blots(seed, 6, 8) for seed in range(12)})
    pairs = list(combinations((content_id for content_id, _ in made.values()), 2))
    found = compare_all(pairs, dict(made.values()), tmp_path / "cache.parquet", 1, ignore)
    assert len(found) == len(pairs) == 66
    assert not any(likeness.is_copy for likeness in found.values())
    assert len(registered) <= 3


def test_clearly_different_products_are_registered_only_as_small_pictures(
    registered: list[int],
) -> None:
    for other in (boot(colour="#e0c090"), boot(colour="#c03030"), boot(shaft=150)):
        assert not compare(boot(), other).is_copy
    assert registered
    assert max(registered) < 100


def test_a_copy_has_the_difference_of_a_full_registration() -> None:
    for change in COPIES.values():
        original, copy = seen(blots(1, 6, 8)), seen(change(blots(1, 6, 8)))
        assert compare(original, copy) == Likeness(difference(original, copy))


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("change", COPIES)
def test_a_copy_is_found_among_files(tmp_path: Path, change: str, mirrored: bool) -> None:
    for number, original in enumerate((blots(1, 6, 8), Image.fromarray(boot()))):
        copy = COPIES[change](original.resize((300, 240)))
        pictures = {"original": original, "copy": ImageOps.mirror(copy) if mirrored else copy}
        folder = tmp_path / str(number)
        folder.mkdir()
        made = in_files(folder, pictures)
        pair = made["original"][0], made["copy"][0]
        found = compare_all([pair], dict(made.values()), folder / "cache.parquet", 1, ignore)
        assert found[pair].is_copy
        assert found[pair].mirrored == mirrored


def test_a_picture_is_opened_once_for_all_pairs_that_are_no_copies(tmp_path: Path) -> None:
    made = in_files(tmp_path, {str(seed): blots(seed, 6, 8) for seed in range(8)})
    pairs = list(combinations((content_id for content_id, _ in made.values()), 2))
    photos = Counting()
    compare_all(pairs, dict(made.values()), tmp_path / "cache.parquet", 1, ignore, photos)
    assert photos.count == dict.fromkeys((file for _, file in made.values()), 1)


def test_the_number_of_threads_changes_nothing(tmp_path: Path) -> None:
    pictures = {str(seed): blots(seed, 6, 8) for seed in range(6)}
    copies = {f"copy of {name}": image.resize((200, 160)) for name, image in pictures.items()}
    made = in_files(tmp_path, pictures | copies)
    pairs = list(combinations((content_id for content_id, _ in made.values()), 2))
    caches = [tmp_path / f"{threads}.parquet" for threads in (1, 4)]
    for threads, cache in zip((1, 4), caches, strict=True):
        compare_all(pairs, dict(made.values()), cache, threads, ignore)
    assert caches[0].read_bytes() == caches[1].read_bytes()


def cached(path: Path, method: str, pair: Pair, apart: float) -> None:
    """Write a cache as the version with this method left it."""
    table = pa.table(
        {"one": [pair[0]], "other": [pair[1]], "difference": [apart], "mirrored": [False]}
    )
    write_parquet(path, table.replace_schema_metadata({"method": method}))


def test_a_cache_from_when_all_pairs_were_registered_is_still_used(
    tmp_path: Path,
) -> None:
    cache = tmp_path / "cache.parquet"
    cached(cache, "ECC 160 4 5 13 0.6 4 0.8 8", ("a", "b"), 0.75)
    assert compare_all([("a", "b")], {}, cache, 1, ignore) == {("a", "b"): Likeness(0.75)}


def test_what_another_method_cached_is_compared_again(tmp_path: Path) -> None:
    cache = tmp_path / "cache.parquet"
    pairs, files = saved(tmp_path)
    cached(cache, "ECC 80 4 5 13 0.6 4 0.8 8", pairs[0], 0.75)
    assert compare_all(pairs[:1], files, cache, 1, ignore)[pairs[0]].is_copy
