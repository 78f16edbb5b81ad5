"""The files of the report: thumbnails, plots, and the results inside Snakemake's own report."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from browser import HOSTILE
from project import Project
from similar_images.core.file_formats import write_csv
from similar_images.report import confusion, plots


def test_thumbnails_are_small_jpegs_that_keep_the_shape_of_the_photo(project: Project) -> None:
    folder = project.result("new/report_files")
    paths = list(folder.glob("*/*.jpg"))
    assert len(paths) == len({path.name for path in paths}) > 8
    for path in paths:
        with Image.open(path) as image:
            assert image.format == "JPEG"
            assert image.size in {(24, 24), (60, 30)}


def test_a_second_run_keeps_the_thumbnails_and_removes_what_no_card_shows(
    project: Project,
) -> None:
    folder = project.result("new/report_files/560-srgb")
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    (folder / "old.jpg").touch()
    project.run("results/new/report.html", "--forcerun", "report")
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before


# Tells how many threads each pool in the job `report` may have.
COUNTED_THREADS = """
import os, sys
from concurrent.futures import ThreadPoolExecutor

made = ThreadPoolExecutor.__init__

def counting(self, max_workers=None, *args, **options):
    if os.path.basename(sys.argv[0]).endswith(".report.py"):
        with open(os.environ["COUNTED"], "a") as file:
            print(max_workers, file=file)
    made(self, max_workers, *args, **options)

ThreadPoolExecutor.__init__ = counting
"""


@pytest.mark.parametrize("cores", ["1", "2"])
def test_thumbnails_are_made_by_two_threads_where_a_run_has_two_cores(
    project: Project, tmp_path: Path, cores: str
) -> None:
    (tmp_path / "sitecustomize.py").write_text(COUNTED_THREADS)
    environment = {"PYTHONPATH": str(tmp_path), "COUNTED": str(tmp_path / "counted")}
    targets = ("--forcerun", "report", "--", "results/new/report.html")
    run = project.start("--cores", cores, *targets, **environment).finish()
    assert run.code == 0, run.console
    assert (tmp_path / "counted").read_text().split() == [cores]


def test_the_page_to_send_is_made_where_it_was_asked_for(project: Project) -> None:
    assert project.result("new/report_portable.html").exists()
    assert project.result("plain/report.html").exists()
    assert not project.result("plain/report_portable.html").exists()


def test_the_plots_are_files(project: Project) -> None:
    for name in ("confusion.png", "similarity.png"):
        with Image.open(project.result(f"new/{name}")) as image:
            assert min(image.size) > 300
    assert "<svg" in project.result("new/confusion.svg").read_text("utf-8")


@pytest.mark.parametrize("classes", [[], ["one"], HOSTILE, [f"class {n}" for n in range(100)]])
def test_any_classes_can_be_plotted(tmp_path: Path, classes: list[str]) -> None:
    table = tmp_path / "confusion.csv"
    numbers = np.eye(len(classes), dtype=int).tolist()
    write_csv(table, ["label", *classes], [[c, *n] for c, n in zip(classes, numbers, strict=True)])
    plots.write(plots.confusion(confusion.read(table)), tmp_path / "c.png", tmp_path / "c.svg")
    plots.write(plots.similarity([]), tmp_path / "s.png")
    with Image.open(tmp_path / "c.png") as image:
        assert max(image.size) < 5000


def test_snakemakes_own_report_carries_the_results(project: Project, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    targets = ("results/new/confusion.png", "results/new/report_portable.html")
    project.run(*targets, "--report", str(page))
    text = page.read_text("utf-8")
    for name in (
        *("predictions.csv", "metrics.json", "confusion.csv", "confusion.png", "similarity.png"),
        "report_portable.html",
    ):
        assert f"results/new/{name}" in text
    for category in ("Predictions", "Metrics", "Plots", "Report"):
        assert f'"{category}"' in text
    assert "Confusion matrix of new: how often photos of each class (rows)" in text
