"""A project that has run, with a set for an inbox, and a server on it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from project import Project, lay_out_shoes
from serving import Served, serving


@pytest.fixture(scope="session")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that has run; to be copied, not changed."""
    project = lay_out_shoes(tmp_path_factory.mktemp("asked") / "project")
    project.image("inbox/first boots.png", seed=500)
    project.age()
    project.settle(queries={"inbox": "photos/inbox"})
    project.run()
    return project


@pytest.fixture
def copied(asked: Project, tmp_path: Path) -> Project:
    """A copy of the project, to be changed."""
    return asked.copy(tmp_path / "project")


@pytest.fixture(scope="session")
def served(asked: Project) -> Iterator[Served]:
    """A server on the project that is not changed."""
    with serving(asked.folder) as served:
        yield served


@pytest.fixture
def photo(asked: Project) -> bytes:
    """The bytes of a photo of boots."""
    return asked.photo("new/boots/0.png").read_bytes()
