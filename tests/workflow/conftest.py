"""Projects that have run, made once and copied for each test."""

from pathlib import Path

import pytest

from project import Project, lay_out_shoes


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that has run; to be copied, not changed."""
    project = lay_out_shoes(tmp_path_factory.mktemp("finished") / "project")
    project.run()
    return project


@pytest.fixture
def project(finished: Project, tmp_path: Path) -> Project:
    """A project that has run, to be changed."""
    return finished.copy(tmp_path / "project")
