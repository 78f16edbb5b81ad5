"""Lists as sheets of a workbook."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from ..core import workbooks
from ..core.errors import UserError
from ..core.wording import first_of
from .cells import text_of
from .columns import MOST_NAMED, MissingColumnError, Table, Wanted, column_names, places_of, row_of

# What Excel shows in a cell whose formula has no value.
_ERRORS = frozenset(
    {"#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NULL!", "#NUM!", "#SPILL!", "#CALC!"}
)


def read(path: Path, wanted: Sequence[Wanted], sheet: str | None) -> Table:
    """Return the table of a sheet, by default the first.

    Raises:
        UserError: it is no workbook, or the sheet or a column is missing.
    """
    try:
        with path.open("rb") as stream, workbooks.opened(stream) as book:
            names = [one.title for one in book.worksheets]
            if sheet is not None and sheet not in names:
                raise UserError(
                    f"{path}: there is no sheet {sheet}. Its sheets are {', '.join(names)}."
                )
            chosen = book[sheet or names[0]]
            chosen.reset_dimensions()  # some programs write wrong ones
            rows = chosen.iter_rows(
                max_row=workbooks.MOST_ROWS, max_col=workbooks.MOST_COLUMNS, values_only=True
            )
            try:
                return _of_sheet(path, wanted, chosen.title, rows)
            except MissingColumnError as error:
                others = [name for name in names if name != chosen.title]
                if not others:
                    raise
                raise MissingColumnError(
                    f"{error} This is its sheet {chosen.title}; to read another one "
                    f"({first_of(others, MOST_NAMED)}), name it under `sheet`."
                ) from error
    except ValueError as error:
        raise UserError(f"{path}: {error}.") from error


def _of_sheet(
    path: Path, wanted: Sequence[Wanted], title: str, rows: Iterable[Sequence[Any]]
) -> Table:
    numbered = (
        (number, row)
        for number, row in enumerate(rows, 1)
        if any(value is not None and str(value).strip() for value in row)
    )
    top, header = next(numbered, (1, ()))
    names = column_names(f"{path}, row {top}", ("" if v is None else str(v) for v in header))
    places = places_of(str(path), wanted, names, in_first_row=True)
    texts = [_sheet_text] * len(wanted)
    found = []
    for number, row in numbered:
        values = (row[n] if n is not None and n < len(row) else None for n in places)
        found.append(row_of(number, zip(wanted, texts, values, strict=True)))
    return Table(found, "row", f"the sheet {title}")


def _sheet_text(value: object) -> str:
    """Return the text of a cell.

    Raises:
        ValueError: it has none.
    """
    if isinstance(value, str) and value in _ERRORS:
        raise ValueError(f"the error {value}; correct the formula, or write the value")
    if isinstance(value, datetime) and value.time() == time():
        value = value.date()
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value) if isinstance(value, timedelta) else text_of(value)
