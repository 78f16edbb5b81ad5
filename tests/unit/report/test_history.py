"""Tests of the history, and of changed predictions."""

import logging
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from similar_images.report import history
from similar_images.report.history import ChangedPrediction, PastPrediction

WHEN = datetime(2026, 11, 24, 18, 3, 12, tzinfo=timezone(timedelta(hours=1)))
METRICS: dict[str, Any] = {
    "labelled": 8,
    "correct": 6,
    "accuracy": 0.75,
    "accuracy_interval_95": [0.4093, 0.92852],
    "refused": 1,
    "decided": 0,
    "metric": "adapted",
}


def line(minutes: int = 0, **changes: Any) -> dict[str, str]:
    return history.line(
        WHEN + timedelta(minutes=minutes), "new", "5a04", 12, METRICS | dict(changes)
    )


def answers(*, prefix: str = "", **predictions: str) -> list[PastPrediction]:
    """Return the answers to images with content ids like their names, after any `prefix`."""
    return [
        PastPrediction(prefix + id_, id_, prediction) for id_, prediction in predictions.items()
    ]


def test_a_line_shows_when_in_universal_time_and_the_figures() -> None:
    assert line(decided=3) == {
        "when": "2026-11-24T17:03:12Z",
        "set": "new",
        "model": "5a04",
        "catalogue": "12",
        "labelled": "8",
        "correct": "6",
        "accuracy": "0.7500",
        "low": "0.4093",
        "high": "0.9285",
        "decided": "3",
        "refused": "1",
        "metric": "adapted",
    }


def test_without_labels_the_shares_are_empty() -> None:
    reported = line(accuracy=None, accuracy_interval_95=None, labelled=0, correct=0)
    assert (reported["accuracy"], reported["low"], reported["high"], reported["decided"]) == (
        "",
        "",
        "",
        "0",
    )


def test_runs_are_added_in_their_order_and_read_again(tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    assert history.read(path) == []
    assert history.record(path, line()) == [line()]
    better = line(5, correct=7)
    assert history.record(path, better) == history.read(path) == [line(), better]
    assert path.read_text().splitlines()[0] == ",".join(history.TABLE.names)
    assert [file.name for file in tmp_path.iterdir()] == ["history.csv"]


def test_a_run_that_says_the_same_as_the_last_adds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    history.record(path, line())
    before = path.read_bytes()
    assert history.record(path, line(7)) == [line()]
    assert path.read_bytes() == before
    history.record(path, line(8, refused=2))
    assert len(history.record(path, line(9))) == 3


def test_a_history_of_an_earlier_version_has_no_metric_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    history.record(path, line())
    former = [row.rpartition(",")[0] for row in path.read_text().splitlines()]
    path.write_text("\n".join(former) + "\n")
    assert history.last_metric(path) == ""
    assert history.record(path, line(5)) == [line() | {"metric": ""}, line(5)]
    assert history.last_metric(path) == "adapted"
    assert [one.name for one in tmp_path.iterdir()] == ["history.csv"]


def test_a_name_that_is_a_formula_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    odd = line() | {"set": "=1+1"}
    history.record(path, odd)
    assert "'=1+1" in path.read_text()
    assert history.record(path, odd) == [odd]


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"\xff\xfe\x00",
        b"when,set\n",
        b"%(whole)s2026-11-24T17:0",
        b"%(whole)s" + b"x," * 10 + b"x\n",
        b"%(header)s2026-11-24T17:03:12Z,new,5a04,twelve,8,6,0.75,0.4,0.9,0,0,cosine\n",
        b"%(header)sxxx\x00\n",
        # An open quotation mark would take in the rows below it.
        b'%(whole)s"2026-11-24T17:03:12Z,new,5a04,12,8,6,0.75,0.4,0.9,0,0,cosine\n',
    ],
)
def test_a_damaged_history_is_reported_and_renamed_and_a_new_one_begins(
    tmp_path: Path, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "history.csv"
    history.record(path, line())
    header = path.read_bytes().splitlines(keepends=True)[0]
    damaged = damage.replace(b"%(whole)s", path.read_bytes()).replace(b"%(header)s", header)
    for number in (1, 2):
        path.write_bytes(damaged)
        assert history.read(path) == []
        with caplog.at_level(logging.WARNING):
            assert history.record(path, line(number)) == [line(number)]
        aside = tmp_path / f"history.damaged-{number}.csv"
        assert aside.read_bytes() == damaged
        assert "is damaged" in caplog.text
        assert str(aside) in caplog.text
        assert history.read(path) == [line(number)]


def test_a_history_that_cannot_be_read_is_reported_and_left_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "history.csv"
    path.mkdir()
    assert history.read(path) == history.record(path, line()) == []
    assert "cannot be read (is a directory)" in caplog.text
    assert path.is_dir()


def test_nothing_has_changed_in_a_first_run(tmp_path: Path) -> None:
    assert history.changed(tmp_path, answers(a="boots", b="sandals")) == []
    assert (tmp_path / "changed.csv").read_text() == "image,content_id,before,now\n"


def test_what_changed_is_reported_by_content_whatever_its_path(tmp_path: Path) -> None:
    history.changed(tmp_path, answers(a="boots", b="sandals", c="", gone="boots"))
    found = history.changed(
        tmp_path, answers(prefix="moved/", c="boots", b="sandals", a="", new="boots")
    )
    assert found == [
        ChangedPrediction("moved/a", "a", "boots", ""),
        ChangedPrediction("moved/c", "c", "", "boots"),
    ]
    assert (tmp_path / "changed.csv").read_text().splitlines()[1:] == [
        "moved/a,a,boots,",
        "moved/c,c,,boots",
    ]


def test_what_changed_stays_listed_until_something_changes_again(tmp_path: Path) -> None:
    history.changed(tmp_path, answers(a="boots", b="boots", c="boots"))
    history.changed(tmp_path, answers(a="sandals", b="sandals", c="boots"))
    again = history.changed(tmp_path, answers(prefix="moved/", a="sandals", c="boots"))
    assert again == [ChangedPrediction("moved/a", "a", "boots", "sandals")]
    later = history.changed(tmp_path, answers(a="sandals", b="sandals", c="sandals"))
    assert later == [ChangedPrediction("c", "c", "boots", "sandals")]


@pytest.mark.parametrize("name", ["answers.parquet", "changed.csv"])
def test_damage_to_what_is_remembered_is_no_error(tmp_path: Path, name: str) -> None:
    history.changed(tmp_path, answers(a="boots"))
    history.changed(tmp_path, answers(a="sandals"))
    (tmp_path / name).write_bytes(b"\x00")
    found = history.changed(tmp_path, answers(a="sandals"))
    assert found == (
        [] if name == "changed.csv" else [ChangedPrediction("a", "a", "boots", "sandals")]
    )
    assert history.changed(tmp_path, answers(a="boots")) == [
        ChangedPrediction("a", "a", "sandals", "boots")
    ]


def test_the_histories_of_all_sets_are_put_together_by_time(tmp_path: Path) -> None:
    for name, minutes in (("new", 0), ("old", 3), ("new", 5)):
        row = line(minutes, refused=minutes) | {"set": name}
        history.record(tmp_path / name / "history.csv", row)
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "history.csv").write_text("nonsense")
    assert history.write_all(tmp_path) == 3
    assert [row["set"] for row in history.read(tmp_path / "history.csv")] == ["new", "old", "new"]
