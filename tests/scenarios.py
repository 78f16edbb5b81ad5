"""Ways to use the workflow that together run every rule."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from project import Project, Running, lay_out_shoes
from similar_images import Catalogue
from similar_images.curation import catalogue_map


@dataclass(frozen=True, eq=False)
class Scenario:
    """What the workflow is asked for.

    Attributes:
        rules: the rules that get faults in this scenario, in the order in which they run.
        settings: in addition to those of all scenarios.
        target: what Snakemake is asked for.
        outcome: returns the results, which do not depend on faults.
    """

    rules: tuple[str, ...]
    settings: Mapping[str, Any]
    target: str = "all"
    outcome: Callable[[Project], object] = Project.predictions


def answered(project: Project) -> object:
    """Return the predictions; single photos can be asked about, since the results are complete."""
    Catalogue.open(project.result(""))
    return project.predictions()


def audited(project: Project) -> object:
    names = (
        "catalogue/audit.csv",
        "catalogue/classes.csv",
        "catalogue/advice.csv",
        "catalogue/rotated.csv",
        "new/rotated.csv",
    )
    return [project.rows(name) for name in names]


def neighbours_listed(project: Project) -> object:
    return project.predictions(), project.rows("new/neighbours.csv")


def mapped(project: Project) -> object:
    return catalogue_map.TABLE.read(project.result("catalogue/map.parquet")).to_pydict()


def compared(project: Project) -> object:
    """Return the table of the comparison but for the speed."""
    return [row | {"images_per_second": ""} for row in project.rows("compare.csv")]


FEATURES = ("model", "manifest", "plan", "extract", "merge")
USUAL = Scenario(
    (
        *FEATURES,
        *("components", "adapt", "quality", "compare_metrics", "search", "predict"),
        *("plot_catalogue", "describe_catalogue", "plot", "report"),
    ),
    {"search": {"metric": "adapted"}},
    outcome=answered,
)
IN_PARTS = Scenario(("join_search",), {"search": {"parts": 2}, "extraction": {"shard_size": 4}})
APPROXIMATE = Scenario(("approximate",), {"search": {"index": "approximate"}})
AUTO = Scenario(("compare_metrics",), {"search": {"metric": "auto"}})
PORTABLE = Scenario(("report_portable",), {}, "portable")
WORKBOOK = Scenario(("report_workbook",), {}, "workbook")
NEIGHBOURS = Scenario(("list_neighbours",), {}, "neighbours", neighbours_listed)
AUDIT = Scenario(
    (
        *FEATURES,
        *("audit_catalogue", "learn_orientation", "find_rotated", "class_advice", "audit_report"),
    ),
    {},
    "audit",
    audited,
)
MAP = Scenario(("map_catalogue", "map_page"), {}, "map", mapped)
COMPARE = Scenario(
    (*FEATURES, "quality", "compare_entry", "compare_table"),
    {"compare": {"one": {"search": {"neighbours": 1}}}},
    "compare",
    compared,
)
# For each rule, the scenario in which it alone gets a fault: the usual one if it runs there.
SCENARIOS = {
    rule: scenario
    for scenario in (
        *(COMPARE, AUDIT, MAP, PORTABLE, WORKBOOK, NEIGHBOURS, AUTO, APPROXIMATE, IN_PARTS, USUAL),
    )
    for rule in scenario.rules
}


class ScenarioProject(Project):
    """A project that is always asked for the same."""

    def __init__(self, folder: Path, scenario: Scenario) -> None:
        super().__init__(folder)
        self.scenario = scenario

    def start(self, *arguments: str, through: Sequence[str] = (), **environment: str) -> Running:
        asked = (*arguments, self.scenario.target)
        return super().start(*asked, through=through, **environment)

    def answers(self) -> list[str]:
        return []  # its target has all that it is compared by

    def outcome(self) -> object:
        return self.scenario.outcome(self)


def lay_out(
    folder: Path, scenario: Scenario, backbone: str, former: bool = False
) -> ScenarioProject:
    """Lay out a project with an image that is too large for its settings.

    Args:
        folder: where.
        scenario: what it is asked for.
        backbone: the network.
        former: whether its workflow is a former version.
    """
    project = ScenarioProject(lay_out_shoes(folder).folder, scenario)
    project.settle(backbone=backbone, images={"max_pixels": 1000}, **scenario.settings)
    project.image("catalogue/boots/large.png", size=(40, 40))
    project.age()
    if former:
        take_former_version(project)
    return project


def take_former_version(project: Project) -> None:
    """Give `project` a workflow of its own: it votes for the rarest class, its networks differ."""
    link = project.folder / "workflow"
    original = link.resolve()
    link.unlink()
    shutil.copytree(original, link)
    vote = link / "scripts/similar_images/classification/vote.py"
    text = vote.read_text("utf-8")
    assert "winner = max(" in text
    vote.write_text(text.replace("winner = max(", "winner = min("), "utf-8")
    with (link / "scripts/similar_images/backbones/model.py").open("a") as stream:
        stream.write("# another version\n")
