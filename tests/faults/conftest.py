"""Projects that have run, for the tests of faults."""

from collections.abc import Callable
from functools import cache

import pytest

from scenarios import Scenario, ScenarioProject, lay_out


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Scenario], ScenarioProject]:
    """Give the project that a change is made to: it has run, and is to be copied."""

    @cache
    def finished(scenario: Scenario, backbone: str, former: bool) -> ScenarioProject:
        project = lay_out(
            tmp_path_factory.mktemp("finished") / "project", scenario, backbone, former
        )
        project.run()
        return project

    return lambda change, scenario: finished(
        scenario,
        "EfficientNetLite2" if change == "backbone changed" else "ColourHistogram",
        change == "project upgraded",
    )
