"""Lists as texts with separators, such as CSV."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..core.errors import UserError
from ..core.file_formats import true_text
from ..storage.addresses import is_address
from . import dialect
from .columns import Row, Table, Wanted, column_names, key, places_of
from .texts import text_in

_LINE_END = re.compile(r"\r\n|\r|\n")
# How the name of an image in a list ends.
_ENDING = re.compile(r"\.[A-Za-z][A-Za-z0-9]{1,4}$")


def read(path: Path, wanted: Sequence[Wanted]) -> Table:
    """Return the table of a list in any dialect.

    Raises:
        UserError: a row has another number of cells than the header, or a quotation mark is not
            closed: rows could be lost.
    """
    text, encoding = text_in(path, "a text file such as CSV")
    text, named = dialect.without_separator_line(text)
    skipped = 0 if named is None else 1

    def fits(header: Sequence[str]) -> bool:
        keys = {key(true_text(name)) for name in header}
        return all(key(column.name) in keys for column in wanted if column.required)

    try:
        separator = named or dialect.separator_of(text, fits)
        rows = list(_rows(path, text, separator, skipped, wanted))
    except ValueError as error:
        place = re.sub(r"^line (\d+)", lambda found: f"line {int(found[1]) + skipped}", str(error))
        raise UserError(
            f"{path}, {place}. Close each quotation mark that opens a cell, and double those in it."
        ) from error
    name = dialect.SEPARATORS.get(separator, f"separated by {separator}")
    return Table(rows, "line", f"{name}, {encoding}")


def _rows(
    path: Path, text: str, separator: str, skipped: int, wanted: Sequence[Wanted]
) -> Iterator[Row]:
    """Yield the rows of a table with a `separator` below `skipped` other lines."""
    numbered = (
        (number, skipped + line, row)
        for number, line, row in dialect.numbered_rows(text, separator)
    )
    _, top, header = next(numbered, (1, 1 + skipped, []))
    names = column_names(f"{path}, line {top}", map(true_text, header))
    places = places_of(str(path), wanted, names, in_first_row=True)
    image = next(place for place in places if place is not None)
    for number, line, row in numbered:
        _check_row(f"{path}, line {line}", row, separator, len(header), image)
        cells = tuple("" if n is None else true_text(row[n]) for n in places)
        yield Row(line, cells, row=number)


def _check_row(place: str, row: Sequence[str], separator: str, cells: int, image: int) -> None:
    """Check the cells of a row.

    Args:
        place: of the row.
        row: its cells.
        separator: of the cells.
        cells: how many the header has.
        image: the index of the image among them.

    Raises:
        UserError: it has more or fewer cells than the header, or a cell contains other rows.
    """
    if len(row) != cells:
        name = dialect.SEPARATORS.get(separator, separator).removesuffix("s")
        raise UserError(
            f"{place}: cells: {len(row)}; allowed: {cells}, as in the first line. A text with a "
            f'{name} needs quotation marks around it, as in "Boots{separator} ankle"; an empty '
            f"cell needs its {name}."
        )
    for n, cell in enumerate(row):
        if "\n" not in cell and "\r" not in cell:
            continue
        if _contains_row(row, n, separator, image):
            raise UserError(
                f"{place}: cell {n + 1} contains the rows below it: it begins with a quotation "
                "mark that is closed only later. Remove the mark, or double it within another pair."
            )


def _contains_row(row: Sequence[str], n: int, separator: str, image: int) -> bool:
    """Whether a line of cell `n` without its quotation marks would be a row with an image.

    The image must be in that line: a text of several lines often has as many commas as a row.

    Args:
        row: its cells, as many as the header has.
        n: the number of the cell among them.
        separator: of the cells.
        image: the place of the image in a row.
    """
    first, *whole, last = _LINE_END.split(row[n])
    before, after = list(row[:n]), list(row[n + 1 :])
    # Each line, the cells of its row, and whether that of the image is in the line.
    possible = [
        (first, before + first.split(separator), image >= n),
        *((line, line.split(separator), True) for line in whole),
        (last, last.split(separator) + after, image <= n),
    ]
    return any(
        separator in line and is_within and len(cells) == len(row) and _is_image(cells[image])
        for line, cells, is_within in possible
    )


def _is_image(cell: str) -> bool:
    return is_address(cell) or _ENDING.search(cell.strip()) is not None
