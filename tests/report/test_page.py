"""The page in a real browser: filters, sorting, the large view, the keyboard, and its limits."""

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from PIL import Image
from playwright.sync_api import Locator, expect

from browser import AXE, HOSTILE, Visit, accessibility_findings
from project import CLASSES, Project
from report_factory import made_cards, write_page
from similar_images.core.file_formats import read_csv
from similar_images.report.cards import Product
from similar_images.report.further_neighbours import CatalogueImage, FurtherNeighbours
from similar_images.report.portable import portable

PHONE = {"viewport": {"width": 390, "height": 844}}
Open = Callable[..., Visit]


@pytest.fixture
def new(visit: Open, project: Project) -> Visit:
    return visit(project.result("new/report.html"))


def field(visit: Visit, name: str) -> Locator:
    return visit.page.get_by_role("combobox", name=name, exact=True)


def choose(visit: Visit, status: str) -> None:
    visit.page.locator(f".segments label:has(input[value='{status}'])").click()


def test_the_top_shows_what_was_run_and_how_good_it_is(new: Visit) -> None:
    reported = " ".join(new.page.locator("header").inner_text().split())
    assert "ColourHistogram classified 6 of 7 labelled photos correctly: 85.7%" in reported
    assert "95% interval 48.7% to 97.4%" in reported
    assert "✓ 6 right ✕ 1 wrong ? 1 unlabelled ! 2 rejected" in reported
    assert "24 photos, 7 classes" in reported
    assert "Neighbours that vote 3" in reported


def test_a_card_shows_the_query_its_votes_and_its_three_neighbours(new: Visit) -> None:
    card = new.page.locator(".card").filter(has_text="looks like boots.png")
    expect(card.locator(".status")).to_have_text("✕Wrong")
    named = card.locator(".named span")
    expect(named).to_contain_text(["taken for boots", "or: sandals, sneakers", "label sandals"])
    expect(named.nth(1)).to_contain_text("and 3 more")
    expect(card.locator(".votes li")).to_have_text(["boots3 of 3"])
    assert card.locator(".similar li").count() == 3
    assert (card.locator(".similarity").first.text_content() or "").startswith("0.")
    assert card.locator("img").count() == 4
    for image in card.locator("img").all():
        image.scroll_into_view_if_needed()
        image.evaluate("image => image.decode()")


def test_the_page_shows_the_accuracy_within_the_catalogue(new: Visit) -> None:
    section = new.page.locator("section").filter(has=new.page.locator("#quality-title"))
    expect(section).to_contain_text(
        "12 of 16 photos of the catalogue are classified correctly by the others"
    )
    expect(section).to_contain_text("configured: 3 neighbours, majority, cosine")
    assert section.locator("circle").count() == 2 * 8
    assert section.locator("svg line.configured").count() == 1
    expect(new.page.locator(".card .confidence").first).to_contain_text("confidence")


@pytest.mark.parametrize(
    ("status", "number"), [("", 10), ("right", 6), ("wrong", 1), ("unlabelled", 1), ("rejected", 2)]
)
def test_the_status_filters_the_cards(new: Visit, status: str, number: int) -> None:
    choose(new, status)
    assert len(new.cards()) == number
    words = "10 photos" if not status else f"{number} of 10 photos"
    expect(new.page.get_by_role("status")).to_have_text(words)


def test_label_and_prediction_filter_the_cards(new: Visit) -> None:
    field(new, "Label").select_option("sandals")
    assert new.cards() == ["0.png", "1.png", "looks like boots.png"]
    field(new, "Prediction").select_option("boots")
    assert new.cards() == ["looks like boots.png"]
    new.page.get_by_role("button", name="Clear filters").click()
    expect(new.page.locator(".card")).to_have_count(10)
    expect(new.page.get_by_role("button", name="Clear filters")).to_be_hidden()


def test_photos_that_are_in_the_catalogue_are_reported_and_can_be_left_out(
    visit: Open, project: Project
) -> None:
    seen = visit(project.result("known/report.html"))
    reported = " ".join(seen.page.locator("header").inner_text().split())
    assert "1 photo is in the catalogue already (1 with the same bytes, 0 with" in reported
    assert "Without it, 1 of 1 are right: 100.0%" in reported
    seen.page.get_by_role("button", name="1 photo", exact=True).click()
    assert seen.cards() == ["same.png"]
    expect(seen.page.locator(".card .duplicate")).to_have_text(
        "Same bytes as catalogue/boots/0.png"
    )
    field(seen, "In the catalogue").select_option("none")
    assert seen.cards() == ["0.png"]
    assert seen.hash() == "#duplicate=none"


def test_the_search_finds_file_names_in_any_case(new: Visit) -> None:
    new.page.get_by_role("searchbox", name="File name").fill("LOOKS like")
    assert new.cards() == ["looks like boots.png"]
    new.page.get_by_role("searchbox", name="File name").fill("no such photo")
    assert new.cards() == []
    expect(new.page.get_by_role("status")).to_have_text("0 of 10 photos")


@pytest.mark.parametrize("order", ["high", "low"])
def test_cards_are_sorted_by_similarity_and_by_votes_with_rejected_ones_last(
    new: Visit, order: str
) -> None:
    for measure, selector in (
        ("similarity", ".similar li:first-child .similarity"),
        ("votes", ".chosen .vote-number"),
    ):
        field(new, "Sort by").select_option(f"{measure}-{order}")
        shown = new.page.locator(f".card {selector}").all_text_contents()
        values = [float(text.split(" of ")[0]) for text in shown]
        assert values == sorted(values, reverse=order == "high")
        assert sorted(new.cards()[-2:]) == ["empty.jpg", "notes.jpg"]


def test_the_address_holds_the_view(new: Visit, visit: Open, project: Project) -> None:
    choose(new, "right")
    field(new, "Label").select_option("boots")
    field(new, "Sort by").select_option("similarity-low")
    new.page.get_by_role("searchbox", name="File name").fill("png")
    shown = new.cards()
    assert new.hash() == "#status=right&label=boots&sort=similarity-low&search=png"
    new.reload()
    assert new.cards() == shown
    shared = visit(project.result("new/report.html"), new.hash())
    assert shared.cards() == shown
    assert field(shared, "Label").input_value() == "boots"


def test_back_leads_to_the_view_before_and_not_out_of_the_report(new: Visit) -> None:
    choose(new, "right")
    field(new, "Label").select_option("boots")
    box = new.page.get_by_role("searchbox", name="File name")
    box.press_sequentially("1.png")
    assert new.cards() == ["1.png"]
    new.page.get_by_role("button", name="1 photo of sandals taken for boots").click()
    assert new.cards() == ["looks like boots.png"]
    views = [
        "#status=right&label=boots&search=1.png",
        "#status=right&label=boots",
        "#status=right",
        "",
    ]
    for view in views:
        new.page.go_back()
        assert new.hash() == view
        expect(field(new, "Label")).to_have_value("boots" if "label" in view else "")
    assert len(new.cards()) == 10
    new.page.go_forward()
    assert len(new.cards()) == 6


def test_letters_can_be_typed_in_the_middle_of_a_search(new: Visit) -> None:
    box = new.page.get_by_role("searchbox", name="File name")
    box.press_sequentially("lookboots")
    for _ in "boots":
        box.press("ArrowLeft")
    box.press_sequentially("s like ", delay=30)
    expect(box).to_have_value("looks like boots")
    assert new.cards() == ["looks like boots.png"]


def test_an_address_of_unknown_values_shows_what_it_can(visit: Open, project: Project) -> None:
    odd = visit(project.result("new/report.html"), "#status=lost&label=<b>&sort=up&page=%ff&&=")
    assert len(odd.cards()) == 10


def test_a_cell_of_the_matrix_filters_the_cards(new: Visit) -> None:
    cell = new.page.get_by_role("button", name="1 photo of sandals taken for boots")
    cell.click()
    assert new.cards() == ["looks like boots.png"]
    expect(cell).to_have_attribute("aria-pressed", "true")
    expect(new.page.get_by_role("heading", name="Photos", exact=True)).to_be_focused()
    expect(new.page.get_by_role("heading", name="Photos", exact=True)).to_be_in_viewport()


def test_a_count_at_the_top_leads_to_its_cards(new: Visit) -> None:
    new.page.get_by_role("button", name="1 wrong").click()
    assert new.cards() == ["looks like boots.png"]


def test_a_class_in_the_table_leads_to_its_cards(new: Visit) -> None:
    new.page.get_by_role("button", name="sneakers", exact=True).click()
    assert new.hash() == "#label=sneakers"


def test_a_photo_is_shown_large_beside_its_neighbours(new: Visit) -> None:
    new.page.get_by_role("button", name="Query, looks like boots.png: show large").click()
    dialog = new.page.get_by_role("dialog")
    expect(dialog.get_by_role("heading")).to_have_text("looks like boots.png")
    expect(dialog).to_contain_text("photos/new/sandals/looks like boots.png")
    expect(dialog).to_contain_text("Wrong: taken for boots, or: sandals, sneakers, ")
    expect(dialog).to_contain_text(" and 3 more, label sandals")
    for pane in ("asked", "beside"):
        address = dialog.locator(f".{pane} img").get_attribute("src") or ""
        assert "report_files/560-srgb/" in address
    expect(dialog.locator(".beside")).to_contain_text("Similar photo 1: boots, similarity 0.")
    dialog.get_by_role("button", name="Similar photo 2").click()
    expect(dialog.locator(".beside")).to_contain_text("Similar photo 2: boots, similarity 0.")
    expect(dialog.get_by_role("button", name="Similar photo 2")).to_be_focused()
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_be_hidden()


def test_enter_on_the_large_view_itself_does_nothing(new: Visit) -> None:
    new.page.locator(".card button.picture").first.click()
    dialog = new.page.get_by_role("dialog")
    dialog.locator(".large-answer").click()
    expect(dialog).to_be_focused()
    new.page.keyboard.press("Enter")
    expect(dialog).to_be_visible()


def test_both_large_pictures_are_zoomed_and_keep_their_middle(new: Visit) -> None:
    new.page.locator(".card button.picture").first.click()
    panes = new.page.locator(".large .pane-picture")
    width = panes.first.evaluate("pane => pane.scrollWidth")
    for _ in range(2):
        new.page.keyboard.press("+")
    for pane in panes.all():
        assert pane.evaluate("pane => pane.scrollWidth") == pytest.approx(2 * width, abs=2)
        middle = "pane => (pane.scrollLeft + pane.clientWidth / 2) / pane.scrollWidth"
        assert pane.evaluate(middle) == pytest.approx(0.5, abs=0.01)
    expect(new.page.locator(".large .zoom")).to_have_text("200%")
    new.page.get_by_role("button", name="Zoom out").click()
    expect(new.page.locator(".large .zoom")).to_have_text("150%")


def test_the_large_view_goes_on_to_the_next_photo_and_leaves_the_focus_there(new: Visit) -> None:
    shown = new.cards()
    new.page.locator(".card button.picture").first.click()
    dialog = new.page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Previous photo")).to_be_disabled()
    new.page.keyboard.press("ArrowRight")
    dialog.get_by_role("button", name="Next photo").click()
    expect(dialog.get_by_role("heading")).to_have_text(shown[2])
    new.page.keyboard.press("Escape")
    expect(new.page.locator(".card").nth(2)).to_be_focused()


def test_everything_works_by_keyboard_alone(new: Visit) -> None:
    keys = new.page.keyboard
    keys.press("Tab")
    expect(new.page.get_by_role("link", name="Skip to the photos")).to_be_focused()
    keys.press("Enter")
    expect(new.page.get_by_role("heading", name="Photos", exact=True)).to_be_focused()
    keys.press("Tab")
    expect(new.page.locator("[name=status][value='']")).to_be_focused()
    keys.press("ArrowRight")
    keys.press("ArrowRight")
    assert new.cards() == ["looks like boots.png"]
    for _ in range(14):  # the other filters, and what is above the photos
        keys.press("Tab")
    expect(new.page.locator(".card")).to_be_focused()
    keys.press("Tab")
    picture = new.page.get_by_role("button", name="Query, looks like boots.png: show large")
    expect(picture).to_be_focused()
    keys.press("Enter")
    dialog = new.page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    keys.press("2")
    expect(dialog.locator(".beside")).to_contain_text("Similar photo 2")
    keys.press("Escape")
    expect(dialog).to_be_hidden()
    expect(new.page.locator(".card")).to_be_focused()


def test_rejected_files_of_both_collections_are_listed_with_their_reasons(new: Visit) -> None:
    section = new.page.locator("section").filter(has=new.page.locator("#rejected-title"))
    assert section.locator("tr").filter(has_text="empty file").count() == 2
    expect(section).to_contain_text("boots/empty.jpg")
    expect(section).to_contain_text("catalogue/boots/notes.jpg")
    choose(new, "rejected")
    expect(new.page.locator(".card").first).to_contain_text("empty file")


def test_a_set_without_labels_says_so_and_shows_its_cards(visit: Open, project: Project) -> None:
    plain = visit(project.result("plain/report.html"))
    expect(plain.page.locator("header")).to_contain_text(
        "There are no labels, so the accuracy is not known"
    )
    assert len(plain.cards()) == 2 * len(CLASSES)
    assert plain.page.locator(".matrix, [name=label]").count() == 0
    assert plain.page.locator(".bar.unlabelled").count() > 0


def test_a_set_of_rejected_files_alone_shows_their_reasons(visit: Open, project: Project) -> None:
    broken = visit(project.result("broken/report.html"))
    expect(broken.page.locator("header")).to_contain_text("None of the 2 photos could be read")
    assert broken.cards() == ["empty.jpg", "notes.jpg"]
    field(broken, "Sort by").select_option("votes-high")
    assert broken.cards() == ["empty.jpg", "notes.jpg"]


def test_names_and_labels_that_hold_html_or_script_do_nothing(
    visit: Open, project: Project
) -> None:
    hostile = visit(project.result("hostile/report.html"))
    assert len(hostile.cards()) == len(HOSTILE)
    options = hostile.page.locator("[name=label] option").all_text_contents()
    assert set(HOSTILE) <= set(options)
    field(hostile, "Label").select_option(HOSTILE[0])
    hostile.page.locator(".card .picture").first.click()
    hostile.page.keyboard.press("ArrowRight")
    hostile.page.keyboard.press("Escape")
    for button in hostile.page.locator(".matrix button").all():
        button.click()
        assert len(hostile.cards()) >= 1
    assert hostile.page.evaluate("window.hacked") is None
    assert hostile.page.locator("script").count() == 8
    assert hostile.page.locator("b, img[src=x]").count() == 0


def test_a_picture_that_is_gone_leaves_its_place_empty(
    visit: Open, project: Project, tmp_path: Path
) -> None:
    shutil.copytree(project.result("plain"), tmp_path / "plain")
    shutil.rmtree(tmp_path / "plain" / "report_files" / "560-srgb")
    bare = visit(tmp_path / "plain" / "report.html")
    expect(bare.page.locator(".card .query").first).to_contain_text("no picture")
    bare.complaints.clear()  # the browser's own, of files that are not found


def test_two_thousand_queries_are_quick(visit: Open, report_factory: Path) -> None:
    large = visit(report_factory)
    large.page.wait_for_function("performance.getEntriesByType('paint').length > 0")
    paint = large.page.evaluate("performance.getEntriesByType('paint').at(-1).startTime")
    print(f"first contentful paint after {paint:.0f} ms")
    assert paint < 4000
    expect(large.page.get_by_role("status")).to_have_text("2,000 photos")
    at_first = len(large.cards())
    assert at_first < 200
    large.page.locator("#photos").scroll_into_view_if_needed()
    for _ in range(10):
        large.page.mouse.wheel(0, 5000)
        large.page.wait_for_timeout(50)
    assert len(large.cards()) > at_first
    large.page.get_by_role("searchbox", name="File name").fill("1999")
    assert len(large.cards()) == 1


def test_more_cards_come_by_a_button_too(visit: Open, report_factory: Path) -> None:
    large = visit(report_factory)
    before = len(large.cards())
    large.page.locator(".more button").dispatch_event("click")
    assert len(large.cards()) > before
    expect(large.page.locator(".card").nth(before)).to_be_focused()


def test_print_shows_every_card_of_the_view_and_no_controls(
    visit: Open, report_factory: Path
) -> None:
    large = visit(report_factory, "#label=class+07")
    large.page.emulate_media(media="print")
    large.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    status = large.page.get_by_role("status").text_content() or ""
    number = int(status.split()[0])
    assert number > 48
    assert len(large.cards()) == number
    expect(large.page.locator(".filters")).to_be_hidden()


def test_the_portable_page_carries_its_pictures(
    visit: Open, project: Project, tmp_path: Path
) -> None:
    shutil.copy(project.result("new/report_portable.html"), tmp_path / "sent.html")
    sent = visit(tmp_path / "sent.html", "#status=wrong")
    image = sent.page.locator(".card img").first
    image.scroll_into_view_if_needed()
    expect(image).to_have_js_property("complete", True)
    assert image.evaluate("i => i.naturalHeight") > 0
    image.click()
    large = sent.page.get_by_role("dialog").locator(".asked img")
    assert (large.get_attribute("src") or "").startswith("data:")
    expect(sent.page.locator(".left-out")).to_be_hidden()


def test_a_portable_page_without_all_photos_says_which_it_has_and_where_all_are(
    visit: Open, report_factory: Path, tmp_path: Path
) -> None:
    whole = report_factory.read_text("utf-8")
    html = portable(whole, report_factory.parent / "report_files", "results/invented/report.html")
    (tmp_path / "sent.html").write_text(html, "utf-8")
    sent = visit(tmp_path / "sent.html")
    expect(sent.page.locator(".left-out")).to_have_text(
        "This file has 200 of the 2,000 photos, in small pictures: the wrong answers, then the "
        "least sure ones. The numbers on this page count all photos, so a number can lead to "
        "fewer photos than it counts. All of them are in results/invented/report.html, in the "
        "project that made this file."
    )
    expect(sent.page.locator(".left-out")).to_be_in_viewport()
    expect(sent.page.get_by_role("status")).to_have_text("200 photos in this file")
    choose(sent, "right")
    expect(sent.page.get_by_role("status")).to_contain_text("of 200 photos in this file")
    choose(sent, "wrong")
    assert len(sent.cards()) > 0


def test_with_many_classes_the_tables_are_folded_and_the_photos_come_soon(
    visit: Open, tmp_path: Path
) -> None:
    classes = [f"class {n:03}" for n in range(101)]
    seen = visit(write_page(tmp_path / "set", made_cards(300, classes), classes, figures=True))
    box = seen.page.locator("#photos").bounding_box()
    assert box is not None
    assert box["y"] < 1000
    seen.page.get_by_role("link", name="Confusion matrix").click()
    expect(seen.page.locator(".matrix")).to_be_visible()
    expect(seen.page.locator("#confusion-title")).to_be_in_viewport()


def test_the_classes_of_the_matrix_are_sorted_by_name_or_with_the_most_confused_first(
    visit: Open, tmp_path: Path
) -> None:
    classes = ["a", "b", "c"]
    labels = [("a", "a"), ("b", "c"), ("c", "c"), ("c", "b"), ("c", "a")]
    cards = [
        replace(card, label=label, prediction=prediction, status="right")
        for card, (label, prediction) in zip(made_cards(5, classes), labels, strict=True)
    ]
    seen = visit(write_page(tmp_path / "set", cards, classes, figures=True))
    table = seen.page.locator(".matrix")

    def rows() -> list[list[str]]:
        found = table.evaluate("t => [...t.rows].map(r => [...r.cells].map(c => c.innerText))")
        return [[cell.strip() for cell in row] for row in found]

    by_name = [["Label", "a", "b", "c"], ["a", "1", "", ""], ["b", "", "", "1"]]
    assert rows() == [*by_name, ["c", "1", "1", "1"]]
    order = seen.page.get_by_role("combobox", name="Order of the classes")
    order.select_option("most confused first")
    first = [["Label", "c", "b", "a"], ["c", "1", "1", "1"], ["b", "1", "", ""]]
    assert rows() == [*first, ["a", "", "", "1"]]
    order.select_option("by name")
    assert rows() == [*by_name, ["c", "1", "1", "1"]]


def test_the_accuracy_of_the_runs_is_drawn_where_there_are_two_runs(
    visit: Open, tmp_path: Path
) -> None:
    names = ("when", "catalogue", "accuracy", "low", "high")
    runs = [
        ("2026-01-02T03:04:05+00:00", "600", "0.7", "0.6", "0.8"),
        ("2026-01-03T03:04:05+00:00", "650", "", "", ""),
        ("2026-01-04T03:04:05+00:00", "700", "0.9", "0.85", "0.95"),
    ]
    history = [dict(zip(names, run, strict=True)) for run in runs]
    cards = made_cards(6, ["a", "b"])
    seen = visit(write_page(tmp_path / "two", cards, ["a", "b"], history=history))
    drawn = seen.page.locator(".history svg")
    described = drawn.get_attribute("aria-label") or ""
    assert "2026-01-04: 90.0% (95% interval 85.0% to 95.0%) with 700" in described
    assert drawn.locator("circle").count() == 2
    assert drawn.locator("polygon").count() == 1
    alone = visit(write_page(tmp_path / "one", cards, ["a", "b"], history=history[:2]))
    assert alone.page.locator(".history, a[href='#history-title']").count() == 0


def test_the_original_labels_are_reported_beside_those_that_were_decided(
    visit: Open, tmp_path: Path
) -> None:
    came = {"labelled": 6, "correct": 3, "accuracy": 0.5, "accuracy_interval_95": [0.2, 0.8]}
    cards = made_cards(6, ["a", "b"])
    changes = {"decided": 2, "by_original_label": came}
    seen = visit(write_page(tmp_path / "set", cards, ["a", "b"], metrics=changes))
    reported = " ".join(seen.page.locator("header").inner_text().split())
    words = (
        "These figures count your decisions on 2 photos. By the original labels, 3 of 6 are right"
    )
    assert words in reported


def test_the_photos_of_a_product_are_together_and_show_what_it_is_by_all_of_them(
    visit: Open, tmp_path: Path
) -> None:
    shown = [
        *(Product("P2", 2, "a"), Product("P1", 3, "<b>"), Product("P2", 2, "a")),
        *(Product("P1", 3, "<b>"), Product("P1", 3, "<b>"), Product("single.jpg", 1, "b")),
    ]
    cards = [
        replace(card, product=product, label="a")
        for card, product in zip(made_cards(6, ["a", "b"]), shown, strict=True)
    ]
    right = {"labelled": 2, "correct": 1, "accuracy": 0.5, "accuracy_interval_95": [0.1, 0.9]}
    changes = {"products": {"products": 3, "conflicts": 1, "predicted": 3, **right}}
    seen = visit(write_page(tmp_path / "set", cards, ["a", "b"], metrics=changes))
    reported = " ".join(seen.page.locator("header").inner_text().split())
    assert (
        "all photos of each product together, 1 of 2 labelled products are right: 50.0%" in reported
    )
    assert "1 has photos with different labels." in reported
    field(seen, "Sort by").select_option("product")
    together = [
        " ".join(card.locator(".named span").filter(has_text="of the product").all_inner_texts())
        for card in seen.page.locator(".card").all()
    ]
    assert together == [
        *["all 3 photos of the product: <b> (wrong)"] * 3,
        *["all 2 photos of the product: a (right)"] * 2,
        "",
    ]


def test_a_phone_needs_no_scrolling_to_the_side(visit: Open, project: Project) -> None:
    for name in ("new", "plain", "broken", "hostile", "catalogue"):
        phone = visit(project.result(f"{name}/report.html"), **PHONE)
        wide = phone.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, name


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is missing: npm ci --prefix tests/report")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_accessibility_checker_finds_nothing(
    visit: Open, project: Project, report_factory: Path, scheme: str
) -> None:
    for page in (project.result("new/report.html"), report_factory):
        seen = visit(page, color_scheme=scheme, bypass_csp=True)
        assert accessibility_findings(seen) == []
        seen.page.locator("button.picture").first.click()
        assert accessibility_findings(seen) == []


def test_a_photo_with_nothing_to_be_compared_with_comes_last_and_a_confidence_can_be_unknown(
    visit: Open, tmp_path: Path
) -> None:
    alone, unsure, sure = made_cards(3, ["a", "b"])
    alone = replace(alone, status="refused", similar=[], votes=[], confidence=None)
    cards = [alone, replace(unsure, confidence=None), sure]
    seen = visit(write_page(tmp_path / "set", cards, ["a", "b"]))
    expect(seen.page.locator(".card .confidence")).to_have_text(
        ["confidence not known", "confidence 2%"]
    )
    seen.page.locator("select[name=sort]").select_option("similarity-low")
    expect(seen.page.locator(".card")).to_have_count(3)
    expect(seen.page.locator(".card").last).to_have_class(re.compile("refused"))
    seen.page.get_by_label("confidence of at least").fill("0")
    expect(seen.page.get_by_role("button", name="Take 1 photo into")).to_be_visible()


@pytest.fixture
def sure(visit: Open, tmp_path: Path) -> Visit:
    """Five photos, named by their confidence; the last has none."""
    confidences = (0.706, 0.714, 0.716, 1.0, None)
    cards = [
        replace(card, name=f"{confidence}", confidence=confidence)
        for card, confidence in zip(made_cards(5, ["a", "b"]), confidences, strict=True)
    ]
    return visit(write_page(tmp_path / "set", cards, ["a", "b"]))


@pytest.mark.parametrize(
    ("first", "last", "names"),
    [
        ("71 %", "", ["0.706", "0.714", "0.716", "1.0"]),
        ("71", "71%", ["0.706", "0.714"]),
        ("0.71", "0,71", ["0.706", "0.714"]),
        ("71,5", "71.7", ["0.716"]),
        ("", ".71", ["0.706", "0.714"]),
        ("1", "", ["1.0"]),
        ("1 %", "", ["0.706", "0.714", "0.716", "1.0"]),
        ("", "1%", []),
        ("0", " 100 ", ["0.706", "0.714", "0.716", "1.0"]),
    ],
)
def test_a_confidence_is_limited_on_both_sides_as_the_cards_show_it(
    sure: Visit, first: str, last: str, names: list[str]
) -> None:
    sure.page.get_by_label("from", exact=True).fill(first)
    sure.page.get_by_label("to", exact=True).fill(last)
    assert sure.cards() == names
    sure.reload()
    assert sure.cards() == names
    expect(sure.page.locator(".filters .fault")).to_be_empty()


@pytest.mark.parametrize("unfinished", ["0,", "70.", "0.", "7 "])
def test_a_confidence_that_is_being_typed_is_no_fault(sure: Visit, unfinished: str) -> None:
    sure.page.get_by_label("from", exact=True).fill(unfinished)
    expect(sure.page.locator(".filters .fault")).to_be_empty()


def test_both_confidences_are_named_where_both_are_wrong(sure: Visit) -> None:
    sure.page.get_by_label("from", exact=True).fill("much")
    sure.page.get_by_label("to", exact=True).fill("101")
    fault = sure.page.locator(".filters .fault")
    expect(fault).to_contain_text("“much” and “101” are no confidences: allowed are 0 to")


def test_code_in_the_advice_has_no_backticks(visit: Open, tmp_path: Path) -> None:
    advice = "With `search.metric: auto`, about 9 instead of 8 would be right <b>."
    page = write_page(tmp_path / "set", made_cards(1, ["a", "b"]), ["a", "b"], advice=advice)
    shown = visit(page).page.locator(".advice")
    expect(shown).to_have_text(advice.replace("`", ""))
    expect(shown.locator("code")).to_have_text("search.metric: auto")


def test_an_opened_form_does_not_move_the_pictures_of_the_card_beside(
    visit: Open, tmp_path: Path
) -> None:
    seen = visit(write_page(tmp_path / "set", made_cards(6, ["a", "b"]), ["a", "b"]))
    card = seen.page.locator(".card").nth(1)
    inside = "card => card.querySelector('.similar').offsetTop - card.offsetTop"
    before = card.evaluate(inside)
    seen.page.locator(".card").nth(0).locator("[data-mark=wrong]").click()
    expect(seen.page.locator(".card .chooser")).to_be_visible()
    assert card.evaluate(inside) == before


@pytest.mark.parametrize("wrong", ["much", "101", "-1", "7 1", "1.2.3", "%", "."])
def test_a_wrong_confidence_is_met_with_what_is_allowed(sure: Visit, wrong: str) -> None:
    allowed = "allowed are 0 to 100 %, such as 71 %, 71 or 0.71; 1 is 100 %."
    for box, place in (("from", ".filters"), ("confidence of at least", ".many")):
        sure.page.get_by_label(box).fill(wrong)
        fault = sure.page.locator(f"{place} .fault")
        expect(fault).to_have_text(f"“{wrong}” is no confidence: {allowed}")
        expect(sure.page.get_by_label(box)).to_have_attribute("aria-invalid", "true")
    assert len(sure.cards()) == 5
    expect(sure.page.locator(".many button")).to_be_disabled()
    sure.page.get_by_label("confidence of at least").fill("71 %")
    expect(sure.page.locator(".many .fault")).to_be_empty()
    expect(sure.page.locator(".many button")).to_be_enabled()


def test_photos_that_were_added_later_are_found(visit: Open, tmp_path: Path) -> None:
    times = ("2026-11-24T09:00:00Z", "2026-11-27T11:02:33Z", "2026-11-26T08:00:00Z", "")
    cards = [
        replace(card, name=f"{n}.jpg", added=times[n % 4])
        for n, card in enumerate(made_cards(8, ["a", "b"]))
    ]
    page = write_page(tmp_path / "set", cards, ["a", "b"])
    seen = visit(page, timezone_id="UTC")
    added = field(seen, "Added")
    assert added.locator("option").all_text_contents() == [
        "any time",
        "since 27 Nov 2026, 11:02 (2 photos)",
        "since 26 Nov 2026, 08:00 (4 photos)",
        "since 24 Nov 2026, 09:00 (6 photos)",
    ]
    added.select_option(index=2)
    assert seen.cards() == ["1.jpg", "2.jpg", "5.jpg", "6.jpg"]
    assert seen.hash() == "#added=2026-11-26T08%3A00%3A00Z"
    field(seen, "Sort by").select_option("newest first")
    assert seen.cards() == ["1.jpg", "5.jpg", "2.jpg", "6.jpg"]
    seen.reload()
    assert seen.cards() == ["1.jpg", "5.jpg", "2.jpg", "6.jpg"]
    expect(seen.page.locator(".card .added").first).to_have_text("added 27 Nov 2026, 11:02")
    seen.page.locator("button.picture").first.click()
    expect(seen.page.locator(".large-added")).to_have_text("added 27 Nov 2026, 11:02")


def test_after_the_first_run_nothing_is_asked_about_when_photos_were_added(
    visit: Open, tmp_path: Path
) -> None:
    unread, *cards = made_cards(6, ["a", "b"])
    cards.append(replace(unread, added=""))  # as files that could not be read
    seen = visit(write_page(tmp_path / "set", cards, ["a", "b"]), "#added=2026&sort=newest")
    expect(field(seen, "Added")).to_have_count(0)
    assert seen.page.locator("option[value=newest]").count() == 0
    assert len(seen.cards()) == 6
    expect(seen.page.locator(".card .added").first).to_be_hidden()


def test_a_refused_photo_shows_its_label(visit: Open, tmp_path: Path) -> None:
    card = replace(made_cards(1, ["a", "b"])[0], status="refused", reason="too odd", label="b")
    seen = visit(write_page(tmp_path / "set", [card], ["a", "b"]))
    expect(seen.page.locator(".card .named span")).to_have_text(["too odd", "label b"])


def saved_view(seen: Visit, button: str, folder: Path) -> list[dict[str, str]]:
    seen.page.clock.set_fixed_time(datetime(2026, 11, 27, 13, 14).astimezone())
    with seen.page.expect_download() as download:
        seen.page.get_by_role("button", name=button).click()
    assert download.value.suggested_filename == "new-view-20261127-1314.csv"
    download.value.save_as(folder / "view.csv")
    return read_csv(folder / "view.csv")


def test_a_view_is_saved_as_predictions_csv_has_it(
    new: Visit, project: Project, tmp_path: Path
) -> None:
    predictions = {row["image"]: row for row in project.rows("new/predictions.csv")}
    rows = saved_view(new, "Save this view as CSV", tmp_path)
    assert len(rows) == 10
    for row in rows:
        known = predictions[row["image"]]
        assert set(known) - set(row) <= {"likely_classes", "metric"}
        # Numbers are the same, though they can be written with other zeros.
        assert {name: as_number(row[name]) for name in row if name in known} == {
            name: as_number(known[name]) for name in row if name in known
        }
    choose(new, "wrong")
    (row,) = saved_view(new, "Save this view as CSV", tmp_path)
    assert row["image"] == "sandals/looks like boots.png"


def as_number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def test_a_formula_in_a_name_is_saved_as_text(visit: Open, tmp_path: Path) -> None:
    card = replace(made_cards(1, ["a", "b"])[0], name="=1.jpg", extra_columns=[("price", "-5")])
    seen = visit(write_page(tmp_path / "set", [card], ["a", "b"]))
    with seen.page.expect_download() as download:
        seen.page.get_by_role("button", name="Save this view as CSV").click()
    header, line = Path(download.value.path()).read_text("utf-8").splitlines()
    assert line.startswith("'=1.jpg,")
    assert header.endswith(",price")
    assert line.endswith(",'-5")


def test_the_page_says_how_to_make_a_page_of_a_view(new: Visit, tmp_path: Path) -> None:
    choose(new, "wrong")
    (row,) = saved_view(new, "Send this view as a page", tmp_path)
    assert row["image"] == "sandals/looks like boots.png"
    expect(new.page.locator(".sending")).to_have_text(
        "1 photo saved in new-view-20261127-1314.csv. Move this file next to config.yaml, and run "
        "snakemake --cores 8 results/new/report_portable.html --config "
        "portable=new-view-20261127-1314.csv there. It "
        "writes results/new/report_portable.html, one file with these photos, to send."
    )
    choose(new, "right")
    expect(new.page.locator(".sending")).to_be_hidden()


def test_a_view_is_sent_as_one_file_with_its_photos_alone(
    visit: Open, project: Project, tmp_path: Path
) -> None:
    new = visit(project.result("new/report.html"), "#label=sandals")
    saved_view(new, "Send this view as a page", tmp_path)
    command = (new.page.locator(".sending code").text_content() or "").split()
    shutil.copy(tmp_path / "view.csv", project.folder / command[-1].removeprefix("portable="))
    # The program, "--cores" and their number are those of the test.
    project.run(*command[3:])
    shutil.copy(project.result("new/report_portable.html"), tmp_path / "sent.html")
    project.run("results/new/report_portable.html")  # as the other tests need it
    sent = visit(tmp_path / "sent.html")
    assert sent.cards() == ["0.png", "1.png", "looks like boots.png"]
    expect(sent.page.locator(".left-out")).to_contain_text(
        "3 of the 10 photos, in small pictures: those of a saved view."
    )
    assert sent.page.locator(".card img").first.evaluate("i => i.src.startsWith('data:')")


def opened_card(seen: Visit, name: str) -> Locator:
    card = seen.page.locator(".card").filter(has_text=name).first
    card.get_by_role("button", name=re.compile("more like this")).click()
    return card


def test_a_card_opens_to_the_neighbours_that_were_found(new: Visit, project: Project) -> None:
    (searched,) = [
        query
        for query in pq.read_table(project.result("new/neighbours.parquet")).to_pylist()
        if query["image"] == "sandals/looks like boots.png"
    ]
    (row,) = [
        row
        for row in project.rows("new/predictions.csv")
        if row["image"] == "sandals/looks like boots.png"
    ]
    card = opened_card(new, "looks like boots.png")
    expect(card.locator(".similar li")).to_have_count(16)
    button = card.get_by_role("button", name="Show fewer")
    expect(button).to_have_attribute("aria-expanded", "true")
    expect(button).to_be_focused()
    names = [
        pictures.get_attribute("title") or "" for pictures in card.locator(".similar button").all()
    ]
    assert names == [f"photos/{name}" for name in searched["similar"]]
    assert names[:3] == [f"photos/{row[f'similar_{n}']}" for n in (1, 2, 3)]
    shown = card.locator(".similarity").all_text_contents()
    assert shown == [f"{similarity:.3f}" for similarity in searched["similarity"]]
    classes = card.locator(".similar-class").all_text_contents()
    assert classes == searched["class"]
    for image in card.locator("img").all():
        image.scroll_into_view_if_needed()
        image.evaluate("image => image.decode()")
    addresses = [image.get_attribute("src") or "" for image in card.locator(".similar img").all()]
    without_thumbnail = [address for address in addresses if "report_files" not in address]
    assert without_thumbnail
    assert all(address.startswith("../../photos/") for address in without_thumbnail)
    button.click()
    expect(card.locator(".similar li")).to_have_count(3)


@pytest.fixture
def near(visit: Open, tmp_path: Path) -> Visit:
    """Three photos with 20 neighbours: the first is 0.9, 0.8 and 0.7 similar, the others less."""
    similarities = (0.9, 0.7999, 0.7, 0.65)
    cards = [
        replace(
            card,
            name=f"{n}.jpg",
            similar=[
                replace(similar, similarity=similarities[n + min(place, 1)])
                for place, similar in enumerate(card.similar)
            ],
        )
        for n, card in enumerate(made_cards(3, ["a", "b"]))
    ]
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (30, 20)).save(tmp_path / "photos" / "é #1%.png")
    images = [
        CatalogueImage("é #1%.png", str(tmp_path / "photos" / "é #1%.png"), "a", "0" * 64, False),
        CatalogueImage("with picture.jpg", "photos/x.jpg", "b", f"{1:064x}", True),
        CatalogueImage("moved.tif", str(tmp_path / "moved.tif"), "b", "2" * 64, False),
        CatalogueImage("far.jpg", "https://shop.example/far.jpg", "b", "3" * 64, False),
        CatalogueImage("packed.jpg", "zip:photos.zip!/packed.jpg", "b", "4" * 64, False),
    ]
    of = {
        card.name: ([n % 5 for n in range(17)], [0.6 - 0.01 * n for n in range(17)])
        for card in cards
    }
    page = write_page(tmp_path / "set", cards, ["a", "b"], further=FurtherNeighbours(images, of))
    return visit(page)


def test_a_photo_that_cannot_be_shown_has_its_name_its_class_and_its_similarity(
    near: Visit,
) -> None:
    card = opened_card(near, "0.jpg")
    items = card.locator(".similar li")
    expect(items).to_have_count(20)
    assert (
        items.nth(3)
        .locator("img")
        .evaluate("image => image.decode().then(() => image.naturalWidth)")
        == 30
    )
    assert "report_files" in (items.nth(4).locator("img").get_attribute("src") or "")
    items.nth(5).scroll_into_view_if_needed()
    expect(items.nth(5)).to_have_text("moved.tifb0.580")
    expect(items.nth(6)).to_have_text("far.jpgb0.570")
    expect(items.nth(7)).to_have_text("packed.jpgb0.560")
    near.complaints.clear()  # the browser's own, of files that are not found


def test_neighbours_of_less_similarity_are_hidden(near: Visit) -> None:
    box = near.page.get_by_label("Neighbours at least this similar")
    card = opened_card(near, "0.jpg")
    expect(card.locator(".similar li")).to_have_count(20)
    near.complaints.clear()  # the browser's own, of files that are not found
    for limit in ("0.8", "0,8", "80 %", "80"):
        box.fill(limit)
        assert near.page.locator(".card").count() == 3
        counts = [one.locator(".similar li").count() for one in near.page.locator(".card").all()]
        assert counts == [3, 1, 0]
        expect(near.page.locator(".none-similar").last).to_have_text(
            "none is at least 0.80 similar"
        )
        expect(near.page.locator(".further button")).to_have_count(0)
    box.fill("0.555")
    expect(near.page.locator(".card").nth(0).locator(".similar li")).to_have_count(3 + 5)
    expect(near.page.get_by_role("button", name="Show 5 more like this")).to_have_count(2)
    assert near.hash() == "#similarity=0.555"
    near.reload()
    expect(near.page.get_by_role("button", name="Show 5 more like this")).to_have_count(3)
    box.fill("0.905")
    expect(near.page.locator(".none-similar").first).to_have_text("none is at least 0.905 similar")
    near.page.locator(".card button.picture").first.click()
    expect(near.page.locator(".pane.beside")).to_be_hidden()
    near.complaints.clear()


def test_a_wrong_similarity_is_met_with_what_is_allowed(near: Visit) -> None:
    near.page.get_by_label("Neighbours at least this similar").fill("much")
    near.page.get_by_label("from", exact=True).fill("101")
    fault = near.page.locator(".filters .fault")
    expect(fault).to_contain_text("“101” is no confidence: allowed are 0 to 100 %")
    expect(fault).to_contain_text(
        "“much” is no similarity: allowed are 0 to 1, such as 0.8, 0,8 or 80 %."
    )
    assert near.page.locator(".card").first.locator(".similar li").count() == 3
    near.page.get_by_role("button", name="Clear filters").click()
    expect(fault).to_be_empty()


def test_the_large_view_opens_to_further_neighbours_too(near: Visit) -> None:
    near.page.locator(".card button.picture").first.click()
    dialog = near.page.get_by_role("dialog")
    dialog.get_by_role("button", name="17 more").click()
    expect(dialog.locator(".strip button")).to_have_count(20)
    heights = "buttons => buttons.map((button) => button.getBoundingClientRect().y)"
    places = dialog.locator(".strip button").evaluate_all(heights)
    assert all(after - before > 70 for before, after in pairwise(places))
    expect(dialog.locator(".beside")).to_contain_text("Similar photo 4: a, similarity 0.600")
    fourth = dialog.get_by_role("button", name="Similar photo 4, a")
    expect(fourth).to_be_focused()
    dialog.get_by_role("button", name="Similar photo 20").click()
    expect(dialog.locator(".beside")).to_contain_text("Similar photo 20: b, similarity 0.440")
    dialog.get_by_role("button", name="Close").click()
    card = near.page.locator(".card").first
    expect(card.locator(".similar li")).to_have_count(20)
    expect(near.page.locator(".card").nth(1).locator(".similar li")).to_have_count(3)
    near.complaints.clear()


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is missing: npm ci --prefix tests/report")
@pytest.mark.parametrize("options", [{"color_scheme": "light"}, {"color_scheme": "dark"}, PHONE])
def test_opened_cards_are_accessible_and_fit_a_phone(
    visit: Open, project: Project, options: dict[str, Any]
) -> None:
    seen = visit(project.result("new/report.html"), bypass_csp=True, **options)
    card = opened_card(seen, "looks like boots.png")
    assert accessibility_findings(seen) == []
    assert seen.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    card.locator("button.picture").first.click()
    assert accessibility_findings(seen) == []
    assert seen.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_a_view_is_saved_with_all_its_neighbours_whatever_is_hidden(
    new: Visit, project: Project, tmp_path: Path
) -> None:
    new.page.get_by_label("Neighbours at least this similar").fill("1")
    rows = {row["image"]: row for row in saved_view(new, "Save this view as CSV", tmp_path)}
    for row in project.rows("new/predictions.csv"):
        assert rows[row["image"]]["similar_3"] == row["similar_3"]


def test_cards_of_a_page_to_send_do_not_open(visit: Open, project: Project, tmp_path: Path) -> None:
    shutil.copy(project.result("new/report_portable.html"), tmp_path / "sent.html")
    sent = visit(tmp_path / "sent.html")
    assert len(sent.cards()) == 10
    expect(sent.page.locator(".further button")).to_have_count(0)


def test_small_pictures_show_many_photos_with_their_class_alone(new: Visit) -> None:
    form = new.page.locator("form.filters")
    field(new, "View").select_option("small pictures")
    assert "view=small" in new.page.url
    card = new.page.locator(".card").first
    expect(card.locator(".query")).to_be_visible()
    expect(card.locator(".named")).to_be_visible()
    for hidden in (".similar", ".marks", "h3", ".votes"):
        expect(card.locator(hidden)).to_be_hidden()
    assert card.bounding_box()["width"] < 160  # type: ignore[index]
    card.locator(".query button").click()
    expect(new.page.get_by_role("dialog")).to_be_visible()
    new.page.keyboard.press("Escape")
    form.get_by_role("button", name="Clear filters").click()
    expect(card.locator(".similar")).to_be_visible()


def test_photos_can_be_sorted_by_their_prediction(new: Visit) -> None:
    field(new, "Sort by").select_option("prediction")
    # Rejected files have none.
    named = new.page.locator(".card:is(.right, .wrong, .unlabelled) .named > :first-child")
    words = [text.removeprefix("taken for ") for text in named.all_text_contents()]
    assert len({*words}) > 1
    assert words == sorted(words)
