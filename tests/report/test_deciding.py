"""Deciding on the pages in a real browser: marks, keys, the file, and what the browser keeps."""

import json
import random
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from browser import AXE, HOSTILE, Visit, accessibility_findings
from deciding_page import (
    CLASSES,
    COLUMNS,
    LATER,
    NOW,
    STORE,
    button,
    card,
    decided,
    drop,
    load,
    press,
    reported,
    row,
    six,
    text,
)
from project import Project
from report_factory import write_audit, write_page
from similar_images.core.errors import UserError
from similar_images.core.file_formats import csv_lines, read_csv
from similar_images.decisions import decisions

Open = Callable[..., Visit]
FORBIDDEN = "Object.defineProperty(window, 'localStorage', { get() { throw new Error('no'); } })"


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """A page of six invented photos, whose contents are the numbers."""
    return write_page(tmp_path / "set", six(), CLASSES)


@pytest.fixture
def seen(visit: Open, page: Path) -> Visit:
    visited = visit(page)
    visited.page.clock.set_fixed_time(datetime.fromisoformat(NOW))
    return visited


def saved(visit: Visit) -> bytes:
    with visit.page.expect_download() as download:
        visit.page.get_by_role("button", name="Save decisions.csv").click()
    assert download.value.suggested_filename == "decisions.csv"
    return Path(download.value.path()).read_bytes()


def test_marks_by_mouse_are_saved_as_the_pipeline_writes_them(seen: Visit, tmp_path: Path) -> None:
    press(seen, 0, "Right")
    press(seen, 1, "Leave out")
    press(seen, 2, "Catalogue")
    press(seen, 5, "Other class")
    box = card(seen, 5).get_by_label("Which class is it?")
    expect(box).to_have_value("boots")  # the label, since it differs from the prediction
    box.fill("hats")
    card(seen, 5).get_by_role("button", name="Decide").click()
    expect(card(seen, 5).locator(".decision")).to_have_text("Wrong: it is hats")
    expect(decided(seen)).to_have_text("4 of 6 decided, 2 left")
    rows = [row(0, "right"), row(1, "out", ""), row(2, "catalogue"), row(5, "wrong", "hats")]
    assert saved(seen) == text(rows, tmp_path)


def test_marks_by_keys_do_the_same(seen: Visit, tmp_path: Path) -> None:
    keys = seen.page.keyboard
    card(seen, 0).focus()
    for key in ("r", "ArrowRight", "o", "ArrowRight", "c", "ArrowRight", "W"):
        keys.press(key)
    expect(card(seen, 3).get_by_label("Which class is it?")).to_be_focused()
    keys.type("brand new")
    expect(card(seen, 3).locator(".new-class")).to_be_visible()
    keys.press("Enter")
    keys.press("Enter")
    expect(card(seen, 3)).to_be_focused()
    rows = [row(0, "right"), row(1, "out", ""), row(2, "catalogue"), row(3, "wrong", "brand new")]
    assert saved(seen) == text(rows, tmp_path)


def test_the_arrows_go_along_the_rows_and_between_them(seen: Visit) -> None:
    card(seen, 0).focus()
    for key, number in (
        *(("ArrowRight", 1), ("ArrowDown", 4), ("ArrowLeft", 3), ("ArrowUp", 0)),
        ("ArrowLeft", 0),
    ):
        seen.page.keyboard.press(key)
        expect(card(seen, number)).to_be_focused()
    assert seen.page.locator('.card[tabindex="0"]').count() == 1


def test_letters_that_are_typed_into_a_field_decide_nothing(seen: Visit) -> None:
    press(seen, 0, "Other class")
    seen.page.keyboard.type("roc")
    expect(decided(seen)).to_have_text("0 of 6 decided, 6 left")
    seen.page.keyboard.press("Escape")
    expect(card(seen, 0).locator("form")).to_have_count(0)
    expect(card(seen, 0)).to_be_focused()
    seen.page.get_by_role("searchbox", name="File name").press("r")
    expect(decided(seen)).to_have_text("0 of 6 decided, 6 left")


def test_undo_takes_back_the_last_step_and_the_one_before(seen: Visit) -> None:
    press(seen, 0, "Right")
    press(seen, 0, "Leave out")
    seen.page.keyboard.press("z")
    expect(card(seen, 0).locator(".decision")).to_have_text("Right: boots")
    seen.page.get_by_role("button", name="Undo").click()
    expect(decided(seen)).to_have_text("0 of 6 decided, 6 left")
    expect(seen.page.get_by_role("button", name="Undo")).to_be_disabled()


def test_a_mark_pressed_again_is_taken_off(seen: Visit) -> None:
    press(seen, 0, "Right")
    press(seen, 0, "Right")
    expect(button(card(seen, 0), "Right")).to_have_attribute("aria-pressed", "false")
    expect(decided(seen)).to_have_text("0 of 6 decided, 6 left")


def test_many_at_once_are_counted_before_and_are_one_step(seen: Visit, tmp_path: Path) -> None:
    press(seen, 1, "Leave out")
    many = seen.page.locator(".many button")
    expect(many).to_have_text("Take 2 photos into the catalogue")  # 0.99 and 0.95; one is out
    seen.page.get_by_label("All photos of this view").fill("0.9")
    expect(many).to_have_text("Take 3 photos into the catalogue")
    expect(seen.page.locator(".many .as-classes")).to_have_text("3 as boots")
    seen.page.get_by_role("searchbox", name="File name").fill("0.jpg")
    expect(many).to_have_text("Take 1 photo into the catalogue")
    seen.page.get_by_role("button", name="Clear filters").click()
    many.click()
    expect(decided(seen)).to_have_text("4 of 6 decided, 2 left")
    expect(many).to_have_text("Take 0 photos into the catalogue")
    rows = [row(0, "catalogue"), row(1, "out", ""), row(2, "catalogue"), row(3, "catalogue")]
    assert saved(seen) == text(rows, tmp_path)
    seen.page.get_by_role("button", name="Undo").click()
    expect(decided(seen)).to_have_text("1 of 6 decided, 5 left")


def test_a_decided_label_goes_into_the_catalogue_before_the_label(seen: Visit) -> None:
    press(seen, 5, "Other class")
    seen.page.keyboard.type("hats")
    seen.page.keyboard.press("Enter")
    seen.page.keyboard.press("c")
    expect(card(seen, 5).locator(".decision")).to_have_text("Into the catalogue as hats")


def test_decisions_are_still_there_after_a_reload_and_in_another_tab(seen: Visit) -> None:
    other = seen.page.context.new_page()
    other.goto(seen.page.url)
    press(seen, 0, "Right")
    expect(other.locator(".decided-count")).to_have_text("1 of 6 decided, 5 left")
    button(other.locator(".card").nth(1), "Leave out").click()
    expect(decided(seen)).to_have_text("2 of 6 decided, 4 left")
    seen.reload()
    expect(decided(seen)).to_have_text("2 of 6 decided, 4 left")
    expect(card(seen, 0).locator(".decision")).to_have_text("Right: boots")


def test_undo_leaves_what_another_tab_has_decided_since(seen: Visit) -> None:
    other = seen.page.context.new_page()
    other.goto(seen.page.url)
    press(seen, 0, "Right")
    expect(other.locator(".decided-count")).to_have_text("1 of 6 decided, 5 left")
    button(other.locator(".card").nth(0), "Leave out").click()
    expect(card(seen, 0).locator(".decision")).to_have_text("Left out")
    press(seen, 5, "Right")
    least = seen.page.get_by_label("All photos of this view")
    least.fill("0.9")
    least.press("Enter")
    second = other.locator(".card").nth(1)
    expect(second.locator(".decision")).to_contain_text("Into the catalogue")
    button(second, "Catalogue").click()
    expect(card(seen, 1).locator(".decision")).to_be_empty()
    undo = seen.page.get_by_role("button", name="Undo")
    again = "decided again in another tab."
    for words in (
        f"Undone: 2 decisions. Not undone: 1 decision; it was {again}",
        "Undone.",
        f"Not undone: it was {again}",
    ):
        undo.click()
        expect(reported(seen)).to_have_text(words)
    expect(card(seen, 0).locator(".decision")).to_have_text("Left out")
    expect(undo).to_be_disabled()


def test_a_note_that_is_being_typed_stays_when_another_tab_decides(seen: Visit) -> None:
    other = seen.page.context.new_page()
    other.goto(seen.page.url)
    press(seen, 0, "Right")
    expect(other.locator(".decided-count")).to_have_text("1 of 6 decided, 5 left")
    card(seen, 0).focus()
    seen.page.keyboard.press("Enter")
    note = seen.page.get_by_role("dialog").get_by_label("Note")
    note.press_sequentially("half")
    button(other.locator(".card").nth(1), "Leave out").click()
    expect(decided(seen)).to_have_text("2 of 6 decided, 4 left")
    expect(note).to_have_value("half")
    note.press_sequentially(" a boot")
    note.press("Enter")
    expect(card(seen, 0).locator(".decision")).to_have_text("Right: boots, half a boot")


@pytest.mark.parametrize("way", [load, drop])
def test_a_saved_file_is_read_back_in_another_browser(
    seen: Visit, visit: Open, page: Path, tmp_path: Path, way: Callable[..., None]
) -> None:
    press(seen, 0, "Right")
    press(seen, 1, "Catalogue")
    content = saved(seen)
    other = visit(page)
    way(other, content)
    expect(reported(other)).to_have_text(
        "decisions.csv: 2 of 2 decisions added; 0 for photos that are not on this page."
    )
    expect(decided(other)).to_have_text("2 of 6 decided, 4 left")
    assert saved(other) == content


def test_of_a_file_and_the_browser_the_later_decision_counts(seen: Visit, tmp_path: Path) -> None:
    press(seen, 0, "Right")
    press(seen, 1, "Right")
    elsewhere = row(99, "out", "", set="other")
    rows = [row(0, "out", "", when="2020-01-01T00:00:00Z"), row(1, "out", "", when=LATER)]
    load(seen, text([*rows, elsewhere], tmp_path))
    expect(reported(seen)).to_have_text(
        "decisions.csv: 2 of 3 decisions added, the rest known or older; "
        "1 for photos that are not on this page."
    )
    expected = [row(0, "right"), row(1, "out", "", when=LATER), elsewhere]
    assert saved(seen) == text(expected, tmp_path)
    press(seen, 1, "Right")  # later than what another clock said
    expect(card(seen, 1).locator(".decision")).to_have_text("Right: boots")


HEAD = ",".join(COLUMNS)
ID = "0" * 63 + "1"


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "Line 1: the header has to be content_id,image"),
        (b"image,label\n", "Line 1: the header has to be content_id,image"),
        (f"{HEAD}\n{ID},a,s,right,b,{NOW},\nx,a,s,right,b,{NOW},".encode(), "Line 3: content_id"),
        (f'{HEAD}\n{ID},"a\nb",s,right,b,{NOW},\n{ID},,s,mad,b,{NOW},'.encode(), "Line 4: decis"),
        (f"{HEAD}\n{ID},a,s,right,,{NOW},\n".encode(), "Line 2: label is empty"),
        (f"{HEAD}\n{ID},a,s,out,b,{NOW},\n".encode(), "Line 2: label is “b”; it must be empty"),
        (f"{HEAD}\n{ID},a,catalogue,catalogue,b,{NOW},\n".encode(), "Line 2: what is in the"),
        (f"{HEAD}\n{ID},a,s,right,b,yesterday,\n".encode(), "Line 2: when is “yesterday”"),
        (f"{HEAD}\n{ID},a,s,right,b,2026-13-24T17:03:12Z,\n".encode(), "Line 2: when is"),
        (f"{HEAD}\n{ID},a,s,right,b\n".encode(), "Line 2: 5 cells; allowed: 7"),
        (f'{HEAD}\n{ID},"a,s,right,b,{NOW},\n'.encode(), "Line 2: a quotation mark"),
        (
            f"{HEAD}\n{ID},a,s,right,b,{NOW},\n{ID},a,s,out,,{NOW},\n".encode(),
            "Line 3: it contradicts line 2",
        ),
        (f"{HEAD}\n{ID},a\0,s,right,b,{NOW},\n".encode(), "NUL"),
        (HEAD.encode() + b"\n\xff\n", "not UTF-8"),
    ],
)
def test_a_damaged_file_is_reported_by_line_and_changes_nothing(
    seen: Visit, content: bytes, fault: str
) -> None:
    press(seen, 1, "Leave out")
    load(seen, content)
    expect(seen.page.get_by_role("alert")).to_contain_text(fault)
    expect(decided(seen)).to_have_text("1 of 6 decided, 5 left")


def test_the_page_refuses_a_file_larger_than_the_workflow_reads(seen: Visit) -> None:
    bar = seen.page.locator(".deciding")
    expect(bar).to_have_attribute("data-most-bytes", str(decisions.MOST_BYTES))
    bar.evaluate("bar => { bar.dataset.mostBytes = 1234 }")
    load(seen, b"x" * 1235)
    expect(seen.page.get_by_role("alert")).to_contain_text("has 1,235 bytes; allowed: 1,234")


def test_of_many_faults_the_first_twenty_are_listed(seen: Visit) -> None:
    load(seen, (HEAD + 30 * "\nx").encode())
    expect(seen.page.get_by_role("alert").get_by_role("listitem")).to_have_count(21)
    expect(seen.page.get_by_role("alert")).to_contain_text("and 10 more")
    press(seen, 0, "Right")
    load(seen, saved(seen))
    expect(seen.page.locator(".faults")).to_be_empty()


def test_the_page_writes_and_reads_csv_as_the_pipeline_does(seen: Visit, tmp_path: Path) -> None:
    random_ = random.Random(1)
    signs = ["=", "+", "-", "@", "\t", "\r", "\n", ";", "'", '"', ",", " ", "\uff1d", "a", "é", "𝄞"]
    texts = ["".join(random_.choices(signs, k=random_.randrange(8))) for _ in range(2000)]
    rows = [row(n, "right", image=text, note=text[::-1]) for n, text in enumerate(texts)]
    expected = text(rows, tmp_path)
    assert seen.page.evaluate("rows => csvOf(COLUMNS, rows)", rows).encode() == expected
    records = seen.page.evaluate("text => csvRecords(text)", expected.decode())
    assert [record["cells"] for record in records] == csv_lines(tmp_path / "expected.csv")


def test_formulas_and_html_in_names_labels_and_notes_do_nothing(
    visit: Open, project: Project, tmp_path: Path
) -> None:
    hostile = visit(project.result("hostile/report.html"))
    harm = '=HYPERLINK("http://x")<img src=x onerror=window.hacked=1>'
    card(hostile, 0).focus()
    hostile.page.keyboard.press("w")
    hostile.page.keyboard.type(harm)
    for _ in range(3):  # a new class, that it is meant, and the large view
        hostile.page.keyboard.press("Enter")
    note = hostile.page.get_by_label("Note")
    note.fill(f"+{harm}")
    note.press("Enter")
    hostile.page.keyboard.press("Escape")
    for number in range(1, len(HOSTILE)):  # the catalogue has their bytes
        press(hostile, number, "Right")
    content = saved(hostile)
    (tmp_path / "saved.csv").write_bytes(content)
    rows = read_csv(tmp_path / "saved.csv")
    assert harm in {row["label"] for row in rows}
    assert f"+{harm}" in {row["note"] for row in rows}
    assert b"\"'=HYPERLINK" in content
    assert b"\"'+=HYPERLINK" in content
    hostile.reload()
    assert hostile.page.evaluate("window.hacked") is None
    assert hostile.page.locator("b, img[src=x]").count() == 0


def test_contents_that_are_there_twice_are_decided_and_counted_together(
    visit: Open, tmp_path: Path
) -> None:
    cards = six()
    cards[1] = replace(cards[1], content=cards[0].content)
    seen = visit(write_page(tmp_path / "set", cards, CLASSES))
    press(seen, 0, "Right")
    expect(card(seen, 1).locator(".decision")).to_have_text("Right: boots")
    expect(decided(seen)).to_have_text("2 of 6 decided, 4 left")


def test_what_the_last_run_applied_shows_and_is_saved_again(visit: Open, tmp_path: Path) -> None:
    cards = six()
    cards[0] = replace(cards[0], decision="wrong", label="hats", original_label="boots")
    cards[1] = replace(cards[1], decision="right")
    known = row(0, "wrong", "hats", note="seen twice")
    other = row(1, "right")
    away = row(98, "out", "", set="catalogue")
    seen = visit(write_page(tmp_path / "set", cards, CLASSES, decided=[known, other, away]))
    seen.page.clock.set_fixed_time(datetime.fromisoformat(NOW))
    expect(card(seen, 0).locator(".decision")).to_have_text("Wrong: it is hats, seen twice (done)")
    expect(card(seen, 0)).to_contain_text("original label boots")
    expect(decided(seen)).to_have_text("2 of 6 decided, 4 left")
    assert saved(seen) == text([away, known, other], tmp_path)
    press(seen, 0, "Leave out")
    changed = row(0, "out", "", when="2026-11-24T17:03:13Z", note="seen twice")
    assert saved(seen) == text([away, changed, other], tmp_path)


OLD = "2026-01-01T00:00:00Z"


def test_each_button_says_the_class_that_it_gives(seen: Visit) -> None:
    wrong = card(seen, 5)
    expect(button(wrong, "Right")).to_have_text("✓ shoes")
    expect(button(wrong, "Right")).to_have_attribute("title", "Right: it is shoes (R)")
    expect(button(wrong, "Catalogue")).to_have_text("+ Catalogue as boots")
    press(seen, 5, "Right")
    expect(button(wrong, "Catalogue")).to_have_text("+ Catalogue as shoes")
    press(seen, 5, "Other class")
    seen.page.keyboard.type("hats")
    seen.page.keyboard.press("Enter")
    expect(button(wrong, "Other class")).to_have_text("✕ hats")
    expect(button(wrong, "Other class")).to_have_attribute("aria-pressed", "true")
    press(seen, 5, "Catalogue")
    expect(button(wrong, "Catalogue")).to_have_text("\N{MINUS SIGN} Catalogue")
    press(seen, 5, "Catalogue")
    press(seen, 5, "Other class")
    expect(button(wrong, "Other class")).to_have_text("✕ Other class…")
    expect(wrong.locator(".decision")).to_be_empty()


def test_what_has_no_class_cannot_be_confirmed(visit: Open, tmp_path: Path) -> None:
    refused = {"status": "refused", "label": "", "original_label": "", "prediction": ""}
    cards = [replace(six()[0], **refused), *six()[1:]]
    seen = visit(write_page(tmp_path / "set", cards, ["", *CLASSES]))
    expect(card(seen, 0).locator("[data-mark=right]")).to_be_hidden()
    card(seen, 0).focus()
    seen.page.keyboard.press("r")
    expect(reported(seen)).to_have_text("There is no class to confirm. Press W to say which it is.")
    expect(button(card(seen, 0), "Catalogue")).to_have_text("+ Catalogue as …")
    press(seen, 0, "Catalogue")
    expect(card(seen, 0).get_by_label("Which class is it?")).to_be_focused()


@pytest.mark.parametrize("width", [400, 1100])
def test_the_buttons_of_the_bar_are_in_one_row(visit: Open, page: Path, width: int) -> None:
    seen = visit(page, viewport={"width": width, "height": 900})
    press(seen, 0, "Right")
    buttons = seen.page.locator(".deciding-row button:visible").all()
    places = [one.bounding_box() for one in buttons]
    assert len({place["y"] for place in places if place}) == 1
    assert len(places) == (3 if width == 400 else 4)


@pytest.mark.parametrize("width", [400, 1100])
def test_long_names_of_classes_are_cut_in_the_buttons_and_whole_in_their_titles(
    visit: Open, tmp_path: Path, width: int
) -> None:
    name = "an-unbroken-name-of-a-class-" + "x" * 80
    cards = [replace(six()[0], prediction=name), *six()[1:]]
    page = write_page(tmp_path / "set", cards, [*CLASSES, name])
    seen = visit(page, viewport={"width": width, "height": 900})
    right = button(card(seen, 0), "Right")
    expect(right).to_have_attribute("title", f"Right: it is {name} (R)")
    outer, inner = card(seen, 0).bounding_box(), right.bounding_box()
    assert outer
    assert inner
    assert inner["x"] >= outer["x"]
    assert inner["x"] + inner["width"] <= outer["x"] + outer["width"]
    assert inner["height"] < 50
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= width


APPLIED = [
    ("right", "boots", "Right", "Right: boots (done)"),
    ("wrong", "hats", "Other class", "Wrong: it is hats (done)"),
    ("out", "", "Leave out", "Left out (done)"),
]


def applied_page(folder: Path, decision: str, label: str) -> Path:
    """Return a page whose first photo the last run has decided as given."""
    changes: dict[str, Any] = {"decision": decision, "label": label or "boots"}
    if decision == "out":
        changes |= {"status": "rejected", "reason": "left out by a decision", "prediction": ""}
        changes |= {"similar": [], "confidence": None}
    cards = [replace(six()[0], **changes), *six()[1:]]
    known = [row(0, decision, label, when=OLD, note="a note"), row(9, "right", set="other")]
    return write_page(folder / "set", cards, ["", *CLASSES], decided=known)


@pytest.mark.parametrize(("decision", "label", "name", "words"), APPLIED)
def test_what_a_run_has_applied_is_taken_back_by_its_button_and_by_undo_restored(
    visit: Open, tmp_path: Path, decision: str, label: str, name: str, words: str
) -> None:
    page = applied_page(tmp_path, decision, label)
    seen = visit(page)
    seen.page.clock.set_fixed_time(datetime.fromisoformat(NOW))
    expect(card(seen, 0).locator(".picture img").first).to_be_visible()
    words = words.replace(" (", ", a note (")
    expect(card(seen, 0).locator(".decision")).to_have_text(words)
    press(seen, 0, name)
    expect(card(seen, 0).locator(".decision")).to_have_text("Decision taken back")
    expect(button(card(seen, 0), "Catalogue")).to_have_text("+ Catalogue as boots")
    assert card(seen, 0).locator("[aria-pressed=true]").count() == 0
    expect(decided(seen)).to_have_text("0 of 6 decided, 6 left")
    back = [row(0, "undecided", "", note="a note"), row(9, "right", set="other")]
    content = saved(seen)
    assert content == text(back, tmp_path)
    expect(reported(seen)).to_have_text("Saved: 1 not applied yet + 1 earlier decision.")
    seen.reload()
    expect(card(seen, 0).locator(".decision")).to_have_text("Decision taken back")
    other = visit(page)
    load(other, content)
    expect(card(other, 0).locator(".decision")).to_have_text("Decision taken back")
    other.page.keyboard.press("z")
    expect(card(other, 0).locator(".decision")).to_have_text(words)
    # Taken back, it can be decided again, and what is decided then can be removed.
    press(seen, 0, "Leave out" if name == "Right" else "Right")
    expect(card(seen, 0).locator(".decision")).to_contain_text(", a note")
    seen.page.keyboard.press("Z")
    expect(card(seen, 0).locator(".decision")).to_have_text("Decision taken back")


def test_another_mark_over_an_applied_decision_is_taken_back_with_it(
    visit: Open, tmp_path: Path
) -> None:
    seen = visit(applied_page(tmp_path, "wrong", "hats"))
    words = card(seen, 0).locator(".decision")
    press(seen, 0, "Other class")
    expect(words).to_have_text("Decision taken back")
    press(seen, 0, "Right")
    expect(words).to_have_text("Right: boots, a note")
    press(seen, 0, "Right")
    expect(words).to_have_text("Decision taken back")
    first, _ = read(saved(seen), tmp_path)
    assert first["decision"] == "undecided"


def test_a_decision_that_the_last_run_took_back_is_no_decision_and_stays_in_the_file(
    visit: Open, tmp_path: Path
) -> None:
    back = row(0, "undecided", "", when=LATER)
    seen = visit(write_page(tmp_path / "set", six(), CLASSES, decided=[back]))
    seen.page.clock.set_fixed_time(datetime.fromisoformat(NOW))
    expect(card(seen, 0).locator(".decision")).to_be_empty()
    expect(decided(seen)).to_have_text("0 of 6 decided, 6 left")
    assert saved(seen) == text([back], tmp_path)
    load(seen, text([row(0, "right")], tmp_path))  # a file from before
    expect(decided(seen)).to_have_text("0 of 6 decided, 6 left")
    press(seen, 0, "Right")
    assert saved(seen) == text([row(0, "right", when="2026-11-24T18:00:01Z")], tmp_path)


def test_a_class_that_was_confirmed_and_is_predicted_no_more_can_be_taken_back(
    visit: Open, tmp_path: Path
) -> None:
    cards = six()
    cards[5] = replace(cards[5], decision="right")
    seen = visit(write_page(tmp_path / "set", cards, CLASSES, decided=[row(5, "right", when=OLD)]))
    expect(button(card(seen, 5), "Other class")).to_have_text("✕ boots")
    press(seen, 5, "Other class")
    expect(card(seen, 5).locator(".decision")).to_have_text("Decision taken back")


def test_undo_says_what_to_do_where_it_can_do_nothing_and_needs_no_focus(seen: Visit) -> None:
    keys = seen.page.keyboard
    keys.press("z")
    expect(reported(seen)).to_have_text(
        "Nothing to undo here. Press the marked button again to take back a decision."
    )
    press(seen, 0, "Right")
    seen.page.get_by_role("searchbox", name="File name").press("z")
    expect(decided(seen)).to_have_text("1 of 6 decided, 5 left")
    seen.page.get_by_role("button", name="Clear filters").click()
    seen.page.locator(".card.decided").wait_for()
    seen.page.evaluate("document.activeElement.blur()")
    keys.press("z")
    expect(decided(seen)).to_have_text("0 of 6 decided, 6 left")
    keys.press("?")
    expect(seen.page.get_by_role("dialog", name="Keys")).to_be_visible()


def test_decisions_that_only_this_browser_has_are_listed_and_can_be_forgotten(
    visit: Open, tmp_path: Path
) -> None:
    decided_rows = [row(0, "right", when=OLD), row(1, "out", "", when=OLD)]
    page = write_page(tmp_path / "set", six(), CLASSES, decided=decided_rows)
    seen = visit(page)
    seen.page.clock.set_fixed_time(datetime.fromisoformat(NOW))
    pending = seen.page.locator(".pending")
    expect(pending).to_be_hidden()
    load(seen, text([row(0, "right"), row(1, "out", "")], tmp_path))
    expect(pending).to_be_hidden()
    # Somebody removes the rows from the file, and runs again.
    shutil.rmtree(tmp_path / "set")
    write_page(tmp_path / "set", six(), CLASSES)
    seen.reload()
    expect(pending.locator("summary")).to_have_text("Not applied yet: 2 decisions")
    pending.locator("summary").click()
    expect(pending.get_by_role("listitem").first).to_contain_text("in invented: ")
    pending.get_by_role("button", name="Forget: 1.jpg, Left out").click()
    expect(reported(seen)).to_have_text("Forgotten: 1 decision. Undo restores this.")
    expect(pending.locator("summary")).to_have_text("Not applied yet: 1 decision")
    assert saved(seen) == text([row(0, "right")], tmp_path)
    seen.page.get_by_role("button", name="Undo").click()
    pending.get_by_role("button", name="Forget all of them").click()
    expect(pending).to_be_hidden()
    expect(seen.page.get_by_role("button", name="Save decisions.csv")).to_be_disabled()
    seen.page.get_by_role("button", name="Undo").click()
    expect(decided(seen)).to_have_text("2 of 6 decided, 4 left")


def test_the_bar_tells_what_is_not_applied_and_what_is_not_saved(
    visit: Open, tmp_path: Path
) -> None:
    known = [row(0, "right", when=OLD), row(8, "out", "", when=OLD, set="other")]
    seen = visit(write_page(tmp_path / "set", six(), CLASSES, decided=known))
    to_save = seen.page.locator(".to-save")
    save = seen.page.get_by_role("button", name="Save decisions.csv")
    expect(to_save).to_have_text("2 earlier decisions; all saved")
    expect(save).not_to_have_class(re.compile("primary"))
    expect(save).to_be_enabled()
    press(seen, 1, "Right")
    both = "1 not applied yet + 2 earlier decisions"
    expect(to_save).to_have_text(f"{both}; 1 not saved yet")
    expect(save).to_have_class(re.compile("primary"))
    expect(seen.page.locator(".pending summary")).to_have_text("Not applied yet: 1 decision")
    saved(seen)
    expect(reported(seen)).to_have_text(f"Saved: {both}.")
    for _ in range(2):
        expect(to_save).to_have_text(f"{both}; all saved")
        expect(save).not_to_have_class(re.compile("primary"))
        seen.reload()
    press(seen, 1, "Leave out")
    expect(to_save).to_have_text(f"{both}; 1 not saved yet")
    seen.page.keyboard.press("z")
    expect(to_save).to_have_text(f"{both}; all saved")
    press(seen, 1, "Right")  # which the saved file has
    expect(to_save).to_have_text("2 earlier decisions; 1 not saved yet")
    seen.page.keyboard.press("z")
    expect(to_save).to_have_text(f"{both}; all saved")
    press(seen, 2, "Right")
    saved(seen)
    seen.page.keyboard.press("z")
    expect(to_save).to_have_text(f"{both}; 1 not saved yet")


def test_a_slip_of_a_class_is_asked_about_before_it_becomes_one(
    seen: Visit, tmp_path: Path
) -> None:
    first = card(seen, 0)
    press(seen, 0, "Other class")
    keys = seen.page.keyboard
    keys.type("Hat")
    keys.press("Enter")
    expect(first.locator(".unknown")).to_contain_text("Did you mean:")
    expect(first.get_by_role("button", name="hats", exact=True)).to_be_focused()
    keys.press("Enter")
    expect(first.locator(".decision")).to_have_text("Wrong: it is hats")
    press(seen, 1, "Other class")
    keys.type("shose")
    keys.press("Enter")
    assert card(seen, 1).locator(".unknown button").all_text_contents() == [
        "shoes",
        "Use the new class “shose”",
    ]
    card(seen, 1).get_by_label("Which class is it?").press("End")
    keys.type("n")
    expect(card(seen, 1).locator(".unknown")).to_be_hidden()
    keys.press("Backspace")
    keys.press("Enter")
    card(seen, 1).get_by_role("button", name="Use the new class “shose”").click()
    expect(card(seen, 1).locator(".decision")).to_have_text("Wrong: it is shose new class")
    # By now it is a class that can be chosen; but it is still new in the catalogue.
    press(seen, 2, "Other class")
    keys.type("shose")
    keys.press("Enter")
    expect(card(seen, 2).locator(".decision .badge")).to_have_text("new class")


def test_a_new_class_that_resembles_no_other_is_confirmed_too(seen: Visit) -> None:
    press(seen, 0, "Other class")
    seen.page.keyboard.type("umbrellas")
    seen.page.keyboard.press("Enter")
    expect(card(seen, 0).locator(".unknown")).to_have_text("Use the new class “umbrellas”")
    expect(card(seen, 0).locator(".new-class")).to_be_hidden()
    expect(decided(seen)).to_have_text("0 of 6 decided, 6 left")
    seen.page.keyboard.press("Enter")
    expect(card(seen, 0).locator(".decision")).to_contain_text("umbrellas")


def test_small_pictures_are_decided_by_keys_and_say_what_was_decided(seen: Visit) -> None:
    keys = seen.page.keyboard
    seen.page.locator("[name=view]").select_option("small pictures")
    card(seen, 0).focus()
    keys.press("o")
    expect(card(seen, 0).locator(".decision")).to_be_visible()
    expect(card(seen, 0).locator(".decision")).to_have_text("Left out")
    expect(card(seen, 0).locator(".marks")).to_be_hidden()
    keys.press("ArrowRight")
    keys.press("w")
    dialog = seen.page.get_by_role("dialog")
    expect(dialog.get_by_label("Which class is it?")).to_be_focused()
    keys.type("hats")
    keys.press("Enter")
    keys.press("Escape")
    expect(dialog).to_be_hidden()
    expect(card(seen, 1).locator(".decision")).to_have_text("Wrong: it is hats")
    expect(decided(seen)).to_have_text("2 of 6 decided, 4 left")


@pytest.mark.parametrize("name", ["  ", "\u00a0", "\u200b", " \u200e ", "hats\tbags"])
def test_a_class_that_cannot_be_seen_is_refused_before_anything_is_asked(
    seen: Visit, name: str
) -> None:
    press(seen, 0, "Other class")
    box = card(seen, 0).get_by_label("Which class is it?")
    box.fill(name)
    expect(card(seen, 0).locator(".new-class")).to_be_hidden()
    card(seen, 0).get_by_role("button", name="Decide").click()
    assert "allowed is the name of a class" in box.evaluate("box => box.validationMessage")
    expect(card(seen, 0).locator(".unknown")).to_be_hidden()
    expect(decided(seen)).to_have_text("0 of 6 decided, 6 left")
    box.fill("hats")
    card(seen, 0).get_by_role("button", name="Decide").click()
    expect(card(seen, 0).locator(".decision")).to_contain_text("hats")


def test_catalogue_takes_the_class_that_is_typed_in_the_open_box(
    seen: Visit, tmp_path: Path
) -> None:
    press(seen, 0, "Other class")
    seen.page.keyboard.type("hats")
    press(seen, 0, "Catalogue")
    expect(card(seen, 0).locator(".decision")).to_have_text("Into the catalogue as hats")
    press(seen, 1, "Other class")
    seen.page.keyboard.type("umbrellas")
    press(seen, 1, "Catalogue")
    expect(decided(seen)).to_have_text("1 of 6 decided, 5 left")
    seen.page.keyboard.press("Enter")  # confirms the new class
    expect(card(seen, 1).locator(".decision")).to_contain_text("Into the catalogue as umbrellas")


def test_an_empty_or_a_submitted_box_keeps_what_its_button_says(seen: Visit) -> None:
    press(seen, 0, "Other class")
    seen.page.keyboard.press("Backspace")
    press(seen, 0, "Catalogue")
    expect(card(seen, 0).locator(".decision")).to_have_text("Into the catalogue as boots")
    press(seen, 1, "Other class")
    seen.page.keyboard.type("umbrellas")
    press(seen, 1, "Catalogue")
    press(seen, 1, "Decide")
    button(card(seen, 1), "Use the new class").click()
    expect(card(seen, 1).locator(".decision")).to_contain_text("Wrong: it is umbrellas")


def test_a_new_class_that_was_undone_is_not_offered(seen: Visit) -> None:
    offered = seen.page.locator("#classes-offered option[value=umbrellas]")
    press(seen, 0, "Other class")
    seen.page.keyboard.type("umbrellas")
    for key in ("Enter", "Enter", "w"):  # the last takes it back
        seen.page.keyboard.press(key)
    seen.page.keyboard.press("z")
    press(seen, 1, "Other class")
    expect(offered).to_have_count(1)
    seen.page.keyboard.press("Escape")
    seen.page.keyboard.press("z")
    seen.page.keyboard.press("z")
    press(seen, 1, "Other class")
    expect(offered).to_have_count(0)


NEAR = [
    *(("jaket", "jacket"), ("jackte", "jacket"), ("JACKET", "jacket"), ("T Shirts", "t-shirt")),
    *(("t_shirt", "t-shirt"), ("berry", "berries"), ("dresses", "dress"), ("boot", "boots")),
    *(("sweatshrits", "sweatshirt"), ("outerwear", "outwear")),
]
FAR = [("cap", "cup"), ("boots", "hats"), ("jkt", "jacket"), ("x", "y"), ("s", "es"), ("tee", "te")]


def test_names_are_near_if_they_differ_in_writing_or_by_a_slip(seen: Visit) -> None:
    near = "([one, other]) => nearClasses(one, ['z'.repeat(9), other]).includes(other)"
    for pair in NEAR:
        assert seen.page.evaluate(near, [*pair]), pair
    assert [pair for pair in FAR if seen.page.evaluate(near, [*pair])] == [("tee", "te")]


def test_a_file_that_excel_saved_with_semicolons_is_read(seen: Visit, tmp_path: Path) -> None:
    content = text([row(0, "right"), row(1, "out", "")], tmp_path).decode()
    load(seen, b"\xef\xbb\xbf" + content.replace(",", ";").replace("\n", "\r\n").encode())
    expect(decided(seen)).to_have_text("2 of 6 decided, 4 left")


def test_a_photo_of_the_catalogue_that_was_left_out_is_taken_back_on_the_audit(
    visit: Open, tmp_path: Path
) -> None:
    left = row(0, "out", "", image="boots/0", set="catalogue", when=OLD)
    audit = visit(write_audit(tmp_path / "catalogue", left_out=True, decided=[left]))
    audit.page.clock.set_fixed_time(datetime.fromisoformat(NOW))
    item = audit.page.locator("li.item.decided_photo").filter(has_text="boots/0")
    expect(item.locator("img")).to_have_count(1)
    expect(item.locator(".decision")).to_have_text("Left out (done)")
    button(item, "Leave out").click()
    back = row(0, "undecided", "", image="boots/0", set="catalogue")
    assert saved(audit) == text([back], tmp_path)


@pytest.fixture
def member(visit: Open, tmp_path: Path) -> Visit:
    """Return a page whose first photo the last run has taken into the catalogue."""
    cards = six()
    cards[0] = replace(cards[0], decision="catalogue")
    taken = row(0, "catalogue", "hats", when=OLD)
    seen = visit(write_page(tmp_path / "set", cards, CLASSES, decided=[taken]))
    seen.page.clock.set_fixed_time(datetime.fromisoformat(NOW))
    return seen


@pytest.mark.parametrize(
    ("name", "words", "decided"),
    [
        ("Right", "Right: boots; Into the catalogue as boots", row(0, "right")),
        ("Leave out", "Left out of this set; Into the catalogue as hats (done)", row(0, "out", "")),
    ],
)
def test_a_mark_takes_no_photo_out_of_the_catalogue(
    member: Visit, tmp_path: Path, name: str, words: str, decided: dict[str, str]
) -> None:
    first = card(member, 0)
    expect(first.locator(".decision")).to_have_text("Into the catalogue as hats (done)")
    press(member, 0, name)
    expect(first.locator(".decision")).to_have_text(words)
    taken = button(first, "Catalogue")
    expect(taken).to_have_attribute("aria-pressed", "true")
    rows = sorted([row(0, "catalogue", "hats", when=OLD), decided], key=lambda r: r["decision"])
    assert saved(member) == text(rows, tmp_path)


def test_a_photo_leaves_the_catalogue_by_its_own_button_and_comes_back_by_it(
    member: Visit, tmp_path: Path
) -> None:
    taken_in = button(card(member, 0), "Catalogue")
    assert taken_in.get_attribute("title") == "Take it out of the catalogue (C)"
    press(member, 0, "Catalogue")
    expect(card(member, 0).locator(".decision")).to_have_text("Out of the catalogue")
    expect(taken_in).to_have_attribute("aria-pressed", "false")
    taken = row(0, "catalogue", "hats", when=OLD)
    left = row(0, "out", "", image="invented:0.jpg", set="catalogue")
    assert saved(member) == text([left, taken], tmp_path)
    press(member, 0, "Catalogue")
    expect(card(member, 0).locator(".decision")).to_have_text("Into the catalogue as boots")
    again = row(0, "catalogue", when="2026-11-24T17:03:13Z")
    assert saved(member) == text([left, again], tmp_path)


def test_a_note_stays_when_a_photo_leaves_the_catalogue_and_comes_back(
    visit: Open, tmp_path: Path
) -> None:
    taken = row(0, "catalogue", when=OLD, note="a note")
    cards = [replace(six()[0], decision="catalogue"), *six()[1:]]
    seen = visit(write_page(tmp_path / "set", cards, CLASSES, decided=[taken]))
    press(seen, 0, "Catalogue")
    press(seen, 0, "Catalogue")
    words = card(seen, 0).locator(".decision")
    expect(words).to_have_text("Into the catalogue as boots, a note (done)")


def test_a_photo_that_a_run_took_out_of_the_catalogue_is_put_back_by_its_button(
    visit: Open, tmp_path: Path
) -> None:
    taken = row(0, "catalogue", "hats", when=OLD)
    left = row(0, "out", "", image="invented:0.jpg", set="catalogue", when="2026-01-02T00:00:00Z")
    seen = visit(write_page(tmp_path / "set", six(), CLASSES, decided=[taken, left]))
    seen.page.clock.set_fixed_time(datetime.fromisoformat(NOW))
    expect(card(seen, 0).locator(".decision")).to_be_empty()
    press(seen, 0, "Catalogue")
    expect(card(seen, 0).locator(".decision")).to_have_text("Into the catalogue as boots")
    assert saved(seen) == text([left, row(0, "catalogue")], tmp_path)
    press(seen, 0, "Catalogue")
    expect(button(card(seen, 0), "Catalogue")).to_have_attribute("aria-pressed", "false")


def test_a_decision_in_another_collection_is_kept_and_not_shown(
    visit: Open, tmp_path: Path
) -> None:
    decided = [
        row(0, "out", "", set="other"),
        row(1, "wrong", "hats", set="catalogue"),
        row(2, "catalogue", "hats", set="other"),
    ]
    seen = visit(write_page(tmp_path / "set", six(), CLASSES, decided=decided))
    expect(card(seen, 0).locator(".decision")).to_be_empty()
    expect(card(seen, 1).locator(".decision")).to_be_empty()
    expect(card(seen, 2).locator(".decision")).to_have_text("Into the catalogue as hats (done)")
    assert seen.page.locator(".card [aria-pressed=true]").count() == 1
    press(seen, 0, "Right")
    content = saved(seen)
    assert text([decided[1]], tmp_path).splitlines()[1] in content
    assert text([decided[0]], tmp_path).splitlines()[1] in content


def test_what_the_workflow_would_refuse_is_not_decided(visit: Open, tmp_path: Path) -> None:
    cards = six()
    cards[0] = replace(cards[0], prediction="x" * 1001)
    seen = visit(write_page(tmp_path / "set", cards, [*CLASSES, "x" * 1001]))
    press(seen, 0, "Right")
    expect(reported(seen)).to_have_text(
        "This cannot be decided: label has 1001 characters; allowed are 1000."
    )
    expect(decided(seen)).to_have_text("0 of 6 decided, 6 left")


TIMES = [
    *("2026-02-28T00:00:00Z", "2024-02-29T23:59:59Z", "2026-02-29T00:00:00Z"),
    *("2026-02-30T12:00:00Z", "2026-04-31T12:00:00Z", "2026-11-24T24:00:00Z"),
    *("2026-11-24T12:60:00Z", "2026-11-24T12:00:60Z", "2026-11-24T12:00+23:59"),
    *("2026-11-24T12:00:00+24:00", "2026-11-24T12:00:00+01:60", "0000-01-01T00:00:00Z"),
    *("2026-11-24T12:00:00.123456Z", "2026-00-10T12:00:00Z", "2026-1-10T12:00:00Z"),
]
ROWS = [
    *({"when": when} for when in TIMES),
    *({"set": name} for name in ("my set", "", "-a", "a" * 64, "a" * 65, "catalogue", "é")),
    *({"label": label} for label in ("x" * 1000, "x" * 1001, "𝄞" * 1000, "", "  ")),
    *({"label": label} for label in ("\u200b", " \u0085", "a\u200bb", "a\tb", "a\x7f", "a\ufffe")),
    *({"decision": decision} for decision in ("catalogue", "out", "undecided", "Right", "")),
    *({"decision": decision, "label": ""} for decision in ("out", "undecided", "wrong")),
    *({"content_id": id_} for id_ in ("f" * 63, "F" * 64, "g" * 64)),
]


def test_the_page_takes_the_decisions_that_the_workflow_takes_and_no_others(
    seen: Visit, tmp_path: Path
) -> None:
    file = tmp_path / "expected.csv"
    taken = []
    for cells in ROWS:
        content = text([row(0, "right") | cells], tmp_path)
        result = seen.page.evaluate(
            "text => readDecisions(new TextEncoder().encode(text))", content.decode()
        )
        taken.append(not result["faults"])
        assert taken[-1] == _is_taken(file), cells
    assert 0 < sum(taken) < len(ROWS)


def _is_taken(file: Path) -> bool:
    try:
        return bool(decisions.read([file]))
    except UserError:
        return False


def test_decisions_of_another_project_are_not_saved_with_these(visit: Open, tmp_path: Path) -> None:
    ours = write_page(tmp_path / "ours" / "set", six(), CLASSES)
    cards = [replace(six()[0], content="f" * 64), *six()[1:]]
    theirs = write_page(tmp_path / "theirs" / "set", cards, CLASSES)
    seen = visit(theirs)
    press(seen, 0, "Right")
    seen.page.goto(ours.as_uri())
    press(seen, 1, "Leave out")
    assert b"f" * 64 not in saved(seen)
    seen.page.goto("about:blank")
    seen.requests.clear()


def test_projects_with_the_same_photos_do_not_share_decisions(visit: Open, tmp_path: Path) -> None:
    ours = write_page(tmp_path / "ours" / "set", six(), CLASSES)
    theirs = write_page(tmp_path / "theirs" / "set", six(), CLASSES)
    seen = visit(ours)
    press(seen, 0, "Right")
    seen.page.goto(theirs.as_uri())
    expect(decided(seen)).to_have_text("0 of 6 decided, 6 left")
    press(seen, 0, "Leave out")
    assert b"right" not in saved(seen)
    seen.page.goto(ours.as_uri())
    expect(card(seen, 0).locator(".decision")).to_have_text("Right: boots")
    seen.requests.clear()


def test_each_page_that_was_sent_as_one_file_keeps_its_own_decisions(
    visit: Open, project: Project, tmp_path: Path
) -> None:
    pages = [tmp_path / f"{name}.html" for name in ("one", "other")]
    for page in pages:
        shutil.copy(project.result("new/report_portable.html"), page)
    seen = visit(pages[0])
    press(seen, 0, "Leave out")
    expect(decided(seen)).to_contain_text("1 of ")
    seen.page.goto(pages[1].as_uri() + "#sort=")
    expect(decided(seen)).to_contain_text("0 of ")
    seen.page.goto(pages[0].as_uri() + "#sort=")
    expect(decided(seen)).to_contain_text("1 of ")
    seen.requests.clear()


def test_a_class_that_a_query_set_gives_its_member_shows_on_the_audit(
    visit: Open, tmp_path: Path
) -> None:
    taken = row(1, "catalogue", "boots", image="1.jpg", set="new", when=OLD)
    corrected = row(1, "wrong", "hats", image="1.jpg", set="new")
    page = write_audit(tmp_path / "catalogue", name="new:1.jpg", decided=[taken, corrected])
    item = visit(page).page.locator("li.item.wrong_label")
    expect(item.locator(".decision")).to_have_text("Into the catalogue as hats (done)")


def test_of_two_sets_that_took_a_photo_in_each_keeps_its_own_class(
    visit: Open, tmp_path: Path
) -> None:
    decided = [row(0, "catalogue", "hats", when=OLD), row(0, "catalogue", "boots", set="other")]
    seen = visit(write_page(tmp_path / "set", six(), CLASSES, decided=decided))
    expect(seen.page.locator(".decided-count")).to_have_text("1 of 6 decided, 5 left")
    expect(card(seen, 0).locator(".decision")).to_have_text("Into the catalogue as boots (done)")
    assert seen.page.evaluate("id => decisionOn(id).label", f"{0:064x}") == "hats"


def test_decided_photos_are_hidden_on_request(seen: Visit) -> None:
    press(seen, 0, "Right")
    filter_ = seen.page.get_by_role("combobox", name="Decisions")
    filter_.select_option("undecided")
    assert "0.jpg" not in seen.cards()
    assert len(seen.cards()) == 5
    filter_.select_option("decided")
    assert seen.cards() == ["0.jpg"]
    assert seen.hash() == "#decided=yes"


def test_low_confidence_and_the_review_order_can_come_first(visit: Open, tmp_path: Path) -> None:
    order = (3, 1, None, 2, 5, 4)
    cards = [replace(card, review_order=rank) for card, rank in zip(six(), order, strict=True)]
    seen = visit(write_page(tmp_path / "set", cards, CLASSES))
    sort = seen.page.get_by_role("combobox", name="Sort by")
    sort.select_option("confidence, lowest first")
    assert seen.cards() == [f"{n}.jpg" for n in (5, 4, 3, 2, 1, 0)]
    sort.select_option("review order")
    assert seen.cards() == [f"{n}.jpg" for n in (1, 3, 0, 5, 4, 2)]


def test_what_changed_since_the_previous_run_is_a_view(visit: Open, tmp_path: Path) -> None:
    cards = [replace(six()[0], before="hats"), *six()[1:]]
    seen = visit(write_page(tmp_path / "set", cards, CLASSES))
    seen.page.get_by_role("combobox", name="Changed since the previous run").select_option("yes")
    assert seen.cards() == ["0.jpg"]
    expect(card(seen, 0)).to_contain_text("before: hats")


def test_in_the_large_view_photos_are_decided_and_get_notes(seen: Visit, tmp_path: Path) -> None:
    card(seen, 0).focus()
    keys = seen.page.keyboard
    keys.press("Enter")
    dialog = seen.page.get_by_role("dialog")
    expect(dialog.get_by_label("Note")).to_be_disabled()
    keys.press("z")
    expect(dialog.locator(".message")).to_contain_text("Nothing to undo here.")
    keys.press("r")
    expect(dialog.locator(".message")).to_be_empty()
    dialog.get_by_label("Note").press_sequentially("really, a boot")  # and no marks
    dialog.get_by_label("Note").press("Enter")
    dialog.get_by_role("button", name="Close").focus()
    keys.press("ArrowRight")
    keys.press("w")
    keys.type("hats")
    keys.press("Escape")
    expect(dialog).to_be_visible()
    button(dialog, "Leave out").click()
    keys.press("Escape")
    note = {"note": "really, a boot", "when": "2026-11-24T17:03:13Z"}
    assert saved(seen) == text([row(0, "right", **note), row(1, "out", "")], tmp_path)


def test_a_browser_that_keeps_nothing_says_so_and_still_saves(
    visit: Open, page: Path, tmp_path: Path
) -> None:
    seen = visit(page)
    seen.page.add_init_script(FORBIDDEN)
    seen.reload()
    seen.page.clock.set_fixed_time(datetime.fromisoformat(NOW))
    press(seen, 0, "Right")
    expect(seen.page.locator(".next")).to_contain_text("does not keep your decisions")
    expect(decided(seen)).to_have_text("1 of 6 decided, 5 left")
    assert saved(seen) == text([row(0, "right")], tmp_path)


@pytest.mark.parametrize("junk", ["{", "[1]", '{"x": 1}', json.dumps({ID: {"decision": "mad"}})])
def test_what_the_browser_kept_damaged_is_passed_over(seen: Visit, junk: str) -> None:
    seen.page.evaluate("([key, junk]) => localStorage.setItem(key, junk)", [STORE, junk])
    seen.reload()
    expect(decided(seen)).to_have_text("0 of 6 decided, 6 left")
    press(seen, 0, "Right")
    seen.reload()
    expect(decided(seen)).to_have_text("1 of 6 decided, 5 left")


def test_the_audit_is_decided_on_and_shares_its_decisions_with_the_report(
    visit: Open, tmp_path: Path
) -> None:
    audit = visit(write_audit(tmp_path / "catalogue"))
    audit.page.clock.set_fixed_time(datetime.fromisoformat(NOW))
    keys = audit.page.keyboard
    assert audit.page.locator("[data-mark=catalogue]").count() == 0
    label = audit.page.locator("li.item.wrong_label")
    button(label, "Other class").click()
    expect(label.get_by_label("Which class is it?")).to_have_value("hats")  # what it looks like
    keys.press("Enter")
    expect(label.locator(".decision")).to_have_text("Wrong: it is hats")
    keys.press("ArrowRight")  # the two photos of a picture under two classes, each by itself
    keys.press("r")
    keys.press("ArrowRight")
    keys.press("o")
    expect(decided(audit)).to_have_text("3 of 4 decided, 1 left")
    catalogue = {"set": "catalogue"}
    rows = [
        row(1, "wrong", "hats", image="boots/1", **catalogue),
        row(2, "right", "boots", image="boots/2", **catalogue),
        row(3, "out", "", image="hats/3", **catalogue),
    ]
    assert saved(audit) == text(rows, tmp_path)
    audit.page.goto(write_page(tmp_path / "set", six(), CLASSES).as_uri())
    audit.page.clock.set_fixed_time(datetime.fromisoformat(NOW))
    press(audit, 0, "Leave out")
    assert saved(audit) == text([*rows, row(0, "out", "")], tmp_path)
    audit.requests.clear()


def test_right_confirms_the_class_under_which_the_file_is_shown_for_all_of_its_bytes(
    visit: Open, tmp_path: Path
) -> None:
    audit = visit(write_audit(tmp_path / "catalogue", same="hats/3"))
    audit.page.clock.set_fixed_time(datetime.fromisoformat(NOW))
    sides = audit.page.locator(".duplicate_across_classes .side-picture")
    for side, label, name in ((1, "hats", "hats/3"), (0, "boots", "boots/2")):
        right = button(sides.nth(side), "Right")
        expect(right).to_have_attribute("title", f"Right: it is {label} (R)")
        right.click()
        words = f"Right: {label}, with all 2 files of the same bytes"
        for both in (0, 1):
            expect(sides.nth(both).locator(".decision")).to_have_text(words)
        (decided,) = read(saved(audit), tmp_path)
        assert (decided["label"], decided["image"]) == (label, name)


def read(content: bytes, folder: Path) -> list[dict[str, str]]:
    (folder / "saved.csv").write_bytes(content)
    return read_csv(folder / "saved.csv")


def test_only_findings_about_single_photos_are_decided_on(visit: Open, tmp_path: Path) -> None:
    audit = visit(write_audit(tmp_path / "catalogue"))
    kinds = ("wrong_label", "duplicate_across_classes", "duplicate", "outlier", "small_class")
    groups = [audit.page.locator(f".{kind}").locator(".marks").count() for kind in kinds]
    # A decision applies to a content, so it cannot separate equal bytes of one class.
    assert groups == [1, 2, 0, 1, 0]


def test_a_query_in_the_catalogue_stays_in_it_under_the_class_that_the_audit_gives_it(
    visit: Open, tmp_path: Path
) -> None:
    adopted = row(1, "catalogue", image="1.jpg", set="new", when="2026-01-01T00:00:00Z")
    audit = visit(write_audit(tmp_path / "catalogue", decided=[adopted]))
    audit.page.clock.set_fixed_time(datetime.fromisoformat(NOW))
    item = audit.page.locator("li.item.wrong_label")
    expect(item.locator(".decision")).to_have_text("Into the catalogue as boots (done)")
    button(item, "Other class").click()
    audit.page.keyboard.press("Enter")
    expect(item.locator(".decision")).to_have_text("Wrong: it is hats; Into the catalogue as hats")
    corrected = row(1, "wrong", "hats", image="boots/1", set="catalogue")
    assert saved(audit) == text([corrected, adopted], tmp_path)


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is missing: npm ci --prefix tests/report")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_accessibility_checker_finds_nothing_while_photos_are_decided(
    visit: Open, page: Path, tmp_path: Path, scheme: str
) -> None:
    seen = visit(page, color_scheme=scheme, bypass_csp=True)
    for number, name in enumerate(("Right", "Leave out", "Catalogue")):
        press(seen, number, name)
    load(seen, b"damaged")
    press(seen, 3, "Other class")
    assert accessibility_findings(seen) == []
    seen.page.keyboard.type("hats")
    seen.page.keyboard.press("Enter")
    assert accessibility_findings(seen) == []
    seen.page.keyboard.press("?")
    assert accessibility_findings(seen) == []
    seen.page.keyboard.press("Escape")
    seen.page.keyboard.press("Enter")
    seen.page.keyboard.press("+")
    assert accessibility_findings(seen) == []
    audit = visit(write_audit(tmp_path / "catalogue"), color_scheme=scheme, bypass_csp=True)
    audit.page.locator(".item").first.focus()
    audit.page.keyboard.press("r")
    audit.page.keyboard.press("w")
    assert accessibility_findings(audit) == []
