"""One Slurm for all tests, and a project for it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster import cluster, hindrance
from project import Project


@pytest.fixture(scope="session")
def slurm() -> Iterator[None]:
    """A Slurm, while the tests last."""
    reason = hindrance()
    if reason:
        pytest.skip(f"no Slurm can be started: {reason}")
    with cluster():
        yield


@pytest.fixture
def project(slurm: None, finished: Project, tmp_path: Path) -> Project:
    """A project that has run, but whose features are lost."""
    project = finished.copy(tmp_path / "project")
    shutil.rmtree(project.result("features"))
    shutil.rmtree(project.result("plan"))
    for file in project.result("").glob("*/features.pkl"):
        file.unlink()
    return project
