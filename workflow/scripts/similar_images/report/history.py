"""The history: the accuracy of each run, and which predictions changed.

The files are not outputs of a rule, because Snakemake deletes those before the rule runs. They
cannot be made again, so damaged files are renamed and never removed.
"""

import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from ..core.errors import UserError, reason
from ..core.files import replacing
from ..core.formats import (
    csv_lines,
    read_cache,
    read_csv,
    read_parquet,
    write_csv,
    write_csv_lines,
    write_parquet,
)

logger = logging.getLogger(__name__)

COUNTS = ("catalogue", "labelled", "correct", "decided", "refused")
SHARES = ("accuracy", "low", "high")
HEADER = (
    *("when", "set", "model", "catalogue", "labelled", "correct"),
    *(*SHARES, "decided", "refused"),
)
Row = Mapping[str, str]  # of `history.csv`


class ChangedPrediction(NamedTuple):
    """A prediction that turned: a row of `changed.csv`.

    Attributes:
        image: path in the query set.
        content_id: of its bytes.
        before, now: the predictions, "" where it was refused.
    """

    image: str
    content_id: str
    before: str
    now: str


class PastPrediction(NamedTuple):
    """What became of a readable query; the prediction is "" where it was refused."""

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
    shares = (metrics["accuracy"], *(metrics["accuracy_interval_95"] or (None, None)))
    return {
        "when": when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "set": name,
        "model": fingerprint,
        "catalogue": str(catalogue),
        "labelled": str(metrics["labelled"]),
        "correct": str(metrics["correct"]),
        **{
            column: "" if share is None else f"{share:.4f}"
            for column, share in zip(SHARES, shares, strict=True)
        },
        "decided": str(metrics["decided"]),
        "refused": str(metrics["refused"]),
    }


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
            write_csv_lines(temporary, HEADER, ([row[name] for name in HEADER] for row in rows))
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
    write_csv(folder / "changed.csv", ChangedPrediction._fields, found)
    _remember(folder / "answers.parquet", answers)
    return found


def gather(results: Path) -> int:
    """Write the histories of all sets to `history.csv` in `results`, and return how many rows."""
    rows = [row for path in sorted(results.glob("*/history.csv")) for row in read(path)]
    rows.sort(key=lambda row: (row["when"], row["set"]))
    write_csv(results / "history.csv", HEADER, ([row[name] for name in HEADER] for row in rows))
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
    if not lines or tuple(lines[0]) != HEADER:
        raise ValueError(f"its first line is not {','.join(HEADER)}")
    rows = []
    for number, values in enumerate(lines[1:], 2):
        try:
            rows.append(_row(values))
        except ValueError as error:
            raise ValueError(f"row {number}: {error}") from error
    return rows


def _row(values: Sequence[str]) -> dict[str, str]:
    """Return `values` by their columns.

    Raises:
        ValueError: they are not what `line` returns.
    """
    if len(values) != len(HEADER):
        raise ValueError(f"{len(values)} cells and not {len(HEADER)}")
    row = dict(zip(HEADER, values, strict=True))
    datetime.fromisoformat(row["when"])
    for name in COUNTS:
        int(row[name])
    for name in SHARES:
        float(row[name] or 0)
    return row


def _set_aside(path: Path) -> Path:
    """Rename the file to a free name, and return that."""
    names = (path.with_name(f"{path.stem}.damaged-{n}{path.suffix}") for n in count(1))
    aside = next(name for name in names if not name.exists())
    os.replace(path, aside)
    return aside


def _predictions(path: Path) -> dict[str, str]:
    """Return the predictions that `_remember` wrote, by content id."""
    table = read_parquet(path, ["content_id", "prediction"])
    return dict(zip(*(column.to_pylist() for column in table.columns), strict=True))


def _remember(path: Path, answers: Iterable[PastPrediction]) -> None:
    import pyarrow as pa  # slow, and the Snakefile reads this module at the end of a run

    known = {answer.content_id: answer.prediction for answer in answers}
    columns = {"content_id": list(known), "prediction": list(known.values())}
    write_parquet(path, pa.table(columns, pa.schema([(name, pa.string()) for name in columns])))


def _still_changed(path: Path, answers: Iterable[PastPrediction]) -> list[ChangedPrediction]:
    """Return the rows at `path` that are still true, with the current images of their contents."""
    try:
        known = {row["content_id"]: (row["before"], row["now"]) for row in read_csv(path)}
    except (UserError, KeyError):
        return []  # absent or damaged
    return [
        ChangedPrediction(image, content_id, *known[content_id])
        for image, content_id, prediction in answers
        if content_id in known and known[content_id][1] == prediction
    ]
