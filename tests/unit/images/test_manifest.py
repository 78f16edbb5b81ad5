"""Tests of the manifest: content ids and their cache."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from shard_pipeline import LONG_AGO, Pipeline, id_of
from similar_images.core.file_formats import read_parquet, write_parquet
from similar_images.images import manifest
from similar_images.images.collection import Entry, scan
from similar_images.images.fingerprint import summarise
from similar_images.images.photos import Photos
from similar_images.storage.access import NO_ACCESS
from similar_images.storage.addresses import is_address
from similar_images.storage.photo_cache import PhotoCache


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    return Pipeline(tmp_path)


def test_a_row_shows_content_label_file_and_shard(pipeline: Pipeline) -> None:
    path = pipeline.put("boots/a.jpg", "one")
    row = pipeline.build()["boots/a.jpg"]
    assert row.pop("shard")
    assert row == {
        "image": "boots/a.jpg",
        "file": os.fsencode(path),
        "label": "boots",
        "content_id": id_of("one"),
        "source": None,
        "fault": None,
        "product": None,
        "added": None,
        "row": None,
    }


def test_rows_are_sorted_and_survive_the_file(pipeline: Pipeline, tmp_path: Path) -> None:
    for name in ("b/1.jpg", "a/2.jpg", "a-b/3.jpg", 'a/"\n,%.jpg'):
        pipeline.put(name, name)
    table = manifest.build(scan(pipeline.photos), pipeline.cache)
    images = table["image"].to_pylist()
    assert len(images) == 4
    assert images == sorted(images)
    write_parquet(tmp_path / "manifest.parquet", table)
    assert read_parquet(tmp_path / "manifest.parquet").equals(table)
    assert table.schema.equals(manifest.TABLE.schema)


def test_a_file_that_vanishes_after_the_scan_is_faulty(pipeline: Pipeline) -> None:
    path = pipeline.put("boots/a.jpg", "one")
    entries = list(scan(pipeline.photos))
    path.unlink()
    table = manifest.build(entries, pipeline.cache)
    assert table["fault"].to_pylist() == ["no such file or directory"]


def test_what_the_disk_did_not_give_is_distinguished_from_what_is_no_photo(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    faults = ["input/output error", "stale file handle", "empty file", "permission denied", None]
    entries = [Entry(f"{n}.jpg", b"", None, fault=fault) for n, fault in enumerate(faults)]
    unreadable = os.fsencode(pipeline.put("5.jpg", "one"))
    os.unlink(unreadable)
    photos = Photos(NO_ACCESS, PhotoCache(tmp_path, 0))
    table = manifest.build([*entries, Entry("5.jpg", unreadable, None)], tmp_path / "h", 1, photos)
    assert manifest.transient_faults(table) == {"0.jpg": faults[0], "1.jpg": faults[1]}
    assert photos.unread.keys() == {"", os.fsdecode(unreadable)}


def test_a_pipe_does_not_hang_the_manifest(
    pipeline: Pipeline, promptly: Callable[..., Any]
) -> None:
    os.mkfifo(pipeline.photos / "pipe")
    assert promptly(pipeline.build)["pipe"]["fault"] == "not a regular file"


class Counting(Photos):
    """Counts the photos that it identifies."""

    def __init__(self) -> None:
        super().__init__(NO_ACCESS, PhotoCache(Path("nowhere"), 0))
        self.identified = 0

    def identify(self, file: bytes) -> str:
        self.identified += 1
        return id_of("one") if is_address(os.fsdecode(file)) else super().identify(file)


def test_a_file_that_is_as_it_was_is_not_read_again(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manifest, "SETTLING_NS", 0)  # the files are new, whatever their times say
    pipeline.put("a.jpg", "one")
    pipeline.put("b.jpg", "two")
    photos = Counting()
    first = manifest.build(scan(pipeline.photos), pipeline.cache, photos=photos)
    assert photos.identified == 2
    pipeline.put("b.jpg", "three")
    assert manifest.build(scan(pipeline.photos), pipeline.cache, photos=photos) != first
    assert photos.identified == 3


@pytest.mark.parametrize("replace", [os.replace, shutil.copy2], ids=["moved", "copied"])
def test_a_file_replaced_by_one_of_the_same_size_and_time_is_read_again(
    pipeline: Pipeline, replace: Callable[[Path, Path], object]
) -> None:
    path, other = pipeline.put("a.jpg", "one"), pipeline.put("new.jpg", "two")
    pipeline.build()
    before = summarise(pipeline.photos).fingerprint
    other.rename(other := pipeline.photos.with_name("new.jpg"))
    pipeline.build()
    replace(other, path)
    assert path.stat().st_mtime_ns == LONG_AGO
    assert pipeline.build()["a.jpg"]["content_id"] == id_of("two")
    assert summarise(pipeline.photos).fingerprint != before


def test_another_folder_with_the_same_names_sizes_and_times_is_read(pipeline: Pipeline) -> None:
    pipeline.put("a.jpg", "one")
    pipeline.build()
    other = pipeline.photos.with_name("other")
    other.mkdir()
    pipeline.photos = other
    pipeline.put("a.jpg", "two")
    assert pipeline.build()["a.jpg"]["content_id"] == id_of("two")


def test_what_is_remembered_of_one_folder_does_not_count_for_another(pipeline: Pipeline) -> None:
    """Even where the file system tells all files alike, as a read-only image of a disk may."""
    files = [
        Entry("a.jpg", os.fsencode(path), None, 3, LONG_AGO, 0, ctime=LONG_AGO)
        for path in (pipeline.put("a.jpg", "one"), pipeline.put("x/a.jpg", "two"))
    ]
    for entry, data in zip(files, ("one", "two"), strict=True):
        table = manifest.build([entry], pipeline.cache)
        assert table["content_id"].to_pylist() == [id_of(data)]


@pytest.mark.parametrize(("data", "mtime"), [("three", LONG_AGO), ("two", LONG_AGO + 1)])
def test_a_file_with_another_size_or_time_is_read_again(
    pipeline: Pipeline, data: str, mtime: int
) -> None:
    pipeline.put("a.jpg", "one")
    pipeline.build()
    pipeline.put("a.jpg", data, mtime)
    assert pipeline.build()["a.jpg"]["content_id"] == id_of(data)


@pytest.mark.parametrize("nanoseconds_ahead", [0, 3_600 * 10**9])
def test_a_file_changed_a_moment_ago_or_in_the_future_is_read_again(
    pipeline: Pipeline, nanoseconds_ahead: int
) -> None:
    mtime = time.time_ns() + nanoseconds_ahead
    pipeline.put("a.jpg", "one", mtime)
    pipeline.build()
    pipeline.put("a.jpg", "two", mtime)
    assert pipeline.build()["a.jpg"]["content_id"] == id_of("two")


@pytest.mark.parametrize("year", [1950, 2300])
def test_a_file_may_be_of_any_year(pipeline: Pipeline, year: int) -> None:
    seconds = (year - 1970) * 31_556_952
    pipeline.put("a.jpg", "one", seconds * 10**9)
    assert pipeline.build() == pipeline.build()
    assert pipeline.build()["a.jpg"]["content_id"] == id_of("one")


def test_the_product_is_what_a_column_of_the_list_shows_if_anything(pipeline: Pipeline) -> None:
    cells = {"a": " P1 ", "b": "", "c": " ", "d": "P2 e\u0301"}
    entries = [
        Entry(name, b"", None, fault="gone", extra_columns=("7", cell))
        for name, cell in cells.items()
    ]
    for name, expected in (
        ("sku", ["P1", None, None, "P2 \u00e9"]),
        (None, [None] * 4),
        ("x", [None] * 4),
    ):
        table = manifest.build(
            entries, pipeline.cache, extra_columns=("price", "sku"), product=name
        )
        assert table["product"].to_pylist() == expected
        assert manifest.extra_columns(table, ["sku"]) == {
            name: [cell] for name, cell in cells.items()
        }


def other_columns(path: Path) -> None:
    write_parquet(path, pa.table({"image": ["a.jpg"]}))


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"PAR1 nonsense PAR1"),
        lambda path: path.write_bytes(path.read_bytes()[:-20]),
        lambda path: path.unlink(),
        other_columns,
    ],
    ids=["empty", "nonsense", "cut", "gone", "other columns"],
)
def test_a_damaged_cache_is_ignored_and_made_again(
    pipeline: Pipeline, damage: Callable[[Path], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline.put("a.jpg", "one")
    monkeypatch.setattr(manifest, "SETTLING_NS", 0)
    pipeline.build()
    sound = pipeline.cache.read_bytes()
    assert len(read_parquet(pipeline.cache)) == 1
    damage(pipeline.cache)
    assert pipeline.build()["a.jpg"]["content_id"] == id_of("one")
    assert pipeline.cache.read_bytes() == sound
