"""The history: the accuracy of each run, and which predictions changed.

The files are not outputs of a rule, because Snakemake deletes those before the rule runs. They
cannot be made again, so damaged files are renamed and never removed.
"""

import logging
import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from ..core.errors import reason
from ..core.file_formats import csv_lines, read_cache, write_csv_lines
from ..core.files import replacing
from ..core.tables import Column, CsvTable, ParquetTable
from ..images.columns import CONTENT_ID, IMAGE

logger = logging.getLogger(__name__)

TABLE = CsvTable(
    "results/<set>/history.csv",
    Column("when", str, "UTC"),
    Column("set", str, "the query set"),
    Column("model", str, "fingerprint"),
    Column("catalogue", int, "its readable images"),
    Column("labelled", int, "predictions with a label"),
    Column("correct", int, "those that are correct"),
    Column("accuracy", float, "their share"),
    Column("low", float, "lower end of its 95 % interval"),
    Column("high", float, "upper end"),
    Column("decided", int, "queries with a decision"),
    Column("refused", int, "queries without a prediction"),
    Column("metric", str, "the similarity that was used, empty if unknown"),
)
# A history of an earlier version has no metric.
FORMER_NAMES = list(TABLE.names[:-1])
CHANGED = CsvTable(
    "results/<set>/changed.csv",
    IMAGE,
    CONTENT_ID,
    Column("before", str, "former prediction, empty if refused"),
    Column("now", str, "the new one"),
)
PAST = ParquetTable(
    "results/<set>/answers.parquet",
    CONTENT_ID,
    Column("prediction", str, "the class; empty if refused"),
)
Row = Mapping[str, str]  # of `history.csv`


class ChangedPrediction(NamedTuple):
    """A row of `CHANGED`."""

    image: str
    content_id: str
    before: str
    now: str


class PastPrediction(NamedTuple):
    """The prediction of a readable query, "" if it was refused."""

    image: str
    content_id: str
    prediction: str


def line(
    when: datetime, name: str, fingerprint: str, catalogue: int, metrics: Mapping[str, Any]
) -> dict[str, str]:
    """Return the line of the history for a run.

    Args:
        when: with a time zone.
        name: of the query set.
        fingerprint: of the features.
        catalogue: readable images in it.
        metrics: as `metrics.json` has them.
    """
    low, high = metrics["accuracy_interval_95"] or (None, None)
    return {
        "when": when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "set": name,
        "model": fingerprint,
        "catalogue": str(catalogue),
        "labelled": str(metrics["labelled"]),
        "correct": str(metrics["correct"]),
        "accuracy": _share(metrics["accuracy"]),
        "low": _share(low),
        "high": _share(high),
        "decided": str(metrics["decided"]),
        "refused": str(metrics["refused"]),
        "metric": metrics["metric"] or "",
    }


def _share(share: float | None) -> str:
    return "" if share is None else f"{share:.4f}"


def read(path: Path) -> list[dict[str, str]]:
    """Return the rows of a history, the oldest first; none where it is absent or damaged."""
    try:
        return _read(path)
    except (OSError, ValueError):
        return []


def record(path: Path, line: Row) -> list[dict[str, str]]:
    """Add `line` to the history at `path`, unless the last one says the same, and return its rows.

    A damaged history is renamed, and a new one begins. If the history cannot be read, it is not
    changed and no rows are returned. Both are logged.
    """
    try:
        rows = _read(path)
    except ValueError as error:
        aside = _set_aside(path)
        logger.warning("%s is damaged (%s): it is now %s, and a new one begins", path, error, aside)
        rows = []
    except OSError as error:
        logger.warning("%s cannot be read (%s): this run is not in it", path, reason(error))
        return []
    if not rows or {**rows[-1], "when": ""} != {**line, "when": ""}:
        rows.append(dict(line))
        # No checksum: a job can be killed before it is written, and people may edit the file.
        with replacing(path) as temporary:
            write_csv_lines(temporary, TABLE.names, TABLE.cells(rows))
    return rows


def changed(folder: Path, answers: Iterable[PastPrediction]) -> list[ChangedPrediction]:
    """Return the predictions that changed in the last run with changes, and record `answers`.

    They are written to `changed.csv`, sorted by path. Those of an earlier run stay as long as they
    are still true, so that a killed job or a run without changes does not lose them.

    Args:
        folder: of the query set's results, with the answers of the last run.
        answers: of this run.
    """
    answers = sorted(answers)
    former: dict[str, str] = read_cache(_predictions, folder / "answers.parquet", {})
    found = [
        ChangedPrediction(image, content_id, former[content_id], now)
        for image, content_id, now in answers
        if former.get(content_id, now) != now
    ] or _still_changed(folder / "changed.csv", answers)
    CHANGED.write(folder / "changed.csv", found)
    _remember(folder / "answers.parquet", answers)
    return found


def last_metric(path: Path) -> str:
    """Return the similarity that the last run in a history used, "" if unknown."""
    rows = read(path)
    return rows[-1]["metric"] if rows else ""


def write_all(results: Path) -> int:
    """Write the histories of all sets to `history.csv` in `results`, and return how many rows."""
    rows = [row for path in sorted(results.glob("*/history.csv")) for row in read(path)]
    rows.sort(key=lambda row: (row["when"], row["set"]))
    TABLE.write(results / "history.csv", rows)
    return len(rows)


def _read(path: Path) -> list[dict[str, str]]:
    """Return the rows of a history; none where it is absent.

    Raises:
        ValueError: it is not what `record` wrote.
        OSError: it cannot be read.
    """
    try:
        lines = csv_lines(path)
    except FileNotFoundError:
        return []
    if lines and lines[0] == FORMER_NAMES:
        lines = [list(TABLE.names), *([*cells, ""] for cells in lines[1:])]
    rows = TABLE.parse(lines)
    for number, row in enumerate(rows, 2):
        try:
            _check(row)
        except ValueError as error:
            raise ValueError(f"row {number}: {error}") from error
    return rows


def _check(row: Row) -> None:
    """Check that `row` is what `line` returns.

    Raises:
        ValueError: it is not.
    """
    datetime.fromisoformat(row["when"])
    for column in TABLE.columns:
        if column.type is int:
            int(row[column.name])
        elif column.type is float:
            float(row[column.name] or 0)


def _set_aside(path: Path) -> Path:
    """Rename the file to a free name, and return that."""
    names = (path.with_name(f"{path.stem}.damaged-{n}{path.suffix}") for n in count(1))
    aside = next(name for name in names if not name.exists())
    os.replace(path, aside)
    return aside


def _predictions(path: Path) -> dict[str, str]:
    """Return the predictions that `_remember` wrote, by content id."""
    return {row["content_id"]: row["prediction"] for row in PAST.read(path).to_pylist()}


def _remember(path: Path, answers: Iterable[PastPrediction]) -> None:
    known = {answer.content_id: answer.prediction for answer in answers}
    rows = [{"content_id": id_, "prediction": prediction} for id_, prediction in known.items()]
    PAST.write(path, PAST.from_rows(rows))


def _still_changed(path: Path, answers: Iterable[PastPrediction]) -> list[ChangedPrediction]:
    """Return the rows at `path` that are still true, with the current images of their contents."""
    rows: list[dict[str, str]] = read_cache(CHANGED.read, path, [])
    known = {row["content_id"]: row for row in rows}
    return [
        ChangedPrediction(image, content_id, known[content_id]["before"], prediction)
        for image, content_id, prediction in answers
        if content_id in known and known[content_id]["now"] == prediction
    ]
