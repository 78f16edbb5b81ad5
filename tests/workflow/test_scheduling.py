"""How Snakemake starts the jobs of this workflow."""

from pathlib import Path

from project import lay_out_shoes


def test_snakemake_looks_for_jobs_to_start_only_when_a_job_has_ended(tmp_path: Path) -> None:
    project = lay_out_shoes(tmp_path / "project")
    manifests = [f"results/{name}/manifest.parquet" for name in ("catalogue", "new")]
    run = project.snakemake("--cores", "1", "--verbose", *manifests)
    assert run.jobs == {"manifest": 2}
    # Once at the start, and once after the first job, for which the second had to wait.
    assert run.console.count("Ready jobs: ") == 2
