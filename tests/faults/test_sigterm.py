"""SIGTERM at the worst moment: while Snakemake records the end of a job, and holds its lock."""

from pathlib import Path

from project import ROOT, lay_out_shoes

# A run that hangs is killed after so many seconds, and the test fails.
PATIENCE = 120
# Once a checkpoint has run, Snakemake asks for the input that depends on it, under its lock.
SNAKEFILE = f"""
include: "{ROOT}/Snakefile"


def send_sigterm(wildcards):
    import os, signal

    checkpoints.plan.get()
    assert workflow.scheduler._lock.locked()
    os.kill(os.getpid(), signal.SIGTERM)
    return rules.quality.output


rule terminated:
    input:
        send_sigterm,
"""


def test_sigterm_while_a_job_is_recorded_ends_the_run_and_the_next_one_continues(
    tmp_path: Path,
) -> None:
    project = lay_out_shoes(tmp_path / "project")
    snakefile = tmp_path / "terminated.smk"
    snakefile.write_text(SNAKEFILE)
    run = project.start("--cores", "2", "--snakefile", str(snakefile), "terminated").finish(
        PATIENCE
    )
    assert "Will exit after finishing currently running jobs" in run.console
    assert run.code == 1, run.console
    assert not run.jobs["predict"]
    assert project.run(*project.answers()).jobs["predict"] == 1
