"""People's decisions on photos: files `decisions.csv`, as the pages save them, and workbooks.

The Snakefile reads them at each start, so this imports nothing slow.
"""

import re
import stat
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from io import StringIO
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from ..core import workbooks
from ..core.errors import ConflictError, UserError, reason
from ..core.file_formats import csv_rows, read_cache, true_text
from ..core.files import digest, remove
from ..core.names import as_label, fault_of_label
from ..core.tables import Column, CsvTable
from ..core.wording import counted
from ..images.fingerprint import Summary

TABLE = CsvTable(
    "decisions.csv",
    Column("content_id", str, "SHA-256 of the file, in lower case"),
    Column("image", str, "path, for people only"),
    Column("set", str, "`catalogue` or the query set"),
    Column(
        "decision",
        str,
        "`right` confirms the class. `wrong` gives another class, which may be new, and confirms "
        "it. `out` leaves the photo out. `catalogue` adds a query to the catalogue from the next "
        "run on. `undecided` takes back the earlier decision on the class",
    ),
    Column("label", str, "the class, empty for `out` and `undecided`"),
    Column("when", str, "time with offset or `Z`, such as `2026-11-24T17:03:12Z`"),
    Column("note", str, "any text"),
)
# The name of a workbook in which people can decide.
WORKBOOK = "predictions.xlsx"
CATALOGUE = "catalogue"
RIGHT, WRONG, OUT, UNDECIDED = "right", "wrong", "out", "undecided"
# CATALOGUE is also a decision: the photo was taken into the catalogue.
DECISIONS = (RIGHT, WRONG, OUT, CATALOGUE, UNDECIDED)
# Decisions without a class.
UNLABELLED = (OUT, UNDECIDED)
# A larger file is refused, here and by the pages: a million decisions take less.
MOST_BYTES = 300_000_000
LONGEST_LABEL = 1_000
# Further faults are only counted.
MOST_LISTED = 20

_CONTENT_ID = re.compile(r"[0-9a-f]{64}")
_SET = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_WHEN = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?"
    r"(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
)


class Decision(NamedTuple):
    """A row of `TABLE`; `label` is None if the decision is one of `UNLABELLED`."""

    content_id: str
    image: str
    set: str
    decision: str
    label: str | None
    when: datetime
    note: str

    @property
    def subject(self) -> tuple[str, str, bool]:
        """The question that it answers: of two decisions on the same subject the later one counts.

        The class of a photo in one collection is one subject; whether the photo is in the catalogue
        is another. So confirming a class removes no photo from the catalogue.
        """
        return self.content_id, self.set, self.decision == CATALOGUE

    @property
    def moment(self) -> tuple[str, str, datetime]:
        """Where and when it was made: two with the same moment must not differ in `verdict`."""
        return self.content_id, self.set, self.when

    @property
    def verdict(self) -> tuple[str, str | None]:
        """What is decided."""
        return self.decision, self.label


class Row(NamedTuple):
    """A row of a file of decisions.

    Attributes:
        cells: texts by the columns of `TABLE`.
        kind: what people call a place in the file: "line" or "cell".
        places: the place of each column that can be wrong.
    """

    cells: Mapping[str, str]
    kind: str
    places: Mapping[str, str]


def paths(setting: str | Sequence[str] | None) -> list[Path]:
    """Return the files that the setting `decisions` names."""
    named = [setting] if isinstance(setting, str) else setting or []
    return [Path(path) for path in named]


def check_not_written(files: Iterable[Path], results: Path) -> None:
    """Check that the workflow will not write over a file of decisions.

    Raises:
        UserError: it is a workbook where `results` has its own.
    """
    for file in files:
        if file.name == WORKBOOK and file.resolve().is_relative_to(results.resolve()):
            raise UserError(
                f"later runs replace {file}. Save it beside config.yaml, and name that file."
            )


def read(files: Iterable[Path], kept: Path | None = None) -> list[Decision]:
    """Return the latest decision on each subject; if several are equally late, the last in order.

    Args:
        files: of decisions.
        kept: the folder of `keep_workbooks`; without it, workbooks themselves are read.

    Raises:
        UserError: a file is missing, unreadable, damaged, or not a file of decisions. The first
            faults are listed by line or cell.
    """
    latest: dict[tuple[str, str, bool], Decision] = {}
    for file in files:
        for decision in _read_kept(file, kept) if kept else _read(file):
            known = latest.get(decision.subject, decision)
            if decision.when >= known.when:
                latest[decision.subject] = decision
    return list(latest.values())


def keep_workbooks(files: Iterable[Path], folder: Path) -> None:
    """Keep the decisions in workbooks as CSV files in `folder`, and remove all others there.

    A workbook of 10,000 photos takes more than a second to read. The names are digests.

    Raises:
        UserError: as `read`.
    """
    kept = {_kept(file, folder): file for file in files if file.suffix == ".xlsx"}
    for former in folder.glob("*.csv"):
        if former not in kept:
            remove(former)
    for path, file in kept.items():
        _write(path, _read(file))


def _kept(file: Path, folder: Path) -> Path:
    return folder / f"{digest(file)}.csv"


def _read_kept(file: Path, folder: Path) -> list[Decision]:
    """Return the decisions in a file, in less time if it is a workbook that is kept."""
    found: list[Decision] | None = None
    if file.suffix == ".xlsx" and file.is_file():
        found = read_cache(_read, _kept(file, folder), None)
    return _read(file) if found is None else found


def rows(decided: Iterable[Decision]) -> list[dict[str, str]]:
    """Return `decided` as rows of a file of decisions."""
    return [
        decision._asdict() | {"label": decision.label or "", "when": decision.when.isoformat()}
        for decision in decided
    ]


def of_rows(rows_: Iterable[Mapping[str, str]]) -> list[Decision]:
    """Return the decisions that `rows` gave."""
    return list(map(of_row, rows_))


def latest(made: Iterable[Decision]) -> Decision | None:
    """Return the latest decision; if several are equally late, the last in order."""
    return max(reversed(list(made)), key=attrgetter("when"), default=None)


def joining(made: Sequence[Decision]) -> Decision | None:
    """Return the decision that took a query into the catalogue, unless a later one removed it.

    Args:
        made: all decisions on the content.
    """
    there = latest(one for one in made if one.set == CATALOGUE)
    taken = latest(one for one in made if one.decision == CATALOGUE)
    left = taken and there and there.decision == OUT and there.when >= taken.when
    return None if left else taken


def remember(decided: Sequence[Decision], applied: Path, lost: Path) -> list[Decision]:
    """Record the decisions of this run, and return those of the last run that are missing now.

    Decisions are lost when a file from an older page replaces a newer one.

    Args:
        decided: see `read`.
        applied: the file that records them.
        lost: the file that collects the missing ones; it may be one of those that were read.
    """
    before: list[Decision] = read_cache(_read, applied, [])
    subjects = {decision.subject for decision in decided}
    missing = [
        decision
        for decision in before
        if decision.subject not in subjects and decision.decision != UNDECIDED
    ]
    if missing:
        earlier: list[Decision] = read_cache(_read, lost, [])
        kept = {one.subject: one for one in [*earlier, *missing]}
        _write(lost, kept.values())
    _write(applied, decided)
    return missing


def _write(path: Path, decided: Iterable[Decision]) -> None:
    TABLE.write(path, rows(decided))


def at_most(catalogue: Summary, decided: Sequence[Decision]) -> Summary:
    """Return the summary of `catalogue` with all classes and images that `decided` can add.

    Which of them apply is known only after the manifests.
    """
    labels = {decision.label for decision in decided if decision.label is not None}
    taken = sum(decision.label is not None for decision in decided)
    return replace(catalogue, images=catalogue.images + taken, classes=catalogue.classes | labels)


def new_classes(decided: Iterable[Decision], known: Collection[str]) -> dict[str, int]:
    """Return the classes that only decisions name, with the number of photos of each.

    Args:
        decided: see `read`.
        known: the classes of the collections.
    """
    photos = {(one.label, one.content_id) for one in decided if one.label is not None}
    return dict(sorted(Counter(label for label, _ in photos if label not in known).items()))


def _read(path: Path) -> list[Decision]:
    """Return the decisions in a file.

    Raises:
        UserError: as `read`.
    """
    return parsed(path, content(path))


def parsed(path: Path, data: bytes) -> list[Decision]:
    """Return all decisions in `data`, the content of the file at `path`.

    Raises:
        ConflictError: it is damaged, or not a file of decisions.
    """
    found: list[Decision] = []
    faulty: list[str] = []
    # The first decision on each content in a collection at a time, and where it is.
    known: dict[tuple[str, str, datetime], tuple[str, Decision]] = {}
    try:
        for row in _rows(data):
            wrong = [row] if isinstance(row, str) else list(_placed_faults(row))
            faulty += wrong
            if isinstance(row, str) or wrong:
                continue
            decision = of_row(row.cells)
            found.append(decision)
            first, other = known.setdefault(decision.moment, (row.places["decision"], decision))
            if other.verdict != decision.verdict:
                faulty.append(
                    f"{row.kind}s {first} and {row.places['decision']} contradict each other: on "
                    "the same content in the same set at the same time they say "
                    f"{_quoted(other)} and {_quoted(decision)}"
                )
    except ValueError as error:
        faulty.append(str(error))
    if faulty:
        raise ConflictError(_complaint(path, faulty))
    return found


def _rows(data: bytes) -> Iterator[Row | str]:
    """Yield the rows of a file of decisions, or what is wrong with one.

    Raises:
        ValueError: it is not a file of decisions.
    """
    if not workbooks.looks_like_workbook(data[:4]):
        return _csv_rows(data)
    # Imported here, since it needs this module.
    from . import workbook

    return workbook.rows(data)


def _csv_rows(data: bytes) -> Iterator[Row | str]:
    for line, cells in _lines(_text(data)):
        if line == 1:
            _check_header(cells)
        elif len(cells) != len(TABLE.names):
            yield (
                f"line {line}: {counted(len(cells), 'cell')}; allowed: {len(TABLE.names)}, as in "
                "the header"
            )
        else:
            row = dict(zip(TABLE.names, cells, strict=True))
            yield Row(row, "line", dict.fromkeys(TABLE.names, str(line)))


def listed(faulty: Sequence[str]) -> str:
    """Return the first of these faults, each in a line, and how many more there are."""
    lines = "\n".join(f"  {fault}" for fault in faulty[:MOST_LISTED])
    more = f"\n  and {len(faulty) - MOST_LISTED} more" if len(faulty) > MOST_LISTED else ""
    return lines + more


def _complaint(path: Path, faulty: Sequence[str]) -> str:
    return (
        f"{path} is not a file of decisions, or it is damaged:\n{listed(faulty)}\n"
        "Correct or remove these lines or cells, save the decisions from the page again, or set "
        "another file."
    )


def content(path: Path) -> bytes:
    """Return the bytes of a file of decisions.

    Raises:
        ConflictError: it is missing, too large, or cannot be read.
    """
    if path.name.startswith("~$"):
        raise ConflictError(f"{path} only shows that a workbook is open. Name {path.name[2:]}.")
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # reading a pipe would never end
            raise ConflictError(f"{path} is not a regular file. Name another file.")
        if status.st_size > MOST_BYTES:
            fault = f"it has {status.st_size:,} bytes; allowed: {MOST_BYTES:,}"
            raise ConflictError(_complaint(path, [fault]))
        return path.read_bytes()
    except FileNotFoundError as error:
        raise ConflictError(
            f"{path}: there is no such file. Save the decisions from the page under this name, "
            "or set decisions: null."
        ) from error
    except OSError as error:
        raise ConflictError(
            f"{path} cannot be read: {reason(error)}. Name another file."
        ) from error


def _text(data: bytes) -> str:
    """Return the text of a CSV file.

    Raises:
        ValueError: it is not UTF-8 text.
    """
    for start, what in ((data.find(b"\0"), "a NUL byte"), (_first_not_utf8(data), "not UTF-8")):
        if start >= 0:
            line = 1 + data.count(b"\n", 0, start)
            raise ValueError(f"line {line}: {what}; allowed: text in UTF-8")
    return data.decode("utf-8-sig")  # spreadsheets add a byte order mark


def _first_not_utf8(data: bytes) -> int:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start
    return -1


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each row of a CSV with the line that it begins in, the header first.

    Raises:
        ValueError: there is no header, or a row is not complete.
    """
    line = 0
    for line, row in csv_rows(StringIO(text, newline=""), separator_of(text)):
        if row or line == 1:  # not an empty line
            yield line, list(map(true_text, row))
    if not line:
        _check_header([])


def separator_of(text: str) -> str:
    """Return what separates the cells of a CSV file of decisions."""
    # Excel saves semicolons where the comma is the decimal sign.
    return ";" if text.startswith(";".join(TABLE.names)) else ","


def _check_header(row: Sequence[str]) -> None:
    if tuple(row) != TABLE.names:
        raise ValueError(
            f"line 1: {shown(','.join(row))} is not the header; allowed: {','.join(TABLE.names)}"
        )


def _placed_faults(row: Row) -> Iterator[str]:
    """Yield what is wrong with a row, where, and what is allowed."""
    for column, fault in faults(row.cells):
        yield f"{row.kind} {row.places[column]}: {fault}"


def faults(row: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with a row of `TABLE` and what is allowed, each with its column."""
    set_, decision, label = row["set"], row["decision"], row["label"]
    if not _CONTENT_ID.fullmatch(row["content_id"]):
        yield (
            "content_id",
            f"content_id {shown(row['content_id'])}; allowed: the SHA-256 of the file, 64 digits "
            "of 0 to 9 and a to f",
        )
    if not _SET.fullmatch(set_):
        yield "set", f"set {shown(set_)}; allowed: catalogue, or the name of a query set"
    if decision not in DECISIONS:
        yield "decision", f"decision {shown(decision)}; allowed: {', '.join(DECISIONS)}"
    elif fault := _fault_of_class(decision, label):
        yield "label", fault
    if decision == set_ == CATALOGUE:
        yield (
            "decision",
            "decision catalogue of a photo of the catalogue; allowed: right, wrong, out, "
            "undecided, or the name of a query set as the set",
        )
    if not is_time(row["when"]):
        yield (
            "when",
            f"when {shown(row['when'])}; allowed: date, time and offset such as "
            "2026-11-24T17:03:12Z",
        )


def _fault_of_class(decision: str, label: str) -> str | None:
    if decision in UNLABELLED:
        return (
            f"label {shown(label)} with the decision {decision}; allowed: none" if label else None
        )
    if not as_label(label):
        return f"no label with the decision {decision}; allowed: the class that the photo has"
    if len(label) > LONGEST_LABEL:
        return f"a label of {len(label):,} characters; allowed: at most {LONGEST_LABEL:,}"
    if fault := fault_of_label(label):
        return f"label {shown(label)}: {fault}; allowed: the name of a class"
    return None


def is_time(text: str) -> bool:
    """Return whether `text` is a date, time and offset."""
    try:
        return _WHEN.fullmatch(text) is not None and datetime.fromisoformat(text) is not None
    except ValueError:  # a thirteenth month
        return False


def of_row(row: Mapping[str, str]) -> Decision:
    """Return the decision in a row without faults."""
    return Decision(
        content_id=row["content_id"],
        image=row["image"],
        set=row["set"],
        decision=row["decision"],
        label=as_label(row["label"]),
        when=datetime.fromisoformat(row["when"]),
        note=row["note"],
    )


def _quoted(decision: Decision) -> str:
    return " ".join(shown(part) for part in decision.verdict if part is not None)


def shown(text: str) -> str:
    """Return `text` in quotes, escaped, and cut if it is long."""
    return repr(text if len(text) <= 60 else f"{text[:60]}…")
