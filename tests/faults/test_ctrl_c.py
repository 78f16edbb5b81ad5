"""Ctrl-C ends a run with one sentence, and keeps the features that it has extracted."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from project import ROOT, Project, Run, lay_out_shoes

FAULT_INJECTION = Path(__file__).with_name("fault_injection")
ENDING = "Stopped. Run the same command again to continue."
PHOTOS, AT_PHOTO = 300, 100
WHILE_PLANNING = f"""
include: "{ROOT}/Snakefile"


def press(wildcards):
    import os, signal

    os.killpg(0, signal.SIGINT)
    return rules.quality.output


rule interrupted:
    input:
        press,
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return lay_out_shoes(tmp_path / "project")


def interrupted(project: Project, rule: str, kind: str = "Ctrl-C") -> Run:
    """Press Ctrl-C in the first job of `rule`."""
    mark = project.folder / f"interrupted-in-{rule}"
    fault = {"rule": rule, "kind": kind, "rename": 1, "photos": AT_PHOTO, "mark": str(mark)}
    started = project.start(
        "--cores", "2", PYTHONPATH=str(FAULT_INJECTION), FAULT=json.dumps(fault)
    )
    run = started.finish()
    assert mark.exists()
    return run


def assert_one_sentence(run: Run) -> None:
    assert run.code == 1, run.console
    assert run.console.endswith(f"{ENDING}\n"), run.console
    assert "Traceback" not in run.console, run.console
    assert "Error" not in run.console, run.console


def test_ctrl_c_in_a_job_ends_with_one_sentence_and_the_next_run_continues(
    project: Project,
) -> None:
    for rule in ("manifest", "plan", "predict", "report"):
        assert_one_sentence(interrupted(project, rule))
    assert {"manifest", "plan", "extract", "merge"}.isdisjoint(project.run().jobs)
    assert not project.run().jobs


def test_what_has_changed_is_told_in_the_run_that_was_stopped(project: Project) -> None:
    project.run()
    project.image("catalogue/boots/added.png", seed=400)
    run = interrupted(project, "predict")
    assert "catalogue: 1 photo added" in run.console
    assert_one_sentence(run)


def test_ctrl_c_while_planning_ends_with_one_sentence(project: Project, tmp_path: Path) -> None:
    snakefile = tmp_path / "interrupted.smk"
    snakefile.write_text(WHILE_PLANNING)
    run = project.start("--cores", "2", "--snakefile", str(snakefile), "interrupted").finish()
    assert_one_sentence(run)
    assert not list(project.folder.glob(".snakemake/locks/*.lock"))


def test_after_ctrl_c_the_photos_that_were_finished_are_not_extracted_again(
    project: Project, tmp_path: Path
) -> None:
    for n in range(PHOTOS):
        project.image(f"catalogue/boots/more-{n}.png", seed=200 + n)
    run = interrupted(project, "extract", "Ctrl-C at a photo")
    assert_one_sentence(run)
    assert not project.shards()
    (partial,) = project.result("features").glob("*/*.partial")
    kept = pq.read_metadata(partial).num_rows
    assert AT_PHOTO / 2 < kept < PHOTOS, run.console

    project.run()
    (shard,) = project.shards()
    (log,) = project.folder.glob("logs/features/*/*.log")
    left = pq.read_metadata(shard).num_rows - kept
    assert f"{left} of {left} images" in log.read_text("utf-8")
    assert not partial.exists()
    assert project.predictions() == project.rebuilt(tmp_path / "clean").predictions()
