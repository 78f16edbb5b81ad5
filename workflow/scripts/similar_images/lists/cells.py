"""The values of Parquet and JSON cells as text.

It must not use pandas, which is hidden from jobs: PyArrow would import it for values with
nanoseconds.
"""

import math
import re
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

if TYPE_CHECKING:
    import pyarrow as pa

# Floating point of so many bits represents all whole numbers below this exactly.
EXACT = {16: 2**11, 32: 2**24, 64: 2**53}
PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
# A date, a time or both, as Arrow writes them.
_MOMENT = re.compile(
    r"""(?P<date>\d{4}-\d\d-\d\d)?
        (?P<both>[ ])?
        (?P<time>\d\d:\d\d:\d\d)?
        (\.(?P<fraction>\d+))?
        ((?P<hours>[+-]\d\d)(?P<minutes>\d\d) | (?P<utc>Z))?""",
    re.VERBOSE,
)


class Cells(NamedTuple):
    """The values of a column, and the function that turns each into text (or raises ValueError)."""

    values: list[Any]
    text: Callable[[Any], str]


def text_of(value: object, exact: int = EXACT[64]) -> str:
    """Return `value` as text: "" where it is missing (None or NaN).

    A whole number gets no fraction. Many tools store 4711 as 4711.0 if another value of the column
    is missing.

    Args:
        value: of a cell.
        exact: whole numbers in floating point are exact below this.

    Raises:
        ValueError: it is not a text, number, date or time, or a number has lost digits.
    """
    match value:
        case str():
            return value
        case None:
            return ""
        case bool():  # as JSON writes it, not as Python does
            return str(value).lower()
        case int() | UUID():
            return str(value)
        case float():
            return _number(value, exact)
        case Decimal():
            whole = value.to_integral_value()
            return f"{whole if whole == value else value:f}"
        case bytes():
            return _decoded(value)
    raise ValueError(f"{_kind(value)}; allowed: a text, a number, a date or a time")


def cells_of(array: "pa.Array") -> Cells:
    """Return the values of a column of Parquet.

    Raises:
        ValueError: they are lists or the like.
    """
    import pyarrow as pa  # slow, and the Snakefile reads this module

    kind = array.type
    if pa.types.is_nested(kind):
        raise ValueError(f"values of the type {kind}; allowed: texts, numbers, dates and times")
    if pa.types.is_duration(kind):
        ticks = array.cast(pa.int64()).to_pylist()
        return Cells(ticks, partial(_duration, per_second=PER_SECOND[kind.unit]))
    if pa.types.is_temporal(kind):
        return Cells(array.cast(pa.string()).to_pylist(), _moment)
    if pa.types.is_floating(kind):
        if kind.bit_width < 64:  # 9.1 would become 9.100000381469727
            array = array.cast(pa.string()).cast(pa.float64())
        return Cells(array.to_pylist(), partial(text_of, exact=EXACT[kind.bit_width]))
    return Cells(array.to_pylist(), text_of)


def _number(value: float, exact: int) -> str:
    if math.isnan(value):
        return ""
    if math.isinf(value):
        raise ValueError("an infinite number")
    if not value.is_integer():
        return repr(value)
    if abs(value) >= exact:
        raise ValueError(
            f"{value:.0f}, a number with more digits than its type can hold; store such numbers as "
            "integers or texts"
        )
    return str(int(value))


def _decoded(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"bytes that are not UTF-8 ({error})") from error


def _kind(value: object) -> str:
    return "a list or an object" if isinstance(value, list | tuple) else type(value).__name__


def _moment(text: str | None) -> str:
    """Return a date or time in the form of ISO 8601."""
    if text is None:
        return ""
    found = _MOMENT.fullmatch(text)
    if found is None:
        raise ValueError(f"a date out of range ({text})")
    date, both, time, fraction, hours, minutes, utc = found.group(
        "date", "both", "time", "fraction", "hours", "minutes", "utc"
    )
    zone = f"{hours}:{minutes}" if hours else utc
    parts = date, "T" if both else "", time, _fraction(fraction), zone
    return "".join(filter(None, parts))


def _duration(ticks: int | None, per_second: int) -> str:
    """Return a span of time in the form of ISO 8601."""
    if ticks is None:
        return ""
    seconds, rest = divmod(abs(ticks), per_second)
    digits = len(str(per_second)) - 1
    return f"{'-' * (ticks < 0)}PT{seconds}{_fraction(f'{rest:0{digits}}')}S"


def _fraction(digits: str | None) -> str:
    shown = (digits or "").rstrip("0")
    return f".{shown}" if shown else ""
