"""Tests of the workbook: what is in it, read by another library and as bare XML."""

import json
import re
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from zipfile import ZipFile

import openpyxl
import pytest
from PIL import Image

from report_factory import made_cards, write_page
from similar_images.core.errors import UserError
from similar_images.core.names import as_text
from similar_images.images import thumbnails
from similar_images.report import workbook
from similar_images.report.cards import STATUSES, QueryCard
from similar_images.report.portable import AFTER, BEFORE, page_data
from similar_images.storage import archives, parquet_images

CLASSES = ["00123", "1E5", "=1+1", "Höhe", "boots"]
MADE = datetime(2026, 3, 1, 12, tzinfo=UTC)
MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def write(folder: Path, cards: list[QueryCard], **reported: Any) -> Path:
    page = write_page(folder, cards, CLASSES, **reported)
    path = folder / "predictions.xlsx"
    workbook.write(path, page.read_text("utf-8"), folder / "report_files", MADE, 2)
    return path


def table(path: Path) -> list[dict[str, Any]]:
    """Return the rows of the first sheet by their headers."""
    header, *rows = openpyxl.load_workbook(path).worksheets[0].values
    return [dict(zip(map(str, header), row, strict=True)) for row in rows]


def part(path: Path, name: str) -> str:
    with ZipFile(path) as archive:
        return archive.read(name).decode()


def test_each_photo_has_a_row_in_the_order_of_the_page(tmp_path: Path) -> None:
    cards = made_cards(20, CLASSES)
    rows = table(write(tmp_path, cards))
    assert [row["Image"] for row in rows] == [card.name for card in cards]
    first, card = rows[0], cards[0]
    assert first["State"] in ("Right", "Wrong")
    assert (first["Prediction"], first["Label"]) == (card.prediction, card.label)
    assert first["Confidence"] == pytest.approx(card.confidence)
    assert [first[f"Class {n}"] for n in (1, 2, 3)] == [one.label for one in card.similar]
    assert first["Similarity 3"] == pytest.approx(card.similar[2].similarity)
    assert (first["Decision"], first["Class"], first["Your note"]) == (None, None, None)


def test_texts_are_stored_as_texts_whatever_a_spreadsheet_would_make_of_them(
    tmp_path: Path,
) -> None:
    names = ["00123", "1E5", "=1+1", "https://a.example/", "Höhe\u00a0ü", "a\tb\nc", "x\x07y", "-3"]
    cards = [
        replace(card, name=name, label=name, prediction="1E5", extra_columns=[("sku", name)])
        for card, name in zip(made_cards(len(names), CLASSES), names, strict=True)
    ]
    page = write_page(tmp_path, cards, ["1E5", *names])
    path = tmp_path / "predictions.xlsx"
    workbook.write(path, page.read_text("utf-8"), tmp_path / "report_files", MADE, 2)
    sheet = ElementTree.fromstring(part(path, "xl/worksheets/sheet1.xml"))
    strings = ElementTree.fromstring(part(path, "xl/sharedStrings.xml"))
    texts = ["".join(one.itertext()) for one in strings]
    assert not list(sheet.iter(f"{MAIN}f"))
    kinds = {cell.get("r"): cell.get("t") for cell in sheet.iter(f"{MAIN}c")}
    assert kinds["F2"] == kinds["D2"] == kinds["B2"] == "s"
    values = {cell.get("r"): cell.findtext(f"{MAIN}v") for cell in sheet.iter(f"{MAIN}c")}
    found = [texts[int(values[f"F{row}"] or "")] for row in range(2, 2 + len(names))]
    assert [text.replace("_x0007_", "\x07") for text in found] == names
    assert [row["sku"] for row in table(path)][:3] == names[:3]


def test_the_longest_texts_are_cut_where_excel_allows_no_more(tmp_path: Path) -> None:
    long = "ü😀" * 20_000
    (card,) = made_cards(1, CLASSES)
    (row,) = table(write(tmp_path, [replace(card, extra_columns=[("text", long)])]))
    assert row["text"].endswith("…")
    assert 32_760 < len(row["text"].encode("utf-16-le")) / 2 <= 32_767
    assert long.startswith(row["text"][:-1])


def test_equal_pictures_are_stored_once_and_small(tmp_path: Path) -> None:
    cards = made_cards(30, CLASSES)
    page = write_page(tmp_path, cards, CLASSES)
    for number in range(30):
        path = thumbnails.path_of(tmp_path / "report_files", f"{number:064x}")
        Image.new("RGB", (560, 420), (8 * number, 0, 0)).save(path)
    path = tmp_path / "predictions.xlsx"
    workbook.write(path, page.read_text("utf-8"), tmp_path / "report_files", MADE, 2)
    anchors = ElementTree.fromstring(part(path, "xl/drawings/drawing1.xml"))
    assert len(anchors) == 4 * 30
    assert {anchor.get("editAs") for anchor in anchors} <= {None, "twoCell"}
    with ZipFile(path) as archive:
        media = [name for name in archive.namelist() if name.startswith("xl/media/")]
        assert len(media) == 30
        with archive.open(media[0]) as stream, Image.open(stream) as image:
            assert image.size == (112, 84)


def test_the_state_has_the_words_and_colours_of_the_page(tmp_path: Path) -> None:
    card = made_cards(5, CLASSES)[4]
    cards = [replace(card, status=state, reason=f"why {state}") for state in STATUSES]
    path = write(tmp_path, cards)
    assert [row["State"] for row in table(path)] == [
        *("Right", "Wrong", "No label", "Refused", "Rejected")
    ]
    assert [row["Reason"] for row in table(path)][3] == "why refused"
    (rules,) = openpyxl.load_workbook(path).worksheets[0].conditional_formatting
    assert str(rules.sqref) == "C2:C6"
    assert [rule.formula for rule in rules.rules] == [
        [f'"{word}"'] for word in ("Right", "Wrong", "No label", "Refused", "Rejected")
    ]


def test_people_can_choose_decisions_and_classes_and_filter(tmp_path: Path) -> None:
    book = openpyxl.load_workbook(write(tmp_path, made_cards(4, CLASSES)))
    sheet = book.worksheets[0]
    assert (sheet.freeze_panes, sheet.auto_filter.ref[:3]) == ("C2", "A1:")
    lists = {str(one.sqref): one for one in sheet.data_validations.dataValidation}
    assert lists["G2:G5"].formula1 == '"right,wrong,out,catalogue"'
    assert lists["H2:H5"].formula1 == "Classes!$A$2:$A$6"
    # The class may be new.
    assert (lists["G2:G5"].errorStyle, lists["H2:H5"].errorStyle) == (None, "warning")
    assert [row[0] for row in book["Classes"].values][1:] == CLASSES
    assert sheet["H2"].number_format == "@"  # so 00123 stays as it is typed


def test_links_lead_to_photos_and_to_no_secret_or_unknown_address(tmp_path: Path) -> None:
    card = made_cards(1, CLASSES)[0]
    paths = [
        "photos/a #1 50%.jpg",
        "https://cdn.example/1.jpg",
        "https://cdn.example/1.jpg?#5f3a",
        "s3://shop/1.jpg",
    ]
    cards = [replace(card, path=path, similar=[]) for path in paths]
    path = write(tmp_path / "results" / "new", cards)
    relations = part(path, "xl/worksheets/_rels/sheet1.xml.rels")
    found = [target.replace("\\", "/") for target in re.findall('Target="([^"]+)"', relations)]
    assert found[0].endswith("photos/a%20%231%2050%25.jpg")
    assert found[1:-1] == ["https://cdn.example/1.jpg"]
    assert found[-1] == "../drawings/drawing1.xml"


def test_what_no_program_can_open_by_a_link_has_none(tmp_path: Path) -> None:
    files = [
        archives.file_of(b"photos/a.zip", b"boots/1.jpg"),
        parquet_images.file_of(b"photos/a.parquet", 3, "image"),
        b"photos/caf\xe9.jpg",
        b"photos/back\\slash.jpg",
        "photos/café.zip/1.jpg".encode(),
    ]
    card = made_cards(1, CLASSES)[0]
    cards = [
        replace(card, path=path, similar=[replace(card.similar[0], path=path)])
        for path in map(as_text, files)
    ]
    sheet = openpyxl.load_workbook(write(tmp_path, cards)).worksheets[0]
    for column in "BK":
        linked = [bool(sheet[f"{column}{row}"].hyperlink) for row in range(2, 7)]
        assert linked == [False, False, False, True, True]


def test_a_sheet_gets_no_more_links_than_excel_allows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbook, "MOST_LINKS", 25)
    path = write(tmp_path, made_cards(10, CLASSES))
    sheet = openpyxl.load_workbook(path).worksheets[0]
    assert all(sheet[f"B{row}"].hyperlink and sheet[f"K{row}"].hyperlink for row in range(2, 12))
    assert not any(sheet[f"N{row}"].hyperlink for row in range(2, 12))


def test_what_is_decided_already_is_filled_in_with_its_time(tmp_path: Path) -> None:
    cards = made_cards(4, CLASSES)
    row = {"content_id": cards[0].content, "image": "x", "set": "invented", "note": "=new"}
    early = row | {"decision": "right", "label": "boots", "when": "2026-01-01T00:00:00+00:00"}
    late = row | {"decision": "catalogue", "label": "1E5", "when": "2026-02-01T00:00:00+00:00"}
    other = late | {"content_id": cards[1].content, "set": "another"}
    back = late | {"content_id": cards[2].content, "decision": "undecided", "label": ""}
    first, *others = table(write(tmp_path, cards, decided=[late, early, other, back]))
    names = ("Decision", "Class", "Your note", "former decision", "former class", "when")
    assert [first[name] for name in names] == [
        *("catalogue", "1E5", "=new", "catalogue", "1E5", "2026-02-01T00:00:00+00:00")
    ]
    assert {row["Decision"] for row in others} == {None}
    assert {row["when"] for row in others} == {"2026-03-01T12:00:00+00:00"}


def test_a_query_that_is_not_in_the_catalogue_any_more_is_not_filled_in_as_if_it_were(
    tmp_path: Path,
) -> None:
    cards = made_cards(4, CLASSES)

    def row(number: int, day: int, set_: str, decision: str, label: str = "") -> dict[str, str]:
        when = f"2026-01-{day:02}T00:00:00+00:00"
        names = ("content_id", "image", "set", "decision", "label", "when", "note")
        values = (cards[number].content, "x", set_, decision, label, when, "")
        return dict(zip(names, map(str, values), strict=True))

    decided = [
        row(0, 1, "invented", "catalogue", "boots"),
        row(0, 2, "catalogue", "out"),
        # The class that was decided before still counts.
        row(1, 1, "invented", "wrong", "1E5"),
        row(1, 2, "invented", "catalogue", "boots"),
        row(1, 3, "catalogue", "out"),
        # It was taken in again.
        row(2, 1, "catalogue", "out"),
        row(2, 2, "invented", "catalogue", "boots"),
        # Only the decision on its class was taken back.
        row(3, 1, "invented", "catalogue", "boots"),
        row(3, 2, "invented", "undecided"),
    ]
    rows = table(write(tmp_path, cards, decided=decided))
    assert [(row["Decision"], row["Class"]) for row in rows] == [
        *((None, None), ("wrong", "1E5"), ("catalogue", "boots"), ("catalogue", "boots"))
    ]
    assert [row["former decision"] for row in rows] == [row["Decision"] for row in rows]


def test_a_photo_that_cannot_be_used_has_no_content_id_to_decide_on(tmp_path: Path) -> None:
    card = made_cards(1, CLASSES)[0]
    cards = [
        replace(card, status="rejected", picture=None, similar=[]),
        replace(card, status="rejected", decision="out"),
    ]
    broken, left_out = table(write(tmp_path, cards))
    assert (broken["content_id"], left_out["content_id"]) == (None, card.content)


def test_the_columns_of_a_list_cannot_be_taken_for_those_of_the_workbook(tmp_path: Path) -> None:
    card = made_cards(1, CLASSES)[0]
    extra = [("decision ", "x"), ("content_id", "y"), ("price", "9.90")]
    (row,) = table(write(tmp_path, [replace(card, extra_columns=extra)]))
    assert (row["decision  (list)"], row["content_id (list)"]) == ("x", "y")
    assert (row["price"], row["Decision"], row["content_id"]) == ("9.90", None, card.content)


def test_without_photos_there_is_a_header(tmp_path: Path) -> None:
    page = write_page(tmp_path, made_cards(1, CLASSES), CLASSES)
    data = page_data(page.read_text("utf-8")) | {"cards": []}
    empty = f"{BEFORE}{json.dumps(data)}{AFTER}"
    path = tmp_path / "predictions.xlsx"
    workbook.write(path, empty, tmp_path / "report_files", MADE, 2)
    assert table(path) == []


def test_a_thumbnail_that_is_gone_is_reported_with_what_to_do(tmp_path: Path) -> None:
    page = write_page(tmp_path, made_cards(2, CLASSES), CLASSES)
    thumbnails.path_of(tmp_path / "report_files", f"{0:064x}").unlink()
    with pytest.raises(UserError, match=r"is missing, a picture in the report.*--forcerun report"):
        workbook.write(
            tmp_path / "p.xlsx", page.read_text("utf-8"), tmp_path / "report_files", MADE, 2
        )


def test_a_workbook_is_set_aside_only_if_someone_has_changed_it(tmp_path: Path) -> None:
    assert workbook.set_aside(tmp_path / "predictions.xlsx") is None
    path = write(tmp_path / "page", made_cards(1, CLASSES)).rename(tmp_path / "predictions.xlsx")
    assert workbook.set_aside(path) is None
    for number in (1, 2):
        openpyxl.load_workbook(path).save(path)
        aside = tmp_path / f"predictions.edited-{number}.xlsx"
        assert workbook.set_aside(path) == aside
        assert not path.exists()
        shutil.copy(aside, path)
