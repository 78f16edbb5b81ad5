"""Jobs go through a real Slurm, fail, are cancelled, and the results are those of a local run."""

import re
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from project import ROOT, Project, Run, lay_out

SLURM = (
    *("--profile", "workflow/profiles/slurm"),
    *("--slurm-status-command", "squeue"),  # there is no accounting
    *("--slurm-init-seconds-before-status-checks", "7"),  # about what a small job takes
)
CATALOGUE = "results/catalogue/features.pkl"
QUERIES = "results/new/features.pkl"
PATIENCE = 120


@dataclass(frozen=True)
class Job:
    """What Slurm reports of a job; times are in its own notation, which sorts."""

    id: int
    rule: str
    state: str
    start: str
    end: str
    memory: str
    cpus: str


def jobs(name: str = "") -> list[Job]:
    """Return the jobs that Slurm knows, oldest first, of a rule or of all."""
    table = subprocess.run(
        ["squeue", "--states=all", "--sort=i", "--noheader", "--format=%i|%k|%T|%S|%e|%m|%C"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    rows = [line.split("|") for line in table.splitlines()]
    return [Job(int(id_), *rest) for id_, *rest in rows if rest[0].startswith(f"rule_{name}")]


def submitted(run: Run, name: str = "") -> list[Job]:
    """Return the jobs that Snakemake submitted in `run`."""
    ids = re.findall(r"submitted with SLURM jobid (\d+)", run.console)
    return [job for job in jobs(name) if str(job.id) in ids]


def features(project: Project, path: str) -> bytes:
    return (project.folder / path).read_bytes()


def running(name: str) -> Job:
    """Wait for a job of the rule `name` to run, and return it."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        for job in jobs(name):
            if job.state == "RUNNING":
                return job
        time.sleep(0.2)
    raise AssertionError(f"no job of {name} ran: {jobs()}")


def fail_once(project: Project) -> None:
    """Let the first extraction job of `project` fail."""
    (project.folder / "workflow").unlink()
    shutil.copytree(ROOT / "workflow", project.folder / "workflow")
    path = project.folder / "workflow/scripts/extract.py"
    start, work = path.read_text().split("    backbone = ")
    failure = """\
    if not Path("failed").exists():
        Path("failed").touch()
        raise OSError("broken on purpose")
"""
    path.write_text(f"{start}{failure}    backbone = {work}")


def test_the_sample_data_gives_the_results_of_a_local_run(slurm: None, tmp_path: Path) -> None:
    project = lay_out(tmp_path / "slurm")
    project.settle(
        catalogue=str(ROOT / "data/catalogue"),
        queries={"shoes": str(ROOT / "data/queries"), "new": None},
        backbone="EfficientNetLite2",
    )
    run = project.snakemake(*SLURM)
    heavy = {job.rule.split("_")[1] for job in submitted(run)}
    assert heavy == {
        *("model", "manifest", "plan", "extract", "merge"),
        *("quality", "compare", "search", "predict", "report"),
    }
    assert run.jobs["plot"] == run.jobs["plot_catalogue"] == 1

    extractions = submitted(run, "extract")
    assert len(extractions) == 2, "108 images are two shards for a cluster"
    assert max(job.start for job in extractions) < min(job.end for job in extractions)
    assert all((job.cpus, job.memory) == ("2", "2000M") for job in extractions)

    assert not project.run().jobs
    assert not project.snakemake(*SLURM).jobs
    assert project.predictions() == project.rebuilt(tmp_path / "local").predictions()


def test_a_job_that_fails_is_tried_again_with_more_memory(
    project: Project, finished: Project
) -> None:
    fail_once(project)
    run = project.snakemake(*SLURM, CATALOGUE)
    attempts = [(job.state, job.memory) for job in submitted(run, "extract")]
    assert attempts == [("FAILED", "2000M"), ("COMPLETED", "4000M")]
    assert "broken on purpose" in run.console
    assert features(project, CATALOGUE) == features(finished, CATALOGUE)


def test_the_next_run_repeats_a_cancelled_job(project: Project, finished: Project) -> None:
    project.settle(extraction={"shard_size": 12})
    with ThreadPoolExecutor() as threads:
        interrupted = threads.submit(
            project.snakemake, *SLURM, "--retries", "0", CATALOGUE, QUERIES, fails=True
        )
        subprocess.run(["scancel", str(running("extract").id)], check=True)
        first = interrupted.result()
    assert {job.state for job in submitted(first, "extract")} == {"CANCELLED", "COMPLETED"}
    assert first.jobs["extract"] == 1

    second = project.snakemake(*SLURM, CATALOGUE, QUERIES)
    assert second.jobs["extract"] == 1, "what the first run had finished is not made again"
    for path in (CATALOGUE, QUERIES):
        assert features(project, path) == features(finished, path)


def test_ctrl_c_cancels_the_jobs_and_the_next_run_makes_them(
    project: Project, finished: Project
) -> None:
    command = [sys.executable, "-m", "snakemake", *SLURM, CATALOGUE, QUERIES]
    with subprocess.Popen(command, cwd=project.folder) as snakemake:
        extraction = running("extract")
        snakemake.send_signal(signal.SIGINT)
    assert snakemake.returncode != 0
    assert {job.state for job in jobs("extract") if job.id >= extraction.id} <= {
        "CANCELLED",
        "COMPLETING",  # on the way there
    }

    project.run(CATALOGUE, QUERIES)
    for path in (CATALOGUE, QUERIES):
        assert features(project, path) == features(finished, path)
