"""The page of the catalogue's audit in a real browser."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from browser import AXE, HOSTILE, Visit, serious_findings
from project import Project

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
    for image in page.page.locator(".card img").all():
        image.scroll_into_view_if_needed()
        image.evaluate("image => image.decode()")


def test_a_count_at_the_top_leads_to_its_findings(page: Visit) -> None:
    page.page.get_by_role("link", name="in two classes").or_(
        page.page.get_by_role("link", name="small classes")
    ).first.click()
    assert page.hash() in ("#duplicate_across_classes", "#small_class")
    expect(page.page.locator(page.hash())).to_be_in_viewport()


def test_a_picture_leads_to_the_large_one(page: Visit) -> None:
    link = page.page.locator("a.picture").first
    address = link.evaluate("link => link.href")
    assert "/report_files/560/" in address
    link.click()
    page.page.wait_for_url(address)


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
def test_the_accessibility_checker_finds_nothing_serious(
    visit: Open, project: Project, scheme: str
) -> None:
    seen = visit(project.result("catalogue/report.html"), color_scheme=scheme, bypass_csp=True)
    assert serious_findings(seen) == []
