"""One Slurm for all tests, and a project that has run on this machine."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster import cluster, hindrance
from project import CLASSES, Project, lay_out


@pytest.fixture(scope="session")
def slurm() -> Iterator[None]:
    """A Slurm, while the tests last."""
    reason = hindrance()
    if reason:
        pytest.skip(f"no Slurm can be started: {reason}")
    with cluster():
        yield


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that has run on this machine; to be copied, not changed."""
    project = lay_out(tmp_path_factory.mktemp("finished") / "project")
    for number, class_ in enumerate(CLASSES):
        for n in range(4):
            project.image(f"catalogue/{class_}/{n}.png", seed=10 * number + n)
        project.image(f"new/{class_}/0.png", seed=100 + number)
    project.run()
    return project


@pytest.fixture
def project(slurm: None, finished: Project, tmp_path: Path) -> Project:
    """A project that has run, but whose features are lost."""
    project = finished.copy(tmp_path / "project")
    for file in project.result("").glob("*/features*"):
        shutil.rmtree(file) if file.is_dir() else file.unlink()
    return project
