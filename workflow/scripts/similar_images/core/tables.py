"""CSV tables whose rows are made by the names of their columns."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from .formats import write_csv

Row = Mapping[str, object]


class Table:
    """A table that is declared once: its columns, in their order."""

    def __init__(self, *columns: str) -> None:
        """Declare the table.

        Args:
            columns: their names.
        """
        self.columns = columns

    def row(self, **values: object) -> Row:
        """Return a row. Columns without a value are empty.

        Raises:
            KeyError: there is no such column.
        """
        if unknown := values.keys() - set(self.columns):
            raise KeyError(f"no such column: {', '.join(sorted(unknown))}")
        return {column: values.get(column) for column in self.columns}

    def write(self, path: Path, rows: Iterable[Row], extra: Sequence[str] = ()) -> None:
        """Write `rows`, which `row` made, to `path`.

        Args:
            path: the file.
            rows: with the `extra` columns added.
            extra: further columns, behind those of the table.
        """
        columns = [*self.columns, *extra]
        write_csv(path, columns, ([row[column] for column in columns] for row in rows))
