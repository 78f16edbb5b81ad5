"""Projects that have run, and the table of what was tried."""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache

import pytest

from project import ROOT, Project, lay_out_shoes

DOCUMENT = ROOT / "docs/reliability.md"
MARK = "<!-- What follows is written by `make test-faults`. -->\n"


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Project]:
    """Give the project that a change is made to: it has run, and is to be copied."""

    @cache
    def finished(backbone: str) -> Project:
        project = lay_out_shoes(tmp_path_factory.mktemp("finished") / "project")
        # The metric that has a rule of its own.
        project.settle(backbone=backbone, images={"max_pixels": 1000}, search={"metric": "adapted"})
        project.image("catalogue/boots/large.png", size=(40, 40))
        project.age()
        project.run()
        return project

    return lambda change: finished(
        "EfficientNetLite2" if change == "backbone changed" else "ColourHistogram"
    )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Write the table of the combinations that were tried, if they were asked for."""
    outcomes = {
        tuple(value): report.outcome
        for reports in terminalreporter.stats.values()
        for report in reports
        for name, value in getattr(report, "user_properties", ())
        if name == "combination" and (report.when == "call" or report.outcome != "passed")
    }
    if outcomes:
        text = DOCUMENT.read_text("utf-8")
        kept = text[: text.index(MARK) + len(MARK)]
        DOCUMENT.write_text(f"{kept}\n{table(outcomes)}", "utf-8")


def table(outcomes: Mapping[tuple[str, ...], str]) -> str:
    """Return a table with a row for each change and rule, and a column for each fault."""
    faults = sorted({fault for _, _, fault in outcomes})
    counted = Counter(outcomes.values())
    lines = [
        f"{datetime.now().astimezone():%Y-%m-%d}: {len(outcomes)} combinations, "
        + ", ".join(f"{number} {outcome}" for outcome, number in counted.items())
        + ".",
        "",
        "| change | rule | " + " | ".join(faults) + " |",
        "|---" * (2 + len(faults)) + "|",
    ]
    for change, rule in sorted({(change, rule) for change, rule, _ in outcomes}):
        cells = [outcomes.get((change, rule, fault), "") for fault in faults]
        lines.append(f"| {change} | {rule} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"
