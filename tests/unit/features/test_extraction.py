"""Tests of the extraction loop."""

import builtins
import errno
import io
import logging
import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray
from PIL import Image

from similar_images.core.errors import UserError
from similar_images.core.timing import Timing
from similar_images.features.extraction import extract
from similar_images.features.shards import Shard
from similar_images.images.preprocessing import Preprocessor


class MeanColour:
    """An engine whose features are the mean colour; it takes whole batches and nothing else."""

    def __init__(self, batch_size: int, streams: int = 1) -> None:
        self.batch_size = batch_size
        self.streams = streams

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        assert images.shape == (self.batch_size, 8, 8, 3)
        assert images.dtype == np.uint8
        means: NDArray[np.float32] = images.mean(axis=(1, 2), dtype=np.float32)
        return means


class Members(dict[str, list[bytes]]):
    """Members of a shard; `put` writes a file and makes it one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, data: bytes) -> Path:
        path = self.folder / str(len(list(self.folder.iterdir())))
        path.write_bytes(data)
        self.setdefault(sha256(data).hexdigest(), []).append(os.fsencode(path))
        return path


@pytest.fixture
def members(tmp_path: Path) -> Members:
    return Members(tmp_path)


def png(grey: int, width: int = 4) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (width, 5), (grey, 2 * grey, 255)).save(stream, "PNG")
    return stream.getvalue()


def run(
    members: Members,
    batch: int = 4,
    threads: int = 2,
    streams: int = 1,
    progress: Any = int,
    timing: Timing | None = None,
    pixels: int = 1000,
    stopped: Callable[[], bool] = lambda: False,
) -> Shard:
    prepare = Preprocessor(8, "bicubic", pixels)
    engine = MeanColour(batch, streams)
    timing = timing or Timing()
    return extract(members, prepare, engine, 3, "model", threads, timing, progress, stopped=stopped)


@pytest.mark.parametrize(("threads", "streams"), [(1, 1), (3, 1), (2, 3)])
@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 8, 9, 30])
def test_each_image_has_its_features_in_the_order_of_the_members(
    members: Members, count: int, threads: int, streams: int
) -> None:
    for grey in range(count):
        members.put(png(grey, width=grey + 1))
    shard = run(members, batch=4, threads=threads, streams=streams)
    assert shard.content_ids == list(members)
    assert shard.faults == [None] * count
    assert shard.pixels == [5 * (grey + 1) for grey in range(count)]
    assert shard.fingerprint == "model"
    assert shard.features.dtype == np.float32
    expected = np.array([(grey, 2 * grey, 255) for grey in range(count)], np.float32)
    assert_array_equal(shard.features, expected.reshape(count, 3))


@pytest.mark.parametrize("batch", [1, 2, 3, 100])
def test_features_do_not_depend_on_the_batch(members: Members, batch: int) -> None:
    for grey in range(5):
        members.put(png(grey))
    assert_array_equal(run(members, batch=batch).features, run(members, batch=4).features)


def test_members_that_are_not_begun_when_it_is_stopped_are_left_out(members: Members) -> None:
    for grey in range(30):
        members.put(png(grey))
    done: list[int] = []
    shard = run(members, batch=1, threads=1, progress=done.append, stopped=lambda: len(done) >= 10)
    assert 10 <= len(shard.content_ids) < 30
    assert shard.content_ids == list(members)[: len(shard.content_ids)]
    assert_array_equal(shard.features, run(members).features[: len(shard.content_ids)])


class Overflowing(MeanColour):
    """An engine that has no number for what is not dark."""

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        features = super().__call__(images)
        return np.where(features[:, :1] > 11, np.float32(np.nan), features)


def test_features_that_are_no_numbers_stop_with_the_first_such_image(members: Members) -> None:
    files = [members.put(png(grey)) for grey in (3, 12, 5, 40)]
    prepare = Preprocessor(8, "bicubic", 1000)
    with pytest.raises(UserError, match=rf"features of {files[1]} that are not finite"):
        extract(members, prepare, Overflowing(2), 3, "model", 1, Timing(), lambda done: None)


class OverflowingInTheMiddle(MeanColour):
    """An engine whose middle layers have no number for what is not dark."""

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        features = super().__call__(images)
        middle = np.where(features > 11, np.float32(np.inf), 1)
        return np.concatenate([features, middle], axis=1)


def test_where_only_a_middle_layer_overflows_the_features_are_kept(members: Members) -> None:
    for grey in (3, 12):
        members.put(png(grey))
    prepare = Preprocessor(8, "bicubic", 1000)
    engine = OverflowingInTheMiddle(2)
    shard = extract(
        members, prepare, engine, 3, "model", 1, Timing(), lambda done: None, channels=[3]
    )
    assert_array_equal(shard.features, run(members).features)
    assert shard.levels.any(axis=1).tolist() == [False, False]


@pytest.mark.parametrize("bad", [0, 2, 3, 4])
def test_an_unreadable_image_has_a_fault_and_no_features(members: Members, bad: int) -> None:
    for n in range(5):
        members.put(b"text" if n == bad else png(n))
    shard = run(members, batch=2)
    assert shard.content_ids == list(members)
    assert [fault is not None for fault in shard.faults] == [n == bad for n in range(5)]
    assert "not a JPEG" in str(shard.faults[bad])
    assert shard.pixels == [None if n == bad else 20 for n in range(5)]
    assert_array_equal(shard.features[:, 2], [0 if n == bad else 255 for n in range(5)])
    assert_array_equal(shard.features[:, 0], [0 if n == bad else n for n in range(5)])


def test_what_was_lost_of_an_image_is_noted(members: Members) -> None:
    stream = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    Image.fromarray(noise).save(stream, "JPEG")
    members.put(png(1))
    members.put(stream.getvalue()[: -len(stream.getvalue()) // 5])
    shard = run(members, pixels=2000)
    assert shard.faults == [None, None]
    assert shard.notes[0] is None
    assert "is missing" in str(shard.notes[1])


@pytest.mark.parametrize("large", [0, 2, 3, 4])
def test_an_image_with_too_many_pixels_has_their_number_and_no_features(
    members: Members, large: int
) -> None:
    for n in range(5):
        members.put(png(n, width=201 if n == large else 200))
    shard = run(members, batch=2)
    assert shard.content_ids == list(members)
    assert shard.faults == ["too many pixels" if n == large else None for n in range(5)]
    assert shard.pixels == [1005 if n == large else 1000 for n in range(5)]
    assert_array_equal(shard.features[:, 2], [0 if n == large else 255 for n in range(5)])
    assert_array_equal(shard.features[:, 0], [0 if n == large else n for n in range(5)])


def test_the_quality_of_each_image_is_measured_and_that_of_faults_is_not(members: Members) -> None:
    members.put(b"damaged")
    members.put(png(10, width=7))
    shard = run(members)
    for fault, measures in zip(shard.faults, shard.measures, strict=True):
        if fault:
            assert np.isnan(measures).all()
        else:
            assert measures[:2].tolist() == [7, 5]


def test_a_shard_may_hold_faults_alone(members: Members) -> None:
    members.put(b"text")
    shard = run(members)
    assert len(shard.content_ids) == len(shard.features) == 1
    assert shard.faults != [None]


@pytest.mark.parametrize("lost", [{0}, {2}, {4}, {0, 1}, {1, 3, 4}, {0, 1, 2, 3, 4}])
def test_a_lost_or_changed_image_is_left_out_and_reported(
    members: Members, lost: set[int], caplog: pytest.LogCaptureFixture
) -> None:
    paths = [members.put(png(n, width=n + 1)) for n in range(5)]
    for n in lost:
        paths[n].unlink() if n % 2 else paths[n].write_bytes(png(99))
    with caplog.at_level(logging.WARNING):
        shard = run(members, batch=2)
    left = [n for n in range(5) if n not in lost]
    assert shard.content_ids == [list(members)[n] for n in left]
    assert shard.pixels == [5 * (n + 1) for n in left]
    assert shard.features.shape == (len(left), 3)
    assert_array_equal(shard.features[:, 0], left)
    assert [str(path) in caplog.text for path in paths] == [n in lost for n in range(5)]


class FailingFile(io.FileIO):
    """A file that is read once to its end; then its `fault` is struck."""

    def __init__(self, file: bytes, fault: str | None) -> None:
        super().__init__(file)
        self.file, self.fault, self.whole = file, fault, False

    def readinto(self, buffer: Any, /) -> int:
        if self.whole and self.fault == "read":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        count = super().readinto(buffer)
        self.whole |= not count
        return count

    def fileno(self) -> int:
        """Return what nobody can read from, as if the disk failed where Python does not see it."""
        if self.whole and self.fault == "libtiff":
            return os.open(self.file, os.O_WRONLY)
        return super().fileno()


def tiff(grey: int) -> bytes:
    stream = io.BytesIO()
    picture = Image.new("RGB", (100, 100), (grey, 2 * grey, 255))
    picture.save(stream, "TIFF", compression="tiff_lzw")
    return stream.getvalue()


def let_fail(monkeypatch: pytest.MonkeyPatch, *faults: str | None) -> None:
    """Let each file that is opened have one of `faults`, and the last one from then on."""
    left = list(faults)
    monkeypatch.setattr(
        builtins,
        "open",
        lambda file, mode: io.BufferedReader(
            FailingFile(file, left.pop(0) if len(left) > 1 else left[0])
        ),
    )


@pytest.mark.parametrize("make", [png, tiff])
def test_an_image_that_the_disk_does_not_give_is_left_out_and_has_no_fault(
    members: Members,
    make: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    path = members.put(make(1))
    with monkeypatch.context() as patch:
        let_fail(patch, "read")
        shard = run(members, pixels=10_000)
    assert (shard.content_ids, shard.faults, len(shard.features)) == ([], [], 0)
    assert f"{path}: input/output error; the next run tries it again" in caplog.text
    assert run(members, pixels=10_000).faults == [None]


def test_an_image_that_libtiff_could_not_read_once_has_no_fault(
    members: Members, monkeypatch: pytest.MonkeyPatch
) -> None:
    members.put(tiff(1))
    with monkeypatch.context() as patch:
        let_fail(patch, "libtiff", None)
        assert_array_equal(run(members, pixels=10_000).features, [[1, 2, 255]])
    with monkeypatch.context() as patch:
        let_fail(patch, "libtiff", "read")
        assert run(members, pixels=10_000).content_ids == []


def test_damage_that_libtiff_finds_is_a_fault(members: Members) -> None:
    data = bytearray(tiff(1))
    data[20:60] = bytes(40)
    members.put(bytes(data))
    assert "damaged" in str(run(members, pixels=10_000).faults[0])


def test_the_second_copy_is_read_where_the_first_is_gone(members: Members) -> None:
    first, changed = members.put(png(1)), members.put(png(1))
    members.put(png(1))
    first.unlink()
    changed.write_bytes(png(2))
    shard = run(members)
    assert shard.content_ids == list(members)
    assert_array_equal(shard.features, [[1, 2, 255]])


def test_the_progress_is_reported_after_each_image(members: Members) -> None:
    members.put(b"text")
    members.put(png(1))
    reported: list[int] = []
    run(members, progress=reported.append)
    assert reported == [1, 2]


def test_the_progress_reaches_the_end_although_an_image_is_lost(members: Members) -> None:
    members.put(png(1))
    members.put(png(2)).unlink()
    reported: list[int] = []
    run(members, progress=reported.append)
    assert reported[-1] == 2


def test_the_time_is_counted_by_what_it_was_spent_on(members: Members) -> None:
    for grey in range(5):
        members.put(png(grey))
    timing = Timing()
    run(members, timing=timing)
    assert timing.seconds.keys() == {"read", "decode", "network"}
    assert all(seconds > 0 for seconds in timing.seconds.values())
