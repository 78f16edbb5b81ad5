"""The table in the file of a list, in any format."""

import stat
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from ..core.errors import UserError
from . import csv_reader, json_reader, parquet_reader, workbook_reader
from .columns import Table, Wanted
from .table_cache import NO_TABLES, TableCache


def read(
    path: Path,
    wanted: Sequence[Wanted],
    sheet: str | None = None,
    cache: TableCache = NO_TABLES,
) -> Table:
    """Return the table at `path`.

    The ending of its name decides: .parquet, .xlsx, .json, .jsonl and .ndjson (JSON lines),
    otherwise texts with separators. A text may be packed (.gz). A folder has files of Parquet.

    Args:
        path: of the list.
        wanted: the columns to read; their names ignore case and spaces around them.
        sheet: the sheet of a workbook; by default its first.
        cache: of a workbook's table.

    Raises:
        UserError: it is damaged or of another format, or a column is missing or there twice.
    """
    try:
        if path.is_dir():
            return parquet_reader.read(path, files_in(path), wanted)
        if not stat.S_ISREG(path.stat().st_mode):
            raise UserError(f"{path}: not a file, but a device or a pipe. Save the list as a file.")
        match Path(path.name.lower().removesuffix(".gz")).suffix:
            case ".parquet":
                return parquet_reader.read(path, [path], wanted)
            case ".xlsx" | ".xlsm" | ".xls":
                read_it = partial(workbook_reader.read, path, wanted, sheet)
                return cache.table(path, wanted, sheet, read_it)
            case ".json" | ".jsonl" | ".ndjson" as ending:
                return json_reader.read(path, wanted, ending)
            case ".xml":
                raise UserError(
                    f"{path}: XML is not read. Export the feed as text (tab-separated)."
                )
            case ".ods":
                raise UserError(f"{path}: .ods is not read. Save it as .xlsx or .csv.")
        return csv_reader.read(path, wanted)
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file. Name a list that is there.") from error


def files_in(path: Path) -> list[Path]:
    """Return the files of the list at `path`: itself, or the files of Parquet in a folder."""
    return sorted(path.glob("**/*.parquet")) if path.is_dir() else [path]
