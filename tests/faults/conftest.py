"""Projects that have run, and the table of what was tried."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from functools import cache

import pytest

from project import ROOT
from scenarios import Scenario, ScenarioProject, lay_out

DOCUMENT = ROOT / "docs/reliability.md"
# For each change and rule when it was tried, and what came of each fault.
Rows = dict[tuple[str, str], dict[str, str]]
MARK = "<!-- What follows is written by `make test-faults`. -->\n"


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Scenario], ScenarioProject]:
    """Give the project that a change is made to: it has run, and is to be copied."""

    @cache
    def finished(use: Scenario, backbone: str, former: bool) -> ScenarioProject:
        project = lay_out(tmp_path_factory.mktemp("finished") / "project", use, backbone, former)
        project.run()
        return project

    return lambda change, use: finished(
        use,
        "EfficientNetLite2" if change == "backbone changed" else "ColourHistogram",
        change == "project upgraded",
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
        kept, before = text.split(MARK)
        today = f"{datetime.now().astimezone():%Y-%m-%d}"
        rows = rows_of(before)
        for (change, rule, fault), outcome in outcomes.items():
            rows.setdefault((change, rule), {}).update({"tried": today, fault: outcome})
        DOCUMENT.write_text(f"{kept}{MARK}\n{table(rows)}", "utf-8")


def rows_of(text: str) -> Rows:
    """Return the rows of the table that `table` wrote: what was tried in earlier runs."""
    header, *rows = ([cell.strip() for cell in line.split("|")[1:-1]] for line in _rows(text))
    return {
        (change, rule): {name: cell for name, cell in zip(header[2:], cells, strict=True) if cell}
        for change, rule, *cells in rows
    }


def table(rows: Rows) -> str:
    """Return a table with a row for each change and rule, and a column for each fault."""
    faults = sorted({name for row in rows.values() for name in row} - {"tried"})
    counted = Counter(row[fault] for row in rows.values() for fault in faults if fault in row)
    names = ["change", "rule", "tried", *faults]
    lines = [
        f"{counted.total()} combinations: "
        + ", ".join(f"{number} {outcome}" for outcome, number in sorted(counted.items()))
        + ".",
        "",
        f"| {' | '.join(names)} |",
        "|---" * len(names) + "|",
    ]
    for key, row in sorted(rows.items()):
        cells = [row.get(name, "") for name in names[2:]]
        lines.append(f"| {' | '.join([*key, *cells])} |")
    return "\n".join(lines) + "\n"


def _rows(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("| ")]
