"""The faults of photos on the report and on the page of the audit, in a real browser."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import expect

from browser import AXE, Visit, accessibility_findings
from report_factory import made_cards, write_audit, write_page
from similar_images.core.file_formats import read_csv
from similar_images.evaluation.photo_fault_rates import rates
from similar_images.report.cards import QueryCard

PHONE = {"viewport": {"width": 390, "height": 844}}
Open = Callable[..., Visit]


def faulty_cards() -> list[QueryCard]:
    """Return 40 cards: 12 of blurred photos, of which 3 are dark too."""
    cards = made_cards(40, ["boots", "hats"])
    blurred = [replace(card, photo_faults=["blurred"]) for card in cards[:9]]
    both = [replace(card, photo_faults=["blurred", "dark"]) for card in cards[9:12]]
    return [*blurred, *both, *cards[12:]]


def predicted(card: QueryCard) -> dict[str, str]:
    """Return what `rates` needs of a card."""
    fields = {name: getattr(card, name) for name in ("label", "prediction")}
    correct = str(card.status == "right").lower()
    return {
        **fields,
        "correct": correct,
        "error": "",
        "photo_faults": "|".join(card.photo_faults),
    }


def test_many_photos_at_once_are_taken_into_the_catalogue_without_the_bad_ones(
    visit: Open, path: Path
) -> None:
    seen = visit(path)
    seen.page.get_by_label("All photos of this view").fill("0")
    many = seen.page.locator(".many button")
    expect(many).to_have_text("Take 28 photos into the catalogue")
    seen.page.get_by_role("combobox", name="Photo faults").select_option("any")
    expect(many).to_have_text("Take 0 photos into the catalogue")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    cards = faulty_cards()
    figures = {"photo_faults": rates(list(map(predicted, cards)))}
    return write_page(tmp_path / "set", cards, ["boots", "hats"], metrics=figures)


def test_the_filter_shows_photos_with_any_fault_with_one_or_without(
    visit: Open, path: Path
) -> None:
    seen = visit(path)
    choice = seen.page.get_by_role("combobox", name="Photo faults")
    expect(choice.locator("option")).to_have_text(
        ["with or without", "any fault", "blurred (12)", "dark (3)", "no fault"]
    )
    for value, number in {"any": 12, "dark": 3, "none": 28}.items():
        choice.select_option(value)
        expect(seen.page.locator(".shown")).to_have_text(f"{number} of 40 photos")
    assert seen.hash() == "#fault=none"


def test_a_card_and_the_large_view_name_the_faults(visit: Open, path: Path) -> None:
    seen = visit(path, "#fault=dark")
    card = seen.page.locator(".card").first
    expect(card.locator(".named")).to_contain_text("photo: blurred, dark")
    card.locator("button.picture").first.click()
    expect(seen.page.locator("dialog .large-answer")).to_contain_text("photo: blurred, dark")


def test_a_table_has_the_accuracy_with_and_without_each_fault(visit: Open, path: Path) -> None:
    seen = visit(path)
    seen.page.get_by_role("link", name="Photo faults").click()
    rows = seen.page.locator("section[aria-labelledby=faults-title] tbody tr")
    found = rates(list(map(predicted, faulty_cards())))["blurred"]
    low, high = found["accuracy_interval_95"]
    expect(rows.first.locator("td")).to_contain_text(
        ["12", f"{found['accuracy']:.1%} ({low:.1%} to {high:.1%}) of 12", "of 28"]
    )
    expect(rows.nth(1).locator("td").nth(1)).to_have_text("too few (3 with a label)")
    rows.nth(1).get_by_role("button").click()
    expect(seen.page.locator(".shown")).to_have_text("3 of 40 photos")


def test_without_labels_the_table_has_no_accuracy(visit: Open, tmp_path: Path) -> None:
    unlabelled = [predicted(card) | {"label": "", "correct": ""} for card in faulty_cards()]
    figures = {"photo_faults": rates(unlabelled)}
    seen = visit(write_page(tmp_path / "set", faulty_cards(), ["boots", "hats"], metrics=figures))
    seen.page.get_by_role("link", name="Photo faults").click()
    section = seen.page.locator("section[aria-labelledby=faults-title]")
    assert section.locator("thead th").all_text_contents() == ["Fault", "Photos"]
    assert section.locator("td").all_text_contents() == ["12", "3", "28"]
    expect(section).not_to_contain_text("accura")


def test_a_page_without_faults_does_not_mention_them(visit: Open, tmp_path: Path) -> None:
    seen = visit(write_page(tmp_path / "set", made_cards(5, ["a", "b"]), ["a", "b"]))
    expect(seen.page.get_by_text("Photo faults")).to_have_count(0)
    expect(seen.page.locator("#faults-title")).to_have_count(0)


def test_a_saved_view_has_the_faults_as_predictions_csv_has_them(
    visit: Open, path: Path, tmp_path: Path
) -> None:
    seen = visit(path, "#fault=dark")
    with seen.page.expect_download() as download:
        seen.page.get_by_role("button", name="Save this view as CSV").click()
    download.value.save_as(tmp_path / "view.csv")
    assert {row["photo_faults"] for row in read_csv(tmp_path / "view.csv")} == {"blurred|dark"}


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is missing: npm ci --prefix tests/report")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_table_is_accessible_and_fits_a_phone(visit: Open, path: Path, scheme: str) -> None:
    seen = visit(path, color_scheme=scheme, bypass_csp=True, **PHONE)
    seen.page.locator("#faults-title").click()
    assert accessibility_findings(seen) == []
    assert seen.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_the_audit_shows_a_bad_photo_and_it_can_be_left_out(visit: Open, tmp_path: Path) -> None:
    seen = visit(write_audit(tmp_path / "catalogue"))
    seen.page.get_by_role("link", name="bad photo").click()
    card = seen.page.locator("section[aria-labelledby=poor_photo] .card")
    expect(card.locator(".verdict")).to_have_text(
        "blurred (0.75, limit 0.50), dark (0.10, limit 0.15)"
    )
    expect(card.locator("img")).to_have_count(1)
    card.get_by_role("button", name="Leave out").click()
    expect(card.locator(".decision")).to_contain_text("Left out")
