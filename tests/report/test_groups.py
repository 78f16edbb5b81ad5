"""The groups of photos that fit no class, on the report in a real browser."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from browser import AXE, Visit, accessibility_findings
from deciding_page import CLASSES, NOW, card, press
from report_factory import made_cards, write_page
from similar_images.core.file_formats import read_csv
from similar_images.report.groups import Group
from similar_images.report.portable import portable

Open = Callable[..., Visit]
PHONE = {"viewport": {"width": 360, "height": 740}}


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """A page of twelve unlabelled photos, named by their numbers, with three groups of them."""
    cards = [
        replace(one, name=f"{number}.jpg", status="unlabelled")
        for number, one in enumerate(made_cards(12, CLASSES))
    ]
    groups = [
        Group("1", [f"{n}.jpg" for n in (7, 1, 2, 3, 4, 5, 6)], 0.85, 0.1, "boots"),
        Group("2", [f"{n}.jpg" for n in range(8, 12)], 0.5, 0.25, "hats"),
        Group("3", ["0.jpg"], 0.5, 0.43, "shoes"),
    ]
    return write_page(tmp_path / "set", cards, CLASSES, groups=groups)


@pytest.fixture
def seen(visit: Open, page: Path) -> Visit:
    visited = visit(page)
    visited.page.clock.set_fixed_time(datetime.fromisoformat(NOW))
    return visited


def group(visit: Visit, number: int) -> Locator:
    return visit.page.locator(f'.group[data-group="{number}"]')


def name(visit: Visit, number: int, label: str) -> None:
    group(visit, number).get_by_label("Name of the class").fill(label)
    group(visit, number).get_by_role("button", name="Name all").click()


def saved(visit: Visit, folder: Path) -> dict[str, tuple[str, str]]:
    """Return the decisions that the page saves, by photo."""
    with visit.page.expect_download() as download:
        visit.page.get_by_role("button", name="Save decisions.csv").click()
    download.value.save_as(folder / "decisions.csv")
    rows = read_csv(folder / "decisions.csv")
    return {row["image"]: (row["decision"], row["label"]) for row in rows}


def test_a_group_shows_typical_photos_and_says_what_it_is(seen: Visit) -> None:
    first, second = group(seen, 1), group(seen, 2)
    expect(first.locator("h3")).to_have_text("Group 1: 7 photos, perhaps a new class")
    expect(first).to_contain_text("10% like the catalogue, most like boots.")
    expect(first).to_contain_text("85% of the photos most similar to these are in the group.")
    expect(first.locator("img")).to_have_count(6)
    expect(first.locator("img").first).to_have_attribute("src", re.compile(f"{7:064x}"))
    expect(first.locator(".group-photos li").last).to_have_text("+1")
    expect(second.locator("h3")).to_have_text("Group 2: 4 photos, perhaps a new class")
    expect(second.locator(".group-photos li")).to_have_count(4)
    options = seen.page.locator('[name="group"] option').all_text_contents()
    assert options == ["any", "Group 1: 7 photos", "Group 2: 4 photos", "Group 3: 1 photo"]


def test_groups_that_look_like_known_classes_are_folded_away(seen: Visit) -> None:
    known = group(seen, 3)
    expect(known).to_be_hidden()
    seen.page.get_by_text("1 group that looks like a known class").click()
    expect(known.locator("h3")).to_have_text("Group 3: 1 photo, looks like shoes")
    expect(known).to_contain_text("43% like the catalogue.")


def test_a_page_without_a_likely_group_says_so(visit: Open, tmp_path: Path) -> None:
    cards = made_cards(6, CLASSES)
    groups = [Group(n, [cards[int(n)].name], 0.5, 0.3, "hats") for n in ("1", "2")]
    seen = visit(write_page(tmp_path / "known", cards, CLASSES, groups=groups))
    expect(seen.page.get_by_text("No group is likely to be a new class.")).to_be_visible()
    expect(seen.page.get_by_text("2 groups that look like known classes")).to_be_visible()


def test_one_name_decides_for_all_photos_of_a_group_and_one_undo_takes_it_back(
    seen: Visit, tmp_path: Path
) -> None:
    name(seen, 1, "sandals boots")
    group(seen, 1).get_by_role("button", name="Use the new class “sandals boots”").click()
    expect(seen.page.locator(".message").first).to_have_text(
        "7 photos taken into the catalogue as sandals boots; Undo takes them all back."
    )
    expect(group(seen, 1).locator("form")).to_be_hidden()
    expect(group(seen, 1)).to_contain_text("Named sandals boots: 7 photos")
    decided = {f"{n}.jpg": ("catalogue", "sandals boots") for n in range(1, 8)}
    assert saved(seen, tmp_path) == decided
    seen.page.get_by_role("button", name="Undo").click()
    expect(group(seen, 1).get_by_role("button", name="Name all 7")).to_be_visible()
    expect(seen.page.get_by_role("button", name="Save decisions.csv")).to_be_disabled()


def test_undo_is_in_sight_while_groups_are_named(seen: Visit) -> None:
    seen.page.set_viewport_size({"width": 1280, "height": 600})
    seen.page.locator("#groups-title").evaluate("title => title.scrollIntoView()")
    name(seen, 2, "hats")
    expect(seen.page.get_by_role("button", name="Undo")).to_be_in_viewport(ratio=1)
    expect(seen.page.get_by_text("Undo takes them all back")).to_be_in_viewport()


def test_a_known_class_needs_no_confirmation(seen: Visit, tmp_path: Path) -> None:
    name(seen, 2, "hats")
    assert saved(seen, tmp_path) == {f"{n}.jpg": ("catalogue", "hats") for n in range(8, 12)}


def test_photos_that_are_decided_keep_their_decision(seen: Visit, tmp_path: Path) -> None:
    press(seen, 10, "Leave out")
    expect(group(seen, 2)).to_contain_text("Left out: 1 photo")
    name(seen, 2, "hats")
    rest = {f"{n}.jpg": ("catalogue", "hats") for n in (8, 9, 11)}
    assert saved(seen, tmp_path) == {"10.jpg": ("out", ""), **rest}


def test_a_slip_in_a_name_is_asked_about(seen: Visit, tmp_path: Path) -> None:
    name(seen, 2, "hat")
    group(seen, 2).get_by_role("button", name="hats", exact=True).click()
    assert {*saved(seen, tmp_path).values()} == {("catalogue", "hats")}


def test_a_group_filters_the_cards_and_the_address_has_it(
    seen: Visit, visit: Open, page: Path
) -> None:
    group(seen, 2).get_by_role("button", name="4 photos").click()
    assert sorted(seen.cards()) == ["10.jpg", "11.jpg", "8.jpg", "9.jpg"]
    assert seen.hash() == "#group=2"
    assert visit(page, "#group=2").cards() == seen.cards()
    assert len(visit(page, "#group=4").cards()) == 12


def test_a_photo_of_a_group_is_shown_large_among_the_others_and_the_page_stays(
    seen: Visit,
) -> None:
    seen.page.locator('[name="search"]').fill("11")
    picture = group(seen, 1).locator("button.picture").nth(1)
    picture.scroll_into_view_if_needed()
    place = seen.page.evaluate("scrollY")
    picture.click()
    title = seen.page.locator("dialog[open] h2")
    expect(title).to_contain_text("1.jpg")
    seen.page.keyboard.press("ArrowLeft")
    expect(title).to_contain_text("7.jpg")
    seen.page.keyboard.press("Escape")
    expect(picture).to_be_focused()
    assert seen.page.evaluate("scrollY") == place
    assert (seen.cards(), seen.hash()) == (["11.jpg"], "#search=11")


def test_without_groups_nothing_is_asked(visit: Open, tmp_path: Path) -> None:
    page = write_page(tmp_path / "none", made_cards(2, CLASSES), CLASSES)
    seen = visit(page)
    expect(seen.page.get_by_text("Perhaps new classes")).to_have_count(0)
    expect(seen.page.locator('[name="group"]')).to_have_count(0)
    expect(card(seen, 0)).to_be_visible()


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is missing: npm ci --prefix tests/report")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_accessibility_checker_finds_nothing(visit: Open, page: Path, scheme: str) -> None:
    seen = visit(page, color_scheme=scheme, bypass_csp=True)
    name(seen, 1, "new")
    assert accessibility_findings(seen) == []


def test_a_phone_needs_no_scrolling_to_the_side(visit: Open, page: Path) -> None:
    seen = visit(page, **PHONE)
    assert seen.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert group(seen, 1).locator("form").evaluate("e => e.scrollWidth - e.clientWidth") <= 0


def test_nothing_is_complained_about(seen: Visit) -> None:
    assert seen.complaints == []


def test_a_page_to_send_has_no_groups(visit: Open, tmp_path: Path, page: Path) -> None:
    sent = tmp_path / "report_portable.html"
    html = portable(page.read_text("utf-8"), page.parent / "report_files", "report.html")
    sent.write_text(html, "utf-8")
    seen = visit(sent)
    expect(seen.page.get_by_text("Perhaps new classes")).to_have_count(2)
    for words in seen.page.get_by_text("Perhaps new classes").all():
        expect(words).to_be_hidden()
    expect(seen.page.locator("[name=group]")).to_have_count(0)
    assert not seen.complaints
