"""Tests of the features that an earlier version of this program extracted."""

import io
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image, ImageCms

import earlier
from shard_pipeline import Pipeline, id_of
from similar_images.core.timing import Timing
from similar_images.features import plan, shards
from similar_images.features.levels import none
from similar_images.features.renewal import renewed
from similar_images.features.shards import Shard
from similar_images.images.measured import unmeasured
from similar_images.images.photos import Photos
from similar_images.images.preprocessing import Preprocessor
from similar_images.storage.access import Access
from similar_images.storage.addresses import Limits
from similar_images.storage.photo_cache import PhotoCache

PREPARE = Preprocessor(8, "bicubic", 10_000)


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    return Pipeline(tmp_path)


def encode(format_: str, **options: object) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (32, 32), (200, 120, 40)).save(stream, format_, **options)
    return stream.getvalue()


def profile(name: str) -> bytes:
    made = ImageCms.createProfile(name)  # type: ignore[arg-type]
    return ImageCms.ImageCmsProfile(made).tobytes()


def renew(
    folder: Path,
    data: dict[str, bytes],
    stopped: Callable[[], bool] = lambda: False,
    decoding: int = 1,
) -> Shard:
    """Return what is left of an earlier shard of photos called `data`; “damaged” has a fault."""
    names = list(data)
    ids = [sha256(data[name]).hexdigest() for name in names]
    for name in names:
        (folder / name).write_bytes(data[name])
    shard = Shard(
        ids,
        ["x" if name == "damaged" else None for name in names],
        [7] * len(names),
        "model",
        np.arange(len(names) * 2, dtype=np.float32).reshape(-1, 2),
        none(len(names)),
        notes=["x"] * len(names),
        measures=unmeasured(len(names)),
        decoding=decoding,
    )
    files = {id_: [bytes(folder / name)] for id_, name in zip(ids, names, strict=True)}
    return renewed(shard, files, PREPARE, 2, lambda done: None, stopped=stopped)


def test_only_photos_that_this_version_reads_the_same_keep_their_features(tmp_path: Path) -> None:
    data = {
        "plain": encode("PNG"),
        "damaged": encode("BMP"),
        "srgb": encode("PNG", icc_profile=profile("sRGB")),
        "broken profile": encode("PNG", icc_profile=b"nonsense"),
        "webp": encode("WEBP"),
    }
    found = renew(tmp_path, data)
    kept = [sha256(data[name]).hexdigest() for name in ("plain", "srgb", "webp")]
    assert found.content_ids == kept
    assert found.faults == [None] * 3
    assert_array_equal(found.features, [[0, 1], [4, 5], [8, 9]])
    # Counted as this version does, so that the limit has the same effect as in a new extraction.
    assert found.pixels == [1024, 1024, 2048]
    assert found.decoding == shards.DECODING


def test_the_quality_of_photos_of_earlier_versions_is_measured(tmp_path: Path) -> None:
    found = renew(tmp_path, {"plain": encode("PNG"), "webp": encode("WEBP")})
    assert_array_equal(found.measures[:, :2], [[32, 32]] * 2)
    assert np.isfinite(found.measures).all()


def test_a_photo_of_the_previous_version_keeps_its_features_and_note_whatever_its_profile(
    tmp_path: Path,
) -> None:
    data = {"damaged": encode("BMP"), "broken profile": encode("PNG", icc_profile=b"nonsense")}
    found = renew(tmp_path, data, decoding=2)
    assert found.content_ids == [sha256(data["broken profile"]).hexdigest()]
    assert found.notes == ["x"]
    assert found.decoding == shards.DECODING
    assert np.isfinite(found.measures).all()


def test_a_photo_that_cannot_be_read_now_keeps_its_features(tmp_path: Path) -> None:
    ids = [sha256(b"gone").hexdigest()]
    row = np.ones((1, 2), np.float32)
    shard = Shard(
        ids, [None], [7], "model", row, none(1), notes=[None], measures=unmeasured(1), decoding=1
    )
    files = {ids[0]: [bytes(tmp_path / "gone")]}
    found = renewed(shard, files, PREPARE, 1, lambda done: None)
    assert (found.content_ids, found.pixels) == (ids, [7])
    assert np.isnan(found.measures).all()
    assert_array_equal(found.features, row)


def test_a_photo_at_an_address_is_looked_at_only_in_the_cache(tmp_path: Path) -> None:
    data = [encode("PNG", icc_profile=b"nonsense"), encode("BMP", icc_profile=b"nonsense")]
    data += [encode("PNG"), encode("GIF")]
    ids = [sha256(photo).hexdigest() for photo in data]
    cache = PhotoCache(tmp_path, 10**6)
    for id_, photo in list(zip(ids, data, strict=True))[::2]:
        cache.put(id_, photo)
    shard = Shard(
        ids,
        [None, None, None, "damaged"],
        [7] * 4,
        "model",
        np.arange(8, dtype=np.float32).reshape(-1, 2),
        none(4),
        notes=[None] * 4,
        measures=unmeasured(4),
        decoding=1,
    )
    files = {id_: [f"https://shop.example/{id_}".encode()] for id_ in ids}
    access = Access(Limits(("https://shop.example",), False, 1, 1, 1))
    with patch.object(Access, "fetch", side_effect=AssertionError("a request")):
        found = renewed(shard, files, PREPARE, 2, lambda done: None, Photos(access, cache))
    assert found.content_ids == ids[1:3]  # the first one's profile is known, the last has a fault
    assert found.pixels == [7, 1024]


def test_what_is_not_begun_when_the_job_is_stopped_is_left_out(tmp_path: Path) -> None:
    assert renew(tmp_path, {"plain": encode("PNG")}, lambda: True).content_ids == []


def test_a_shard_of_an_earlier_version_is_read_as_such(tmp_path: Path) -> None:
    path = tmp_path / "shard.parquet"
    row = np.ones((1, 2), np.float32)
    shards.write(
        path,
        Shard(["a"], [None], [7], "model", row, none(1), notes=["x"], measures=unmeasured(1)),
        Timing(),
    )
    assert not shards.is_earlier(path)
    earlier.rewrite(path)
    assert shards.is_earlier(path)
    found = shards.read(path)
    assert (found.decoding, found.notes, found.content_ids) == (1, [None], ["a"])
    assert_array_equal(found.features, row)
    assert shards.read_contents(path).decoding == 1


def test_earlier_shards_are_the_sources_of_new_ones_once(
    pipeline: Pipeline, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("one", "two", "three"):
        pipeline.put(name, name)
    before = pipeline.build()
    for name in pipeline.extract():
        earlier.rewrite(pipeline.shard(name))
    caplog.clear()
    planned = pipeline.build()
    assert "3 photos have features from an earlier version" in caplog.text
    assert {row["source"] for row in planned.values()} == {row["shard"] for row in before.values()}
    assert not {row["shard"] for row in planned.values()} & {
        row["shard"] for row in before.values()
    }
    assert pipeline.build() == planned
    for row in planned.values():
        path = pipeline.shard(row["shard"])
        copied = shards.copy(pipeline.shard(row["source"]), [row["content_id"]], "model", Timing())
        assert copied is not None
        assert copied.decoding == 1
        if not path.exists():
            ids = [one["content_id"] for one in planned.values() if one["shard"] == row["shard"]]
            shard = Shard(
                sorted(ids),
                [None] * len(ids),
                [1] * len(ids),
                "model",
                np.zeros((len(ids), 3), np.float32),
                none(len(ids)),
                notes=[None] * len(ids),
                measures=unmeasured(len(ids)),
            )
            shards.write(path, shard, Timing())
    caplog.clear()
    later = pipeline.build()
    assert {row["source"] for row in later.values()} == {None}
    assert {name: row["shard"] for name, row in later.items()} == {
        name: row["shard"] for name, row in planned.items()
    }
    assert caplog.text == ""


def test_a_new_shard_counts_before_an_earlier_one(pipeline: Pipeline) -> None:
    row = np.ones((1, 3), np.float32)
    for name, decoding in (("0" * 16, 2), ("f" * 16, 1)):
        shard = Shard(
            [id_of("x")], [None], [5], "model", row, none(1), notes=[None], measures=unmeasured(1)
        )
        shards.write(pipeline.shard(name), shard, Timing())
        if decoding == 1:
            earlier.rewrite(pipeline.shard(name))
    assert plan.shard_of_extracted(pipeline.features, "model", 9) == {id_of("x"): "0" * 16}
