"""Tests of the manifest: content ids, their cache, and the plan of the shards."""

import itertools
import logging
import os
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from similar_images.base.formats import write_parquet
from similar_images.base.timing import Timing
from similar_images.features import manifest, shards
from similar_images.features.manifest import Plan
from similar_images.photos.collection import scan

LONG_AGO = 1_700_000_000 * 10**9


class Pipeline:
    """A folder of photos with the files that the manifest rule and extraction keep beside it."""

    def __init__(self, folder: Path) -> None:
        self.photos = folder / "photos"
        self.features = folder / "features"
        self.cache = folder / "hashes.parquet"
        self.manifest = folder / "manifest.parquet"
        self.photos.mkdir()
        self.features.mkdir()

    def put(self, name: str, data: str, mtime: int = LONG_AGO) -> Path:
        path = self.photos / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(data)
        os.utime(path, ns=(mtime, mtime))
        return path

    def build(
        self, fingerprint: str = "model", max_pixels: int = 100, largest: int = 2
    ) -> dict[str, dict[str, Any]]:
        """Write the manifest and return its rows by image."""
        table = manifest.build(
            scan(self.photos),
            self.features,
            self.cache,
            fingerprint=fingerprint,
            max_pixels=max_pixels,
            plan=Plan(largest, jobs=1),
            threads=2,
        )
        manifest.write(self.manifest, table)
        return {row["image"]: row for row in table.to_pylist()}

    def shard(self, name: str) -> Path:
        return self.features / f"{name}.parquet"

    def extract(
        self, lost: str = "lost", fingerprint: str = "model", most: int | None = None
    ) -> list[str]:
        """Write the missing shards, `most` of them, as extraction would; return their names.

        Photos that hold the text "huge" have 150 pixels, those that hold "damaged" are damaged,
        and those that hold `lost` are left out.
        """
        table = manifest.read(self.manifest)
        missing = [name for name in manifest.shard_names(table) if not self.shard(name).exists()]
        for name in missing[:most]:
            plan = manifest.read_shard(self.manifest, name)
            sources = manifest.sources(plan)
            if sources:
                copied = shards.copies(self.features, sources, fingerprint, Timing())
                shards.write(self.shard(name), shards.join(copied), Timing())
                continue
            members = [id_ for id_ in manifest.members(plan) if id_ != id_of(lost)]
            pixels = [PIXELS.get(id_, 10) for id_ in members]
            shard = shards.Shard(
                members,
                [fault_of(n, manifest.max_pixels(plan)) for n in pixels],
                pixels,
                fingerprint,
                np.zeros((len(members), 3), np.float32),
            )
            shards.write(self.shard(name), shard, Timing())
        return missing[:most]


def fault_of(pixels: int | None, max_pixels: int) -> str | None:
    if pixels is None:
        return "damaged or truncated"
    return "too many pixels" if pixels > max_pixels else None


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    return Pipeline(tmp_path)


def id_of(data: str) -> str:
    return sha256(data.encode()).hexdigest()


PIXELS = {id_of("huge"): 150, id_of("damaged"): None}


def test_a_row_tells_content_label_file_and_shard(pipeline: Pipeline) -> None:
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
    }


def test_rows_are_sorted_and_survive_the_file(pipeline: Pipeline) -> None:
    for name in ("b/1.jpg", "a/2.jpg", "a-b/3.jpg", 'a/"\n,%.jpg'):
        pipeline.put(name, name)
    rows = pipeline.build(max_pixels=77)
    table = manifest.read(pipeline.manifest)
    assert table.to_pylist() == list(rows.values())
    assert list(rows) == sorted(rows)
    assert table.schema.equals(manifest.SCHEMA)
    assert manifest.max_pixels(table) == 77


def test_the_rows_of_one_shard_are_read_alone_with_the_limit(pipeline: Pipeline) -> None:
    for n in range(5):
        pipeline.put(f"{n}.jpg", f"photo {n}")
    pipeline.put("empty.jpg", "")
    rows = list(pipeline.build(max_pixels=77, largest=2).values())
    names = {row["shard"] for row in rows} - {None}
    assert len(names) == 3
    for name in names:
        table = manifest.read_shard(pipeline.manifest, name)
        assert table.to_pylist() == [row for row in rows if row["shard"] == name]
        assert table.schema.equals(manifest.SCHEMA)
        assert manifest.max_pixels(table) == 77
    assert manifest.read_shard(pipeline.manifest, "none").num_rows == 0


def test_faulty_files_have_no_content_and_no_shard(pipeline: Pipeline) -> None:
    pipeline.put("boots/a.jpg", "")
    row = pipeline.build()["boots/a.jpg"]
    assert (row["content_id"], row["shard"], row["fault"]) == (None, None, "empty file")
    assert manifest.shard_names(manifest.read(pipeline.manifest)) == []


def test_a_file_that_vanishes_after_the_scan_is_faulty(pipeline: Pipeline) -> None:
    path = pipeline.put("boots/a.jpg", "one")
    entries = list(scan(pipeline.photos))
    path.unlink()
    options: Any = {"fingerprint": "model", "max_pixels": 1, "plan": Plan(1, 1)}
    table = manifest.build(entries, pipeline.features, pipeline.cache, **options)
    assert table["fault"].to_pylist() == ["no such file or directory"]


def test_a_pipe_does_not_hang_the_manifest(
    pipeline: Pipeline, promptly: Callable[..., Any]
) -> None:
    os.mkfifo(pipeline.photos / "pipe")
    assert promptly(pipeline.build)["pipe"]["fault"] == "not a regular file"


def test_equal_bytes_have_one_content_id_and_are_extracted_once(pipeline: Pipeline) -> None:
    first = pipeline.put("boots/a.jpg", "one")
    second = pipeline.put("sandals/b.jpg", "one")
    rows = pipeline.build()
    shard = rows["boots/a.jpg"]["shard"]
    assert rows["sandals/b.jpg"]["shard"] == shard
    assert manifest.members(manifest.read_shard(pipeline.manifest, shard)) == {
        id_of("one"): [os.fsencode(first), os.fsencode(second)]
    }


def test_the_members_are_sorted_by_content_id(pipeline: Pipeline) -> None:
    files = {id_of(f"photo {n}"): pipeline.put(f"{n}.jpg", f"photo {n}") for n in range(9)}
    pipeline.build(largest=100)
    members = manifest.members(manifest.read(pipeline.manifest))
    assert list(members.items()) == [(id_, [os.fsencode(files[id_])]) for id_ in sorted(files)]


def test_a_file_with_the_same_size_and_time_is_not_read_again(pipeline: Pipeline) -> None:
    pipeline.put("a.jpg", "one")
    pipeline.build()
    pipeline.put("a.jpg", "two")
    assert pipeline.build()["a.jpg"]["content_id"] == id_of("one")


@pytest.mark.parametrize(("data", "mtime"), [("three", LONG_AGO), ("two", LONG_AGO + 1)])
def test_a_file_with_another_size_or_time_is_read_again(
    pipeline: Pipeline, data: str, mtime: int
) -> None:
    pipeline.put("a.jpg", "one")
    pipeline.build()
    pipeline.put("a.jpg", data, mtime)
    assert pipeline.build()["a.jpg"]["content_id"] == id_of(data)


@pytest.mark.parametrize("ahead", [0, 3_600 * 10**9])
def test_a_file_changed_a_moment_ago_or_in_the_future_is_read_again(
    pipeline: Pipeline, ahead: int
) -> None:
    mtime = time.time_ns() + ahead
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
def test_a_damaged_cache_is_ignored_and_made_anew(
    pipeline: Pipeline, damage: Callable[[Path], object]
) -> None:
    pipeline.put("a.jpg", "one")
    pipeline.build()
    sound = pipeline.cache.read_bytes()
    damage(pipeline.cache)
    assert pipeline.build()["a.jpg"]["content_id"] == id_of("one")
    assert pipeline.cache.read_bytes() == sound


def test_what_a_shard_holds_is_not_planned_again(pipeline: Pipeline) -> None:
    pipeline.put("boots/a.jpg", "one")
    pipeline.put("boots/b.jpg", "two")
    before = pipeline.build()
    assert len(pipeline.extract()) == 1
    pipeline.put("boots/c.jpg", "three")
    (pipeline.photos / "boots" / "a.jpg").rename(pipeline.put("sandals/d.jpg", "-"))
    pipeline.put("boots/copy.jpg", "two")
    after = pipeline.build()
    assert after["sandals/d.jpg"]["shard"] == before["boots/a.jpg"]["shard"]
    assert after["boots/copy.jpg"]["shard"] == before["boots/b.jpg"]["shard"]
    (new,) = pipeline.extract()
    assert new == after["boots/c.jpg"]["shard"]
    assert list(manifest.members(manifest.read_shard(pipeline.manifest, new))) == [id_of("three")]


def test_new_photos_are_packed_in_the_order_of_their_content_ids(pipeline: Pipeline) -> None:
    for n in range(20):
        pipeline.put(f"{n}.jpg", f"photo {n}")
    rows = pipeline.build(largest=3).values()
    shard_of = {row["content_id"]: row["shard"] for row in rows}
    ordered = sorted(shard_of)
    for start in range(0, 20, 3):
        members = ordered[start : start + 3]
        assert {shard_of[id_] for id_ in members} == {shards.name_of(members, "model")}


def test_a_deleted_photo_costs_nothing(pipeline: Pipeline) -> None:
    path = pipeline.put("a.jpg", "one")
    pipeline.put("b.jpg", "two")
    pipeline.build()
    pipeline.extract()
    path.unlink()
    assert list(pipeline.build()) == ["b.jpg"]
    assert pipeline.extract() == []


def test_shards_of_another_model_are_ignored(pipeline: Pipeline) -> None:
    pipeline.put("a.jpg", "one")
    before = pipeline.build()["a.jpg"]["shard"]
    pipeline.extract()
    after = pipeline.build(fingerprint="other")["a.jpg"]["shard"]
    assert after != before
    assert pipeline.extract(fingerprint="other") == [after]
    assert pipeline.build()["a.jpg"]["shard"] == before
    assert pipeline.build(fingerprint="other")["a.jpg"]["shard"] == after


@pytest.mark.parametrize("limit", [150, 200])
def test_an_image_that_no_longer_has_too_many_pixels_is_planned_again_under_another_name(
    pipeline: Pipeline, limit: int
) -> None:
    pipeline.put("a.jpg", "huge")
    pipeline.put("b.jpg", "one")
    pipeline.put("c.jpg", "damaged")
    before = pipeline.build(max_pixels=100)
    first = pipeline.extract()
    assert pipeline.build(max_pixels=100) == before
    after = pipeline.build(max_pixels=limit)
    assert (after["b.jpg"], after["c.jpg"]) == (before["b.jpg"], before["c.jpg"])
    assert pipeline.extract() == [after["a.jpg"]["shard"]]
    assert after["a.jpg"]["shard"] not in first
    assert pipeline.build(max_pixels=limit) == after


@pytest.mark.parametrize("limit", [1, 50, 149])
def test_an_image_that_still_has_too_many_pixels_is_not_planned_again(
    pipeline: Pipeline, limit: int
) -> None:
    for name in ("huge", "one", "damaged"):
        pipeline.put(f"{name}.jpg", name)
    before = pipeline.build(max_pixels=100)
    pipeline.extract()
    assert pipeline.build(max_pixels=limit) == before
    assert pipeline.extract() == []


def test_going_back_to_a_smaller_limit_costs_nothing(pipeline: Pipeline) -> None:
    for name in ("huge", "one", "damaged"):
        pipeline.put(f"{name}.jpg", name)
    pipeline.build(max_pixels=200)
    pipeline.extract()
    for limit in (100, 1, 200):
        pipeline.build(max_pixels=limit)
        assert pipeline.extract() == []


@pytest.mark.parametrize("alone", [True, False])
def test_a_photo_lost_from_its_shard_is_planned_again_under_another_name(
    pipeline: Pipeline, alone: bool
) -> None:
    pipeline.put("a.jpg", "lost")
    if not alone:
        pipeline.put("b.jpg", "one")
    before = pipeline.build()
    pipeline.extract()
    after = pipeline.build()
    assert after["a.jpg"]["shard"] != before["a.jpg"]["shard"]
    assert pipeline.extract(lost="") == [after["a.jpg"]["shard"]]
    assert pipeline.build() == after
    assert pipeline.extract() == []


@pytest.mark.parametrize("names", [("0" * 16, "f" * 16), ("f" * 16, "0" * 16)])
def test_a_shard_counts_by_what_it_holds_whatever_the_shards_are_called(
    tmp_path: Path, names: tuple[str, str]
) -> None:
    small, large = names
    row = np.ones((1, 3), np.float32)
    shards.write(
        tmp_path / f"{small}.parquet",
        shards.Shard(["id"], ["too many pixels"], [5], "model", row),
        Timing(),
    )
    assert manifest.settled(tmp_path, "model", 5) == {}
    assert manifest.settled(tmp_path, "model", 4) == {"id": small}
    shards.write(
        tmp_path / f"{large}.parquet", shards.Shard(["id"], [None], [5], "model", row), Timing()
    )
    assert manifest.settled(tmp_path, "model", 9) == {"id": large}
    assert manifest.settled(tmp_path, "model", 5) == {"id": large}
    # Either tells that there are too many now: see `test_limit.py`.
    assert manifest.settled(tmp_path, "model", 4).keys() == {"id"}
    assert manifest.settled(tmp_path, "other", 9) == {}


@pytest.mark.parametrize(
    ("fault", "pixels", "limits"),
    [
        (None, 5, [1, 4, 5, 6]),
        ("damaged or truncated", None, [1, 4, 5, 6]),
        ("too many pixels", 5, [1, 4]),
    ],
)
def test_what_a_shard_settles_depends_on_the_limit_only_for_too_many_pixels(
    tmp_path: Path, fault: str | None, pixels: int | None, limits: list[int]
) -> None:
    shard = shards.Shard(["id"], [fault], [pixels], "model", np.ones((1, 3), np.float32))
    shards.write(tmp_path / "name.parquet", shard, Timing())
    settled = [limit for limit in (1, 4, 5, 6) if manifest.settled(tmp_path, "model", limit)]
    assert settled == limits


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"nonsense"),
        lambda path: path.write_bytes(path.read_bytes()[:-1]),
        other_columns,
    ],
    ids=["empty", "nonsense", "cut", "other columns"],
)
def test_a_damaged_shard_is_removed_and_its_photos_are_planned_again(
    pipeline: Pipeline, caplog: pytest.LogCaptureFixture, damage: Callable[[Path], object]
) -> None:
    for n in range(4):
        pipeline.put(f"{n}.jpg", f"photo {n}")
    before = pipeline.build(largest=2)
    damaged, sound = pipeline.extract()
    kept = pipeline.shard(sound).read_bytes()
    damage(pipeline.shard(damaged))
    with caplog.at_level(logging.WARNING):
        assert pipeline.build(largest=2) == before
    assert f"{damaged}.parquet is damaged" in caplog.text
    assert sound not in caplog.text
    assert sorted(pipeline.features.iterdir()) == [pipeline.shard(sound)]
    assert pipeline.shard(sound).read_bytes() == kept
    assert pipeline.extract() == [damaged]
    caplog.clear()
    assert pipeline.build(largest=2) == before
    assert pipeline.extract() == []
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("largest", "jobs", "images", "size"),
    [
        (1000, 4, 4000, 1000),
        (1000, 4, 40_000, 1000),
        (1000, 4, 2000, 500),
        (1000, 4, 2001, 501),
        (1000, 4, 10, 64),
        (1000, 1, 0, 64),
        (10, 4, 10, 10),
        (1, 1, 5, 1),
    ],
)
def test_shards_keep_all_jobs_busy_but_are_neither_tiny_nor_too_large(
    largest: int, jobs: int, images: int, size: int
) -> None:
    assert Plan(largest, jobs).shard_size(images) == size


def add_daily(pipeline: Pipeline, days: int, largest: int = 100) -> None:
    """Add three photos a day, each day with a run."""
    for day in range(days):
        for n in range(3):
            pipeline.put(f"{day:03}-{n}.jpg", f"photo {day} {n}")
        pipeline.build(largest=largest)
        pipeline.extract()


def features_of(pipeline: Pipeline) -> dict[str, bytes]:
    found = {}
    for path in pipeline.features.iterdir():
        shard = shards.read(path)
        rows = zip(shard.content_ids, shard.features, strict=True)
        found |= {content_id: features.tobytes() for content_id, features in rows}
    return found


def test_daily_additions_leave_few_shards_and_each_photo_is_in_one(pipeline: Pipeline) -> None:
    most = 0
    for day in range(365):
        pipeline.put(f"{day:03}.jpg", f"photo {day}")
        rows = pipeline.build(largest=64).values()
        pipeline.extract()
        most = max(most, len({row["shard"] for row in rows}))
    assert most <= 365 // 32 + manifest.SMALL_SHARDS + 1
    pipeline.build(largest=64)
    held = [id_ for path in pipeline.features.iterdir() for id_ in shards.read(path).content_ids]
    assert sorted(held) == sorted(id_of(f"photo {day}") for day in range(365))


def test_small_shards_are_packed_by_copying_and_removed_once_the_new_one_is_whole(
    pipeline: Pipeline,
) -> None:
    add_daily(pipeline, manifest.SMALL_SHARDS)
    before, small = features_of(pipeline), set(pipeline.features.iterdir())
    rows = pipeline.build(largest=100)
    assert len({row["shard"] for row in rows.values()}) == 1
    assert {row["source"] for row in rows.values()} == {path.stem for path in small}
    assert set(pipeline.features.iterdir()) == small
    (packed,) = pipeline.extract()
    assert set(pipeline.features.iterdir()) == {*small, pipeline.shard(packed)}
    again = pipeline.build(largest=100)
    assert {(row["shard"], row["source"]) for row in again.values()} == {(packed, None)}
    assert list(pipeline.features.iterdir()) == [pipeline.shard(packed)]
    assert features_of(pipeline) == before


def test_a_run_that_shares_the_shards_of_another_removes_none(pipeline: Pipeline) -> None:
    add_daily(pipeline, manifest.SMALL_SHARDS)
    small = set(pipeline.features.iterdir())
    pipeline.build(largest=100)
    pipeline.extract()
    own = pipeline.features
    pipeline.features = own.with_name("shared")
    pipeline.features.symlink_to(own)
    pipeline.build(largest=100)
    assert small < set(own.iterdir())
    pipeline.features = own
    pipeline.build(largest=100)
    assert not small & set(own.iterdir())


def test_a_packed_shard_is_named_as_if_it_had_been_extracted_at_once(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    add_daily(pipeline, manifest.SMALL_SHARDS)
    pipeline.build(largest=100)
    packed = pipeline.extract()
    (tmp_path / "clean").mkdir()
    clean = Pipeline(tmp_path / "clean")
    clean.photos = pipeline.photos
    clean.build(largest=100)
    assert clean.extract() == packed


def test_small_shards_outlive_a_packed_one_that_is_damaged(pipeline: Pipeline) -> None:
    add_daily(pipeline, manifest.SMALL_SHARDS)
    small = set(pipeline.features.iterdir())
    pipeline.build(largest=100)
    (packed,) = pipeline.extract()
    data = bytearray(pipeline.shard(packed).read_bytes())
    data[data.index(bytes(12 * 40))] ^= 1
    pipeline.shard(packed).write_bytes(data)
    pipeline.build(largest=100)
    assert set(pipeline.features.iterdir()) == {*small, pipeline.shard(packed)}


def test_few_small_shards_and_half_full_ones_are_left_alone(pipeline: Pipeline) -> None:
    add_daily(pipeline, manifest.SMALL_SHARDS - 1)
    assert {row["source"] for row in pipeline.build(largest=100).values()} == {None}
    add_daily(pipeline, manifest.SMALL_SHARDS + 5, largest=6)
    assert {row["source"] for row in pipeline.build(largest=6).values()} == {None}


def test_a_gone_or_damaged_source_gives_nothing(pipeline: Pipeline) -> None:
    pipeline.put("a.jpg", "one")
    pipeline.build()
    (name,) = pipeline.extract()
    assert shards.copy(pipeline.shard("none"), ["x"], "model", Timing()) is None
    assert shards.copy(pipeline.shard(name), [id_of("one")], "other", Timing()) is None
    pipeline.shard(name).write_bytes(b"")
    assert shards.copy(pipeline.shard(name), [id_of("one")], "model", Timing()) is None


ids = st.lists(st.text("0123456789abcdef", min_size=1, max_size=4), unique=True).map(sorted)


@given(content_ids=ids, size=st.integers(1, 9))
def test_each_id_is_planned_once_in_shards_of_bounded_size(
    tmp_path_factory: pytest.TempPathFactory, content_ids: list[str], size: int
) -> None:
    nowhere = Path("/nowhere")
    planned = manifest.plan_shards(content_ids, "model", size, nowhere)
    assert sorted(planned) == content_ids
    members: dict[str, list[str]] = {}
    for content_id, name in planned.items():
        members.setdefault(name, []).append(content_id)
    sizes = [len(ids) for ids in members.values()]
    assert len(sizes) == -(-len(content_ids) // size)
    assert all(0 < n <= size for n in sizes)
    assert manifest.plan_shards(content_ids, "model", size, nowhere) == planned
    other = manifest.plan_shards(content_ids, "other", size, nowhere)
    assert not set(other.values()) & set(planned.values())


names = st.sampled_from(["a/1.jpg", "b/é.jpg", "loose.jpg"])
texts = st.sampled_from(["one", "two", "lost", "huge", ""])
changes = st.one_of(
    st.tuples(st.just("put"), names, texts),
    st.tuples(st.just("move"), names, names),
    st.tuples(st.just("delete"), names),
)
# The changes before it, the limit of pixels, and how many of the planned shards are extracted.
runs = st.tuples(st.lists(changes, min_size=1), st.sampled_from([100, 200]), st.integers(0, 3))


@given(history=st.lists(runs, min_size=2, max_size=8))
def test_after_any_history_each_photo_stands_in_one_shard_and_nothing_is_planned_twice(
    tmp_path_factory: pytest.TempPathFactory, history: list[tuple[list[Any], int, int]]
) -> None:
    pipeline = Pipeline(tmp_path_factory.mktemp("pipeline"))
    clock = itertools.count(LONG_AGO)
    for changed, limit, most in history:
        for change in changed:
            make(change, pipeline, next(clock))
        settled = manifest.settled(pipeline.features, "model", limit)
        rows = list(pipeline.build(max_pixels=limit).values())
        assert_of_the_photos(rows, pipeline.photos)
        assert_planned_once(rows, settled, pipeline)
        pipeline.extract(most=most)


def make(change: tuple[str, ...], pipeline: Pipeline, now: int) -> None:
    match change:
        case ("put", name, text):
            pipeline.put(name, text, now)
        case ("move", old, new) if (pipeline.photos / old).exists():
            (pipeline.photos / new).parent.mkdir(exist_ok=True)
            (pipeline.photos / old).rename(pipeline.photos / new)
        case ("delete", name):
            (pipeline.photos / name).unlink(missing_ok=True)


def assert_of_the_photos(rows: list[dict[str, Any]], photos: Path) -> None:
    """Check all but the shards, whatever was remembered from the runs before."""
    files = sorted(path for path in photos.rglob("*") if path.is_file())
    assert [row["image"] for row in rows] == [str(path.relative_to(photos)) for path in files]
    for row, path in zip(rows, files, strict=True):
        text = path.read_text()
        assert row["file"] == os.fsencode(path)
        assert row["label"] == (path.parent.name if path.parent != photos else None)
        assert row["content_id"] == (id_of(text) if text else None)
        assert row["fault"] == (None if text else "empty file")


def assert_planned_once(
    rows: list[dict[str, Any]], settled: dict[str, str], pipeline: Pipeline
) -> None:
    shard_of = {(row["content_id"], row["shard"]) for row in rows}
    assert len(shard_of) == len({row["content_id"] for row in rows})
    members: dict[str, int] = {}
    for content_id, shard in shard_of - {(None, None)}:
        assert shard is not None
        if content_id in settled:
            assert shard == settled[content_id]
        else:
            assert not pipeline.shard(shard).exists()
            members[shard] = members.get(shard, 0) + 1
    assert all(count <= 2 for count in members.values())
