"""Tests of decisions in a workbook: what counts, and what is refused with its cell."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import openpyxl
import pytest

from report_factory import made_cards, write_page
from similar_images.core.errors import UserError
from similar_images.core.file_formats import write_csv
from similar_images.decisions import decisions
from similar_images.report import workbook

CLASSES = ["00123", "boots", "hats"]
MADE = datetime(2020, 3, 1, 12, tzinfo=UTC)
# What each photo in the workbook is: its label and its prediction.
LABELS = (("boots", "boots"), ("boots", "hats"), ("00123", "00123"), ("", "hats"), ("hats", ""))
IDS = [f"{n:064x}" for n in range(len(LABELS))]
Edit = Callable[[Any], object]


def written(folder: Path, *decided: Mapping[str, str]) -> Path:
    """Write the workbook of five photos, of which the last was refused."""
    cards = [
        replace(
            card,
            label=label,
            prediction=prediction,
            status="right" if prediction else "refused",
        )
        for card, (label, prediction) in zip(made_cards(5, CLASSES), LABELS, strict=True)
    ]
    page = write_page(folder / "page", cards, [*CLASSES, ""], decided=decided)
    path = folder / "predictions.xlsx"
    workbook.write(path, page.read_text("utf-8"), folder / "page" / "report_files", MADE, 1)
    return path


def earlier(
    number: int, decision: str, label: str, when: str = "2020-02-01T00:00:00+00:00"
) -> dict[str, str]:
    values = (IDS[number], "x.jpg", "invented", decision, label, when, "a note")
    return dict(zip(decisions.TABLE.names, values, strict=True))


def edit(path: Path, *changes: Edit, **cells: object) -> Path:
    """Save the workbook with other values of cells of the first sheet, or other changes to it."""
    book = openpyxl.load_workbook(path)
    for cell, value in cells.items():
        book.worksheets[0][cell] = value
    for change in changes:
        change(book.worksheets[0])
    book.save(path)
    return path


def read(path: Path) -> list[tuple[str, str, str | None]]:
    return [(one.content_id[-1], *one.verdict) for one in decisions.read([path])]


def fault(path: Path) -> str:
    with pytest.raises(UserError) as refused:
        decisions.read([path])
    return str(refused.value)


def test_only_rows_with_a_decision_count(tmp_path: Path) -> None:
    assert read(edit(written(tmp_path))) == []
    path = edit(tmp_path / "predictions.xlsx", G3="wrong", H3="00123", I3="seen\ntwice")
    (decision,) = decisions.read([path])
    assert decision[:5] == (IDS[1], made_cards(2, CLASSES)[1].name, "invented", "wrong", "00123")
    assert decision.note == "seen\ntwice"


def test_without_a_class_right_confirms_the_prediction_and_catalogue_takes_the_label(
    tmp_path: Path,
) -> None:
    path = edit(written(tmp_path), G3="right", G5="right", G6="right")
    assert read(path) == [("1", "right", "hats"), ("3", "right", "hats"), ("4", "right", "hats")]
    path = edit(path, G3="catalogue", G5="catalogue", G6=None, G2="catalogue", H2="hats")
    assert read(path) == [
        ("0", "catalogue", "hats"),
        ("1", "catalogue", "boots"),
        ("3", "catalogue", "hats"),
    ]


def test_a_decision_was_made_when_the_workbook_was_saved(tmp_path: Path) -> None:
    begin = datetime.now(UTC).replace(microsecond=0)
    (decision,) = decisions.read([edit(written(tmp_path), G2="out")])
    assert begin <= decision.when <= datetime.now(UTC) + timedelta(seconds=1)


def test_of_a_workbook_and_a_file_of_decisions_the_later_counts(tmp_path: Path) -> None:
    path = edit(written(tmp_path), G2="out")
    rows = {"before": "2020-03-02T00:00:00Z", "after": "2999-01-01T00:00:00Z"}
    for name, when in rows.items():
        row = earlier(0, "wrong", "hats", when)
        write_csv(tmp_path / f"{name}.csv", decisions.TABLE.names, [[*row.values()]])
    for files, decision in (("before", "out"), ("after", "wrong")):
        both = [tmp_path / f"{files}.csv", path]
        assert [one.decision for one in decisions.read(both)] == [decision]
        assert [one.decision for one in decisions.read(both[::-1])] == [decision]


@pytest.mark.parametrize("core", [None, "2001-01-01T00:00:00Z"])
def test_where_the_time_is_missing_or_too_early_a_decision_is_later_than_the_workbook(
    tmp_path: Path, core: str | None
) -> None:
    path = edit(written(tmp_path, earlier(1, "right", "hats")), G2="out", G3="wrong", H3="boots")
    again = tmp_path / "again.xlsx"
    with ZipFile(path) as old, ZipFile(again, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "docProps/core.xml":
                if core is None:
                    continue
                begin, end = data.index(b"W3CDTF", data.index(b":modified")) + 8, len(data)
                data = data[:begin] + core.encode() + data[begin + 20 : end]
            new.writestr(name, data)
    first, second = decisions.read([again])
    assert timedelta(0) < first.when - MADE < timedelta(seconds=1)
    # It replaces a decision that was there before.
    assert timedelta(0) < second.when - datetime(2020, 2, 1, tzinfo=UTC) < timedelta(seconds=1)
    assert decisions.read([again]) == [first, second]


def test_what_was_filled_in_and_left_alone_stays_the_decision_that_it_was(tmp_path: Path) -> None:
    before = [earlier(1, "wrong", "hats"), earlier(2, "out", ""), earlier(3, "catalogue", "boots")]
    path = edit(written(tmp_path, *before), G2="right")
    first, *others = decisions.read([path])
    assert first.when > MADE
    rows = decisions.rows(others)
    names = [card.name for card in made_cards(5, CLASSES)]
    assert rows == [row | {"image": names[n]} for n, row in enumerate(before, 1)]


def test_a_decision_that_was_emptied_is_taken_back(tmp_path: Path) -> None:
    before = [earlier(1, "wrong", "hats"), earlier(3, "catalogue", "boots")]
    path = edit(written(tmp_path, *before), **dict.fromkeys(("G3", "H3", "G5", "H5")))
    assert [(one.set, *one.verdict) for one in decisions.read([path])] == [
        ("invented", "undecided", None),
        ("catalogue", "out", None),
    ]


def test_rows_and_columns_may_be_moved_removed_and_added(tmp_path: Path) -> None:
    path = edit(written(tmp_path), G2="out", G3="wrong", H3="00123", G4="right")

    def rearrange(sheet: Any) -> None:
        rows = [list(row) for row in sheet.values]
        sheet.delete_rows(1, 9)
        sheet.title = "Mine"
        for row in (["My photos"], [], rows[0], rows[3], rows[1], rows[2]):
            sheet.append(["mine", *row[::-1]])

    edit(path, rearrange)
    assert read(path) == [("2", "right", "00123"), ("0", "out", None), ("1", "wrong", "00123")]


def test_a_decision_is_read_in_any_case_and_with_spaces_around_it(tmp_path: Path) -> None:
    assert read(edit(written(tmp_path), G2=" Out ")) == [("0", "out", None)]


def calculated(path: Path, formula: bytes, **cells: bytes) -> Path:
    """Put a formula into cells of the first sheet, with the XML of what is saved for its value."""
    again = path.with_name("calculated.xlsx")
    with ZipFile(path) as old, ZipFile(again, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "xl/worksheets/sheet1.xml":
                for cell, saved in cells.items():
                    start = data.index(f'<c r="{cell}"'.encode())
                    end = data.index(b"/>", start) + 2
                    kind, _, value = saved.rpartition(b" ")
                    written = b'<c r="%b" %b><f>%b</f>%b</c>' % (
                        cell.encode(),
                        kind,
                        formula,
                        value,
                    )
                    data = data[:start] + written + data[end:]
            new.writestr(name, data)
    return again


def test_right_does_not_confirm_another_class(tmp_path: Path) -> None:
    before = earlier(1, "wrong", "00123"), earlier(0, "right", "hats"), earlier(2, "wrong", "hats")
    path = edit(written(tmp_path, *before), G3="right", H3="boots", G6="right", H6="boots")
    said = fault(path)
    assert "cell H3: 'boots' is not the prediction, which right confirms; empty the cell" in said
    assert "or choose wrong" in said
    assert "cell H6: 'boots' is not the label, which right confirms" in said
    assert said.count("cell ") == 2
    # With the class that it confirms, or left as it was, it counts.
    assert read(edit(path, H3="hats", H6="hats")) == [
        ("0", "right", "hats"),
        ("1", "right", "hats"),
        ("2", "wrong", "hats"),
        ("4", "right", "hats"),
    ]


def test_spaces_around_a_class_are_not_part_of_it(tmp_path: Path) -> None:
    path = edit(
        written(tmp_path, earlier(2, "wrong", "hats")),
        **{"G2": "wrong", "H2": " hats\u00a0", "G3": "right", "H3": "hats ", "H4": "\u2009hats"},
    )
    first, second, third = decisions.read([path])
    assert [first.label, second.label, third.label] == ["hats"] * 3
    assert third.when < MADE  # was not changed
    assert "cell H2: 'boots' is the prediction" in fault(edit(path, H2="boots "))


def test_a_class_whose_folder_has_spaces_around_its_name_keeps_them(tmp_path: Path) -> None:
    path = written(tmp_path, earlier(0, "wrong", " hats"))
    assert read(edit(path, F3=" boots ", G3="wrong", H3=" boots ")) == [
        ("0", "wrong", " hats"),
        ("1", "wrong", " boots "),
    ]


def test_a_formula_decides_by_the_value_that_was_saved_with_it(tmp_path: Path) -> None:
    path = calculated(
        written(tmp_path),
        b"IF(E2,1,2)",
        G2=b't="str" <v>right</v>',
        G3=b't="str" <v></v>',
        H3=b't="str" <v/>',
    )
    assert read(path) == [("0", "right", "boots")]


@pytest.mark.parametrize(
    ("decision", "expected"),
    [
        (None, ("1", "undecided", None)),
        ("out", ("1", "out", None)),
        ("right", ("1", "right", "hats")),
        ("catalogue", ("1", "catalogue", "boots")),
    ],
)
def test_the_class_that_was_filled_in_goes_with_the_decision_that_it_was_for(
    tmp_path: Path, decision: str | None, expected: tuple[str, str, str | None]
) -> None:
    path = written(tmp_path, earlier(1, "wrong", "boots"))
    assert read(edit(path, G3=decision)) == [expected]


def test_formulas_without_values_are_named_with_their_cells(tmp_path: Path) -> None:
    path = written(tmp_path, earlier(1, "right", "hats"))
    # openpyxl saves no value. Other columns do not decide.
    said = fault(edit(path, G3='=IF(E3>0,"right","")', G4="wrong", H4="=A1", J2="=1+1"))
    for cell in ("G3", "H4"):
        assert f"cell {cell}: a formula without its value; allowed: values. Open the" in said
    assert said.count("cell ") == 2
    (tmp_path / "again").mkdir()
    assert read(edit(written(tmp_path / "again"), G2="out", J2="=1+1")) == [("0", "out", None)]


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (
            {"G3": "maybe", "H3": "hats"},
            "cell G3: decision 'maybe'; allowed: right, wrong, out, catalogue, or an empty cell",
        ),
        ({"G3": "undecided"}, "cell G3: decision 'undecided'; allowed: right, wrong, out, cat"),
        ({"G3": "wrong"}, "cell H3: no label with the decision wrong"),
        ({"G3": "wrong", "H3": "hats"}, "cell H3: 'hats' is the prediction; allowed with wrong"),
        ({"H3": "hats"}, "cell G3: no decision with the class 'hats'; allowed: wrong or catalogue"),
        (
            {"I3": "ask"},
            "cell G3: no decision with the note; allowed: right, wrong, out, catalogue",
        ),
        ({"G3": "out", "H3": "hats"}, "cell H3: label 'hats' with the decision out; allowed: none"),
        ({"G3": "wrong", "H3": 123}, "cell H3: 123, a number or date; allowed: a text. Format"),
        ({"G3": "out", "U3": "abc"}, "content_id 'abc'; allowed: the SHA-256"),
        ({"G3": "out", "Y3": "today"}, "when 'today'; allowed"),
        ({"G3": "wrong", "H3": "a\nb"}, "cell H3: label 'a\\nb'"),
        (
            {"G3": "out", "G4": "right", "U4": IDS[1]},
            "cells G3 and G4 contradict each other: on the same content",
        ),
        ({"A1": "Decision"}, "row 1: two columns are called Decision; rename one"),
        ({"G1": "My decision"}, "no sheet has the columns Image, Prediction, Label, Decision"),
    ],
)
def test_a_fault_is_named_with_its_cell(
    tmp_path: Path, cells: dict[str, object], words: str
) -> None:
    path = written(tmp_path)
    places = {
        cell.value: cell.column_letter for cell in openpyxl.load_workbook(path).worksheets[0][1]
    }
    assert (places["Decision"], places["Class"]) == ("G", "H")
    moved = {
        cell.replace("U", places["content_id"]).replace("Y", places["when"]): value
        for cell, value in cells.items()
    }
    said = fault(edit(path, **moved))
    for word in (str(path), words, "Correct or remove these lines or cells"):
        assert word in said


def test_nothing_can_be_decided_on_a_photo_that_cannot_be_used(tmp_path: Path) -> None:
    def forget(sheet: Any) -> None:
        for cell in sheet[1]:
            if cell.value == "content_id":
                sheet.cell(3, cell.column).value = None

    said = fault(edit(written(tmp_path), forget, G3="out"))
    assert "cell G3: nothing can be decided on a photo that cannot be used" in said


def test_two_sheets_with_decisions_are_refused(tmp_path: Path) -> None:
    def copy(sheet: Any) -> None:
        sheet.parent.copy_worksheet(sheet)

    assert "the sheets 'Photos', 'Photos Copy' have decisions" in fault(
        edit(written(tmp_path), copy)
    )


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\xd0\xcf\x11\xe0" + bytes(600), "it is an .xls file, or has a password; save it as"),
        (b"PK\x03\x04" + bytes(600), "it is damaged"),
    ],
)
def test_what_is_no_workbook_is_refused_with_what_to_do(
    tmp_path: Path, data: bytes, words: str
) -> None:
    path = tmp_path / "predictions.xlsx"
    path.write_bytes(data)
    assert words in fault(path)


def test_the_mark_of_an_open_workbook_is_not_taken_for_it(tmp_path: Path) -> None:
    path = tmp_path / "~$predictions.xlsx"
    path.write_bytes(b"\x05Somebody")
    assert "only shows that a workbook is open. Name predictions.xlsx" in fault(path)


def test_a_workbook_that_later_runs_replace_is_refused(tmp_path: Path) -> None:
    results = tmp_path / "results"
    for path in (tmp_path / "predictions.xlsx", results / "new" / "predictions.edited-1.xlsx"):
        decisions.check_not_written([path], results)
    with pytest.raises(UserError, match=r"later runs replace .*/new/predictions.xlsx. Save it"):
        decisions.check_not_written([results / "new" / "predictions.xlsx"], results)


def test_decisions_in_workbooks_are_kept_by_content_to_be_read_faster(tmp_path: Path) -> None:
    path, kept = edit(written(tmp_path), G2="out"), tmp_path / "kept"
    found = decisions.read([path])
    decisions.keep_workbooks([path, tmp_path / "decisions.csv"], kept)
    (file,) = kept.glob("*.csv")
    assert decisions.read([path], kept) == decisions.read([file]) == found
    file.write_text("damaged")
    assert decisions.read([path], kept) == found
    shutil.copy(path, tmp_path / "other.xlsx")
    edit(path, G2="right")
    assert [one.decision for one in decisions.read([path], kept)] == ["right"]
    decisions.keep_workbooks([], kept)
    assert not list(kept.glob("*.csv"))
