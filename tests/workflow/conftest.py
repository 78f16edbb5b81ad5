"""A copy of a project that has run, for each test."""

from pathlib import Path

import pytest

from project import Project


@pytest.fixture
def project(finished: Project, tmp_path: Path) -> Project:
    """A project that has run, to be changed."""
    return finished.copy(tmp_path / "project")
