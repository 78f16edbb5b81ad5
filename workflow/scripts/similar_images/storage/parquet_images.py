"""Images stored as bytes in files of Parquet, such as Hugging Face datasets.

A column has the bytes themselves, or objects with `bytes` and `path`. A file is not trusted: what
it says about its sizes is checked while it is read.
"""

import os
import re
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from itertools import accumulate, repeat
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from ..core.wording import counted
from .archives import StoredPhotoError

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

# Of a column in a row group: all of it must be read for any of its rows.
MOST_BYTES = 1_000_000_000
# Row groups are kept up to this size in all, and in any case the last one.
MOST_KEPT = 100_000_000
# Bytes and rows read at once.
_BUFFER = 1 << 16
_ROWS = 1000
_ROW = re.compile(rb"parquet:(.*?)!/(\d{1,18})/(.*)", re.DOTALL)


class StoredImage(NamedTuple):
    """An image in a row.

    Attributes:
        path: what the row calls it, or "".
        file: see `file_of`.
    """

    path: str
    file: bytes


def file_of(path: bytes, row: int, column: str) -> bytes:
    """Return how tables name an image in a file of Parquet: parquet:train.parquet!/12/image.

    Args:
        path: of the file.
        row: its number in the file, from 1 on.
        column: the name of its column.
    """
    return b"parquet:%b!/%d/%b" % (path, row, column.encode())


def parts_of(file: bytes) -> tuple[bytes, int, str] | None:
    """Return the path, row and column that `file` names, or None if it is something else."""
    found = _ROW.fullmatch(file)
    return (found[1], int(found[2]), found[3].decode(errors="replace")) if found else None


def opened(path: str | Path, metadata: "pq.FileMetaData | None" = None) -> "pq.ParquetFile":
    """Open a file of Parquet so that it is read page by page, and not a row group at once."""
    import pyarrow.parquet as pq  # slow, and the Snakefile reads this module

    return pq.ParquetFile(path, metadata=metadata, buffer_size=_BUFFER, pre_buffer=False)


def has_bytes(kind: "pa.DataType") -> bool:
    """Whether a column of this type may hold the bytes of images."""
    import pyarrow as pa

    if pa.types.is_struct(kind):
        place = kind.get_field_index("bytes")
        return bool(place >= 0 and _is_binary(kind.field(place).type))
    return _is_binary(kind)


def rows_with_bytes(file: "pq.ParquetFile", group: int, column: str) -> Iterator[bool]:
    """Yield whether there are bytes in `column`, for each row of a row group.

    The bytes are read only if the file does not say so, or says that they are there in some rows.

    Raises:
        StoredPhotoError: they are too large to be read.
    """
    rows = file.metadata.row_group(group).num_rows
    statistics = _chunk(file, group, column).statistics
    nulls = statistics.null_count if statistics and statistics.has_null_count else None
    if nulls in (0, rows):
        yield from repeat(nulls == 0, rows)
    else:
        for values in _batches(file, group, column):
            yield from values.is_valid().to_pylist()


def is_text(file: "pq.ParquetFile", column: str) -> bool:
    """Whether the first value in a column of bytes is a text, such as the path of an image.

    The bytes of every format of images have a zero, or are not UTF-8.

    Raises:
        StoredPhotoError: it is too large to be read.
    """
    for group in range(file.num_row_groups):
        for values in _batches(file, group, column, 1):
            value = values[0].as_py()
            if value is not None:
                return _is_utf_8(value) and b"\0" not in value
    return True


# Those of a column in a row group.
_Values = list[bytes | None]


class RowGroups:
    """Reads images in files of Parquet. Keeps the last row groups. Threads may share it."""

    def __init__(self) -> None:
        self._footers: dict[bytes, _Footer] = {}
        self._kept: OrderedDict[tuple[object, ...], _Values] = OrderedDict()
        self._lock = Lock()

    def read(self, path: bytes, row: int, column: str) -> bytes:
        """Return the bytes in a row, see `file_of`.

        Raises:
            StoredPhotoError: the file is damaged, or its row group is too large.
            OSError: there is no such row, or the disk fails.
        """
        import pyarrow as pa

        try:
            with self._lock:
                value = self._value(path, row, column)
        except (pa.ArrowException, UnicodeDecodeError) as error:
            raise StoredPhotoError(f"damaged in the Parquet file ({error})") from error
        except OSError as error:
            if type(error) is OSError and error.errno is None:  # PyArrow's, not the system's
                raise StoredPhotoError(f"damaged in the Parquet file ({error})") from error
            raise
        if not value:
            raise StoredPhotoError("no bytes in this row of the Parquet file")
        return value

    def _value(self, path: bytes, row: int, column: str) -> bytes | None:
        footer = self._footer(path)
        group = bisect_right(footer.ends, row - 1)
        if row < 1 or group == len(footer.ends):
            raise FileNotFoundError("no such row in the Parquet file")
        key = path, footer.state, group, column
        if key not in self._kept:
            with opened(os.fsdecode(path), footer.metadata) as file:
                self._keep(key, _batches(file, group, column))
        self._kept.move_to_end(key)
        before = footer.ends[group - 1] if group else 0
        values = self._kept[key]
        index = row - 1 - before
        if index >= len(values):
            raise StoredPhotoError("damaged in the Parquet file (a row is missing)")
        return values[index]

    def _footer(self, path: bytes) -> "_Footer":
        import pyarrow.parquet as pq

        status = os.stat(path)
        state = status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
        known = self._footers.get(path)
        if known is None or known.state != state:
            metadata = pq.read_metadata(os.fsdecode(path))
            groups = (metadata.row_group(n).num_rows for n in range(metadata.num_row_groups))
            known = _Footer(state, metadata, list(accumulate(groups)))
            self._footers[path] = known
        return known

    def _keep(self, key: tuple[object, ...], batches: Iterable["pa.Array"]) -> None:
        # Arrow's own buffers have room for up to twice as much.
        values = [value for batch in batches for value in batch.to_pylist()]
        while self._kept and sum(map(_size, [values, *self._kept.values()])) > MOST_KEPT:
            self._kept.popitem(last=False)
        self._kept[key] = values


class _Footer(NamedTuple):
    """What is known about a file of Parquet.

    Attributes:
        state: changes if the file does.
        metadata: its footer.
        ends: how many rows there are up to the end of each row group.
    """

    state: tuple[int, ...]
    metadata: "pq.FileMetaData"
    ends: list[int]


def _batches(
    file: "pq.ParquetFile", group: int, column: str, most_rows: int = _ROWS
) -> Iterator["pa.Array"]:
    """Yield the bytes in a column of a row group, so many rows at a time.

    Rows may share bytes in the file, but not in memory. So a small column can become large, and its
    size is checked again and again.

    Raises:
        StoredPhotoError: they are larger than allowed, or the column is not there.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    chunk = _chunk(file, group, column)
    size = chunk.total_uncompressed_size
    if size > MOST_BYTES:
        raise _too_large()
    rows = max(1, min(most_rows, MOST_BYTES // max(1, size)))
    read = file.iter_batches(
        rows, row_groups=[group], columns=[chunk.path_in_schema], use_threads=False
    )
    total = 0
    for batch in read:
        values = batch[column]
        if pa.types.is_struct(values.type):
            values = pc.struct_field(values, "bytes")
        total += values.nbytes
        if total > MOST_BYTES:
            raise _too_large()
        yield values


def _chunk(file: "pq.ParquetFile", group: int, column: str) -> "pq.ColumnChunkMetaData":
    chunks = file.metadata.row_group(group)
    for n in range(chunks.num_columns):
        chunk = chunks.column(n)
        # PyArrow ends the process on reading the statistics of another type than the schema's.
        kinds = {chunk.physical_type, file.metadata.schema.column(n).physical_type}
        if chunk.path_in_schema in (column, f"{column}.bytes") and kinds == {"BYTE_ARRAY"}:
            return chunk
    raise StoredPhotoError(f"no column {column} with bytes in the Parquet file")


def _size(values: _Values) -> int:
    return sum(len(value) for value in values if value is not None)


def _too_large() -> StoredPhotoError:
    return StoredPhotoError(
        f"a row group with more than {counted(MOST_BYTES, 'byte')} of images: write the Parquet "
        "file with fewer rows in each row group"
    )


def _is_binary(kind: "pa.DataType") -> bool:
    import pyarrow as pa

    return bool(
        pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind)
    )


def _is_utf_8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True
