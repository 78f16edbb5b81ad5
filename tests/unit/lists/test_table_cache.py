"""Tests of the tables of workbooks that are kept from run to run."""

import os
from pathlib import Path

import openpyxl
import pytest

from similar_images.lists import workbook_reader
from similar_images.lists.lists import ImageList, read
from similar_images.lists.table_cache import TableCache


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return save(tmp_path / "list.xlsx", "a.jpg")


def save(path: Path, image: str) -> Path:
    """Save a list of one image, in a file that has not changed for long."""
    book = openpyxl.Workbook()
    for row in (("image", "label", "id"), (image, "boots", "00123")):
        book.active.append(row)
    book.save(path)
    os.utime(path, (1_700_000_000, 1_700_000_000))
    return path


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an hour pass after each change of a file."""
    monkeypatch.setattr("similar_images.lists.table_cache.SETTLING_NS", -3_600_000_000_000)


def reads_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook_reader, "read", lambda *_: pytest.fail("it is read again"))


@pytest.mark.usefixtures("settled")
def test_a_kept_table_gives_the_same_list_without_the_workbook(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "list.json"
    first: ImageList = read(path, ["id"], TableCache(kept, is_written=True))
    reads_nothing(monkeypatch)
    assert read(path, ["id"], TableCache(kept)) == first
    assert [row.extra_columns for row in first.rows] == [("00123",)]


@pytest.mark.usefixtures("settled")
def test_a_table_is_read_again_for_other_columns_another_file_or_a_damaged_cache(
    path: Path, tmp_path: Path
) -> None:
    cache = TableCache(tmp_path / "list.json", is_written=True)
    assert [row.extra_columns for row in read(path, [], cache).rows] == [()]
    assert [row.extra_columns for row in read(path, ["id"], cache).rows] == [("00123",)]
    assert [row.image for row in read(save(path, "b.jpg"), ["id"], cache).rows] == ["b.jpg"]
    (tmp_path / "list.json").write_text("{}")
    assert [row.image for row in read(path, ["id"], cache).rows] == ["b.jpg"]


def test_a_cache_that_is_only_read_and_a_file_that_has_just_changed_keep_nothing(
    path: Path, tmp_path: Path
) -> None:
    kept = tmp_path / "list.json"
    read(path, [], TableCache(kept, is_written=True))
    assert not kept.exists()
    read(path, [], TableCache(kept))
    assert not kept.exists()
