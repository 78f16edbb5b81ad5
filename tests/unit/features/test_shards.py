"""Tests of the files of features."""

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.testing import assert_array_equal

from similar_images.core.errors import DamagedFileError
from similar_images.core.timing import Timing
from similar_images.features import shards
from similar_images.features.shards import Shard
from similar_images.images.measured import unmeasured


def shard_of(count: int) -> Shard:
    features = np.random.default_rng(0).standard_normal((count, 5)).astype(np.float32)
    faults = [None if n % 2 else f"fault, {n}\n" for n in range(count)]
    pixels = [None if n % 4 == 0 else n * 2**30 for n in range(count)]
    kept = np.random.default_rng(0).integers(-127, 128, (count, 7), np.int8)
    notes = [f"note {n}" if n % 3 == 1 else None for n in range(count)]
    ids = [f"id{n}" for n in range(count)]
    measures = unmeasured(count)
    measures[::2] = np.arange(measures[::2].size).reshape(measures[::2].shape) / 7
    return Shard(ids, faults, pixels, "model", features, kept, notes=notes, measures=measures)


@pytest.mark.parametrize("count", [0, 1, 2, 3000])
def test_a_shard_is_read_as_it_was_written(tmp_path: Path, count: int) -> None:
    path, shard = tmp_path / "folder" / "shard.parquet", shard_of(count)
    shards.write(path, shard, Timing())
    for found in (shards.read(path), shards.read_contents(path)):
        assert found.content_ids == shard.content_ids
        assert found.faults == shard.faults
        assert found.notes == shard.notes
        assert found.decoding == shards.DECODING
        assert found.pixels == shard.pixels
        assert found.fingerprint == "model"
    read = shards.read(path)
    assert read.features.dtype == np.float32
    assert_array_equal(read.features, shard.features)
    assert read.levels.dtype == np.int8
    assert_array_equal(read.levels, shard.levels)
    assert_array_equal(read.measures, shard.measures)
    contents, measures = shards.read_measured(path)
    assert contents == shards.read_contents(path)
    assert_array_equal(measures, shard.measures)


def test_levels_are_left_out_where_they_are_not_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "shard.parquet"
    shards.write(path, shard_of(3), Timing())
    found = shards.read(path, with_levels=False)
    assert found.levels.shape == (3, 0)
    assert_array_equal(found.features, shard_of(3).features)


def test_the_contents_are_those_without_the_features(tmp_path: Path) -> None:
    shards.write(tmp_path / "shard.parquet", shard_of(2), Timing())
    contents = shards.read_contents(tmp_path / "shard.parquet")
    assert type(contents) is shards.ShardContents


def test_the_time_for_a_shard_is_reported(tmp_path: Path) -> None:
    path, timing = tmp_path / "shard.parquet", Timing()
    timing.seconds["decode"] = 1.25
    shards.write(path, shard_of(100), timing)
    seconds = shards.read_seconds(path)
    assert seconds.keys() == {"decode", "write"}
    assert seconds["decode"] == 1.25
    assert seconds["write"] > 0


def test_equal_shards_made_in_equal_time_are_equal_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "similar_images.core.timing.time", SimpleNamespace(perf_counter=lambda: 1.5)
    )
    for name in "ab":
        shards.write(tmp_path / name, shard_of(100), Timing())
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_file_cut_short_is_not_read(tmp_path: Path, share: float) -> None:
    path = tmp_path / "shard.parquet"
    shards.write(path, shard_of(100), Timing())
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    for read in (shards.read, shards.read_contents):
        with pytest.raises(DamagedFileError, match=r"shard\.parquet is damaged"):
            read(path)


def foreign(features: Any, **others: Any) -> Callable[[Path], object]:
    """Return what writes a Parquet file with these features beside the columns of a shard."""
    columns = {"content_id": ["a"], "fault": pa.array([None], pa.string()), "pixels": [1]}
    table = pa.table(columns | {"features": features}, **others)
    return lambda path: pq.write_table(table, path)


VECTOR = pa.array([b"12345678"], pa.binary(8))
OURS = {
    "fingerprint": "model",
    "checksum": sha256(b'[["a"], [null], [1], "model"]').hexdigest(),
}


@pytest.mark.parametrize(
    "put",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"PAR1 nonsense PAR1"),
        foreign(VECTOR),
        foreign(VECTOR, metadata={"other": "x"}),
        foreign(VECTOR, metadata={"fingerprint": b"\xff"}),
        lambda path: pq.write_table(pa.table({"x": [1]}, metadata=OURS), path),
        lambda path: pq.write_table(
            pa.table({"content_id": ["a"], "fault": ["b"], "features": VECTOR}, metadata=OURS), path
        ),
    ],
    ids=[
        "empty",
        "nonsense",
        "no metadata",
        "no fingerprint",
        "odd fingerprint",
        "other columns",
        "no pixels",
    ],
)
def test_what_is_no_shard_is_not_read(tmp_path: Path, put: Callable[[Path], object]) -> None:
    path = tmp_path / "shard.parquet"
    put(path)
    for read in (shards.read, shards.read_contents):
        with pytest.raises(DamagedFileError, match=r"shard\.parquet is damaged"):
            read(path)


@pytest.mark.parametrize(
    "features",
    [
        [1.0],
        [[1.0, 2.0]],
        ["x"],
        pa.array([b"123"], pa.binary(3)),
        pa.array([None], pa.binary(8)),
    ],
    ids=["numbers", "lists", "text", "no whole numbers", "nothing"],
)
def test_features_of_another_type_are_damage(tmp_path: Path, features: Any) -> None:
    path = tmp_path / "shard.parquet"
    foreign(features, metadata=OURS)(path)
    with pytest.raises(DamagedFileError, match=r"shard\.parquet is damaged"):
        shards.read(path)


def test_a_flipped_bit_of_a_feature_is_noticed(tmp_path: Path) -> None:
    path, shard = tmp_path / "shard.parquet", shard_of(100)
    shards.write(path, shard, Timing())
    data = bytearray(path.read_bytes())
    data[data.index(shard.features[50].tobytes())] ^= 1
    path.write_bytes(data)
    with pytest.raises(DamagedFileError, match=r"shard\.parquet is damaged"):
        shards.read(path)


def test_a_flip_of_any_byte_is_noticed_or_harmless(tmp_path: Path) -> None:
    path, shard = tmp_path / "shard.parquet", shard_of(3)
    shards.write(path, shard, Timing())
    sound = path.read_bytes()
    bits = np.random.default_rng(0).integers(8, size=len(sound)).tolist()
    noticed = 0
    for position, bit in enumerate(bits):
        data = bytearray(sound)
        data[position] ^= 1 << bit
        path.write_bytes(data)
        try:
            found = shards.read(path)
        except DamagedFileError:
            noticed += 1
        else:
            assert_array_equal(found.features, shard.features)
            assert_array_equal(found.levels, shard.levels)
            assert_array_equal(found.measures, shard.measures)
            arrays = {name: getattr(shard, name) for name in ("features", "levels", "measures")}
            assert replace(found, **arrays) == shard
    assert noticed > len(sound) / 2


def test_a_name_shows_the_members_and_the_model() -> None:
    names = [
        shards.name_of(members, fingerprint)
        for members in ([], ["a"], ["a", "b"], ["b", "a"], ["ab"])
        for fingerprint in ("model", "other")
    ]
    assert len(set(names)) == len(names)
    assert all(len(name) == 16 and set(name) <= set("0123456789abcdef") for name in names)
    assert shards.name_of(("a", "b"), "model") == shards.name_of(["a", "b"], "model")
