"""Tests of the files of features."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from numpy.testing import assert_array_equal

from similar_images import shards
from similar_images.shards import Shard


def shard_of(count: int) -> Shard:
    features = np.random.default_rng(0).standard_normal((count, 5)).astype(np.float32)
    faults = [None if n % 2 else f"fault, {n}\n" for n in range(count)]
    return Shard([f"id{n}" for n in range(count)], faults, "model", 123, features)


@pytest.mark.parametrize("count", [0, 1, 2, 3000])
def test_a_shard_is_read_as_it_was_written(tmp_path: Path, count: int) -> None:
    path, shard = tmp_path / "folder" / "shard.parquet", shard_of(count)
    shards.write(path, shard)
    for found in (shards.read(path), shards.read_contents(path)):
        assert found.content_ids == shard.content_ids
        assert found.faults == shard.faults
        assert (found.fingerprint, found.max_pixels) == ("model", 123)
    features = shards.read(path).features
    assert features.dtype == np.float32
    assert_array_equal(features, shard.features)


def test_the_contents_are_those_without_the_features(tmp_path: Path) -> None:
    shards.write(tmp_path / "shard.parquet", shard_of(2))
    contents = shards.read_contents(tmp_path / "shard.parquet")
    assert type(contents) is shards.Contents


def test_equal_shards_are_equal_files(tmp_path: Path) -> None:
    for name in "ab":
        shards.write(tmp_path / name, shard_of(100))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_file_cut_short_is_not_read(tmp_path: Path, share: float) -> None:
    path = tmp_path / "shard.parquet"
    shards.write(path, shard_of(100))
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    for read in (shards.read, shards.read_contents):
        with pytest.raises((OSError, pa.ArrowException)):
            read(path)


def test_a_flipped_bit_of_a_feature_is_noticed(tmp_path: Path) -> None:
    path, shard = tmp_path / "shard.parquet", shard_of(100)
    shards.write(path, shard)
    data = bytearray(path.read_bytes())
    data[data.index(shard.features[50].tobytes())] ^= 1
    path.write_bytes(data)
    with pytest.raises((OSError, pa.ArrowException)):
        shards.read(path)


def test_a_name_tells_the_members_and_the_model() -> None:
    names = [
        shards.name_of(members, fingerprint)
        for members in ([], ["a"], ["a", "b"], ["b", "a"], ["ab"])
        for fingerprint in ("model", "other")
    ]
    assert len(set(names)) == len(names)
    assert all(len(name) == 16 and set(name) <= set("0123456789abcdef") for name in names)
    assert shards.name_of(("a", "b"), "model") == shards.name_of(["a", "b"], "model")
