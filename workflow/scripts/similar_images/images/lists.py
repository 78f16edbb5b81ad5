"""A collection as a list: CSV, Parquet or JSON lines, a row for each image."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ..core.errors import UserError
from ..core.file_formats import csv_rows, true_text
from ..storage.addresses import is_address, looks_like_address, name_of
from .cells import Cells, cells_of, text_of
from .names import fault_of_label, listed_label, normal_form

if TYPE_CHECKING:
    import pyarrow as pa

# The place of a row, for error messages, and its texts by column.
Row = tuple[str, Mapping[str, str]]
_LINE_END = re.compile(r"\r\n|\r|\n")
# How the name of a file ends that is an image and no list.
IMAGES = frozenset({".jpg", ".jpeg", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"})
# How the name of an image in a list ends.
_ENDING = re.compile(r"\.[A-Za-z][A-Za-z0-9]{1,4}$")


class ListRow(NamedTuple):
    """A row of a list.

    Attributes:
        image: its name: a path relative to the list, or the name of an address.
        address: its address, or None for a file.
        label: the class, or None.
        place: of the row in the list, for error messages.
        extra_columns: its values in the extra columns.
    """

    image: str
    address: str | None
    label: str | None
    place: str
    extra_columns: tuple[str, ...] = ()


def read(path: Path, extra_columns: Sequence[str] = ()) -> list[ListRow]:
    """Return the rows of the list at `path`, sorted by image.

    The ending of its name decides: .parquet, .jsonl and .ndjson (JSON lines), otherwise CSV.

    Args:
        path: of the list.
        extra_columns: further columns to read.

    Raises:
        UserError: it is damaged, a column is missing, an image is empty or named twice, or a label
            cannot be the name of a class.
    """
    columns = ("image", "label", *map(normal_form, extra_columns))
    rows = READERS.get(path.suffix.lower(), _csv)(path, columns)
    listed: dict[str, ListRow] = {}
    for place, row in rows:
        image, label, *others = (row[name] for name in columns)
        if not image:
            raise UserError(f"{path}, {place}: the image is empty.")
        if looks_like_address(image):
            raise UserError(
                f"{path}, {place}: the image looks like an address, but is not one. An address "
                "begins with its scheme, such as https://, and with no space before it."
            )
        image, address = (name_of(image), image) if is_address(image) else (image, None)
        if image in listed:
            raise UserError(
                f"{path}, {place}: {image} is in the list already. Name each image once."
            )
        if fault := fault_of_label(label.strip()):
            raise UserError(f"{path}, {place}: {fault}. Write it without.")
        listed[image] = ListRow(image, address, listed_label(label), place, tuple(others))
    return [listed[image] for image in sorted(listed)]


def is_list(location: str | Path) -> bool:
    """Whether a list is at `location`: a file that is not a single image, by its name."""
    path = Path(location)
    return path.is_file() and path.suffix.lower() not in IMAGES


def addresses_in(rows: Iterable[ListRow]) -> dict[str, str]:
    """Return the addresses in `rows`, by their names."""
    return {row.image: row.address for row in rows if row.address is not None}


def addresses(collections: Iterable[str]) -> dict[str, str]:
    """Return the addresses in those of `collections` that are lists, by their names."""
    paths = map(Path, filter(is_list, collections))
    return addresses_in(row for path in paths for row in read(path))


def check_remote(location: str) -> None:
    """Check that all photos of a collection are at addresses that any machine can fetch.

    Raises:
        UserError: they are not.
    """
    if is_address(location):
        return
    if not is_list(location):
        raise UserError(
            f"{location} is on this computer, and jobs that share no folder cannot read it. Put "
            "the photos into a bucket and name that, or name a list of addresses."
        )
    image = next((row.image for row in read(Path(location)) if row.address is None), None)
    if image is not None:
        raise UserError(
            f"{location}: {image} is a file, which jobs that share no folder cannot read. Name "
            "only addresses."
        )


def _csv(path: Path, columns: Sequence[str]) -> Iterator[Row]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = csv_rows(stream)
            _, header = next(rows, (1, []))
            header = _names(f"{path}, line 1", map(true_text, header))
            _check_columns(path, columns, header, "The first line must name them.")
            wanted = {name: header.index(name) for name in columns}
            for line, row in rows:
                if row:  # not an empty line
                    _check_row(f"{path}, line {line}", row, len(header), wanted["image"])
                    yield f"line {line}", {name: true_text(row[n]) for name, n in wanted.items()}
    except UnicodeDecodeError as error:
        raise _not_utf8(path, "a CSV file") from error
    except ValueError as error:
        raise UserError(
            f"{path}, {error}. Close each quotation mark that opens a cell, and double those in it."
        ) from error


def _check_row(place: str, row: Sequence[str], cells: int, image: int) -> None:
    """Check the cells of a row of a CSV.

    Args:
        place: of the row.
        row: its cells.
        cells: how many the header has.
        image: the index of the image among them.

    Raises:
        UserError: it has more or fewer cells than the header, or a cell contains other rows.
    """
    if len(row) != cells:
        raise UserError(
            f"{place}: cells: {len(row)}; allowed: {cells}, as in the first line. A text with a "
            'comma needs quotation marks around it, as in "Boots, ankle"; an empty cell needs its '
            "comma."
        )
    for n, cell in enumerate(row):
        if "\n" not in cell and "\r" not in cell:
            continue
        first, *others = _LINE_END.split(cell)
        if _are_rows([*row[:n], first], others, row[n + 1 :], image):
            raise UserError(
                f"{place}: cell {n + 1} contains the rows below it: it begins with a quotation "
                "mark that is closed only later. Remove the mark, or double it within another pair."
            )


def _are_rows(
    before: Sequence[str], others: Sequence[str], after: Sequence[str], image: int
) -> bool:
    """Whether the lines of a cell without its quotation marks would be rows with images.

    Args:
        before: the cells up to this one, and its first line.
        others: the other lines of the cell.
        after: the cells after it.
        image: the place of the image in a row.
    """
    cells = len(before) + len(after)
    *first, begun = before
    *whole, last = (line.split(",") for line in others)
    rows = [[*first, *begun.split(",")], *whole, [*last, *after]]
    return all(len(row) == cells and _is_image(row[image]) for row in rows)


def _is_image(cell: str) -> bool:
    return is_address(cell) or _ENDING.search(cell.strip()) is not None


def _json_lines(path: Path, columns: Sequence[str]) -> Iterator[Row]:
    # Objects as pairs, because a dictionary would hide repeated keys.
    decode = json.JSONDecoder(object_pairs_hook=tuple).decode
    named: set[str] = set()
    before: Sequence[str] | None = None
    number = 0
    try:
        with path.open(encoding="utf-8-sig") as stream:
            for number, line in enumerate(stream, 1):
                if line.strip():
                    row = decode(line)
                    if not isinstance(row, tuple):
                        raise ValueError("another value")
                    if "\\u" in line:  # it can contain half a character
                        json.dumps(row, ensure_ascii=False).encode()
                    keys = [name for name, _ in row]
                    if keys != before:  # most lines have the same keys
                        names = _names(f"{path}, line {number}", keys)
                        named.update(names)
                        before = keys
                    values = dict(zip(names, (value for _, value in row), strict=True))
                    cells = [(name, text_of, values.get(name)) for name in columns]
                    yield _row(path, f"line {number}", cells)
    except UnicodeDecodeError as error:
        raise _not_utf8(path, "JSON lines") from error
    except (ValueError, RecursionError) as error:
        found = error.msg if isinstance(error, json.JSONDecodeError) else error
        raise UserError(
            f"{path}, line {number}: not a JSON object ({found}). Write one object in each line."
        ) from error
    _check_columns(path, columns, named, "Each line is an object with these keys.")


def _parquet(path: Path, columns: Sequence[str]) -> Iterator[Row]:
    import pyarrow as pa  # slow, and the Snakefile reads this module
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            names = _names(str(path), file.schema_arrow.names)
            _check_columns(path, columns, names, "These are its columns' names.")
            stored = [file.schema_arrow.names[names.index(name)] for name in columns]
            number = 0
            for batch in file.iter_batches(columns=stored, use_threads=False):
                found = [_column(path, name, batch[name]) for name in stored]
                texts = [column.text for column in found]
                for values in zip(*(column.values for column in found), strict=True):
                    number += 1
                    yield _row(path, f"row {number}", zip(columns, texts, values, strict=True))
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{path}: not a Parquet file ({error}). Write it once more.") from error


READERS: dict[str, Callable[[Path, Sequence[str]], Iterator[Row]]] = {
    ".parquet": _parquet,
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
}


def _not_utf8(path: Path, kind: str) -> UserError:
    """Return the error of a list of this `kind` whose bytes are not UTF-8."""
    data = path.read_bytes()
    try:
        data.decode("utf-8")
        place = ""  # it has changed in between
    except UnicodeDecodeError as error:
        line = 1 + data.count(b"\n", 0, error.start)
        place = f", line {line}: the byte 0x{data[error.start]:02x} is not UTF-8"
    images = ", ".join(sorted(IMAGES))
    return UserError(
        f"{path}{place}: a list must be {kind} in UTF-8. Save it so (in a spreadsheet program as "
        f"“CSV UTF-8”). If it is a single image, its name must end in one of {images}."
    )


def _check_columns(path: Path, wanted: Iterable[str], there: Iterable[str], how: str) -> None:
    missing = sorted(set(wanted) - set(there))
    if missing:
        raise UserError(f"{path}: the column {' and '.join(missing)} is missing. {how}")


def _names(place: str, columns: Iterable[str]) -> list[str]:
    """Return the names of `columns` in their normal form.

    Raises:
        UserError: two columns have the same name. Columns without a name are ignored.
    """
    names = list(map(normal_form, columns))
    known: dict[str, int] = {}
    for number, name in enumerate(map(str.strip, names), 1):
        if name and name in known:
            raise UserError(
                f"{place}: the columns {known[name]} and {number} are both called {name}. Rename "
                "or remove one of them."
            )
        known[name] = number
    return names


def _column(path: Path, name: str, array: "pa.Array") -> Cells:
    try:
        return cells_of(array)
    except ValueError as error:
        raise UserError(f"{path}, column {name}: {error}.") from error


def _row(path: Path, place: str, cells: Iterable[tuple[str, Callable[[Any], str], Any]]) -> Row:
    """Return a row.

    Args:
        path: of the list.
        place: of the row.
        cells: for each column its name, the function that turns a value into text, and the value.

    Raises:
        UserError: a value has no text.
    """
    row = {}
    for name, text_of_value, value in cells:
        try:
            row[name] = text_of_value(value)
        except ValueError as error:
            raise UserError(f"{path}, {place}, column {name}: {error}.") from error
    return place, row
