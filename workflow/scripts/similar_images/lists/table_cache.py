"""The table of a workbook, kept from run to run: openpyxl takes seconds for 10,000 rows."""

import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ..core import workbooks
from ..core.digests import SETTLING_NS
from ..core.file_formats import read_json_cache
from ..core.files import digest, write_checked
from . import cells, columns, workbook_reader
from .columns import Row, Table, Wanted

NAME = "list.json"
# What decides how a workbook is read.
_CODE = (cells, columns, workbook_reader, workbooks)


class TableCache(NamedTuple):
    """Keeps the table of one list.

    Attributes:
        file: that keeps it, or None.
        is_written: whether a new table is kept; otherwise the file is only read.
    """

    file: Path | None = None
    is_written: bool = False

    def table(
        self, path: Path, wanted: Sequence[Wanted], sheet: str | None, read: Callable[[], Table]
    ) -> Table:
        """Return the table of the workbook at `path`, from `read` if it is not kept."""
        if self.file is None:
            return read()
        status = os.stat(path)
        # No program can set the ctime: it changes even if an older file replaces this one.
        state = [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]
        code = [digest(str(module.__file__)) for module in _CODE]
        key = json.dumps([os.path.abspath(path), state, wanted, sheet, code])
        kept = read_json_cache(self.file, {"key": "", "table": []})
        if kept["key"] == key:
            return _table(kept["table"])
        table = read()
        settled = max(status.st_mtime_ns, status.st_ctime_ns) < time.time_ns() - SETTLING_NS
        if self.is_written and settled:
            with write_checked(self.file) as temporary:
                temporary.write_text(json.dumps({"key": key, "table": table}), "utf-8")
        return table


NO_TABLES = TableCache()


def _table(kept: Sequence[Any]) -> Table:
    rows, unit, kind = kept
    # A workbook has no images in its cells, and no lines.
    return Table(
        [Row(number, tuple(texts), fault) for number, texts, fault, *_ in rows], unit, kind
    )
