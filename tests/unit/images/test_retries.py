"""Tests of how the next run comes to read what one could not."""

from pathlib import Path

import pytest

from similar_images.images import retries


def test_it_counts_the_runs_that_could_not_read_all(tmp_path: Path) -> None:
    path = tmp_path / retries.NAME
    reported = []
    for unread in ({}, {"a.jpg": "stale file handle"}, {}, {"a.jpg": "x", "b.jpg": "x"}, {}):
        retries.record(path, unread)
        reported.append(retries.count(path))
    assert reported == [0, 1, 1, 2, 2]


def test_what_could_not_be_read_is_reported(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    retries.record(tmp_path / retries.NAME, {"b.jpg": "x", "a\udcff.jpg": "input/output error"})
    assert caplog.messages == [
        "photos that could not be read now, and that the next run tries again: "
        r"2, such as a\xff.jpg (input/output error)"
    ]


def test_a_damaged_count_only_costs_another_look(tmp_path: Path) -> None:
    path = tmp_path / retries.NAME
    retries.record(path, {"a.jpg": "x"})
    path.write_bytes(b"x")
    assert retries.count(path) == 0
    retries.record(path, {"a.jpg": "x"})
    assert retries.count(path) == 1


def test_a_file_without_permission_is_tried_again_once_it_can_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / retries.NAME
    readable: set[bytes] = set()
    monkeypatch.setattr("os.access", lambda file, mode: file in readable)
    retries.record(path, {}, {"a\udcff.jpg", "b.jpg"})
    assert retries.count(path) == 0
    readable.add(b"a\xff.jpg")
    assert retries.count(path) == 1
    retries.record(path, {"c.jpg": "stale file handle"})
    readable.clear()
    retries.record(path, {}, {"b.jpg"})
    assert retries.count(path) == 2
    readable.add(b"b.jpg")
    assert retries.count(path) == 3
    retries.record(path, {}, {})
    assert retries.count(path) == 3
