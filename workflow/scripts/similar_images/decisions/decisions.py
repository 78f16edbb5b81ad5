"""People's decisions on photos: files `decisions.csv`, as the pages save them.

The Snakefile reads them at each start, so this imports nothing slow.
"""

import re
import stat
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from io import StringIO
from pathlib import Path
from typing import NamedTuple

from ..core.errors import UserError, reason
from ..core.file_formats import csv_rows, read_cache, true_text
from ..core.tables import Column, CsvTable
from ..core.wording import counted
from ..images.fingerprint import Summary
from ..images.names import as_label, fault_of_label

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
    def verdict(self) -> tuple[str, str | None]:
        """What is decided: two decisions at the same time must not differ in this."""
        return self.decision, self.label


def paths(setting: str | Sequence[str] | None) -> list[Path]:
    """Return the files that the setting `decisions` names."""
    named = [setting] if isinstance(setting, str) else setting or []
    return [Path(path) for path in named]


def read(files: Iterable[Path]) -> list[Decision]:
    """Return the latest decision on each subject; if several are equally late, the last in order.

    Raises:
        UserError: a file is missing, unreadable, damaged, or not a file of decisions. The first
            faults are listed by line.
    """
    latest: dict[tuple[str, str, bool], Decision] = {}
    for file in files:
        for decision in _read(file):
            known = latest.get(decision.subject, decision)
            if decision.when >= known.when:
                latest[decision.subject] = decision
    return list(latest.values())


def rows(decided: Iterable[Decision]) -> list[dict[str, str]]:
    """Return `decided` as rows of a file of decisions."""
    return [
        decision._asdict() | {"label": decision.label or "", "when": decision.when.isoformat()}
        for decision in decided
    ]


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
    found: list[Decision] = []
    faults: list[str] = []
    # The first decision on each content in a collection at a time, and its line.
    known: dict[tuple[str, str, datetime], tuple[int, Decision]] = {}
    try:
        for line, row in _rows(_text(path)):
            if line == 1:
                _check_header(row)
                continue
            if len(row) != len(TABLE.names):
                faults.append(
                    f"line {line}: {counted(len(row), 'cell')}; allowed: {len(TABLE.names)}, as in "
                    "the header"
                )
                continue
            cells = dict(zip(TABLE.names, row, strict=True))
            wrong = list(_faults(cells))
            faults += [f"line {line}: {fault}" for fault in wrong]
            if wrong:
                continue
            decision = _decision(cells)
            found.append(decision)
            key = decision.content_id, decision.set, decision.when
            first, other = known.setdefault(key, (line, decision))
            if other.verdict != decision.verdict:
                faults.append(
                    f"lines {first} and {line} contradict each other: on the same content in the "
                    f"same set at the same time they say {_quoted(other)} and {_quoted(decision)}"
                )
    except ValueError as error:
        faults.append(str(error))
    if faults:
        raise UserError(_complaint(path, faults))
    return found


def _complaint(path: Path, faults: Sequence[str]) -> str:
    listed = "\n".join(f"  {fault}" for fault in faults[:MOST_LISTED])
    more = f"\n  and {len(faults) - MOST_LISTED} more" if len(faults) > MOST_LISTED else ""
    return (
        f"{path} is not a file of decisions, or it is damaged:\n{listed}{more}\n"
        "Correct or remove these lines, save the decisions from the page again, or set another "
        "file."
    )


def _text(path: Path) -> str:
    """Return the text of a file.

    Raises:
        UserError: it is missing or cannot be read.
        ValueError: it is not UTF-8 text, or too large.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # reading a pipe would never end
            raise UserError(f"{path} is not a regular file. Name another file.")
        if status.st_size > MOST_BYTES:
            raise ValueError(f"it has {status.st_size:,} bytes; allowed: {MOST_BYTES:,}")
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise UserError(
            f"{path}: there is no such file. Save the decisions from the page under this name, "
            "or set decisions: null."
        ) from error
    except OSError as error:
        raise UserError(f"{path} cannot be read: {reason(error)}. Name another file.") from error
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


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each row of a CSV with the line that it begins in, the header first.

    Raises:
        ValueError: there is no header, or a row is not complete.
    """
    line = 0
    # Excel saves semicolons where the comma is the decimal sign.
    delimiter = ";" if text.startswith(";".join(TABLE.names)) else ","
    for line, row in csv_rows(StringIO(text, newline=""), delimiter):
        if row or line == 1:  # not an empty line
            yield line, list(map(true_text, row))
    if not line:
        _check_header([])


def _check_header(row: Sequence[str]) -> None:
    if tuple(row) != TABLE.names:
        raise ValueError(
            f"line 1: {_shown(','.join(row))} is not the header; allowed: {','.join(TABLE.names)}"
        )


def _faults(row: Mapping[str, str]) -> Iterator[str]:
    """Yield what is wrong with a row, and what is allowed."""
    set_, decision, label = row["set"], row["decision"], row["label"]
    if not _CONTENT_ID.fullmatch(row["content_id"]):
        yield (
            f"content_id {_shown(row['content_id'])}; allowed: the SHA-256 of the file, 64 digits "
            "of 0 to 9 and a to f"
        )
    if not _SET.fullmatch(set_):
        yield f"set {_shown(set_)}; allowed: catalogue, or the name of a query set"
    if decision not in DECISIONS:
        yield f"decision {_shown(decision)}; allowed: {', '.join(DECISIONS)}"
    elif decision in UNLABELLED and label:
        yield f"label {_shown(label)} with the decision {decision}; allowed: none"
    elif decision not in UNLABELLED and not as_label(label):
        yield f"no label with the decision {decision}; allowed: the class that the photo has"
    elif len(label) > LONGEST_LABEL:
        yield f"a label of {len(label):,} characters; allowed: at most {LONGEST_LABEL:,}"
    elif fault := fault_of_label(label):
        yield f"label {_shown(label)}: {fault}; allowed: the name of a class"
    if decision == set_ == CATALOGUE:
        yield (
            "decision catalogue of a photo of the catalogue; allowed: right, wrong, out, "
            "undecided, or the name of a query set as the set"
        )
    if not _is_time(row["when"]):
        yield (
            f"when {_shown(row['when'])}; allowed: date, time and offset such as "
            "2026-11-24T17:03:12Z"
        )


def _is_time(text: str) -> bool:
    try:
        return _WHEN.fullmatch(text) is not None and datetime.fromisoformat(text) is not None
    except ValueError:  # a thirteenth month
        return False


def _decision(row: Mapping[str, str]) -> Decision:
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
    return " ".join(_shown(part) for part in decision.verdict if part is not None)


def _shown(text: str) -> str:
    """Return `text` in quotes, escaped, and cut if it is long."""
    return repr(text if len(text) <= 60 else f"{text[:60]}…")
