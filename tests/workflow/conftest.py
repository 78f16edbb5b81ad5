"""Projects that have run, made once and copied for each test."""

import os
from pathlib import Path

import pytest

from project import CLASSES, Project, lay_out


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that has run; to be copied, not changed."""
    project = lay_out(tmp_path_factory.mktemp("finished") / "project")
    for number, class_ in enumerate(CLASSES):
        for n in range(4):
            project.image(f"catalogue/{class_}/{n}.png", seed=10 * number + n)
        for n in range(2):
            project.image(f"new/{class_}/{n}.png", seed=100 + 10 * number + n)
    age = 1_700_000_000
    for path in project.photo("").rglob("*.png"):
        os.utime(path, (age, age))
    project.run()
    return project


@pytest.fixture
def project(finished: Project, tmp_path: Path) -> Project:
    """A project that has run, to be changed."""
    return finished.copy(tmp_path / "project")
