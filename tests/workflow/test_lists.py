"""Whole runs on lists as shops and spreadsheet programs write them."""

import os
import time
from pathlib import Path

import openpyxl
import pytest

from project import CLASSES, Project, lay_out_shoes

# In the order of the list's columns: the label is only in a product's first row.
SHOPIFY = "Handle,Title,Type,Image Src,Image Position\n"


@pytest.fixture
def shop(tmp_path: Path) -> Project:
    """A project of an export of Shopify, one of WooCommerce, and a list from Excel."""
    project = lay_out_shoes(tmp_path / "shop")
    lines = [SHOPIFY]
    for name in CLASSES:
        lines.append(f"{name}-a,A,{name},photos/catalogue/{name}/0.png,1\n")
        lines.append(f"{name}-a,,,photos/catalogue/{name}/1.png,2\n{name}-a,,,,\n")
        lines.append(f"{name}-b,B,{name},photos/catalogue/{name}/2.png,1\n")
    (project.folder / "shopify.csv").write_text("".join(lines))
    (project.folder / "woo.csv").write_text(
        "ID,Name,Categories,Images\n"
        '0071,Boot,"Shoes, Shoes > boots","photos/new/boots/0.png, photos/new/boots/1.png"\n'
        "1E5,Sandal,Shoes > sandals,photos/new/sandals/0.png\n"
        "9,Nothing,Shoes > sandals,\n"
    )
    text = "bild;größe\r\nphotos\\new\\boots\\0.png;größer\r\n"
    (project.folder / "excel.csv").write_bytes(text.encode("cp1252"))
    project.settle(
        catalogue={"list": "shopify.csv", "preset": "shopify"},
        queries={
            "new": {"list": "woo.csv", "preset": "woocommerce"},
            "excel": {"list": "excel.csv", "image": "bild", "product": "größe"},
        },
        search={"neighbours": 2},
    )
    return project


def test_exports_of_shops_are_read_as_they_are(shop: Project) -> None:
    run = shop.run()
    assert "shopify.csv: 12 rows, commas, UTF-8" in run.console
    assert "excel.csv: 1 row, semicolons, Windows-1252" in run.console
    assert {row["label"] for row in shop.rows("catalogue/members.csv")} == {*CLASSES}
    assert len(shop.rows("catalogue/members.csv")) == 9
    assert [row["image"] for row in shop.rows("catalogue/rejected.csv")] == [
        "shopify.csv, line 12",
        "shopify.csv, line 4",
        "shopify.csv, line 8",
    ]
    rows = shop.rows("new/predictions.csv")
    assert [(row["image"], row["label"], row["ID"], row["row"]) for row in rows] == [
        ("photos/new/boots/0.png", "boots", "0071", "2"),
        ("photos/new/boots/1.png", "boots", "0071", "2"),
        ("photos/new/sandals/0.png", "sandals", "1E5", "3"),
    ]
    assert [row["prediction"] for row in rows] == ["boots", "boots", "sandals"]
    (rejected,) = shop.rows("new/rejected.csv")
    assert (rejected["image"], rejected["reason"]) == ("woo.csv, line 4", "no image in this row")
    assert [row["product"] for row in shop.rows("new/products.csv")] == ["0071", "1E5"]
    (row,) = shop.rows("excel/predictions.csv")
    assert (row["image"], row["größe"]) == ("photos/new/boots/0.png", "größer")
    assert shop.run().jobs.total() == 0


def test_a_row_without_an_image_stops_the_run_if_faults_do(shop: Project) -> None:
    shop.settle(images={"on_error": "stop"}, queries={"excel": None})
    run = shop.run(fails=True)
    assert "woo.csv, line 4: no image in this row" in run.console
    assert "shopify.csv, line" not in run.console


def test_wrong_columns_end_the_run_before_any_job(shop: Project) -> None:
    shop.settle(queries={"new": {"list": "woo.csv", "image": "image_link"}})
    run = shop.run(fails=True)
    assert "Error in the configuration: queries.new: woo.csv: the column image_link" in run.console
    assert "Its columns: ID, Name, Categories, Images" in run.console
    shop.settle(queries={"new": {"list": "woo.csv", "preset": "amazon"}})
    assert "allowed: shopify, google-merchant or woocommerce" in shop.run(fails=True).console


def test_a_workbook_is_read_once_and_again_only_after_a_change(
    shop: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = shop.folder / "new.xlsx"
    save(path, [("Image ", "id"), ("photos/new/boots/0.png", "00123"), (None, None)])
    os.utime(path, (1_700_000_000, 1_700_000_000))
    shop.settle(queries={"new": {"list": "new.xlsx", "product": "id"}, "excel": None})
    time.sleep(2)  # a file that has just changed may change again without a new time
    assert "new.xlsx: 1 row, the sheet Sheet" in shop.run(*shop.answers()).console
    (row,) = shop.rows("new/predictions.csv")
    assert (row["id"], row["row"]) == ("00123", "2")
    blocked = shop.folder / "blocked"
    (blocked / "openpyxl").mkdir(parents=True)
    (blocked / "openpyxl" / "__init__.py").write_text("raise ImportError('no workbook is read')")
    with monkeypatch.context() as patched:
        patched.setenv("PYTHONPATH", str(blocked))
        assert shop.run(*shop.answers()).jobs.total() == 0
        save(path, [("image", "id"), ("photos/new/boots/0.png", "1E5")])
        assert "no workbook is read" in shop.run(*shop.answers(), fails=True).console
    shop.run(*shop.answers())
    assert [row["id"] for row in shop.rows("new/predictions.csv")] == ["1E5"]


def save(path: Path, rows: list[tuple[str | None, ...]]) -> None:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(path)
