"""Tests of lists of photos in each of their formats."""

import csv
import gzip
import json
import os
import re
import shutil
from collections.abc import Callable
from datetime import date, datetime
from io import StringIO
from pathlib import Path
from typing import Any, Literal

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from similar_images.core.errors import UserError
from similar_images.core.file_formats import true_text, write_csv
from similar_images.images.collection import scan
from similar_images.lists import dialect, lists
from similar_images.lists.lists import (
    ListRow,
    addresses,
    check_remote,
    images_in,
    part_of_label,
    read,
)
from similar_images.lists.sources import Source

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
    rows = read(write(tmp_path, ROWS), ["price"]).rows
    first, second = (row.place for row in rows)
    assert rows == [
        ListRow("b.jpg", None, "boots", first, ("9.5",), int(first[-1])),
        ListRow(address, address, None, second, ("",), int(second[-1])),
    ]
    assert (first, second) in [("line 2", "line 3"), ("row 1", "row 2"), ("line 1", "line 2")]


@FORMATS
def test_a_column_of_labels_is_required_only_for_a_catalogue(tmp_path: Path, write: Writer) -> None:
    path = write(tmp_path, [{"image": "a.jpg", "class": "x"}])
    (found,) = read(path).rows
    assert (found.image, found.label) == ("a.jpg", None)
    for setting in (str(path), {"list": str(path)}):
        with pytest.raises(UserError, match=r"the column label is missing.*: image, class\."):
            read(Source.of(setting, needs_label=True))


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
        ("a.ndjson", b'{"image": "\xff"}', "line 1: the byte 0xff .* JSON in UTF-8"),
        ("a.jsonl", b'{"image": "\\ud800", "label": ""}', "line 1: not a JSON object .*surrogates"),
        ("a.jsonl", b"[" * 100_000, "line 1: not a JSON object"),
        ("a.parquet", b"PAR1", "not a Parquet file"),
        ("a.csv", "image,label\nä,x\n".encode() + b"\xfc,x", "line 3: the byte 0xfc .* one enc"),
        ("a.csv", "image,label\nł,x\n".encode() + b"\xfc,x", "line 3: the byte 0xfc .* one enc"),
        ("a.csv", "image,label\n靴,x\n靴".encode()[:-1], "line 3: the byte 0xe9 .* one enc"),
        (
            "a.csv",
            "image,label\na,schnürer\n".encode("mac_roman"),
            "line 2: the byte 0x9f .* UTF-16",
        ),
        ("a.csv", b"image,label\n\x81,x", "line 2: the byte 0x81 .* as .CSV UTF-8."),
        (
            "a.xls",
            b"\xd0\xcf\x11\xe0\x00\x00",
            r"it is an \.xls file, .*save it as an Excel workbook",
        ),
        ("a.csv", "image,label\na,x".encode("utf-16-le"), "bytes that no text has"),
        ("a.xlsx", b"PK\x03\x04", "damaged .*save it as an Excel workbook"),
        ("a.csv.gz", b"image,label", "not packed by gzip"),
        ("a.json", b'[{"image": "a.jpg"}', "not an array of JSON"),
        ("feed.xml", b"<rss>", r"XML is not read\. Export the feed as text \(tab-separated\)"),
        ("a.ods", b"PK\x03\x04", r"Save it as \.xlsx or \.csv"),
        ("a.json", b'["a.jpg"]', r"row 1: not a JSON object \(another value\)"),
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
        # Some of the rows that are taken in have no image.
        (
            "handle,title,body,label,image,sku\nh0,T,fine,boots,a.jpg,S0\n"
            'h1,T,"Great shoe,boots,q/b15.jpg,S1\nh2,T,fine,boots,q/b16.jpg,S2\n'
            'h2,,,,,S3\nh3,T,size 24",sandals,q/s15.jpg,S4\n',
            "line 3: cell 3 contains the rows",
        ),
        (
            'image,label,size\na.jpg,boots,"24\n,,25\nb.jpg,boots,26\n,,27"\n',
            "line 2: cell 3 contains the rows",
        ),
        # A comma too many or too few.
        ("image,label\na.jpg,Boots, ankle\n", "line 2: cells: 3; allowed: 2.*quotation marks"),
        ("image,label,size\na.jpg,x,1\nb.jpg,x\n", "line 3: cells: 2; allowed: 3"),
        ("image;label\na.jpg;x;\n", "line 2: cells: 3; .* A text with a semicolon needs"),
        ('sep=;\nimage;label\na.jpg;"x\n', "line 3: not a row"),
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
    assert read(tmp_path / "list.csv", ["body"]).rows == [
        ListRow("a.jpg", None, "x", "line 2", (long,), 2),
        # A spreadsheet shows it in row 4: the text above has three lines, and one row is empty.
        ListRow("b.jpg", None, "Boots, ankle", "line 6", ('5"',), 4),
    ]


@pytest.mark.parametrize(
    "row",
    [
        # As many commas as a row has, in its first line, its last line or between them.
        'a.jpg,x,"Warm\nSoft, light, dry\nand, it, lasts",1\n',
        'a.jpg,x,"Warm, soft\nGood, light\nnew.",1\n',
        '"a.jpg\nb.jpg",x,"See shop.example, or\nwrite to us, at shop.example",1\n',
        'a.jpg,x,"<ul>\n<li>38, 39, 40, 41</li>\n<img src=""c.jpg"">\n</ul>",1\n',
    ],
)
def test_a_text_of_several_lines_with_commas_is_read(tmp_path: Path, row: str) -> None:
    (tmp_path / "list.csv").write_text(f"image,label,body,size\n{row}")
    (found, *_) = read(tmp_path / "list.csv").rows
    assert (found.image, found.label) == ("a.jpg", "x")


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
    assert read(tmp_path / "list.csv", ["-id"]).rows == [
        ListRow("=a.jpg", None, "-20%", "line 2", ("@home",), 2)
    ]


@pytest.mark.parametrize("label", ['"boots, ankle"', '  "boots, ankle"'])
def test_a_cell_in_quotation_marks_may_have_spaces_before_them(tmp_path: Path, label: str) -> None:
    (tmp_path / "list.csv").write_text(f"image, label\n\"a.jpg\",{label}\nb.jpg, 'x'\n")
    (tmp_path / "list.tsv").write_text(f"image\tlabel\na.jpg\t{label.strip()}\nb.jpg\t'x'\n")
    for name in ("list.csv", "list.tsv"):
        assert [row.label for row in read(tmp_path / name).rows] == ["boots, ankle", "'x'"]


@FORMATS
def test_labels_and_the_names_of_columns_are_found_in_any_unicode_form(
    tmp_path: Path, write: Writer
) -> None:
    rows = [{"image": "1.jpg", "label": f"{NFD} ", f"Gr{NFD}": "7"}]
    (found,) = read(write(tmp_path, rows), [f"Gr{NFC}"]).rows
    assert (found.label, found.extra_columns) == (NFC, ("7",))
    rows = [{"image": "1.jpg", "label": "x", NFC: "7", NFD: "8"}]
    with pytest.raises(UserError, match=rf"the columns 3 and 4 are both called {NFC}"):
        read(write(tmp_path, rows))


@FORMATS
@pytest.mark.parametrize("label", ["", " ", "\t ", "\u200b", " \u2060\ufeff "])
def test_a_label_of_which_nothing_can_be_seen_is_none(
    tmp_path: Path, write: Writer, label: str
) -> None:
    (found,) = read(write(tmp_path, [{"image": "1.jpg", "label": label}])).rows
    assert found.label is None


@FORMATS
@pytest.mark.parametrize("label", ["a\0b", "a\tb", "\x01", "a\x7f", "a\uffff"])
def test_a_label_with_a_control_character_is_a_fault_of_its_row(
    tmp_path: Path, write: Writer, label: str
) -> None:
    rows = [{"image": "1.jpg", "label": "boots"}, {"image": "2.jpg", "label": label}]
    good, bad = read(write(tmp_path, rows)).rows
    assert (good.label, good.fault) == ("boots", None)
    assert (bad.image, bad.label) == ("2.jpg", None)
    assert "control character" in str(bad.fault)


def test_a_label_of_several_lines_is_a_fault_of_the_line_it_begins_in(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text('image,label\n1,"x\n2,x\n3"\n4,x\n')
    first, second = read(tmp_path / "list.csv").rows
    assert (first.place, second.place, second.fault) == ("line 2", "line 5", None)
    assert "control character" in str(first.fault)


def test_the_addresses_of_lists_are_found_and_folders_and_buckets_have_none(tmp_path: Path) -> None:
    listed = str(csv_of(tmp_path, ROWS))
    for setting in (listed, {"list": listed}):
        found = addresses([setting, str(tmp_path), "s3://shop/photos"])
        assert list(found.values()) == ["https://shop.example/a.jpg"]


def test_photos_that_only_one_machine_sees_are_reported(tmp_path: Path) -> None:
    check_remote("s3://shop/catalogue")
    check_remote(str(csv_of(tmp_path, ROWS[1:])))
    with pytest.raises(
        UserError, match=r"list\.csv: b\.jpg is a file, which .* Name only addresses"
    ):
        check_remote(str(csv_of(tmp_path, ROWS)))
    with pytest.raises(UserError, match=r"list\.csv: b\.jpg is a file"):
        check_remote({"list": str(csv_of(tmp_path, ROWS))})
    with pytest.raises(
        UserError, match=r"is on this computer, and .* Put the photos into a bucket"
    ):
        check_remote(str(tmp_path))


@pytest.mark.parametrize("image", ["https:/cdn.example.com/1.jpg?sig=SECRET", "S3:/b/SECRET"])
def test_what_is_meant_for_an_address_is_a_fault_that_does_not_show_its_query(
    tmp_path: Path, image: str
) -> None:
    path = tmp_path / "list.csv"
    path.write_text(f"image,label\na.jpg,boots\n{image},boots\n")
    good, bad = read(path).rows
    assert (good.image, bad.image) == ("a.jpg", "list.csv, line 3")
    assert "looks like an address" in str(bad.fault)
    assert "SECRET" not in str(bad)


@pytest.mark.parametrize(
    ("cell", "name"),
    [
        ("cdn.example.com/a.jpg?sig=SECRET", "cdn.example.com/a.jpg"),
        ("/img/o.jpg?sig=SECRET", "/img/o.jpg"),
        ("user:SECRET@cdn.example.com/a.jpg", "cdn.example.com/a.jpg"),
        ("<https://user:SECRET@x.example/a.jpg?s=SECRET>", "x.example/a.jpg"),
        ("'https://x.example/a.jpg?s=SECRET'", "'https://x.example/a.jpg"),
        ('=HYPERLINK("https://x.example/a.jpg?s=SECRET")', '=HYPERLINK("https://x.example/a.jpg'),
        ("https//x.example/a.jpg?s=SECRET", "https//x.example/a.jpg"),
        ("https:\\\\x.example\\a.jpg?s=SECRET", "https:\\\\x.example\\a.jpg"),
        ('{"src": "https://x.example/a.jpg?s=SECRET"}', '{"src": "https://x.example/a.jpg'),
        ("a.jpg?s=SECRET, u:SECRET@x.example/b.jpg", "a.jpg"),
    ],
)
def test_what_may_hide_a_secret_and_is_no_file_is_a_fault_without_it(
    tmp_path: Path, cell: str, name: str
) -> None:
    (tmp_path / "b.jpg").write_bytes(b"1")
    path = tmp_path / "list.jsonl"
    path.write_text(json.dumps({"image": cell}) + '\n{"image": "b.jpg"}\n')
    bad, good = sorted(scan(str(path)), key=lambda one: one.row or 0)
    assert good.fault is None
    assert re.fullmatch(re.escape(name) + r"\?#[0-9a-f]{32}", bad.image)
    assert "no such file; if it is meant as an address" in str(bad.fault)
    assert "SECRET" not in str(bad)


def test_two_addresses_that_are_joined_show_no_secret(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text(
        "image\nhttps://x.example/a.jpghttps://user:SECRET@x.example/b.jpg?s=SECRET\n"
    )
    (found,) = read(tmp_path / "list.csv").rows
    assert "SECRET" not in found.image


def test_a_missing_image_of_two_sizes_keeps_its_name_and_a_file_may_have_any(
    tmp_path: Path,
) -> None:
    names = ["me@home/a?.jpg", "boots@2x.jpg"]
    (tmp_path / "me@home").mkdir()
    (tmp_path / names[0]).write_bytes(b"1")
    (tmp_path / "list.csv").write_text("\n".join(["image", *names]))
    found = {one.image: one.fault for one in scan(str(tmp_path / "list.csv"))}
    assert found[names[0]] is None
    assert "no such file" in str(found[names[1]]).lower()


@pytest.mark.parametrize(
    "image",
    [
        "\u200bhttps://cdn.example.com/1.jpg",
        "\u2060 https://cdn.example.com/1.jpg\ufeff",
        "['https://cdn.example.com/1.jpg']",
        " https://cdn.example.com/1.jpg ",
        "//cdn.example.com/1.jpg",
        "\thttps://cdn.example.com/1.jpg",
    ],
)
def test_an_address_needs_no_scheme_and_may_have_spaces_around_it(
    tmp_path: Path, image: str
) -> None:
    (tmp_path / "list.csv").write_text(f'image,label\n"{image}",boots\n')
    (found,) = read(tmp_path / "list.csv").rows
    assert found.address == "https://cdn.example.com/1.jpg"


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


# The presets of lists that are from shops, and what else their rows say.
PRESETS = {
    "shopify.csv": "shopify",
    "google-merchant.txt": "google-merchant",
    "woocommerce.csv": "woocommerce",
}
REJECTED = {
    "row-without-picture.csv": {"row-without-picture.csv, line 3": lists.NO_IMAGE},
    "shopify.csv": {"shopify.csv, line 4": lists.PRODUCT_HAS_IMAGE},
}
BOOTS = {"semicolon-cp1252.csv": "Schnürstiefel"}


@pytest.mark.skipif(not CASES.is_dir(), reason="the folder of small real-world lists is missing")
@pytest.mark.parametrize(
    "name",
    [
        *("array.json", "backslashes.csv", "excel-utf16.txt", "google-merchant.txt"),
        *("header-variants.csv", "long-field.csv", "row-without-picture.csv"),
        *("semicolon-cp1252.csv", "semicolon.csv", "sep-line.csv", "several-pictures.jsonl"),
        *("shopify.csv", "spaces.csv", "variants-share-a-picture.csv", "woocommerce.csv"),
    ],
)
def test_a_list_as_people_have_it_gives_its_photos(tmp_path: Path, name: str) -> None:
    folder = tmp_path / ("photos" if name == "backslashes.csv" else ".")
    folder.mkdir(exist_ok=True)
    for photo in "abcd":
        (folder / f"{photo}.jpg").write_bytes(photo.encode())
    path = shutil.copy(CASES / name, tmp_path)
    setting = {"list": str(path), "preset": PRESETS[name]} if name in PRESETS else str(path)
    entries = list(scan(Source.of(setting, needs_label=True)))
    boots = BOOTS.get(name, "boots")
    found = {Path(one.image).stem: one.label for one in entries if one.fault is None}
    assert found == {"a": boots, "b": boots, "c": "sandals", "d": "sandals"}
    assert {one.image: one.fault for one in entries if one.fault} == REJECTED.get(name, {})


@pytest.mark.skipif(not CASES.is_dir(), reason="the folder of small real-world lists is missing")
def test_queries_as_people_have_them_need_no_label_and_keep_their_ids() -> None:
    rows = read(CASES / "queries-without-label.csv", ["product_id"]).rows
    assert [(row.image, row.label, row.extra_columns) for row in rows] == [
        ("a.jpg", None, ("00123",)),
        ("b.jpg", None, ("1E5",)),
    ]


@pytest.mark.skipif(not CASES.is_dir(), reason="the folder of small real-world lists is missing")
def test_a_long_description_as_people_have_it_is_read() -> None:
    (first, *_) = read(CASES / "long-field.csv", ["body"]).rows
    assert len(first.extra_columns[0]) > 131_072


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("", []),
        (" a.jpg ", ["a.jpg"]),
        ("a.jpg, b.JPG,", ["a.jpg", "b.JPG"]),
        ("a.jpg; b.png", ["a.jpg", "b.png"]),
        ("a.jpg|b.png", ["a.jpg", "b.png"]),
        ("a.jpg\nb.png", ["a.jpg", "b.png"]),
        ("boots, brown.jpg", ["boots, brown.jpg"]),
        ("my boots.jpg copy.jpg", ["my boots.jpg copy.jpg"]),
        ("https://a.example/1 //b.example/2", ["https://a.example/1", "//b.example/2"]),
        ("https://a.example/w_1,h_2/a.jpg", ["https://a.example/w_1,h_2/a.jpg"]),
        ("https://a.example/1, https://a.example/2", ["https://a.example/1", "https://a.example/2"]),
        ('["a.jpg", " b, c.jpg"]', ["a.jpg", "b, c.jpg"]),
        ("['a.jpg', \"b's, c.jpg\"]", ["a.jpg", "b's, c.jpg"]),
        ("\u200ba.jpg,\ufeffb.jpg", ["a.jpg", "b.jpg"]),
        ("[1].jpg", ["[1].jpg"]),
        ("[]", []),
    ],
)  # fmt: skip
def test_a_cell_is_divided_only_where_each_part_is_an_image(cell: str, expected: list[str]) -> None:
    assert images_in(cell) == expected


@pytest.mark.parametrize(
    ("cell", "part", "expected"),
    [
        ("Shoes > boots", "whole", "Shoes > boots"),
        ("Shoes > boots", "last", "boots"),
        ("Outdoor, Swimming > Fins >", "last", "Fins"),
        ("boots", "last", "boots"),
        ("", "last", ""),
        ("Shoes, Shoes > boots, Sale", "deepest", "boots"),
        (r"Shoes > Boots\, ankle", "deepest", "Boots, ankle"),
    ],
)
def test_a_class_may_be_a_part_of_its_cell(cell: str, part: str, expected: str) -> None:
    assert part_of_label(cell, part) == expected


def test_columns_are_mapped_and_found_in_any_case_but_not_in_two(tmp_path: Path) -> None:
    path = tmp_path / "feed.txt"
    path.write_text("IMAGE_link\tMore\t Product_Type\tid\n1.jpg\t2.jpg\tA > boots\t7\n")
    setting = {"list": str(path), "image": ["image_link", "more"], "label": "product_type"}
    found = read(setting | {"label_part": "last", "product": "ID"}, ["id"]).rows
    assert [(row.image, row.label, row.extra_columns) for row in found] == [
        ("1.jpg", "boots", ("7",)),
        ("2.jpg", "boots", ("7",)),
    ]
    with pytest.raises(UserError, match=r"column pictures is missing\. Its columns: IMAGE_link, M"):
        read(setting | {"image": ["image_link", "pictures"]})
    path.write_text("Image,IMAGE,label\n1.jpg,2.jpg,x\n")
    with pytest.raises(UserError, match=r"Image \(column 1\) and IMAGE \(column 2\) could both"):
        read(path)


def test_what_a_product_s_rows_leave_empty_is_that_of_its_first_row(tmp_path: Path) -> None:
    path = tmp_path / "shop.csv"
    path.write_text(
        "Handle,Title,Type,Image Src\n"
        "b,Boot,boots,1.jpg\ns,Sandal,sandals,2.jpg\nb,,,3.jpg\n,,hats,4.jpg\n,,,5.jpg\n"
    )
    rows = read({"list": str(path), "preset": "shopify"}, ["Title", "Handle"]).rows
    assert [(row.image, row.label, row.extra_columns) for row in rows] == [
        ("1.jpg", "boots", ("Boot", "b")),
        ("2.jpg", "sandals", ("Sandal", "s")),
        ("3.jpg", "boots", ("Boot", "b")),
        ("4.jpg", "hats", ("", "")),
        ("5.jpg", None, ("", "")),
    ]


def test_a_setting_that_is_mapped_wins_over_its_preset(tmp_path: Path) -> None:
    source = Source.of({"list": "a.csv", "preset": "woocommerce", "product": None, "label": "Type"})
    assert (source.image, source.label, source.product) == (("Images",), "Type", None)
    assert source.label_part == "deepest"
    with pytest.raises(UserError, match="a list must be a file on this computer"):
        Source.of({"list": "https://shop.example/feed.csv?key=1"})


def test_a_workbook_is_read_with_its_ids_dates_and_sheets(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["read me"])
    sheet = book.create_sheet("Products")
    sheet.append([None, "Image ", "label", "id", "since"])
    sheet.append([])
    sheet.append([1, "a.jpg", "boots", "00123", date(2026, 1, 31)])
    sheet.append([2, "b.jpg", 7.0, 4711, datetime(2026, 1, 31, 12, 30)])
    book.save(tmp_path / "list.xlsx")
    setting = {"list": str(tmp_path / "list.xlsx"), "sheet": "Products"}
    rows, description = read(setting, ["id", "since"])
    assert description == "list.xlsx: 2 rows, the sheet Products"
    assert [(row.image, row.label, row.place, row.extra_columns) for row in rows] == [
        ("a.jpg", "boots", "row 3", ("00123", "2026-01-31")),
        ("b.jpg", "7", "row 4", ("4711", "2026-01-31T12:30:00")),
    ]
    with pytest.raises(UserError, match=r"no sheet X\. Its sheets are Sheet, Products"):
        read(setting | {"sheet": "X"})
    with pytest.raises(UserError, match=r"column image is missing\. Its columns: read me"):
        read(tmp_path / "list.xlsx")


def test_an_error_in_a_workbook_is_a_fault_of_its_row_and_no_class(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (["image", "label"], ["a.jpg", "#N/A"], ["#REF!", "boots"], ["b.jpg", "#1"]):
        book.active.append(row)
    book.save(tmp_path / "list.xlsx")
    found = {row.row: (row.label, str(row.fault)) for row in read(tmp_path / "list.xlsx").rows}
    assert found[2] == (
        None,
        "column label: the error #N/A; correct the formula, or write the value",
    )
    assert "column image: the error #REF!" in found[3][1]
    assert found[4] == ("#1", "None")


def test_missing_columns_are_named_once_with_the_preset_and_what_helps(tmp_path: Path) -> None:
    listed = tmp_path / "list.csv"
    listed.write_text("a.jpg,boots\n")
    shop = {"list": str(listed), "preset": "shopify", "product": "Handle"}
    with pytest.raises(UserError) as refused:
        read(Source.of(shop), ["Handle"])
    assert "the columns Handle and Image Src are missing. Its columns: a.jpg, boots" in str(
        refused.value
    )
    assert "The first row of a list must have the names of its columns." in str(refused.value)
    assert str(refused.value).endswith("The preset is shopify.")
    listed.write_text("image,boots\n")
    with pytest.raises(UserError, match="the column label is missing") as refused:
        read(Source.of(str(listed), needs_label=True))
    assert "first row" not in str(refused.value)


def test_if_the_first_sheet_is_no_list_the_others_are_named(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.title = "About"
    book.active.append(["Shoes of 2024"])
    book.create_sheet("Shoes").append(["image"])
    book.save(tmp_path / "list.xlsx")
    with pytest.raises(UserError, match=r"sheet About; to read another one \(Shoes\), name it"):
        read(tmp_path / "list.xlsx")


def test_the_columns_of_google_may_have_spaces(tmp_path: Path) -> None:
    (tmp_path / "feed.txt").write_text(
        "id\timage link\tAdditional image link\tproduct type\n1\ta.jpg\tb.jpg\tShoes > boots\n"
    )
    rows = read({"list": str(tmp_path / "feed.txt"), "preset": "google-merchant"}).rows
    assert [(row.image, row.label) for row in rows] == [("a.jpg", "boots"), ("b.jpg", "boots")]


def test_a_pipe_is_refused_as_a_list(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "list.csv")
    with pytest.raises(UserError, match="not a file, but a device or a pipe"):
        read({"list": str(tmp_path / "list.csv")})


def test_a_folder_of_parquet_is_one_list_with_several_images_in_a_row(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    for n, images in enumerate([["a.jpg", "b.jpg"], ["c.jpg"]]):
        table = pa.table({"image": [images], "label": ["boots"]})
        pq.write_table(table, tmp_path / "train" / f"{n}.parquet")
    rows, description = read({"list": str(tmp_path)})
    assert [(row.image, row.place) for row in rows] == [
        ("a.jpg", "row 1"),
        ("b.jpg", "row 1"),
        ("c.jpg", "row 2"),
    ]
    assert description.endswith("2 rows, Parquet")


def test_a_packed_list_is_read_as_what_it_holds(tmp_path: Path) -> None:
    for name, text in (("a.csv.gz", "image\na.jpg\n"), ("a.jsonl.gz", '{"image": "a.jpg"}')):
        (tmp_path / name).write_bytes(gzip.compress(text.encode()))
        assert [row.image for row in read(tmp_path / name).rows] == ["a.jpg"]


# All that a cell may hold but NUL, which no file's name has.
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)


@given(
    cells=st.lists(st.tuples(TEXTS, TEXTS), max_size=4),
    separator=st.sampled_from([*dialect.SEPARATORS]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    line_end=st.sampled_from(["\n", "\r\n"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]),
    names_separator=st.booleans(),
)
def test_whatever_is_written_in_a_dialect_is_read_back(
    tmp_path_factory: pytest.TempPathFactory,
    cells: list[tuple[str, str]],
    separator: str,
    quoting: Literal[0, 1],
    line_end: str,
    encoding: str,
    names_separator: bool,
) -> None:
    stream = StringIO()
    writer = csv.writer(stream, delimiter=separator, quoting=quoting, lineterminator=line_end)
    writer.writerow(["image", "A, b; c | d", "note"])
    # The writer does not quote a carriage return unless lines end with one. And what could be UTF-8
    # as well as Windows-1252 is not told apart.
    left_out = ("[Â-ô]" if encoding == "cp1252" else "$^") + ("|\r" if line_end == "\n" else "")
    cells = [
        (kept(first, encoding, left_out), kept(second, encoding, left_out))
        for first, second in cells
    ]
    for n, row in enumerate(cells):
        writer.writerow([f"{n}.jpg", *row])
    first = f"sep={separator}{line_end}" if names_separator else ""
    path = tmp_path_factory.mktemp("lists") / "list.txt"
    path.write_bytes((first + stream.getvalue()).encode(encoding))
    rows = read(path, ["A, b; c | d", "note"]).rows
    assert {row.image: row.extra_columns for row in rows} == {
        f"{n}.jpg": tuple(map(true_text, row)) for n, row in enumerate(cells)
    }


def kept(text: str, encoding: str, left_out: str) -> str:
    """Return what of `text` can be written in an encoding, without what is `left_out`."""
    return re.sub(left_out, "", text.encode(encoding, "ignore").decode(encoding))


def test_a_packed_list_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("similar_images.lists.texts.MOST_UNPACKED", 1000)
    path = tmp_path / "list.csv.gz"
    path.write_bytes(gzip.compress(b"image,label\n" + b"a.jpg,x\n" * 1000))
    with pytest.raises(UserError, match=r"list\.csv\.gz: more than 1,000 bytes unpacked\. Divide"):
        read(path)


def test_a_workbook_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("similar_images.core.workbooks.MOST_UNPACKED", 1000)
    openpyxl.Workbook().save(tmp_path / "list.xlsx")
    with pytest.raises(UserError, match=r"list\.xlsx: it has .* bytes unpacked; allowed: 1,000"):
        read(tmp_path / "list.xlsx")


def test_quotes_of_windows_are_no_sign_of_utf_8(tmp_path: Path) -> None:
    text = "image,label\na.jpg,Stiefel „Spaß“\nb.jpg,Überschuhe\nc.jpg,Schnürschuhe\n"
    (tmp_path / "list.csv").write_bytes(text.encode("cp1252"))
    rows, description = read(tmp_path / "list.csv")
    assert description.endswith("Windows-1252")
    assert [row.label for row in rows] == ["Stiefel „Spaß“", "Überschuhe", "Schnürschuhe"]
