"""Tests of lists of photos in each of their formats."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from similar_images.base.errors import UserError
from similar_images.photos.lists import Listed, addresses, check_elsewhere, read

ROWS = [
    {"image": "b.jpg", "label": "boots", "price": 9.5},
    {"image": "https://shop.example/a.jpg", "label": None, "price": None},
]
Writer = Callable[[Path, list[dict[str, Any]]], Path]


def csv_of(folder: Path, rows: list[dict[str, Any]]) -> Path:
    path = folder / "list.csv"
    cells = [",".join("" if cell is None else str(cell) for cell in row.values()) for row in rows]
    path.write_text("\n".join([",".join(rows[0]), *cells]))
    return path


def parquet_of(folder: Path, rows: list[dict[str, Any]]) -> Path:
    path = folder / "list.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def json_lines_of(folder: Path, rows: list[dict[str, Any]]) -> Path:
    path = folder / "list.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)) + "\n\n")
    return path


FORMATS = pytest.mark.parametrize("write", [csv_of, parquet_of, json_lines_of])


@FORMATS
def test_a_list_of_each_format_gives_the_same_rows_sorted(tmp_path: Path, write: Writer) -> None:
    assert read(write(tmp_path, ROWS), ["price"]) == [
        Listed("b.jpg", None, "boots", ("9.5",)),
        Listed("https://shop.example/a.jpg", "https://shop.example/a.jpg", None, ("",)),
    ]


@FORMATS
@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"image": "a.jpg", "label": "x"}] * 2, r"(line|row) \d: a\.jpg stands in the list"),
        ([{"image": "", "label": "x"}], r"(line|row) \d: the image is empty"),
        ([{"image": "a.jpg", "class": "x"}], "the column label is missing"),
        ([{"image": "https://a.example/1#a", "label": "x"},
          {"image": "https://a.example/1#b", "label": "x"}], "https://a.example/1 stands in"),
    ],
)  # fmt: skip
def test_a_wrong_list_of_each_format_is_refused_with_its_place(
    tmp_path: Path, write: Writer, rows: list[dict[str, Any]], message: str
) -> None:
    with pytest.raises(UserError, match=rf"list\.\w+.*{message}"):
        read(write(tmp_path, rows))


@FORMATS
def test_a_further_column_that_is_not_there_is_told(tmp_path: Path, write: Writer) -> None:
    with pytest.raises(UserError, match="the column product_id is missing"):
        read(write(tmp_path, ROWS), ["product_id"])


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.jsonl", b"{", "not JSON lines in UTF-8"),
        ("a.jsonl", b"[1]", "line 1 is no object"),
        ("a.ndjson", b'{"image": "\xff"}', "not JSON lines in UTF-8"),
        ("a.jsonl", b'{"image": "\\ud800", "label": ""}', "not JSON lines in UTF-8"),
        ("a.jsonl", b"[" * 100_000, "not JSON lines"),
        ("a.parquet", b"PAR1", "not a Parquet file"),
        ("a.csv", b"image,label\n\xff,x", "not a CSV file in UTF-8"),
    ],
)
def test_what_is_not_of_its_format_is_refused(
    tmp_path: Path, name: str, data: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(UserError, match=rf"{name}: .*{message}"):
        read(tmp_path / name)


def test_the_addresses_of_lists_are_found_and_folders_and_buckets_have_none(tmp_path: Path) -> None:
    listed = str(csv_of(tmp_path, ROWS))
    found = addresses([listed, str(tmp_path), "s3://shop/photos"])
    assert list(found.values()) == ["https://shop.example/a.jpg"]


def test_photos_that_only_one_machine_sees_are_told(tmp_path: Path) -> None:
    check_elsewhere("s3://shop/catalogue")
    check_elsewhere(str(csv_of(tmp_path, ROWS[1:])))
    with pytest.raises(
        UserError, match=r"list\.csv: b\.jpg is a file, which .* Name only addresses"
    ):
        check_elsewhere(str(csv_of(tmp_path, ROWS)))
    with pytest.raises(UserError, match=r"is a folder, which .* Put the photos into a bucket"):
        check_elsewhere(str(tmp_path))
