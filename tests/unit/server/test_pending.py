"""Tests of whether a run is needed, by the times of files."""

import os
from pathlib import Path

from similar_images.server.pending import decisions_wait, photos_wait


def made(path: Path, at: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    os.utime(path, (at, at))
    return path


def test_decisions_wait_for_a_run_that_has_read_them_and_ended(tmp_path: Path) -> None:
    results = tmp_path / "results"
    file = made(tmp_path / "decisions.csv", 10)
    made(results / "plan/shards.json", 20)
    made(results / "new/report.html", 30)
    assert not decisions_wait([file], results, ["new"])
    assert not decisions_wait([tmp_path / "none.csv"], results, ["new"])
    made(file, 25)  # while the run was going on
    assert decisions_wait([file], results, ["new"])
    made(results / "plan/shards.json", 40)  # the next one did not get further
    made(file, 35)
    assert decisions_wait([file], results, ["new"])
    made(results / "new/report.html", 50)
    assert not decisions_wait([file], results, ["new"])
    assert decisions_wait([file], results, ["new", "other"])


def test_kept_photos_wait_likewise(tmp_path: Path) -> None:
    results, folder = tmp_path / "results", tmp_path / "inbox"
    assert not photos_wait(folder, results, "inbox")
    photo = made(folder / "a.jpg", 10)
    made(folder / ".DS_Store", 99)
    assert photos_wait(folder, results, "inbox")
    made(results / "inbox/manifest.parquet", 20)
    made(results / "inbox/report.html", 30)
    assert not photos_wait(folder, results, "inbox")
    made(photo, 25)
    assert photos_wait(folder, results, "inbox")
