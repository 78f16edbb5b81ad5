"""Tests of the listing that is kept between runs, and of what has changed since."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from similar_images.images import listing, manifest

FIRST, LATER = datetime(2026, 11, 27, 11, 2, 33, tzinfo=UTC), datetime(2026, 11, 28, tzinfo=UTC)
OLD, NEW = "2026-11-27T11:02:33Z", "2026-11-28T00:00:00Z"


def listed(**photos: str | None) -> pa.Table:
    """Return a manifest: paths such as boots_1 (class boots), with contents; None is unreadable."""
    rows = [
        {
            "image": f"{image.replace('_', '/')}.jpg",
            "file": b"",
            "label": image.partition("_")[0],
            "content_id": content,
            "fault": None if content else "permission denied",
        }
        for image, content in sorted(photos.items())
    ]
    return manifest.TABLE.from_rows(rows)


class Runs:
    """The listing of a collection over several runs."""

    def __init__(self) -> None:
        self.former: pa.Table | None = None
        self.changes: list[listing.Change] = []
        self.added: dict[str, str | None] = {}

    def run(self, table: pa.Table, now: datetime = LATER) -> "Runs":
        dated = listing.dated(table, self.former, now)
        self.added = manifest.added(dated)
        current = listing.of(dated, self.former)
        self.changes = listing.changes(self.former, current)
        self.former = current
        return self

    def kinds(self) -> list[tuple[str, str | None, str | None]]:
        return [(one.change, one.image_before, one.image) for one in self.changes]

    def words(self, tmp_path: Path) -> str:
        listing.CHANGES.write(tmp_path / "changes.csv", self.changes)
        assert self.former is not None
        classes = self.former["label"].to_pylist()
        return listing.in_words(listing.CHANGES.read(tmp_path / "changes.csv"), classes)


@pytest.fixture
def runs() -> Callable[..., Runs]:
    """Return what happens after a first run with some photos."""

    def after_first(**photos: str | None) -> Runs:
        return Runs().run(listed(**photos), FIRST)

    return after_first


def test_at_first_all_photos_are_of_now_and_nothing_has_changed(
    runs: Callable[..., Runs], tmp_path: Path
) -> None:
    first = runs(boots_1="a", boots_2=None)
    assert first.added == {"boots/1.jpg": OLD, "boots/2.jpg": None}
    assert first.changes == []
    assert first.words(tmp_path) == ""


def test_a_content_keeps_its_time_wherever_it_is_and_new_bytes_get_a_new_one(
    runs: Callable[..., Runs],
) -> None:
    later = runs(boots_1="a", boots_2="b", boots_3="c").run(
        listed(boots_1="a", boots_2="new", sandals_9="b", boots_copy="a")
    )
    assert later.added == {
        "boots/1.jpg": OLD,
        "boots/2.jpg": NEW,
        "sandals/9.jpg": OLD,
        "boots/copy.jpg": OLD,
    }


def test_a_photo_that_cannot_be_read_for_a_while_keeps_its_time_and_has_not_changed(
    runs: Callable[..., Runs],
) -> None:
    found = runs(boots_1="a", boots_2="b").run(listed(boots_1=None, boots_2="b"))
    assert found.added == {"boots/1.jpg": None, "boots/2.jpg": OLD}
    assert found.changes == []
    assert found.run(listed(boots_1="a", boots_2="b")).added["boots/1.jpg"] == OLD
    assert found.changes == []


def test_photos_in_a_folder_that_cannot_be_read_for_a_while_keep_their_times(
    runs: Callable[..., Runs],
) -> None:
    found = runs(boots_1="a", boots_2="b", caps_1="c")
    unread = listed(caps_1="c").to_pylist()
    unread.append({"image": "boots", "file": b"", "fault": "permission denied"})
    assert found.run(manifest.TABLE.from_rows(unread)).changes == []
    found.run(listed(boots_1="a", boots_2="b", caps_1="c"))
    assert found.changes == []
    assert set(found.added.values()) == {OLD}


def test_a_content_that_was_gone_in_a_run_is_new_again(runs: Callable[..., Runs]) -> None:
    found = runs(boots_1="a", boots_2="b").run(listed(boots_1="a"))
    assert found.run(listed(boots_1="a", boots_2="b")).added["boots/2.jpg"] == NEW


def test_each_kind_of_change_is_counted_once(runs: Callable[..., Runs], tmp_path: Path) -> None:
    found = runs(boots_1="a", boots_2="b", boots_3="c", boots_4="d", boots_5="e").run(
        listed(boots_1="a", boots_20="b", sandals_3="c", boots_4="new", boots_6="f", boots_7="g")
    )
    assert found.kinds() == [
        ("added", None, "boots/6.jpg"),
        ("added", None, "boots/7.jpg"),
        ("changed", "boots/4.jpg", "boots/4.jpg"),
        ("moved", "boots/2.jpg", "boots/20.jpg"),
        ("relabelled", "boots/3.jpg", "sandals/3.jpg"),
        ("removed", "boots/5.jpg", None),
    ]
    assert found.words(tmp_path) == (
        "2 photos added, 1 removed (boots/5.jpg), 1 changed (boots/4.jpg), 1 renamed, "
        "1 moved from boots to sandals"
    )


def test_one_of_two_equal_files_is_removed(runs: Callable[..., Runs]) -> None:
    found = runs(boots_1="a", boots_2="a", sandals_1="b").run(listed(boots_2="a", sandals_1="b"))
    assert found.kinds() == [("removed", "boots/1.jpg", None)]


def test_a_copy_is_added(runs: Callable[..., Runs]) -> None:
    found = runs(boots_1="a").run(listed(boots_1="a", sandals_1="a"))
    assert found.kinds() == [("added", None, "sandals/1.jpg")]


def test_two_files_that_swap_their_bytes_are_moved(runs: Callable[..., Runs]) -> None:
    found = runs(boots_1="a", boots_2="b").run(listed(boots_1="b", boots_2="a"))
    assert found.kinds() == [
        ("moved", "boots/2.jpg", "boots/1.jpg"),
        ("moved", "boots/1.jpg", "boots/2.jpg"),
    ]
    assert found.run(listed(boots_1="b", sandals_1="a")).kinds() == [
        ("relabelled", "boots/2.jpg", "sandals/1.jpg")
    ]


def test_equal_files_move_within_their_class_if_they_can(runs: Callable[..., Runs]) -> None:
    found = runs(boots_1="a", sandals_1="a", caps_1="a").run(listed(sandals_2="a", boots_2="a"))
    assert found.kinds() == [
        ("moved", "boots/1.jpg", "boots/2.jpg"),
        ("moved", "sandals/1.jpg", "sandals/2.jpg"),
        ("removed", "caps/1.jpg", None),
    ]


def test_another_label_in_a_list_counts_as_another_class(
    runs: Callable[..., Runs], tmp_path: Path
) -> None:
    photos = listed(boots_1="a", boots_2="b")
    labels = pa.array(["sandals", "boots"])
    other = photos.set_column(photos.schema.get_field_index("label"), "label", labels)
    found = runs(boots_1="a", boots_2="b").run(other)
    assert found.kinds() == [("relabelled", "boots/1.jpg", "boots/1.jpg")]
    assert found.words(tmp_path) == "1 photo moved from boots to sandals"


def test_a_class_that_is_gone_is_named(runs: Callable[..., Runs], tmp_path: Path) -> None:
    found = runs(outwear_1="a", outwear_2="b", boots_1="c").run(
        listed(outerwear_1="a", outerwear_2="b", boots_1="c")
    )
    assert found.words(tmp_path) == (
        "2 photos moved from outwear to outerwear; no photo is left in outwear"
    )


def test_only_some_names_are_told(runs: Callable[..., Runs], tmp_path: Path) -> None:
    many = {f"boots_{n}": f"content {n}" for n in range(1, 8)}
    found = runs(**many).run(listed(boots_1="content 1"))
    assert found.words(tmp_path) == ("6 photos removed (boots/2.jpg, boots/3.jpg and 4 more)")


def test_a_listing_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / listing.NAME
    assert listing.read(path) is None
    table = listing.of(listing.dated(listed(boots_1="a"), None, FIRST), None)
    listing.write(path, table)
    assert [one.name for one in tmp_path.iterdir()] == [listing.NAME]
    found = listing.read(path)
    assert found is not None
    assert found.equals(table)


@pytest.mark.parametrize("damage", [b"", b"PAR1", b"nonsense"])
def test_a_damaged_listing_counts_as_none(
    tmp_path: Path, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / listing.NAME
    path.write_bytes(damage)
    with caplog.at_level(logging.WARNING):
        assert listing.read(path) is None
    assert f"{path} is damaged" in caplog.text
    assert "all photos count as added now" in caplog.text
