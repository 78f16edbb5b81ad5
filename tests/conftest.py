"""A project that has run, made once for all tests of a session."""

import pytest

from project import Project, lay_out_shoes


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that has run on this machine; to be copied, not changed."""
    project = lay_out_shoes(tmp_path_factory.mktemp("finished") / "project")
    project.run()
    return project
