"""Tables: each is declared once, with the file that holds it and its columns.

Headers, schemas, readers, writers and the lists of columns in docs/results.md follow from that.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, get_args, get_origin

from .file_formats import csv_lines, open_parquet, write_csv, write_parquet
from .files import checked
from .wording import counted

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

Row = Mapping[str, object]


class NamedRow(Protocol):
    """A row that is a `NamedTuple`, with a field for each column."""

    def _asdict(self) -> dict[str, Any]: ...


class Column(NamedTuple):
    """A column of a table.

    Attributes:
        name: as in the header.
        type: of its values: str, bytes, int, float, bool, or a list of these, such as list[str].
        meaning: what a value says, for docs/results.md.
    """

    name: str
    type: type[Any]
    meaning: str


def numbered(count: int, *columns: Column) -> list[Column]:
    """Return `columns` once for each number from 1 to `count`, such as class_1, class_2."""
    return [
        column._replace(name=f"{column.name}_{n}")
        for n in range(1, count + 1)
        for column in columns
    ]


class Table:
    """The columns of a table, in their order."""

    def __init__(self, file: str, *columns: Column) -> None:
        """Declare the table.

        Args:
            file: its path, such as results/<set>/predictions.csv.
            columns: at least one.

        Raises:
            ValueError: two columns have the same name.
        """
        self.file = file
        self.columns = columns
        self.names = tuple(column.name for column in columns)
        if len({*self.names}) < len(self.names):
            raise ValueError(f"{file}: a column is declared twice: {', '.join(self.names)}")


class CsvTable(Table):
    """A table in a CSV file. A value that is None is an empty cell."""

    def row(self, **values: object) -> Row:
        """Return a row. Columns without a value are None.

        Raises:
            KeyError: there is no such column.
        """
        if unknown := values.keys() - {*self.names}:
            raise KeyError(f"no such column: {', '.join(sorted(unknown))}")
        return {name: values.get(name) for name in self.names}

    def write(
        self, path: Path, rows: Iterable[Row | NamedRow], extra_columns: Sequence[str] = ()
    ) -> None:
        """Write `rows` to `path`, with a checksum.

        Args:
            path: the file.
            rows: each has a value for every column.
            extra_columns: the names of further columns, after those of the table.

        Raises:
            KeyError: a row lacks a column.
        """
        write_csv(path, [*self.names, *extra_columns], self.cells(rows, extra_columns))

    def cells(
        self, rows: Iterable[Row | NamedRow], extra_columns: Sequence[str] = ()
    ) -> Iterator[list[object]]:
        """Yield the values of each row in the order of the columns, as `write` writes them."""
        names = [*self.names, *extra_columns]
        for row in rows:
            values = row if isinstance(row, Mapping) else row._asdict()
            yield [values[name] for name in names]

    def read(self, path: Path, extra_columns: Sequence[str] = ()) -> list[dict[str, str]]:
        """Return the rows of a file that `write` wrote, as texts.

        Raises:
            DamagedFileError: it has not the table's columns, or as `files.checked`.
            UserError: as `files.checked`.
        """
        with checked(path):
            return self.parse(csv_lines(path), extra_columns)

    def parse(
        self, lines: Sequence[Sequence[str]], extra_columns: Sequence[str] = ()
    ) -> list[dict[str, str]]:
        """Return the rows in `lines`, the cells of a file; the first line is the header.

        Raises:
            ValueError: it is not that of the table, or a row is longer or shorter.
        """
        names = [*self.names, *extra_columns]
        if not lines or list(lines[0]) != names:
            raise ValueError(f"its first line is not {','.join(names)}")
        for number, cells in enumerate(lines[1:], 2):
            if len(cells) != len(names):
                raise ValueError(
                    f"row {number}: {counted(len(cells), 'cell')} and not {len(names)}"
                )
        return [dict(zip(names, cells, strict=True)) for cells in lines[1:]]


class ParquetTable(Table):
    """A table in a Parquet file, or in memory as a `pyarrow.Table`."""

    @cached_property
    def schema(self) -> "pa.Schema":
        """The columns with their types."""
        import pyarrow as pa  # slow, and the Snakefile reads this module

        return pa.schema([(column.name, _arrow_type(column.type)) for column in self.columns])

    def from_rows(self, rows: Sequence[Row | NamedRow]) -> "pa.Table":
        """Return `rows` as a table; a column that a row lacks is null."""
        import pyarrow as pa

        values = [row if isinstance(row, Mapping) else row._asdict() for row in rows]
        return pa.Table.from_pylist(values, schema=self.schema)

    def check(self, schema: "pa.Schema", columns: Sequence[str] | None = None) -> None:
        """Check that a schema has the columns of this table, or those of them in `columns`.

        Raises:
            ValueError: it has not, or they have other types or another order.
        """
        expected = [field for field in self.schema if columns is None or field.name in columns]
        names = {field.name for field in expected}
        found = [field for field in schema if field.name in names]
        if found != expected:
            raise ValueError(f"its columns are {found}, and not {expected}")

    def write(self, path: Path, table: "pa.Table", grouped_by: str | None = None) -> None:
        """Write `table`, see `write_parquet`; further columns may follow the declared ones.

        Raises:
            ValueError: `table` has other columns.
        """
        self.check(table.schema)
        write_parquet(path, table, grouped_by)

    @contextmanager
    def open(self, path: Path, columns: Sequence[str] | None = None) -> Iterator["pq.ParquetFile"]:
        """Open a file that `write` wrote, for all columns or some of them.

        Raises:
            DamagedFileError: it has other columns, or as `files.checked`.
            UserError: as `files.checked`.
        """
        with open_parquet(path) as file:
            self.check(file.schema_arrow, columns)
            yield file

    def read(self, path: Path, columns: Sequence[str] | None = None) -> "pa.Table":
        """Return the table in a file that `write` wrote, or some columns of it.

        Raises:
            DamagedFileError, UserError: as `open`.
        """
        with open_parquet(path) as file:
            self.check(file.schema_arrow, columns)
            return file.read(columns, use_threads=False)


def _arrow_type(kind: type[Any]) -> "pa.DataType":
    import pyarrow as pa

    if get_origin(kind) is list:
        return pa.list_(_arrow_type(*get_args(kind)))
    types = {
        str: pa.string(),
        bytes: pa.binary(),
        int: pa.int64(),
        float: pa.float64(),
        bool: pa.bool_(),
    }
    return types[kind]
