"""Lists as files of Parquet."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.errors import UserError
from .cells import Cells, cells_of, text_of
from .list_columns import Row, Table, Wanted, column_names, places_of, row_of, text_function

if TYPE_CHECKING:
    import pyarrow as pa


def read(place: Path, paths: Sequence[Path], wanted: Sequence[Wanted]) -> Table:
    """Return the table of the files `paths` of the list at `place`, one below the other.

    Raises:
        UserError: there is none, one is damaged, or a column is missing or has no texts.
    """
    if not paths:
        raise UserError(f"{place}: no file in this folder ends in .parquet. Name another.")
    rows: list[Row] = []
    for path in paths:
        rows += _rows_of_parquet(path, wanted, len(rows))
    return Table(rows, "row", "Parquet")


def _rows_of_parquet(path: Path, wanted: Sequence[Wanted], before: int) -> Iterator[Row]:
    """Yield the rows of a file, after so many rows of other files."""
    import pyarrow as pa  # slow, and the Snakefile reads this module
    import pyarrow.parquet as pq

    number = before
    try:
        with pq.ParquetFile(path) as file:
            stored = file.schema_arrow.names
            places = places_of(str(path), wanted, column_names(str(path), stored))
            names = [None if n is None else stored[n] for n in places]
            there = list(dict.fromkeys(name for name in names if name is not None))
            for batch in file.iter_batches(columns=there, use_threads=False):
                columns = [
                    _cells(path, name, batch, column)
                    for name, column in zip(names, wanted, strict=True)
                ]
                texts = [column.text for column in columns]
                for values in zip(*(column.values for column in columns), strict=True):
                    number += 1
                    yield row_of(number, zip(wanted, texts, values, strict=True))
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{path}: not a Parquet file ({error}). Write it once more.") from error


def _cells(path: Path, name: str | None, batch: "pa.RecordBatch", wanted: Wanted) -> Cells:
    """Return the cells of the column called `name`; empty ones if there is none."""
    import pyarrow as pa

    if name is None:
        return Cells([None] * len(batch), text_of)
    array = batch[name]
    if wanted.several and pa.types.is_list(array.type):
        return Cells(array.to_pylist(), text_function(wanted))
    if wanted.several and pa.types.is_struct(array.type):
        raise UserError(
            f"{path}, column {name}: it has the bytes of images. Save these as files, and put "
            "their paths into this column."
        )
    try:
        return cells_of(array)
    except ValueError as error:
        raise UserError(f"{path}, column {name}: {error}.") from error
