"""Lists as JSON: an array of objects, or an object in each line."""

import json
from collections.abc import Iterable, Iterator, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from ..core.errors import UserError
from .columns import Row, Table, Wanted, column_names, places_of, row_of, text_function
from .texts import text_in


def read(path: Path, wanted: Sequence[Wanted], ending: str) -> Table:
    """Return the table of a list; a file with the `ending` .json may be an array.

    Raises:
        UserError: it is not JSON, or a column is missing.
    """
    text, _ = text_in(path, "JSON", unicode_only=True)
    if ending == ".json" and text.lstrip().startswith("["):
        return Table(_objects(path, wanted, "row", _items(path, text)), "row", "a JSON array")
    return Table(_objects(path, wanted, "line", _lines(path, text)), "line", "JSON lines")


# Objects as pairs, because a dictionary would hide repeated keys.
_decode = json.JSONDecoder(object_pairs_hook=tuple).decode


def _items(path: Path, text: str) -> Iterator[tuple[int, Any]]:
    """Yield each value of an array of JSON with its number."""
    try:
        values = _decode(text)
        _check_whole(text, values)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: not an array of JSON ({error}). Write it once more.") from error
    yield from enumerate(values, 1)


def _lines(path: Path, text: str) -> Iterator[tuple[int, Any]]:
    """Yield the value in each line that is not empty, with the number of the line."""
    for number, line in enumerate(StringIO(text), 1):
        if line.strip():
            try:
                value = _decode(line)
                _check_whole(line, value)
            except (ValueError, RecursionError) as error:
                found = error.msg if isinstance(error, json.JSONDecodeError) else error
                raise _no_object(path, f"line {number}", str(found)) from error
            yield number, value


def _check_whole(text: str, value: object) -> None:
    if "\\u" in text:  # it can contain half a character
        json.dumps(value, ensure_ascii=False).encode()


def _no_object(path: Path, place: str, found: str) -> UserError:
    return UserError(
        f"{path}, {place}: not a JSON object ({found}). Write one object in each line, or an array "
        "of objects in a file whose name ends in .json."
    )


def _objects(
    path: Path, wanted: Sequence[Wanted], unit: str, values: Iterable[tuple[int, Any]]
) -> list[Row]:
    """Return the rows of a table of JSON objects."""
    anything = [column._replace(required=False) for column in wanted]
    named: dict[str, None] = {}
    before: Sequence[str] | None = None
    texts = list(map(text_function, wanted))
    rows = []
    for number, value in values:
        if not isinstance(value, tuple):
            raise _no_object(path, f"{unit} {number}", "another value")
        keys = [name for name, _ in value]
        if keys != before:  # most objects have the same keys
            names = column_names(f"{path}, {unit} {number}", keys)
            places = places_of(str(path), anything, names)
            named |= dict.fromkeys(names)
            before = keys
        found = (None if n is None else value[n][1] for n in places)
        rows.append(row_of(number, zip(wanted, texts, found, strict=True)))
    places_of(str(path), wanted, list(named))
    return rows
