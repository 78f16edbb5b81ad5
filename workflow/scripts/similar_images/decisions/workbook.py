"""Decisions in a workbook, results/<set>/predictions.xlsx as people have filled it in.

`report.workbook` writes it. Columns are found by their headers, so people may move them, and add
others.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple

from ..core import workbooks
from .decisions import CATALOGUE, OUT, RIGHT, UNDECIDED, WORKBOOK, WRONG, Row, is_time

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

# The headers of the columns that are read.
IMAGE, PREDICTION, LABEL = "Image", "Prediction", "Label"
DECISION, CLASS, NOTE = "Decision", "Class", "Your note"
# These are hidden. The last three are what was decided when the workbook was written, and when; of
# a photo without a decision, when the workbook was written.
CONTENT_ID, SET = "content_id", "set"
FORMER_DECISION, FORMER_CLASS, WHEN = "former decision", "former class", "when"
HEADERS = (
    *(IMAGE, PREDICTION, LABEL, DECISION, CLASS, NOTE),
    *(CONTENT_ID, SET, FORMER_DECISION, FORMER_CLASS, WHEN),
)
# What people can choose in the column Decision. An empty cell takes a decision back.
CHOICES = (RIGHT, WRONG, OUT, CATALOGUE)
# Lines above the header that people may add.
MOST_ABOVE = 20


class _Header(NamedTuple):
    """The header of a sheet: its row from 1, and the column of each of `HEADERS` from 0."""

    row: int
    columns: Mapping[str, int]

    @property
    def area(self) -> dict[str, int]:
        """The cells below the header, as arguments of `iter_rows`."""
        return {
            "min_row": self.row + 1,
            "max_row": workbooks.MOST_ROWS,
            "max_col": max(self.columns.values()) + 1,
        }


def rows(data: bytes) -> Iterator[Row | str]:
    """Yield the decisions in a workbook as rows of decisions.csv, or what is wrong with one.

    A decision that was changed since the workbook was written was made when it was saved.

    Raises:
        ValueError: it is not such a workbook.
    """
    stream = BytesIO(data)
    with workbooks.opened(stream) as workbook:
        saved = workbooks.times_of(stream).saved
        sheet, header = _sheet_with_decisions(workbook.worksheets)
        faults = (
            list(_without_values(data, sheet, header)) if workbooks.has_formulas(stream) else []
        )
        yield from faults
        if faults:
            return
        for number, cells in _filled(sheet, header):
            yield from _decided(number, cells, header, saved)


def _sheet_with_decisions(sheets: "Sequence[Worksheet]") -> tuple["Worksheet", _Header]:
    found = [(sheet, header) for sheet in sheets if (header := _header(sheet))]
    if not found:
        raise ValueError(
            f"no sheet has the columns {', '.join(HEADERS)}; allowed: a {WORKBOOK} with all of "
            "them, also the hidden ones"
        )
    if len(found) > 1:
        names = ", ".join(repr(sheet.title) for sheet, _ in found)
        raise ValueError(f"the sheets {names} have decisions; allowed: one. Remove the others")
    return found[0]


def _header(sheet: "Worksheet") -> _Header | None:
    """Return the header of a sheet; None if the sheet lacks one of the columns."""
    wide = sheet.iter_rows(max_row=MOST_ABOVE, max_col=workbooks.MOST_COLUMNS, values_only=True)
    for number, cells in enumerate(wide, 1):
        names = [cell.strip().casefold() if isinstance(cell, str) else "" for cell in cells]
        if not all(header.casefold() in names for header in HEADERS):
            continue
        for header in HEADERS:
            if names.count(header.casefold()) > 1:
                raise ValueError(f"row {number}: two columns are called {header}; rename one")
        return _Header(number, {header: names.index(header.casefold()) for header in HEADERS})
    return None


def _without_values(data: bytes, sheet: "Worksheet", header: _Header) -> Iterator[str]:
    """Yield a fault for each formula in the columns of decisions that was saved without its value.

    openpyxl and other libraries save formulas so. The cells look empty where values are read.
    """
    with workbooks.opened(BytesIO(data), formulas=True) as workbook:
        for values, formulas in zip(
            sheet.iter_rows(**header.area),
            workbook[sheet.title].iter_rows(**header.area),
            strict=True,
        ):
            for column in (header.columns[DECISION], header.columns[CLASS]):
                value, formula = values[column], formulas[column]
                # An empty text is a value, too: then the type is "str".
                if formula.data_type == "f" and value.value is None and value.data_type != "str":
                    yield (
                        f"cell {formula.coordinate}: a formula without its value; allowed: values. "
                        "Open the workbook in a spreadsheet program and save it there"
                    )


def _filled(sheet: "Worksheet", header: _Header) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the number and the cells of each row in which something is decided, or was before."""
    decisive = [header.columns[name] for name in (DECISION, CLASS, NOTE, FORMER_DECISION)]
    table = sheet.iter_rows(**header.area, values_only=True)
    for number, cells in enumerate(table, header.row + 1):
        if any(str(cells[column] or "").strip() for column in decisive):
            yield number, {name: cells[column] for name, column in header.columns.items()}


def _decided(
    number: int, values: Mapping[str, Any], header: _Header, saved: datetime | None
) -> Iterator[Row | str]:
    """Yield the decision in a row, or what is wrong with it."""
    from openpyxl.utils import get_column_letter

    places = {
        name: f"{get_column_letter(column + 1)}{number}" for name, column in header.columns.items()
    }
    if not isinstance(values[CLASS], str | None):
        yield (
            f"cell {places[CLASS]}: {values[CLASS]!r}, a number or date; allowed: a text. Format "
            "the cell as text, and enter the class again"
        )
        return
    cells = {name: "" if value is None else str(value) for name, value in values.items()}
    cells[DECISION] = cells[DECISION].strip().casefold()
    cells[CLASS] = _class(cells)
    if not cells[CONTENT_ID]:
        yield f"cell {places[DECISION]}: nothing can be decided on a photo that cannot be used"
        return
    changed = (cells[DECISION], cells[CLASS]) != (cells[FORMER_DECISION], cells[FORMER_CLASS])
    if (changed or not cells[FORMER_DECISION]) and (fault := _fault(cells)):
        column, words = fault
        yield f"cell {places[column]}: {words}"
        return
    decision = {
        "content_id": cells[CONTENT_ID],
        "image": cells[IMAGE],
        "when": _later(cells[WHEN], saved) if changed else cells[WHEN],
        "note": cells[NOTE],
        **_verdict(cells),
    }
    yield Row(
        decision,
        "cell",
        {
            "content_id": places[CONTENT_ID],
            "set": places[SET],
            "decision": places[DECISION],
            "label": places[CLASS],
            "when": places[WHEN],
        },
    )


def _class(cells: Mapping[str, str]) -> str:
    """Return the class without the spaces around it that come with typing and pasting.

    A folder can have them in its name. So a class that is known from the row is that class. The
    class of the former decision, still in its cell, says nothing of another one that needs none.
    """
    typed = cells[CLASS].strip()
    is_left = cells[CLASS] == cells[FORMER_CLASS] and cells[DECISION] != cells[FORMER_DECISION]
    if is_left and cells[DECISION] in ("", RIGHT, OUT):
        return ""
    known = (cells[column] for column in (FORMER_CLASS, PREDICTION, LABEL))
    return next((name for name in known if name.strip() == typed), typed) if typed else ""


def _fault(cells: Mapping[str, str]) -> tuple[str, str] | None:
    """Return the column and what is wrong in a decision that was changed; None if nothing is."""
    decision, label = cells[DECISION], cells[CLASS]
    if label and not decision:
        return DECISION, f"no decision with the class {label!r}; allowed: {WRONG} or {CATALOGUE}"
    if not decision and not cells[FORMER_DECISION]:
        return DECISION, f"no decision with the note; allowed: {', '.join(CHOICES)}"
    if decision and decision not in CHOICES:
        return (
            DECISION,
            f"decision {decision!r}; allowed: {', '.join(CHOICES)}, or an empty cell",
        )
    if decision == WRONG and label and label == cells[PREDICTION]:
        return CLASS, f"{label!r} is the prediction; allowed with wrong: another class"
    if decision == RIGHT and label and label != _confirmed(cells):
        confirmed = "prediction" if cells[PREDICTION] else "label"
        return (
            CLASS,
            f"{label!r} is not the {confirmed}, which right confirms; empty the cell, or choose "
            "wrong",
        )
    return None


def _confirmed(cells: Mapping[str, str]) -> str:
    """Return the class that the decision right confirms, or ""."""
    return cells[PREDICTION] or cells[LABEL]


def _verdict(cells: Mapping[str, str]) -> dict[str, str]:
    """Return the set, the decision and the label. Without a class, it is as on the page."""
    decision, label = cells[DECISION], cells[CLASS]
    if not decision:  # taken back
        if cells[FORMER_DECISION] == CATALOGUE:
            return {"set": CATALOGUE, "decision": OUT, "label": ""}
        return {"set": cells[SET], "decision": UNDECIDED, "label": ""}
    if decision == RIGHT:
        label = label or _confirmed(cells)
    if decision == CATALOGUE:
        label = label or cells[LABEL] or cells[PREDICTION]
    return {"set": cells[SET], "decision": decision, "label": label}


def _later(before: str, saved: datetime | None) -> str:
    """Return when the workbook was saved: after `before`, even if that computer's clock is wrong.

    Some programs do not write when they save.
    """
    if not is_time(before):
        return before  # a fault
    least = datetime.fromisoformat(before) + timedelta(microseconds=1)
    return max(least, saved or least).astimezone(UTC).isoformat()
