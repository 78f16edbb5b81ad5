"""Tests of what every job has: log, console and exit."""

import importlib.util
import logging
import subprocess
import sys
import time
from pathlib import Path

import pytest

from similar_images.core import job
from similar_images.core.file_formats import write_json

SCRIPTS = Path(job.__file__).parents[2]


def run(log: Path, body: str) -> tuple[int, str, str]:
    """Run `body` as a job of its own and return its exit code, its log and the console."""
    code = (
        "import logging, sys; from similar_images.core.job import logged\n"
        "from pathlib import Path; from similar_images.core import file_formats, files\n"
        "from similar_images.core.errors import UserError\n"
        f"with logged({str(log)!r}, 'merge shoes'):\n    {body}\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=SCRIPTS, capture_output=True, text=True, check=False
    )
    return done.returncode, log.read_text("utf-8"), done.stderr


def test_messages_are_logged_and_shown_under_the_name_of_the_job(tmp_path: Path) -> None:
    log = tmp_path / "job.log"
    log.write_text("of the run before")
    code, logged, shown = run(log, "logging.info('3 é images')")
    assert code == 0
    assert logged == shown == "[merge shoes] 3 é images\n"


def test_a_mistake_of_the_user_ends_the_job_without_a_traceback(tmp_path: Path) -> None:
    code, logged, shown = run(tmp_path / "job.log", "raise UserError('x.jpg: mend it')")
    assert code == 1
    assert logged == shown == "[merge shoes] Error: x.jpg: mend it\n"


def test_a_damaged_file_is_named_and_removed_with_its_checksum(tmp_path: Path) -> None:
    damaged = tmp_path / "x.json"
    write_json(damaged, {"votes": 10})
    damaged.write_text(damaged.read_text().replace("10", "11"))
    code, logged, shown = run(
        tmp_path / "job.log", f"file_formats.read_json(Path({str(damaged)!r}))"
    )
    assert code == 1
    assert logged == shown
    assert shown.startswith(f"[merge shoes] Error: {damaged} is damaged (its checksum is wrong)")
    assert "removed. Run again" in shown
    assert [path.name for path in tmp_path.iterdir()] == ["job.log"]


def test_any_other_error_ends_the_job_with_its_traceback(tmp_path: Path) -> None:
    code, logged, shown = run(tmp_path / "job.log", "1 / 0")
    assert code == 1
    assert logged == shown
    assert "Traceback" in logged
    assert "ZeroDivisionError: division by zero" in logged


def test_an_exit_keeps_its_code(tmp_path: Path) -> None:
    assert run(tmp_path / "job.log", "sys.exit(7)")[0] == 7


def test_the_progress_is_reported_now_and_then_and_at_the_end(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    times = iter([100.0, 101.0, 102.5, 103.0, 104.0, 105.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(times))
    with caplog.at_level(logging.INFO):
        progress = job.Progress(20)
        for done in (2, 5, 7, 10, 20):
            progress(done)
    assert caplog.messages == [
        "5 of 20 images, 2.0/s, 8 s left",
        "20 of 20 images, 4.0/s, 0 s left",
    ]


def test_the_progress_names_what_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        job.Progress(3, "pair of images", "pairs of images")(3)
    assert caplog.messages[0].startswith("3 of 3 pairs of images, ")


def test_a_single_image_done_at_once_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        job.Progress(1)(1)
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith("1 of 1 image, ")


@pytest.mark.parametrize(
    ("package", "use"),
    [
        ("pandas", "import pyarrow; pyarrow.array([1])"),
        # It would tell a server what OpenVINO is used for.
        ("openvino_telemetry", "import openvino; openvino.convert_model"),
    ],
)
def test_a_package_counts_as_not_installed_within_a_job_alone(
    tmp_path: Path, package: str, use: str
) -> None:
    code, logged, _ = run(
        tmp_path / "job.log", f"{use}; logging.info(sys.modules.keys() & {{'{package}'}})"
    )
    assert code == 0
    assert logged == "[merge shoes] set()\n"
    assert importlib.util.find_spec(package)
