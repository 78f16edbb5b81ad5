"""Write the columns of all tables that users read into docs/results.md.

    PYTHONPATH=workflow/scripts python tools/write_tables.py [DESTINATION]

Each list follows a mark such as <!--votes.csv--> and ends at the first empty line.
"""

import argparse
import re
import textwrap
from collections.abc import Iterable
from pathlib import Path

from similar_images.classification import tables
from similar_images.core.tables import Column, Table
from similar_images.curation import catalogue_map, export, findings
from similar_images.decisions import decisions
from similar_images.evaluation import settings_comparison
from similar_images.features import merge, rejected, sharded_features
from similar_images.images import listing, manifest
from similar_images.images.columns import SHARED
from similar_images.report import history
from similar_images.search import neighbours

WIDTH = 110  # of a line
ROOT = Path(__file__).resolve().parents[1]
TABLES: tuple[Table, ...] = (
    *(decisions.TABLE, tables.PREDICTIONS, tables.VOTE_COUNTS, tables.PRODUCTS),
    *(tables.GROUPS, tables.NEIGHBOURS),
    *(history.TABLE, history.CHANGED, neighbours.TABLE),
    *(rejected.REJECTED, merge.MEMBERS, merge.DUPLICATES, sharded_features.TABLE, manifest.TABLE),
    listing.CHANGES,
    catalogue_map.TABLE,
    *(
        findings.FINDINGS,
        findings.CLASSES,
        findings.ROTATED,
        findings.ADVICE,
        settings_comparison.TABLE,
        export.TABLE,
    ),
)


def listed(columns: Iterable[Column]) -> str:
    """Return a list of `columns` with their meanings, short ones together in a line.

    The columns that several tables have come without their meanings. Of numbered columns, such as
    class_1 and class_2, the first stands for all.
    """
    lines: list[str] = []
    for column in columns:
        if re.search("_[2-9]$", column.name):
            continue
        meaning = "" if column in SHARED and columns != SHARED else f": {column.meaning}"
        entry = f"`{column.name}`{meaning}"
        if lines and len(lines[-1] + entry) < WIDTH - 4:
            lines[-1] += f"; {entry}"
        else:
            lines.append(entry)
    return "\n".join(
        textwrap.fill(f"- {line}", WIDTH, subsequent_indent="  ", break_on_hyphens=False)
        for line in lines
    )


def main() -> None:
    """Read the command line and write."""
    parser = argparse.ArgumentParser(description="Write the columns of all tables.")
    parser.add_argument("destination", nargs="?", type=Path, default=ROOT / "docs" / "results.md")
    destination = parser.parse_args().destination
    text = destination.read_text("utf-8")
    lists = {"shared": SHARED} | {Path(table.file).name: table.columns for table in TABLES}
    for name, columns in lists.items():
        before, rest = text.split(f"<!--{name}-->\n")
        _, after = rest.split("\n\n", 1)
        text = f"{before}<!--{name}-->\n{listed(columns)}\n\n{after}"
    destination.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
