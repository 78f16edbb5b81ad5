"""Lists as files of Parquet."""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from os import fsencode
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.errors import UserError
from ..storage import parquet_images
from ..storage.archives import StoredPhotoError
from ..storage.parquet_images import StoredImage, file_of
from .cells import Cells, cells_of, text_of
from .columns import Row, Table, Wanted, column_names, places_of, row_of, text_function

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

# What Hugging Face datasets note about the columns is in the metadata of a file under this key.
_NOTED = b"huggingface"
# The number that Hugging Face datasets give where the class is not known.
_NO_CLASS = -1


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

    try:
        with parquet_images.opened(path) as file:
            stored = file.schema_arrow.names
            places = places_of(str(path), wanted, column_names(str(path), stored))
            names = [None if n is None else stored[n] for n in places]
            for number, row in enumerate(_rows(path, file, names, wanted), 1):
                yield row._replace(number=before + number)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not a Parquet file ({error}). Write it once more.") from error
    except StoredPhotoError as error:
        raise UserError(f"{path}: {error}.") from error


def _rows(
    path: Path, file: "pq.ParquetFile", names: Sequence[str | None], wanted: Sequence[Wanted]
) -> Iterator[Row]:
    """Yield the rows of a file, numbered from 1 on.

    Args:
        path: of the file.
        file: is open.
        names: of the column in it for each of `wanted`, or None.
        wanted: the columns to read.
    """
    schema = file.schema_arrow
    classes = _classes(path, schema)
    images = {
        n: name
        for n, (name, column) in enumerate(zip(names, wanted, strict=True))
        if name is not None and column.several and _has_images(path, file, schema.field(name))
    }
    read = [
        name if n not in images else _path_in(schema.field(name))
        for n, name in enumerate(names)
        if name is not None
    ]
    there = list(dict.fromkeys(filter(None, read)))
    number = 0
    for group in range(file.num_row_groups):
        # Without the bytes of images: there may be gigabytes of them.
        filled = {
            n: parquet_images.rows_with_bytes(file, group, name) for n, name in images.items()
        }
        for batch in file.iter_batches(columns=there, row_groups=[group], use_threads=False):
            columns = [
                _paths(batch, name)
                if n in images and name
                else _cells(path, name, batch, column, classes)
                for n, (name, column) in enumerate(zip(names, wanted, strict=True))
            ]
            texts = [column.text for column in columns]
            for values in zip(*(column.values for column in columns), strict=True):
                number += 1
                row = row_of(number, zip(wanted, texts, values, strict=True))
                stored = [n for n, flags in filled.items() if next(flags, False)]
                yield _with_images(row, {n: images[n] for n in stored}, path)


def _with_images(row: Row, columns: Mapping[int, str], path: Path) -> Row:
    """Return a row with the images whose bytes are in these `columns`, by place."""
    if not columns:
        return row
    stored = tuple(
        StoredImage(row.cells[n].strip(), file_of(fsencode(path), row.number, name))
        for n, name in columns.items()
    )
    cells = tuple("" if n in columns else cell for n, cell in enumerate(row.cells))
    return row._replace(cells=cells, stored=stored)


def _has_images(path: Path, file: "pq.ParquetFile", field: "pa.Field") -> bool:
    """Whether a column holds the bytes of images, and not their paths.

    Raises:
        UserError: it holds those of several images in a row.
    """
    import pyarrow as pa

    if pa.types.is_list(field.type) and pa.types.is_struct(field.type.value_type):
        raise UserError(
            f"{path}, column {field.name}: its rows hold the bytes of several images. Put each "
            "image into a row of its own."
        )
    if not parquet_images.has_bytes(field.type):
        return False
    return pa.types.is_struct(field.type) or not parquet_images.is_text(file, field.name)


def _path_in(field: "pa.Field") -> str | None:
    """Return the part with the paths of a column of images, or None."""
    import pyarrow as pa

    kind = field.type
    has_paths = pa.types.is_struct(kind) and kind.get_field_index("path") >= 0
    return f"{field.name}.path" if has_paths else None


def _paths(batch: "pa.RecordBatch", name: str) -> Cells:
    """Return the paths in a column of images; empty ones if it has none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if name not in batch.schema.names:
        return Cells([None] * len(batch), text_of)
    return cells_of(pc.struct_field(batch[name], "path").cast(pa.string()))


def _classes(path: Path, schema: "pa.Schema") -> dict[str, list[str]]:
    """Return the names of the classes in each column that has their numbers.

    Raises:
        UserError: what the file says about them is damaged.
    """
    noted = (schema.metadata or {}).get(_NOTED)
    if noted is None:
        return {}
    try:
        features = json.loads(noted)["info"]["features"]
        found = {
            column: feature["names"]
            for column, feature in features.items()
            if isinstance(feature, dict) and feature.get("_type") == "ClassLabel"
        }
        if not all(isinstance(name, str) for names in found.values() for name in names):
            raise TypeError("a name that is no text")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(
            f"{path}: the names of its classes cannot be read (metadata huggingface: "
            f"{type(error).__name__}). Write it once more, or without this metadata."
        ) from error
    return found


def _class_name(number: int | None, names: Sequence[str]) -> str:
    if number is None or number == _NO_CLASS:
        return ""
    if not 0 <= number < len(names):
        raise ValueError(f"class {number}, but only 0 to {len(names) - 1} have names")
    return names[number]


def _cells(
    path: Path,
    name: str | None,
    batch: "pa.RecordBatch",
    wanted: Wanted,
    classes: Mapping[str, Sequence[str]],
) -> Cells:
    """Return the cells of the column called `name`; empty ones if there is none."""
    import pyarrow as pa

    if name is None:
        return Cells([None] * len(batch), text_of)
    array = batch[name]
    if wanted.several and pa.types.is_list(array.type):
        return Cells(array.to_pylist(), text_function(wanted))
    if name in classes and pa.types.is_integer(array.type):
        return Cells(array.to_pylist(), partial(_class_name, names=classes[name]))
    try:
        return cells_of(array)
    except ValueError as error:
        raise UserError(f"{path}, column {name}: {error}.") from error
