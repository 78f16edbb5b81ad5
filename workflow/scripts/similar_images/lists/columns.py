"""The columns of a list that are read, in any format, and the rows that they give."""

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from ..core.errors import UserError
from ..core.names import normal_form
from ..core.wording import first_of
from ..storage.parquet_images import StoredImage
from .cells import text_of

# So many columns are named in an error.
MOST_NAMED = 30
NO_HEADER = "The first row of a list must have the names of its columns."


class MissingColumnError(UserError):
    """A list has not all columns that it must have."""


class Wanted(NamedTuple):
    """A column to read.

    Attributes:
        name: of the column, in any case.
        required: whether it must be there.
        several: whether its cells may be lists of texts, which become lists of JSON.
    """

    name: str
    required: bool = True
    several: bool = False


class Row(NamedTuple):
    """A row of a table that is not empty.

    Attributes:
        number: of the row, or of the line where it begins.
        cells: its text for each wanted column, "" where there is none.
        fault: why it cannot be read, or None.
        stored: the images whose bytes are in it.
        row: the number that a spreadsheet shows, where `number` is that of a line.
    """

    number: int
    cells: tuple[str, ...]
    fault: str | None = None
    stored: tuple[StoredImage, ...] = ()
    row: int | None = None


class Table(NamedTuple):
    """The table of a list.

    Attributes:
        rows: those that are not empty.
        unit: what their numbers count: "line" or "row".
        kind: the format in words, such as "semicolons, Windows-1252".
    """

    rows: list[Row]
    unit: str
    kind: str


def row_of(number: int, cells: Iterable[tuple[Wanted, Callable[[Any], str], Any]]) -> Row:
    """Return a row; it has a fault if a value has no text.

    Args:
        number: of the row.
        cells: each wanted column, the function that turns its values into text, and its value.
    """
    texts, faults = [], []
    for column, text_of_value, value in cells:
        try:
            texts.append(text_of_value(value))
        except ValueError as error:
            texts.append("")
            faults.append(f"column {column.name}: {error}")
    return Row(number, tuple(texts), faults[0] if faults else None)


def text_function(column: Wanted) -> Callable[[Any], str]:
    """Return the function that turns a value of `column` into text."""
    return _text_of_several if column.several else text_of


def _text_of_several(value: object) -> str:
    """Return a text as it is, and a list of texts as JSON."""
    if not isinstance(value, list):
        return text_of(value)
    return json.dumps(list(map(text_of, value)), ensure_ascii=False)


def key(name: str) -> str:
    """Return a column's name as it is compared.

    Case and outer spaces do not count, and an underscore is equal to a space: Google uses both.
    """
    return normal_form(name).strip().casefold().replace(" ", "_")


def column_names(place: str, columns: Iterable[str]) -> list[str]:
    """Return the names of `columns` in their normal form.

    Raises:
        UserError: two columns have the same name. Columns without a name are ignored.
    """
    names = [normal_form(name).strip() for name in columns]
    known: dict[str, int] = {}
    for number, name in enumerate(names, 1):
        if name and name in known:
            raise UserError(
                f"{place}: the columns {known[name]} and {number} are both called {name}. Rename "
                "or remove one of them."
            )
        known[name] = number
    return names


def places_of(
    place: str, wanted: Sequence[Wanted], names: Sequence[str], in_first_row: bool = False
) -> list[int | None]:
    """Return the place of each wanted column among `names`, or None where it may be missing.

    Args:
        place: of the list.
        wanted: the columns to read.
        names: of all columns.
        in_first_row: whether the names are the first row of the list.

    Raises:
        MissingColumnError: one is missing.
        UserError: one is there in several spellings.
    """
    spelt: dict[str, list[int]] = {}
    for n, name in enumerate(names):
        spelt.setdefault(key(name), []).append(n)
    places: list[int | None] = []
    missing = []
    for column in wanted:
        name = normal_form(column.name).strip()
        found = [n for n in spelt.get(key(name), []) if names[n] == name] or spelt.get(key(name))
        if found and len(found) > 1:
            both = " and ".join(f"{names[n]} (column {n + 1})" for n in found)
            raise UserError(f"{place}: {both} could both be {column.name}. Rename one of them.")
        places.append(found[0] if found else None)
        if column.required and not found:
            missing.append(column.name)
    if missing:
        there = first_of([name for name in names if name], MOST_NAMED) or "none"
        raise MissingColumnError(
            f"{place}: {_are_missing(sorted(set(missing)))}. Its columns: {there}. Add what is "
            "missing, or name the right columns in the settings (docs/feeds.md)."
            + (f" {NO_HEADER}" if in_first_row and set(places) == {None} else "")
        )
    return places


def _are_missing(names: Sequence[str]) -> str:
    if len(names) == 1:
        return f"the column {names[0]} is missing"
    return f"the columns {', '.join(names[:-1])} and {names[-1]} are missing"
