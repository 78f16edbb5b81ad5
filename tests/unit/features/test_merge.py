"""Tests of the merge of manifest and shards."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from similar_images.backbones.model import Model
from similar_images.core.errors import DamagedFileError, UserError
from similar_images.core.files import discard
from similar_images.core.timing import Timing
from similar_images.decisions import overrides
from similar_images.features import merge, sharded_features, shards, store
from similar_images.features.feature_table import FeatureTable
from similar_images.features.levels import none
from similar_images.features.merge import RepeatedContent
from similar_images.features.rejected import REJECTED, Rejected, read_rejected
from similar_images.images import manifest
from similar_images.images.folders import OWN
from similar_images.images.measured import unmeasured
from similar_images.lists.lists import PRODUCT_HAS_IMAGE, SHARED_IMAGE

Row = tuple[str, str | None, str | None, str | None, str | None]


def listing(*rows: Row) -> pa.Table:
    """Return a manifest with its shards, of rows (image, label, content id, shard, fault)."""
    names = ["image", "label", "content_id", "shard", "fault"]
    table = [dict(zip(names, row, strict=True)) | {"file": b""} for row in rows]
    undecided = overrides.TABLE.schema.empty_table()
    files = pa.Table.from_pylist(table, schema=manifest.TABLE.schema)
    decided = overrides.apply(files, undecided, "catalogue")
    return decided.append_column("shard", pa.array([row[3] for row in rows], pa.string()))


def put_shard(
    folder: Path,
    name: str,
    fingerprint: str = "this model",
    pixels: Mapping[str, int | None] | None = None,
    notes: Mapping[str, str] | None = None,
    **outcomes: float | str,
) -> Path:
    """Write a shard; an outcome is the fault of a content id, or the number its features hold.

    Where `pixels` does not tell, an image has just as many as is allowed, or is damaged.
    """
    usual = {id_: None if isinstance(x, str) else 100 for id_, x in outcomes.items()}
    counts = list((usual | dict(pixels or {})).values())
    faults = [outcome if isinstance(outcome, str) else None for outcome in outcomes.values()]
    features = [[0 if isinstance(outcome, str) else outcome] * 2 for outcome in outcomes.values()]
    path = folder / f"{name}.parquet"
    array = np.array(features, np.float32)
    shards.write(
        path,
        shards.Shard(
            *(list(outcomes), faults, counts, fingerprint, array, none(len(array))),
            notes=[(notes or {}).get(id_) for id_ in outcomes],
            measures=unmeasured(len(array)),
        ),
        Timing(),
    )
    return path


def readable_of(*rows: tuple[str, str | None, str]) -> pa.Table:
    """Return the table of readable images of rows (path, label, content id)."""
    names = ("image", "label", "content_id")
    return pa.Table.from_pylist(
        [dict(zip(names, row, strict=True)) for row in rows], schema=sharded_features.TABLE.schema
    )


def merged(
    table: pa.Table, features: Path, model: Model, max_pixels: int = 100
) -> tuple[FeatureTable, list[Rejected]]:
    """Return the index that the rule `merge` makes, and the rejected files."""
    readable, rejected = merge.merge(table, features, model, max_pixels)
    path = features.parents[1] / "catalogue/images.parquet"
    sharded_features.write(path, readable)
    return sharded_features.collect(path), rejected


@pytest.fixture
def features(tmp_path: Path, model: Model) -> Path:
    folder = store.folder(tmp_path, model.backbone, model.fingerprint)
    folder.mkdir(parents=True)
    return folder


def test_readable_images_have_their_features_and_the_others_a_reason(
    features: Path, model: Model
) -> None:
    put_shard(features, "one", a=1.5, b="damaged: x")
    put_shard(features, "two", c=3.5, unused=9)
    table = listing(
        ("boots/1", "boots", "c", "two", None),
        ("boots/2", "boots", "b", "one", None),
        ("loose", None, "a", "one", None),
        ("pipe", None, None, None, "not a regular file"),
        ("sandals/1", "sandals", "gone", "two", None),
        ("sandals/2", "sandals", "c", "two", None),
    )
    found, rejected = merged(table, features, model)
    assert found.paths == ["boots/1", "loose", "sandals/2"]
    assert found.labels == ["boots", None, "sandals"]
    assert found.content_ids == ["c", "a", "c"]
    assert_array_equal(found.features, [[3.5, 3.5], [1.5, 1.5], [3.5, 3.5]])
    assert found.features.dtype == np.float32
    assert (found.backbone, found.fingerprint) == (model.backbone, model.fingerprint)
    assert rejected == [
        Rejected("boots/2", "boots", "damaged: x", "boots"),
        Rejected("pipe", None, "not a regular file"),
        Rejected("sandals/1", "sandals", merge.LOST, "sandals"),
    ]


@pytest.mark.parametrize("rows", [[], [("pipe", None, None, None, "not a regular file")]])
def test_a_collection_without_a_readable_image_has_an_empty_index(
    features: Path, model: Model, rows: list[Row]
) -> None:
    found, rejected = merged(listing(*rows), features, model)
    assert found.features.shape == (0, model.features)
    assert len(rejected) == len(rows)


def test_a_shard_that_lost_all_its_images_is_no_damage(features: Path, model: Model) -> None:
    empty = shards.Shard(
        [],
        [],
        [],
        model.fingerprint,
        np.zeros((0, 2), np.float32),
        none(0),
        notes=[],
        measures=unmeasured(0),
    )
    shards.write(features / "one.parquet", empty, Timing())
    found, rejected = merged(listing(("x", None, "a", "one", None)), features, model)
    assert found.paths == []
    assert rejected == [Rejected("x", None, merge.LOST)]


@pytest.mark.parametrize(("old", "new"), [("aaa", "zzz"), ("zzz", "aaa")])
def test_the_shard_that_the_manifest_names_counts_whatever_the_shards_are_called(
    features: Path, model: Model, old: str, new: str
) -> None:
    put_shard(features, old, pixels={"b": 90}, a=1, b="too many pixels", c=7, d=8)
    put_shard(features, new, pixels={"b": 90}, b=2, c=3, d="damaged: x", e=9)
    table = listing(
        ("1", "x", "a", old, None),
        ("2", "x", "b", new, None),
        ("3", "x", "c", new, None),
        ("4", "x", "d", new, None),
        ("5", "x", "e", old, None),
    )
    found, rejected = merged(table, features, model)
    assert rejected == [
        Rejected("4", "x", "damaged: x", "x"),
        Rejected("5", "x", merge.LOST, "x"),
    ]
    assert found.paths == ["1", "2", "3"]
    assert_array_equal(found.features, [[1, 1], [2, 2], [3, 3]])


def test_an_image_over_the_limit_is_rejected_whatever_limit_it_was_extracted_under(
    features: Path, model: Model
) -> None:
    pixels = {"a": 101, "b": 100, "c": 250, "d": None, "e": 2**40}
    outcomes: dict[str, Any] = {
        "a": 1.5,
        "b": 2.5,
        "c": "too many pixels",
        "d": "damaged: x",
        "e": 4.5,
    }
    put_shard(features, "one", pixels=pixels, **outcomes)
    rows: list[Row] = [(f"{id_}.jpg", "boots", id_, "one", None) for id_ in outcomes]
    found, rejected = merged(listing(*rows), features, model, max_pixels=100)
    assert found.paths == ["b.jpg"]
    assert_array_equal(found.features, [[2.5, 2.5]])
    many = "too many pixels to decode: {} are over images.max_pixels (100)"
    assert rejected == [
        Rejected("a.jpg", "boots", many.format(101), "boots"),
        Rejected("c.jpg", "boots", many.format(250), "boots"),
        Rejected("d.jpg", "boots", "damaged: x", "boots"),
        Rejected("e.jpg", "boots", many.format(2**40), "boots"),
    ]
    found, _ = merged(listing(*rows), features, model, max_pixels=101)
    assert found.paths == ["a.jpg", "b.jpg"]
    assert_array_equal(found.features, [[1.5, 1.5], [2.5, 2.5]])


def test_features_of_another_model_are_refused(features: Path, model: Model) -> None:
    put_shard(features, "one", "another model", a=1)
    table = listing(("x", None, "a", "one", None))
    with pytest.raises(UserError, match=r"one\.parquet was made by another model"):
        merged(table, features, model)
    other = replace(model, fingerprint="another model")
    merge.merge(table, features, other, 100)


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:-1]),
        lambda path: path.write_bytes(
            path.read_bytes().replace(np.array([1.5, 1.5], np.float32).tobytes(), b"12345678")
        ),
        lambda path: pq.write_table(
            pa.table({"content_id": ["a"], "fault": ["b"], "pixels": [1]}), path
        ),
        lambda path: pq.write_table(
            pa.table({"content_id": ["a"], "fault": ["b"]}, metadata={"fingerprint": "this model"}),
            path,
        ),
        lambda path: pq.write_table(
            pa.table({"x": [1]}, metadata={"fingerprint": "this model"}), path
        ),
    ],
    ids=["empty", "cut", "other features", "other table", "no pixels", "other columns"],
)
def test_a_damaged_shard_is_named_and_made_again_once_it_is_gone(
    features: Path, model: Model, damage: Callable[[Path], object]
) -> None:
    path, sound = put_shard(features, "one", a=1.5), put_shard(features, "two", b=2)
    damage(path)
    table = listing(("x", None, "a", "one", None), ("y", None, "b", "two", None))
    with pytest.raises(DamagedFileError, match=r"(?s)one\.parquet is damaged") as reported:
        merged(table, features, model)
    assert reported.value.path == path
    discard(reported.value)
    assert sorted(features.iterdir()) == [sound]
    put_shard(features, "one", a=1.5)
    assert merged(table, features, model)[0].paths == ["x", "y"]


def test_a_shard_that_the_system_does_not_let_be_read_is_named(
    features: Path, model: Model
) -> None:
    with pytest.raises(UserError, match=r"one\.parquet cannot be read: .*o such file"):
        merged(listing(("x", None, "a", "one", None)), features, model)


def test_rejected_files_stop_the_run_only_where_asked() -> None:
    readable = readable_of(("1", "boots", "a"), ("2", "sandals", "b"))
    rejected = [Rejected("pipe", None, "not a regular file"), Rejected("x.jpg", "boots", "damaged")]
    merge.check(readable, rejected, "catalogue", "list")
    merge.check(readable, [], "catalogue", "stop")
    with pytest.raises(UserError) as stopped:
        merge.check(readable, rejected, "shoes", "stop")
    message = str(stopped.value)
    assert message.startswith("shoes: 2 files cannot be used")
    assert "pipe: not a regular file" in message
    assert "x.jpg: damaged" in message


def test_what_the_workflow_has_written_stops_no_run_and_is_no_photo() -> None:
    readable = pa.table({"label": ["boots", "sandals"]})
    own = Rejected("results", None, OWN)
    merge.check(readable, [own], "new", "stop")
    assert not own.is_query(is_listed=False)


@pytest.mark.parametrize("reason", [PRODUCT_HAS_IMAGE, f"{SHARED_IMAGE}line 2"])
def test_a_row_of_a_variant_is_no_query_and_stops_no_run(reason: str) -> None:
    readable = pa.table({"label": ["boots", "sandals"]})
    variant = Rejected("feed.csv, line 3", None, reason)
    merge.check(readable, [variant], "new", "stop")
    assert not variant.is_query(is_listed=True)


def test_other_kinds_of_files_stop_a_run_where_asked_and_the_way_out_is_named() -> None:
    readable = pa.table({"label": ["boots", "sandals"]})
    with pytest.raises(UserError, match=r"price.pdf: no image\n.*name them in images\.ignore"):
        merge.check(readable, [Rejected("boots/price.pdf", "boots", "no image")], "new", "stop")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *((name, False) for name in ("notes.txt", "boots/PRICE.PDF", "IMG_1.MOV", "a.jpg.zip")),
        *((name, True) for name in ("a.jpg", "a", "boots.pdf/a", "a.CR2", "a.jpg_large", "a.heic")),
    ],
)
def test_a_rejected_file_may_be_a_photo_unless_its_name_has_the_ending_of_another_kind(
    name: str, expected: bool
) -> None:
    assert Rejected(name, None, "not a JPEG").is_query(is_listed=False) == expected
    # People must be able to take a decision back.
    assert Rejected(name, None, overrides.LEFT_OUT, None, "out").is_query(is_listed=False)


def test_what_was_left_out_by_a_decision_stops_no_run() -> None:
    readable = readable_of(("1", "boots", "a"), ("2", "sandals", "b"))
    left_out = Rejected("x.jpg", "boots", overrides.LEFT_OUT, "boots", "out")
    merge.check(readable, [left_out], "catalogue", "stop")
    with pytest.raises(UserError, match="1 file cannot be used") as stopped:
        merge.check(readable, [left_out, Rejected("y.jpg", "boots", "damaged")], "shoes", "stop")
    assert "x.jpg" not in str(stopped.value)


def test_a_note_of_extraction_goes_to_each_image_with_these_bytes(
    features: Path, model: Model
) -> None:
    put_shard(features, "one", notes={"a": "its end is missing"}, a=1, b=2)
    table = listing(
        ("1", "x", "a", "one", None), ("2", "y", "a", "one", None), ("3", "y", "b", "one", None)
    )
    found, _ = merge.merge(table, features, model, 100)
    assert found["note"].to_pylist() == ["its end is missing", "its end is missing", None]


def test_members_show_where_their_class_comes_from() -> None:
    rows = [
        {"image": "a", "label": "boots", "decision": "right", "note": "its end is missing"},
        {"image": "b", "label": "hats"},
    ]
    table = pa.Table.from_pylist([*rows, {"image": "c"}], schema=sharded_features.TABLE.schema)
    assert merge.members(table, "folder", ["blurred", "", ""]) == [
        ("a", "boots", "decision", "its end is missing", "blurred"),
        ("b", "hats", "folder", None, ""),
        ("c", None, None, None, ""),
    ]


@pytest.mark.parametrize("rows", [[], [("1", "boots", "a")], [("1", "a", "a"), ("2", "a", "b")]])
def test_a_catalogue_with_fewer_than_two_readable_classes_is_refused(
    rows: list[tuple[str, str | None, str]],
) -> None:
    with pytest.raises(UserError, match="fewer than two classes have a readable image:\n  x: y"):
        merge.check(readable_of(*rows), [Rejected("x", None, "y")], "catalogue", "list")
    merge.check(readable_of(*rows), [], "queries", "list")


def test_duplicates_are_listed_by_content_with_their_conflicts() -> None:
    readable = readable_of(
        ("a", "boots", "id1"),
        ("b", "boots", "id2"),
        ("c", "sandals", "id0"),
        ("d", "boots", "id2"),
        ("e", "boots", "id1"),
        ("f", "sandals", "id1"),
        ("g", None, "id3"),
    )
    assert merge.duplicates(readable) == [
        RepeatedContent("a", "boots", "id1", True),
        RepeatedContent("e", "boots", "id1", True),
        RepeatedContent("f", "sandals", "id1", True),
        RepeatedContent("b", "boots", "id2", False),
        RepeatedContent("d", "boots", "id2", False),
    ]


def test_copies_with_and_without_a_label_are_listed() -> None:
    readable = readable_of(("a", None, "id1"), ("b", "boots", "id1"), ("c", None, "id1"))
    assert [copy.image for copy in merge.duplicates(readable)] == ["a", "b", "c"]


names = st.text(
    st.one_of(
        st.sampled_from("\r\n\"',; %\\é€"), st.characters(codec="utf-8", exclude_characters="\0")
    )
)


texts = st.none() | names.filter(bool)


@given(rows=st.lists(st.builds(Rejected, names, texts, names, texts, texts)))
def test_rejected_files_are_read_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Rejected]
) -> None:
    path = tmp_path_factory.getbasetemp() / "rejected.csv"
    REJECTED.write(path, rows)
    assert read_rejected(path) == rows
