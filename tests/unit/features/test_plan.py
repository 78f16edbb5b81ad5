"""Tests of the plan of the shards."""

import itertools
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shard_pipeline import LONG_AGO, Pipeline, id_of
from similar_images.core.file_formats import read_parquet, write_parquet
from similar_images.core.timing import Timing
from similar_images.features import plan, shards
from similar_images.features.levels import none
from similar_images.features.plan import ShardingPolicy
from similar_images.images import manifest
from similar_images.images.collection import scan
from similar_images.images.measured import unmeasured


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    return Pipeline(tmp_path)


def test_the_rows_of_one_shard_are_read_alone_with_the_limit(pipeline: Pipeline) -> None:
    for n in range(5):
        pipeline.put(f"{n}.jpg", f"photo {n}")
    pipeline.put("empty.jpg", "")
    pipeline.build(max_pixels=77, largest=2)
    rows = read_parquet(pipeline.plan).to_pylist()
    assert len(rows) == 5
    names = {row["shard"] for row in rows}
    assert len(names) == 3
    for name in names:
        table = plan.read_shard(pipeline.plan, name)
        assert table.to_pylist() == [row for row in rows if row["shard"] == name]
        assert table.schema.equals(plan.TABLE.schema)
        assert plan.max_pixels(table) == 77
    assert plan.read_shard(pipeline.plan, "none").num_rows == 0


def test_faulty_files_have_no_content_and_no_shard(pipeline: Pipeline) -> None:
    pipeline.put("boots/a.jpg", "")
    row = pipeline.build()["boots/a.jpg"]
    assert (row["content_id"], row["shard"], row["fault"]) == (None, None, "empty file")
    assert plan.shard_names(read_parquet(pipeline.plan)) == []


def test_equal_bytes_have_one_content_id_and_are_extracted_once(pipeline: Pipeline) -> None:
    first = pipeline.put("boots/a.jpg", "one")
    second = pipeline.put("sandals/b.jpg", "one")
    rows = pipeline.build()
    shard = rows["boots/a.jpg"]["shard"]
    assert rows["sandals/b.jpg"]["shard"] == shard
    assert manifest.files_by_content(plan.read_shard(pipeline.plan, shard)) == {
        id_of("one"): [os.fsencode(first), os.fsencode(second)]
    }


def test_the_members_are_sorted_by_content_id(pipeline: Pipeline) -> None:
    files = {id_of(f"photo {n}"): pipeline.put(f"{n}.jpg", f"photo {n}") for n in range(9)}
    pipeline.build(largest=100)
    members = manifest.files_by_content(read_parquet(pipeline.plan))
    assert list(members.items()) == [(id_, [os.fsencode(files[id_])]) for id_ in sorted(files)]


def other_columns(path: Path) -> None:
    write_parquet(path, pa.table({"image": ["a.jpg"]}))


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
    assert list(manifest.files_by_content(plan.read_shard(pipeline.plan, new))) == [id_of("three")]


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
        shards.Shard(
            ["id"],
            ["too many pixels"],
            [5],
            "model",
            row,
            none(1),
            notes=[None],
            measures=unmeasured(1),
        ),
        Timing(),
    )
    assert plan.shard_of_extracted(tmp_path, "model", 5) == {}
    assert plan.shard_of_extracted(tmp_path, "model", 4) == {"id": small}
    shards.write(
        tmp_path / f"{large}.parquet",
        shards.Shard(
            ["id"], [None], [5], "model", row, none(1), notes=[None], measures=unmeasured(1)
        ),
        Timing(),
    )
    assert plan.shard_of_extracted(tmp_path, "model", 9) == {"id": large}
    assert plan.shard_of_extracted(tmp_path, "model", 5) == {"id": large}
    # Either tells that there are too many now: see `test_limit.py`.
    assert plan.shard_of_extracted(tmp_path, "model", 4).keys() == {"id"}
    assert plan.shard_of_extracted(tmp_path, "other", 9) == {}


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
    row = np.ones((1, 3), np.float32)
    shard = shards.Shard(
        ["id"], [fault], [pixels], "model", row, none(1), notes=[None], measures=unmeasured(1)
    )
    shards.write(tmp_path / "name.parquet", shard, Timing())
    extracted = [
        limit for limit in (1, 4, 5, 6) if plan.shard_of_extracted(tmp_path, "model", limit)
    ]
    assert extracted == limits


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
    assert ShardingPolicy(largest, jobs).shard_size(images) == size


def add_daily(pipeline: Pipeline, days: int, largest: int = 100) -> None:
    """Add three photos a day, each day with a run."""
    for day in range(days):
        for n in range(3):
            pipeline.put(f"{day:03}-{n}.jpg", f"photo {day} {n}")
        pipeline.build(largest=largest)
        pipeline.extract()


def features_of(pipeline: Pipeline) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for path in pipeline.features.iterdir():
        shard = shards.read(path)
        rows = zip(shard.content_ids, shard.features, strict=True)
        found |= {content_id: features.tobytes() for content_id, features in rows}
    return found


def test_daily_additions_need_few_shards_and_each_photo_is_in_one(pipeline: Pipeline) -> None:
    most = 0
    for day in range(120):
        pipeline.put(f"{day:03}.jpg", f"photo {day}")
        rows = pipeline.build(largest=64).values()
        pipeline.extract()
        most = max(most, len({row["shard"] for row in rows}))
    assert most <= 120 // 32 + plan.SMALL_SHARDS + 1
    pipeline.build(largest=64)
    needed = plan.shard_names(read_parquet(pipeline.plan))
    held = [id_ for name in needed for id_ in shards.read(pipeline.shard(name)).content_ids]
    assert sorted(held) == sorted(id_of(f"photo {day}") for day in range(120))


def test_small_shards_are_packed_by_copying_and_none_is_removed(pipeline: Pipeline) -> None:
    add_daily(pipeline, plan.SMALL_SHARDS)
    before, small = features_of(pipeline), set(pipeline.features.iterdir())
    rows = pipeline.build(largest=100)
    assert len({row["shard"] for row in rows.values()}) == 1
    assert {row["source"] for row in rows.values()} == {path.stem for path in small}
    (packed,) = pipeline.extract()
    again = pipeline.build(largest=100)
    assert {(row["shard"], row["source"]) for row in again.values()} == {(packed, None)}
    assert set(pipeline.features.iterdir()) == {*small, pipeline.shard(packed)}
    for path in small:
        path.unlink()
    assert features_of(pipeline) == before
    assert pipeline.build(largest=100) == again


def test_a_packed_shard_is_named_as_if_it_had_been_extracted_at_once(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    add_daily(pipeline, plan.SMALL_SHARDS)
    pipeline.build(largest=100)
    packed = pipeline.extract()
    (tmp_path / "clean").mkdir()
    clean = Pipeline(tmp_path / "clean")
    clean.photos = pipeline.photos
    clean.build(largest=100)
    assert clean.extract() == packed


def test_small_shards_replace_a_packed_one_that_is_damaged(pipeline: Pipeline) -> None:
    add_daily(pipeline, plan.SMALL_SHARDS)
    small = {path.stem for path in pipeline.features.iterdir()}
    pipeline.build(largest=100)
    (packed,) = pipeline.extract()
    pipeline.shard(packed).write_bytes(b"")
    rows = pipeline.build(largest=100).values()
    assert {row["source"] for row in rows} == small
    assert pipeline.extract() == [packed]


def of_collections(pipeline: Pipeline, *folders: str) -> pa.Table:
    listings = [
        manifest.build(scan(pipeline.photos / folder), pipeline.cache) for folder in folders
    ]
    return plan.build(
        listings,
        pipeline.features,
        fingerprint="model",
        max_pixels=100,
        policy=ShardingPolicy(9, jobs=1),
    )


def test_a_content_of_several_collections_is_planned_once_with_all_its_files(
    pipeline: Pipeline,
) -> None:
    (pipeline.photos / "catalogue").mkdir()
    (pipeline.photos / "queries").mkdir()
    first = pipeline.put("catalogue/a.jpg", "one")
    second = pipeline.put("queries/b.jpg", "one")
    pipeline.put("queries/c.jpg", "two")
    planned = of_collections(pipeline, "catalogue", "queries", "queries")
    assert len(planned) == 3
    assert len(plan.shard_names(planned)) == 1
    assert manifest.files_by_content(planned)[id_of("one")] == [
        os.fsencode(first),
        os.fsencode(second),
    ]


def test_each_collection_is_assigned_the_shards_of_its_own_contents(pipeline: Pipeline) -> None:
    pipeline.put("catalogue/a.jpg", "one")
    pipeline.build()
    (old,) = pipeline.extract()
    for name in ("queries/b.jpg", "queries/copy.jpg", "queries/empty.jpg"):
        pipeline.put(name, {"queries/b.jpg": "two", "queries/copy.jpg": "one"}.get(name, ""))
    planned = of_collections(pipeline, "catalogue", "queries")
    (new,) = {*plan.shard_names(planned)} - {old}
    for folder, expected in {"catalogue": [old], "queries": [new, old, None]}.items():
        listing = manifest.build(scan(pipeline.photos / folder), pipeline.cache)
        assert plan.assign(listing, planned)["shard"].to_pylist() == expected


def test_few_small_shards_and_half_full_ones_are_left_alone(pipeline: Pipeline) -> None:
    add_daily(pipeline, plan.SMALL_SHARDS - 1)
    assert {row["source"] for row in pipeline.build(largest=100).values()} == {None}
    add_daily(pipeline, plan.SMALL_SHARDS + 5, largest=6)
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
    planned = plan.plan_shards(content_ids, "model", size, nowhere)
    assert sorted(planned) == content_ids
    members: dict[str, list[str]] = {}
    for content_id, name in planned.items():
        members.setdefault(name, []).append(content_id)
    sizes = [len(ids) for ids in members.values()]
    assert len(sizes) == -(-len(content_ids) // size)
    assert all(0 < n <= size for n in sizes)
    assert plan.plan_shards(content_ids, "model", size, nowhere) == planned
    other = plan.plan_shards(content_ids, "other", size, nowhere)
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
def test_after_any_history_each_photo_is_in_one_shard_and_nothing_is_planned_twice(
    tmp_path_factory: pytest.TempPathFactory, history: list[tuple[list[Any], int, int]]
) -> None:
    pipeline = Pipeline(tmp_path_factory.mktemp("pipeline"))
    clock = itertools.count(LONG_AGO)
    for changed, limit, most in history:
        for change in changed:
            make(change, pipeline, next(clock))
        extracted = plan.shard_of_extracted(pipeline.features, "model", limit)
        rows = list(pipeline.build(max_pixels=limit).values())
        assert_of_the_photos(rows, pipeline.photos)
        assert_planned_once(rows, extracted, pipeline)
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
    rows: list[dict[str, Any]], extracted: dict[str, str], pipeline: Pipeline
) -> None:
    shard_of = {(row["content_id"], row["shard"]) for row in rows}
    assert len(shard_of) == len({row["content_id"] for row in rows})
    members: dict[str, int] = {}
    for content_id, shard in shard_of - {(None, None)}:
        assert shard is not None
        if content_id in extracted:
            assert shard == extracted[content_id]
        else:
            assert not pipeline.shard(shard).exists()
            members[shard] = members.get(shard, 0) + 1
    assert all(count <= 2 for count in members.values())
