"""The formats of the files in results/: JSON, CSV and Parquet."""

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

from .errors import UserError
from .files import checked, write_checked

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

# In characters, and larger than any file here. Python's own limit is 131,072.
LONGEST_CELL = 2**31 - 1
T = TypeVar("T")


def read_cache(read: Callable[[Path], T], path: Path, empty: T) -> T:
    """Return what `read` returns for `path`, or `empty` where the file is missing or damaged.

    For files that the next run can write again: without them it only takes longer.
    """
    try:
        return read(path)
    except UserError:
        return empty


def read_json_cache(path: Path, empty: dict[str, Any]) -> dict[str, Any]:
    """Return the content of a JSON cache, or `empty` if it lacks a key of that or its type."""
    content = read_cache(read_json, path, empty)
    whole = all(isinstance(content.get(key), type(value)) for key, value in empty.items())
    return content if whole else empty


def write_json(path: Path, content: Mapping[str, object]) -> None:
    """Write `content` as indented UTF-8 JSON."""
    with write_checked(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", "utf-8")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON file that `write_json` wrote.

    Raises:
        DamagedFileError, UserError: as `checked`.
    """
    with checked(path):
        content = json.loads(path.read_text("utf-8"))
        if not isinstance(content, dict):
            raise ValueError("it is not an object of JSON")
        return content


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write `header` and `rows` as UTF-8 CSV; None becomes an empty cell.

    Spreadsheets treat a text that begins with certain characters as a formula. An apostrophe is put
    before such a text, as OWASP advises
    (https://owasp.org/www-community/attacks/CSV_Injection); `read_csv` removes it. Numbers are not
    changed.
    """
    with write_checked(path) as temporary:
        write_csv_lines(temporary, header, rows)


def read_csv(path: Path) -> list[dict[str, str]]:
    """Read the rows of a CSV file that `write_csv` wrote, as texts.

    Raises:
        DamagedFileError, UserError: as `checked`.
    """
    with checked(path):
        header, *rows = csv_lines(path)
        return [dict(zip(header, row, strict=True)) for row in rows]


def csv_lines(path: Path) -> list[list[str]]:
    """Return the header and the rows of a CSV file that `write_csv` wrote, read unchecked.

    Raises:
        ValueError: as `csv_rows`.
        OSError: it cannot be read.
    """
    with path.open(encoding="utf-8", newline="") as stream:
        return [list(map(true_text, row)) for _, row in csv_rows(stream)]


def csv_rows(
    lines: Iterable[str], delimiter: str = ",", skips_spaces: bool = False
) -> Iterator[tuple[int, list[str]]]:
    """Yield each row of a CSV with the line where it begins; its cells are not decoded.

    Args:
        lines: of the CSV.
        delimiter: of its cells.
        skips_spaces: whether spaces after a delimiter are left out.

    Raises:
        ValueError: quotation marks are not closed, or not doubled.
    """
    csv.field_size_limit(LONGEST_CELL)  # of all readers of the process
    reader = csv.reader(lines, strict=True, delimiter=delimiter, skipinitialspace=skips_spaces)
    line = 1
    try:
        for row in reader:
            yield line, row
            line = reader.line_num + 1
    except csv.Error as error:
        raise ValueError(f"line {line}: not a row of a CSV file ({error})") from error


def true_text(cell: str) -> str:
    """Return the original text of a `cell` that `write_csv` wrote."""
    return _DEFUSED.sub(r"\1", cell) if "'" in cell else cell


def write_csv_lines(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """As `write_csv`, but in place and without a checksum, for `csv_lines`."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(_Lines(stream, "\n"))
        writer.writerow(_defused(header))
        writer.writerows(map(_defused, rows))


def csv_text(rows: Iterable[Sequence[object]], separator: str, line_end: str) -> str:
    """Return `rows` as `write_csv` writes them, but with this separator and line end."""
    stream = StringIO(newline="")
    csv.writer(_Lines(stream, line_end), delimiter=separator).writerows(map(_defused, rows))
    return stream.getvalue()


# A cell may begin at the start of the text, or after a separator of cells or lines in another
# locale. A formula begins with one of these characters; the wide forms are Japanese.
_BEGINNING = r"(^|[;\t\r\n])"
_FORMULA = r"(?=[ ']*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20])"
_ARMED = re.compile(_BEGINNING + _FORMULA)
_DEFUSED = re.compile(_BEGINNING + "'" + _FORMULA)


def _defused(row: Iterable[object]) -> list[object]:
    """Return the cells of `row` with no text that a spreadsheet would treat as a formula."""
    return [_ARMED.sub(r"\1'", cell) if isinstance(cell, str) else cell for cell in row]


class _Lines:
    """Ends each row with `line_end`.

    The writer itself keeps CR LF as its line end, because it quotes only the characters of its line
    end, and a carriage return in a file's name must be quoted.
    """

    def __init__(self, stream: TextIO, line_end: str) -> None:
        self._stream = stream
        self._line_end = line_end

    def write(self, row: str) -> int:
        return self._stream.write(row.removesuffix("\r\n") + self._line_end)


def write_parquet(path: Path, table: "pa.Table", grouped_by: str | None = None) -> None:
    """Write `table`, compressed.

    It is sorted by the column `grouped_by` and gets a row group for each value, so that the rows of
    one value can be read without the others: see `group_values`.
    """
    import pyarrow.parquet as pq  # slow, and the Snakefile reads this module

    groups = [table] if grouped_by is None else _runs(table.sort_by(grouped_by), grouped_by)
    with (
        write_checked(path) as temporary,
        pq.ParquetWriter(temporary, table.schema, compression="zstd") as file,
    ):
        for group in groups:
            file.write_table(group)


def _runs(table: "pa.Table", column: str) -> Iterator["pa.Table"]:
    """Yield the parts of `table` with equal values of `column`, by which it is sorted."""
    start = 0
    for length in table[column].value_counts().field("counts").to_pylist():
        yield table.slice(start, length)
        start += length


def read_parquet(path: Path, columns: Sequence[str] | None = None) -> "pa.Table":
    """Read the table at `path`, or some columns of it, and check its checksums.

    Raises:
        DamagedFileError, UserError: as `checked`.
    """
    with open_parquet(path) as file:
        return file.read(columns, use_threads=False)


@contextmanager
def open_parquet(path: Path) -> Iterator["pq.ParquetFile"]:
    """Open the table at `path` for reading, with its checksums checked.

    `ParquetFile`, because the imports of `pyarrow.parquet.read_table` take a third of a second.

    Raises:
        DamagedFileError, UserError: as `checked`.
    """
    import pyarrow.parquet as pq

    with checked(path), pq.ParquetFile(path, page_checksum_verification=True) as file:
        yield file


def group_values(file: "pq.ParquetFile", column: str) -> list[str | None]:
    """Return the value of `column`, by which `file` is grouped, for each row group."""
    number = file.schema_arrow.get_field_index(column)
    found = (
        file.metadata.row_group(n).column(number).statistics for n in range(file.num_row_groups)
    )
    return [statistics.min if statistics.has_min_max else None for statistics in found]
