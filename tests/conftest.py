"""What the tests share: a project that has run, and a browser, each made once in a session."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from project import Project, lay_out_shoes

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that has run on this machine; to be copied, not changed."""
    project = lay_out_shoes(tmp_path_factory.mktemp("finished") / "project")
    project.run()
    return project


@pytest.fixture(scope="session")
def browser() -> "Iterator[Browser]":
    from browser import chromium  # Few tests need it.

    with chromium() as browser:
        yield browser
