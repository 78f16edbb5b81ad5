"""Tests of what typed values in lists mean as text."""

import datetime
import json
import re
import subprocess
import sys
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from similar_images.core import job
from similar_images.core.errors import UserError
from similar_images.lists.lists import read

SCRIPTS = Path(job.__file__).parents[2]
HIDDEN = {
    "a job": "from similar_images.core import job; hiding = job.hidden(job.HIDDEN)\n"
    "hiding.__enter__()\n",
    "the Snakefile": "sys.modules.setdefault('pandas', None)\n",
}


def parquet(path: Path, column: pa.Array) -> Path:
    rows = len(column)
    table = {"image": [f"{n}.jpg" for n in range(rows)], "label": ["x"] * rows, "value": column}
    pq.write_table(pa.table(table), path / "list.parquet")
    return path / "list.parquet"


def json_lines(path: Path, *values: str) -> Path:
    rows = [f'{{"image": "{n}.jpg", "label": "x", "value": {v}}}' for n, v in enumerate(values)]
    (path / "list.jsonl").write_text("\n".join(rows))
    return path / "list.jsonl"


def texts(path: Path) -> list[str]:
    return [row.extra_columns[0] for row in read(path, ["value"]).rows]


MOMENTS: dict[str, tuple[pa.Array, list[str]]] = {
    "nanoseconds": (
        pa.array([1_700_000_000_123_456_789, -1, None], pa.timestamp("ns")),
        ["2023-11-14T22:13:20.123456789", "1969-12-31T23:59:59.999999999", ""],
    ),
    "whole seconds": (pa.array([0, 1_500_000], pa.timestamp("us")),
                      ["1970-01-01T00:00:00", "1970-01-01T00:00:01.5"]),
    "universal time": (pa.array([0], pa.timestamp("ms", "UTC")), ["1970-01-01T00:00:00Z"]),
    "an offset": (pa.array([0], pa.timestamp("s", "-03:30")), ["1969-12-31T20:30:00-03:30"]),
    "a zone": (
        pa.array([1_700_000_000, 1_720_000_000], pa.timestamp("s", "Europe/Berlin")),
        ["2023-11-14T23:13:20+01:00", "2024-07-03T11:46:40+02:00"],
    ),
    "dates": (pa.array([datetime.date(2024, 2, 29), None]), ["2024-02-29", ""]),
    "dates in milliseconds": (pa.array([86_400_000], pa.date64()), ["1970-01-02"]),
    "times": (pa.array([1, 3_600_000_000_000], pa.time64("ns")),
              ["00:00:00.000000001", "01:00:00"]),
    "spans": (
        pa.array([90_061_500_000_000, -1, 0, None], pa.duration("ns")),
        ["PT90061.5S", "-PT0.000000001S", "PT0S", ""],
    ),
    "whole spans": (pa.array([3], pa.duration("s")), ["PT3S"]),
}  # fmt: skip


@pytest.mark.parametrize("hidden", HIDDEN)
def test_dates_and_times_are_iso_texts_where_pandas_is_hidden(tmp_path: Path, hidden: str) -> None:
    for name, (column, _) in MOMENTS.items():
        (tmp_path / name).mkdir()
        parquet(tmp_path / name, column)
    code = (
        "import json, sys; from pathlib import Path\n"
        f"{HIDDEN[hidden]}"
        "from similar_images.lists.lists import read\n"
        "files = Path(sys.argv[1]).glob('*/list.parquet')\n"
        "values = lambda file: [row.extra_columns[0] for row in read(file, ['value']).rows]\n"
        "print(json.dumps({file.parent.name: values(file) for file in files}))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], cwd=SCRIPTS, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout) == {name: expected for name, (_, expected) in MOMENTS.items()}


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array([b"boots", "é".encode(), None]), ["boots", "é", ""]),
        (pa.array([b"ab"], pa.binary(2)), ["ab"]),
        (pa.array([b"boots"], pa.large_binary()), ["boots"]),
        (pa.array(["boots", None], pa.large_string()), ["boots", ""]),
        (pa.array(["boots"], pa.string_view()), ["boots"]),
        (pa.array(["boots", None, "hats", "boots"]).dictionary_encode(),
         ["boots", "", "hats", "boots"]),
        (pa.array([4711, None]), ["4711", ""]),
        (pa.array([2**64 - 1], pa.uint64()), ["18446744073709551615"]),
        # As pandas stores integers of which one is missing.
        (pa.array([4711.0, None, float("nan"), -3.0]), ["4711", "", "", "-3"]),
        (pa.array([9.5, 1e-7, 0.1]), ["9.5", "1e-07", "0.1"]),
        (pa.array([9.1, 4711.0, None], pa.float32()), ["9.1", "4711", ""]),
        (pa.array([0.5, 2.0], pa.float16()), ["0.5", "2"]),
        (pa.array([2.0**53 - 1]), ["9007199254740991"]),
        (pa.array([Decimal("9.50"), Decimal("10.00"), None]), ["9.50", "10", ""]),
        (pa.array([Decimal(12345678901234567890123456789012345678)], pa.decimal128(38, 0)),
         ["12345678901234567890123456789012345678"]),
        (pa.array([4700, None]).cast(pa.decimal128(38, 10)), ["4700", ""]),
        (pa.array([True, False, None]), ["true", "false", ""]),
        (pa.nulls(2), ["", ""]),
        (pa.array([uuid.UUID(int=1).bytes], pa.uuid()), ["00000000-0000-0000-0000-000000000001"]),
    ],
)  # fmt: skip
def test_a_value_of_parquet_is_read_as_what_it_means(
    tmp_path: Path, column: Any, expected: list[str]
) -> None:
    assert texts(parquet(tmp_path, column)) == expected


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (pa.array([b"x", b"\xff"]), "row 2, column value: bytes that are not UTF-8"),
        (pa.array([1.5, float("inf")]), "row 2, column value: an infinite number"),
        (pa.array([1.0, 2.0**53]), "row 2, column value: 9007199254740992, a number with more"),
        (pa.array([1.0, 2.0**24], pa.float32()), "row 2, column value: 16777216, a number with"),
        (pa.array([0, 2**30], pa.date32()), "row 2, column value: a date out of range"),
    ],
)  # fmt: skip
def test_a_value_of_parquet_that_would_be_misread_is_a_fault_of_its_row(
    tmp_path: Path, column: Any, message: str
) -> None:
    good, bad = read(parquet(tmp_path, column), ["value"]).rows
    assert (good.fault, good.extra_columns != ("",)) == (None, True)
    assert (bad.image, bad.label, bad.place) == ("1.jpg", None, "row 2")
    assert re.match(message, f"{bad.place}, {bad.fault}")


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (pa.array([["x"]]), r"column value: values of the type list<.*allowed: texts, numbers"),
        (pa.array([{"x": 1}]), r"column value: values of the type struct<"),
        (pa.array([[("x", 1)]], pa.map_(pa.string(), pa.int64())), r"column value: .* map<"),
    ],
)
def test_a_column_of_parquet_that_has_no_texts_is_refused(
    tmp_path: Path, column: Any, message: str
) -> None:
    with pytest.raises(UserError, match=rf"list\.parquet, {message}"):
        read(parquet(tmp_path, column), ["value"])


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('"boots"', "boots"), ("null", ""), ("NaN", ""), ("4711", "4711"), ("4711.0", "4711"),
        ("-0.0", "0"), ("9.50", "9.5"), ("12345678901234567890", "12345678901234567890"),
        ("true", "true"),
    ],
)  # fmt: skip
def test_a_value_of_json_is_read_as_what_it_means(
    tmp_path: Path, value: str, expected: str
) -> None:
    assert texts(json_lines(tmp_path, value)) == [expected]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ('["x"]', "a list or an object; allowed: a text, a number"),
        ('{"x": "y"}', "a list or an object; allowed: a text, a number"),
        ("Infinity", "an infinite number"),
        ("1e999", "an infinite number"),
        ("12345678901234567.0", "12345678901234568, a number with more digits"),
    ],
)
def test_a_value_of_json_that_would_be_misread_is_a_fault_of_its_row(
    tmp_path: Path, value: str, message: str
) -> None:
    good, bad = read(json_lines(tmp_path, '"x"', value), ["value"]).rows
    assert (good.fault, good.extra_columns) == (None, ("x",))
    assert (bad.image, bad.label, bad.place) == ("1.jpg", None, "line 2")
    assert re.match(f"column value: {message}", str(bad.fault))


def test_a_missing_label_of_pandas_is_no_label_and_bytes_are_their_text(tmp_path: Path) -> None:
    table = {"image": [b"a.jpg", b"b.jpg"], "label": pa.array([None, 7.0])}
    pq.write_table(pa.table(table), tmp_path / "list.parquet")
    found = read(tmp_path / "list.parquet").rows
    assert [(row.image, row.label) for row in found] == [("a.jpg", None), ("b.jpg", "7")]
