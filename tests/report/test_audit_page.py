"""The page of the catalogue's audit in a real browser."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from browser import AXE, HOSTILE, Visit, accessibility_findings
from project import Project
from report_factory import write_audit

Open = Callable[..., Visit]


@pytest.fixture
def page(visit: Open, project: Project) -> Visit:
    return visit(project.result("catalogue/report.html"))


def test_each_finding_shows_its_picture_beside_the_evidence(page: Visit, project: Project) -> None:
    rows = project.rows("catalogue/audit.csv")
    for row in rows:
        place = page.page.locator(f"section[aria-labelledby={row['finding']}] .card")
        card = place.nth(int(row["rank"]) - 1)
        names = card.locator(".path").all_text_contents()
        assert names == [name for name in (row["image"], row["other_image"]) if name]
    assert page.page.locator(".card").count() == len(rows)
    expect(page.page.locator(".more:visible")).to_have_count(0)
    for image in page.page.locator(".card img").all():
        image.scroll_into_view_if_needed()
        image.evaluate("image => image.decode()")


def test_a_count_at_the_top_leads_to_its_findings(page: Visit) -> None:
    page.page.get_by_role("link", name="in two classes").or_(
        page.page.get_by_role("link", name=re.compile("small class"))
    ).first.click()
    assert page.hash() in ("#duplicate_across_classes", "#small_class")
    expect(page.page.locator(page.hash())).to_be_in_viewport()


def test_the_tiles_count_in_singular_and_plural(many: Visit) -> None:
    tiles = many.page.locator(".findings-tiles .tile")
    expect(tiles.filter(has_text="label")).to_have_text("98doubtful labels")
    expect(tiles.filter(has_text="outlier")).to_have_text("1outlier")
    expect(tiles.filter(has_text="small")).to_have_text("1small class")
    expect(tiles.filter(has_text="confused")).to_have_text("0confused pairs")


@pytest.fixture
def many(visit: Open, tmp_path: Path) -> Visit:
    """An audit with 98 doubtful labels, and some other findings."""
    return visit(write_audit(tmp_path / "catalogue", doubtful=97))


def test_a_picture_is_shown_large_beside_the_evidence_with_zoom(many: Visit) -> None:
    many.page.get_by_role("button", name="Photo, 1: show large").click()
    dialog = many.page.locator("dialog.large")
    expect(dialog.get_by_role("heading")).to_have_text("1")
    expect(dialog.locator(".asked")).to_contain_text("Photo: boots")
    expect(dialog.locator(".beside")).to_contain_text("Nearest of hats")
    expect(dialog.locator(".large-answer")).to_have_text(
        "Label boots, looks like hats: very unlikely to be boots"
    )
    for pane in ("asked", "beside"):
        address = dialog.locator(f".{pane} img").get_attribute("src") or ""
        assert address.startswith("report_files/560-srgb/")
    many.page.keyboard.press("+")
    expect(dialog.locator(".zoom")).to_have_text("150%")
    many.page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(many.page.locator(".wrong_label.item").first).to_be_focused()


def test_a_note_is_written_in_the_large_view(many: Visit) -> None:
    many.page.locator(".wrong_label.item").first.focus()
    many.page.keyboard.press("Enter")
    dialog = many.page.locator("dialog.large")
    note = dialog.get_by_label("Note")
    expect(note).to_be_disabled()
    many.page.keyboard.press("r")
    note.fill("asked the buyer")
    note.press("Enter")
    many.page.keyboard.press("Escape")
    expect(many.page.locator(".wrong_label .decision").first).to_contain_text(", asked the buyer")


def test_all_doubtful_labels_can_be_decided_step_by_step(many: Visit) -> None:
    section = many.page.locator("section[aria-labelledby=wrong_label]")
    expect(section.locator(".card")).to_have_count(60)
    expect(section.locator(".more")).to_contain_text("60 of 98 are shown")
    section.get_by_role("button", name="Show 38 more").click()
    expect(section.locator(".card")).to_have_count(98)
    expect(section.locator(".more")).to_be_hidden()
    expect(section.locator(".item").nth(60)).to_be_focused()
    section.locator(".item").last.focus()
    many.page.keyboard.press("r")
    expect(section.locator(".decision").last).to_contain_text("Right: boots")
    expect(many.page.locator(".decided-count")).to_contain_text("1 of 101 decided")


def test_the_large_view_goes_through_all_findings_and_leaves_the_focus_there(many: Visit) -> None:
    many.page.locator(".wrong_label.item").nth(59).focus()
    many.page.keyboard.press("Enter")
    many.page.keyboard.press("ArrowRight")
    dialog = many.page.locator("dialog.large")
    expect(dialog.get_by_role("heading")).to_have_text("more 59")
    many.page.keyboard.press("Escape")
    expect(many.page.locator(".wrong_label.item").nth(60)).to_be_focused()
    many.page.get_by_role("button", name="The same picture, 3: show large").click()
    expect(dialog.get_by_role("heading")).to_have_text("3")
    expect(dialog.locator(".beside")).to_contain_text("Photo: boots")
    many.page.keyboard.press("Escape")
    expect(many.page.locator(".duplicate_across_classes .item").last).to_be_focused()


def test_twenty_thousand_doubtful_labels_do_not_stop_the_page(visit: Open, tmp_path: Path) -> None:
    large = visit(write_audit(tmp_path / "catalogue", doubtful=20_000))
    paint = large.page.evaluate("performance.getEntriesByType('paint').at(-1).startTime")
    print(f"first contentful paint after {paint:.0f} ms")
    assert paint < 4000
    assert large.page.locator(".wrong_label").count() == 60
    expect(large.page.locator("section[aria-labelledby=wrong_label] .hint")).to_contain_text(
        "Here are the first 20,000 of 20,001; audit.csv has all."
    )
    large.page.locator(".item").first.focus()
    took = large.page.evaluate(
        """() => {
            const from = performance.now();
            document.activeElement.dispatchEvent(
                new KeyboardEvent("keydown", { key: "r", bubbles: true }),
            );
            return performance.now() - from;
        }"""
    )
    print(f"a decision takes {took:.0f} ms")
    assert took < 1000
    expect(large.page.locator(".decided-count")).to_contain_text("1 of 20,003 decided")


def test_the_classes_are_reported_in_a_table(page: Visit, project: Project) -> None:
    rows = page.page.locator("table.plain tbody tr")
    assert rows.count() == len(project.rows("catalogue/classes.csv"))


def test_names_and_labels_that_hold_html_do_nothing(page: Visit) -> None:
    labels = page.page.locator("table.plain .class").all_text_contents()
    assert set(HOSTILE) <= {label.strip() for label in labels}
    assert page.page.evaluate("window.hacked") is None
    assert page.page.locator("b, img[src=x]").count() == 0


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is missing: npm ci --prefix tests/report")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_accessibility_checker_finds_nothing(
    visit: Open, project: Project, scheme: str
) -> None:
    seen = visit(project.result("catalogue/report.html"), color_scheme=scheme, bypass_csp=True)
    assert accessibility_findings(seen) == []
    seen.page.locator("button.picture").first.click()
    assert accessibility_findings(seen) == []


def test_rotated_photos_are_shown_beside_themselves_upright(visit: Open, tmp_path: Path) -> None:
    page = visit(write_audit(tmp_path / "catalogue", rotated=True)).page
    own, other = page.locator("section[aria-labelledby=rotated_photo] .card").all()
    expect(own.locator("img").first).to_have_css("rotate", "none")
    expect(own.locator("img").last).to_have_css("rotate", "90deg")
    expect(own).to_contain_text("Turned upright")
    expect(own.locator(".verdict")).to_have_text(
        "lies on its left side: turn it clockwise by 90 degrees"
    )
    expect(own.get_by_role("button", name="Leave out")).to_be_visible()
    expect(other.locator("img").last).to_have_css("rotate", "-90deg")
    expect(other).to_contain_text("Photo of the set new")
    expect(other.get_by_role("button", name="Leave out")).to_have_count(0)


def test_a_rotated_copy_is_shown_as_it_is_beside_its_original(visit: Open, tmp_path: Path) -> None:
    page = visit(write_audit(tmp_path / "catalogue", rotated=True)).page
    copy = page.locator("section[aria-labelledby=rotated_duplicate] .card")
    for picture in copy.locator("img").all():
        expect(picture).to_have_css("rotate", "none")
    expect(copy.locator(".item")).to_have_count(2)
    copy.get_by_role("button", name="Photo, 3: show large").click()
    strip = page.locator("dialog .strip")
    expect(strip.get_by_role("button")).to_have_count(2)
    strip.get_by_role("button", name="Turned upright").click()
    expect(page.locator("dialog .beside img")).to_have_class("turned-180")
    page.keyboard.press("ArrowRight")
    expect(page.locator("dialog .asked")).to_contain_text("The same picture")
    expect(page.locator("dialog .beside")).to_contain_text("Photo")
    expect(strip.get_by_role("button", name="Turned upright")).to_be_visible()


def test_a_turned_photo_fills_its_half_of_the_large_view(visit: Open, tmp_path: Path) -> None:
    page = visit(write_audit(tmp_path / "catalogue", rotated=True)).page
    card = page.locator("section[aria-labelledby=rotated_photo] .card").first
    card.get_by_role("button", name="Turned upright, 2: show large").click()
    pane = page.locator("dialog .beside .pane-picture")
    pane.locator("img").evaluate("image => image.decode()")
    place = "element => { const { x, y, width, height } = element.getBoundingClientRect();" + (
        " return [x, y, width, height].map(Math.round); }"
    )
    assert pane.locator("img").evaluate(place) == pane.evaluate(place)
    page.keyboard.press("+")
    _, _, width, height = pane.evaluate(place)
    enlarged = pane.locator("img").evaluate(place)
    assert enlarged[2:] == [pytest.approx(1.5 * width, abs=1), pytest.approx(1.5 * height, abs=1)]
    assert pane.evaluate("pane => [pane.scrollWidth, pane.scrollHeight]") == [
        pytest.approx(1.5 * width, abs=1),
        pytest.approx(1.5 * height, abs=1),
    ]


def test_the_large_view_shows_a_rotated_photo_turned_and_the_most_similar_one(
    visit: Open, tmp_path: Path
) -> None:
    page = visit(write_audit(tmp_path / "catalogue", rotated=True)).page
    card = page.locator("section[aria-labelledby=rotated_photo] .card").first
    card.get_by_role("button", name="Photo, 2: show large").click()
    dialog = page.locator("dialog")
    expect(dialog.locator(".asked img")).not_to_have_class("turned-90")
    expect(dialog.locator(".beside img")).to_have_class("turned-90")
    page.keyboard.press("2")
    expect(dialog.locator(".beside")).to_contain_text("Most similar photo")


def test_labels_that_are_less_doubtful_are_shown_only_on_request(
    visit: Open, tmp_path: Path
) -> None:
    page = visit(write_audit(tmp_path / "catalogue", doubtful=1, weak=2)).page
    section = page.locator("section[aria-labelledby=wrong_label]")
    expect(section.locator(".card")).to_have_count(2)
    section.get_by_role("button", name="Show 2 that are less certain").click()
    expect(section.locator(".card")).to_have_count(4)
    expect(section.locator(".card").nth(2)).to_be_focused()


def test_if_all_labels_are_less_doubtful_none_is_shown_at_first(
    visit: Open, tmp_path: Path
) -> None:
    page = visit(write_audit(tmp_path / "catalogue", score="0.4")).page
    section = page.locator("section[aria-labelledby=wrong_label]")
    expect(section.locator(".card")).to_have_count(0)
    section.get_by_role("button", name="Show 1 that is less certain").click()
    expect(section.locator(".card")).to_have_count(1)


def test_a_page_with_rotated_photos_is_accessible(visit: Open, tmp_path: Path) -> None:
    page = visit(write_audit(tmp_path / "catalogue", rotated=True))
    assert not accessibility_findings(page)


def test_the_advice_comes_first_and_links_to_the_classes(visit: Open, tmp_path: Path) -> None:
    statement = "Merge <b>boots</b> and hats: 31 of 64 photos are taken for the other."
    seen = visit(write_audit(tmp_path / "catalogue", advice=[statement]))
    section = seen.page.locator("main section").first
    expect(section.get_by_role("heading")).to_have_text("Advice")
    expect(section.get_by_role("listitem")).to_have_text(statement)
    section.get_by_role("link", name="Class by class").click()
    expect(seen.page.locator(seen.hash())).to_be_in_viewport()
    assert not accessibility_findings(seen)


def test_without_advice_the_page_says_so(visit: Open, tmp_path: Path) -> None:
    seen = visit(write_audit(tmp_path / "catalogue"))
    expect(seen.page.get_by_text("No two classes are so alike")).to_be_visible()
