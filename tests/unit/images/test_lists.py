"""Tests of lists of photos in each of their formats."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from similar_images.core.errors import UserError
from similar_images.core.file_formats import write_csv
from similar_images.images.lists import ListRow, addresses, check_remote, read

ROWS: list[dict[str, Any]] = [
    {"image": "b.jpg", "label": "boots", "price": 9.5},
    {"image": "https://shop.example/a.jpg", "label": None, "price": None},
]
# é as one character, and as two.
NFC, NFD = "\u00e9", "e\u0301"
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
    address = "https://shop.example/a.jpg"
    rows = read(write(tmp_path, ROWS), ["price"])
    first, second = (row.place for row in rows)
    assert rows == [
        ListRow("b.jpg", None, "boots", first, ("9.5",)),
        ListRow(address, address, None, second, ("",)),
    ]
    assert (first, second) in [("line 2", "line 3"), ("row 1", "row 2"), ("line 1", "line 2")]


@FORMATS
@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"image": "a.jpg", "label": "x"}] * 2, r"(line|row) \d: a\.jpg is in the list"),
        ([{"image": "", "label": "x"}], r"(line|row) \d: the image is empty"),
        ([{"image": "a.jpg", "class": "x"}], "the column label is missing"),
        ([{"image": "https://a.example/1#a", "label": "x"},
          {"image": "https://a.example/1#b", "label": "x"}], "https://a.example/1 is in the list"),
    ],
)  # fmt: skip
def test_a_wrong_list_of_each_format_is_refused_with_its_place(
    tmp_path: Path, write: Writer, rows: list[dict[str, Any]], message: str
) -> None:
    with pytest.raises(UserError, match=rf"list\.\w+.*{message}"):
        read(write(tmp_path, rows))


@FORMATS
def test_an_extra_column_that_is_not_there_is_reported(tmp_path: Path, write: Writer) -> None:
    with pytest.raises(UserError, match="the column product_id is missing"):
        read(write(tmp_path, ROWS), ["product_id"])


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        (
            "a.jsonl",
            b'{"image": "a.jpg"}\n\n{',
            r"line 3: .* \(Expecting property name",
        ),
        ("a.jsonl", b"[1]", r"line 1: not a JSON object \(another value\)\. Write one"),
        ("a.ndjson", b'{"image": "\xff"}', "line 1: the byte 0xff .* JSON lines in UTF-8"),
        ("a.jsonl", b'{"image": "\\ud800", "label": ""}', "line 1: not a JSON object .*surrogates"),
        ("a.jsonl", b"[" * 100_000, "line 1: not a JSON object"),
        ("a.parquet", b"PAR1", "not a Parquet file"),
        (
            "a.csv",
            b"image,label\n\xfc,x",
            "line 2: the byte 0xfc .* as .CSV UTF-8.",
        ),
    ],
)
def test_what_is_not_of_its_format_is_refused(
    tmp_path: Path, name: str, data: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(UserError, match=rf"{name}.*{message}"):
        read(tmp_path / name)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        # An open quotation mark takes in the lines below it, until the next one closes it.
        ('image,label\na.jpg,"boots\nb.jpg,boots\nc.jpg,hats\n', "line 2: not a row"),
        ('image,label\na.jpg,"boots\nb.jpg,boots\nc.jpg,"hats\n', "line 2: not a row"),
        ('image,label\n\n"a\nb.jpg",x\n"c.jpg,x\n', "line 5: not a row"),
        ('image,"label\na.jpg,boots\n', "line 1: not a row"),
        ('image,label\na.jpg,x\nb.jpg,"boots\nc.jpg,boots"\n', "line 3: cell 2 contains the rows"),
        ('image,label\n"a.jpg,x\nb.PNG,x\nc.jpg",x\n', "line 2: cell 1 contains the rows"),
        (
            'label,image,size\nx,a.jpg,"39\nx,b.jpg,40\nx,c.jpg,41"\n',
            "line 2: cell 3 contains the rows",
        ),
        (
            'size,image,label\r\n"39,a.jpg,x\r\n40",https://shop.example/4711,x\r\n',
            "line 2: cell 1 contains the rows",
        ),
        # A comma too many or too few.
        ("image,label\na.jpg,Boots, ankle\n", "line 2: cells: 3; allowed: 2.*quotation marks"),
        ("image,label,size\na.jpg,x,1\nb.jpg,x\n", "line 3: cells: 2; allowed: 3"),
        ("image,label\na.jpg,x\n,,\n", "line 3: cells: 3; allowed: 2"),
        # Two columns of one name.
        ("image,label,label\na.jpg,x,y\n", "line 1: the columns 2 and 3 are both called label"),
        ("image,label,size, label\na.jpg,x,1,y\n", "line 1: the columns 2 and 4 are both called"),
        (
            "size,image,label,size\n1,a.jpg,x,2\n",
            "line 1: the columns 1 and 4 are both called size",
        ),
    ],
)
def test_a_csv_of_which_rows_or_labels_would_be_lost_is_refused_with_its_line(
    tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / "list.csv").write_bytes(text.encode())
    with pytest.raises(UserError, match=rf"list\.csv, {message}"):
        read(tmp_path / "list.csv")


def test_a_csv_may_have_long_texts_of_several_lines_and_columns_without_a_name(
    tmp_path: Path,
) -> None:
    long = "Warm,\nsoft, 5.5\nand " + "dry " * 50_000
    (tmp_path / "list.csv").write_text(
        f'image,label,body,,\na.jpg,x,"{long}",,\n\nb.jpg,"Boots, ankle","5""",,\n\n'
    )
    assert read(tmp_path / "list.csv", ["body"]) == [
        ListRow("a.jpg", None, "x", "line 2", (long,)),
        ListRow("b.jpg", None, "Boots, ankle", "line 6", ('5"',)),
    ]


def test_a_key_or_a_column_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(
        '{"image": "a.jpg", "label": "x"}\n{"image": "b.jpg", "label": "x", "label": "y"}\n'
    )
    with pytest.raises(UserError, match=r"a\.jsonl, line 2: .* 2 and 3 are both called label"):
        read(tmp_path / "a.jsonl")
    table = pa.table([["a.jpg"], ["x"], ["y"]], names=["image", "label", "label "])
    pq.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(UserError, match=r"a\.parquet: .* 2 and 3 are both called label"):
        read(tmp_path / "a.parquet")


def test_what_a_csv_of_ours_writes_before_a_formula_is_taken_off_again(tmp_path: Path) -> None:
    write_csv(tmp_path / "list.csv", ["image", "label", "-id"], [["=a.jpg", "-20%", "@home"]])
    assert "'-20%" in (tmp_path / "list.csv").read_text()
    assert read(tmp_path / "list.csv", ["-id"]) == [
        ListRow("=a.jpg", None, "-20%", "line 2", ("@home",))
    ]


@FORMATS
def test_labels_and_the_names_of_columns_are_found_in_any_unicode_form(
    tmp_path: Path, write: Writer
) -> None:
    rows = [{"image": "1.jpg", "label": f"{NFD} ", f"Gr{NFD}": "7"}]
    (found,) = read(write(tmp_path, rows), [f"Gr{NFC}"])
    assert (found.label, found.extra_columns) == (NFC, ("7",))
    rows = [{"image": "1.jpg", "label": "x", NFC: "7", NFD: "8"}]
    with pytest.raises(UserError, match=rf"the columns 3 and 4 are both called {NFC}"):
        read(write(tmp_path, rows))


@FORMATS
@pytest.mark.parametrize("label", ["", " ", "\t ", "\u200b", " \u2060\ufeff "])
def test_a_label_of_which_nothing_can_be_seen_is_none(
    tmp_path: Path, write: Writer, label: str
) -> None:
    (found,) = read(write(tmp_path, [{"image": "1.jpg", "label": label}]))
    assert found.label is None


@FORMATS
@pytest.mark.parametrize("label", ["a\0b", "a\tb", "\x01", "a\x7f", "a\uffff"])
def test_a_label_with_a_control_character_is_refused_with_its_place(
    tmp_path: Path, write: Writer, label: str
) -> None:
    rows = [{"image": "1.jpg", "label": "boots"}, {"image": "2.jpg", "label": label}]
    with pytest.raises(UserError, match=r"list\.\w+, (line [23]|row 2): .* control character"):
        read(write(tmp_path, rows))


def test_a_label_of_several_lines_is_refused_with_the_line_it_begins_in(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text('image,label\n1,"x\n2,x\n3"\n4,x\n')
    with pytest.raises(UserError, match=r"list\.csv, line 2: the class has a control character"):
        read(tmp_path / "list.csv")


def test_the_addresses_of_lists_are_found_and_folders_and_buckets_have_none(tmp_path: Path) -> None:
    listed = str(csv_of(tmp_path, ROWS))
    found = addresses([listed, str(tmp_path), "s3://shop/photos"])
    assert list(found.values()) == ["https://shop.example/a.jpg"]


def test_photos_that_only_one_machine_sees_are_reported(tmp_path: Path) -> None:
    check_remote("s3://shop/catalogue")
    check_remote(str(csv_of(tmp_path, ROWS[1:])))
    with pytest.raises(
        UserError, match=r"list\.csv: b\.jpg is a file, which .* Name only addresses"
    ):
        check_remote(str(csv_of(tmp_path, ROWS)))
    with pytest.raises(
        UserError, match=r"is on this computer, and .* Put the photos into a bucket"
    ):
        check_remote(str(tmp_path))


@pytest.mark.parametrize(
    "image",
    [
        *(" https://cdn.example.com/1.jpg?sig=SECRET", "//cdn.example.com/1.jpg?sig=SECRET"),
        *("https:/cdn.example.com/1.jpg?sig=SECRET", "\thttp://u:SECRET@cdn.example.com/1.jpg"),
    ],
)
def test_what_is_meant_for_an_address_is_refused_without_showing_its_query(
    tmp_path: Path, image: str
) -> None:
    path = tmp_path / "list.csv"
    path.write_text(f"image,label\na.jpg,boots\n{image},boots\n")
    with pytest.raises(UserError, match="line 3: the image looks like an address") as refused:
        read(path)
    assert "SECRET" not in str(refused.value)


CASES = Path(__file__).parents[4] / "shared" / "cases" / "lists"


@pytest.mark.skipif(not CASES.is_dir(), reason="the folder of small real-world lists is missing")
@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("open-quote.csv", "line 2"),
        ("comma-in-label.csv", "line 2"),
        ("label-twice.csv", "columns 2 and 3"),
    ],
)
def test_a_damaged_list_as_people_have_it_is_refused_with_its_place(name: str, place: str) -> None:
    with pytest.raises(UserError) as refused:
        read(CASES / name)
    assert str(CASES / name) in str(refused.value)
    assert place in str(refused.value)


@pytest.mark.skipif(not CASES.is_dir(), reason="the folder of small real-world lists is missing")
def test_a_long_description_as_people_have_it_is_read() -> None:
    (first, *_) = read(CASES / "long-field.csv", ["body"])
    assert len(first.extra_columns[0]) > 131_072
