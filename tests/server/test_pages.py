"""Pages of the real server in a real browser: what is decided there is used by the next run."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, FilePayload, Page, expect

from project import Project
from serving import Served, serving
from similar_images.decisions import decisions


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with browser.new_context() as context:
        yield context.new_page()


def test_the_map_is_reached_from_the_page_that_asks_and_saves_decisions(
    copied: Project, page: Page
) -> None:
    copied.run("map")
    with serving(copied.folder) as served:
        page.goto(f"{served.address}/")
        page.get_by_role("link", name="Map of the catalogue").click()
        page.locator("tbody tr").first.get_by_role("button", name="Leave out").click()
        expect(page.locator(".to-save")).to_have_text(
            "Saved in decisions.csv: 1 decision not applied yet"
        )
        page.locator("tbody tr button.path").first.click()
        page.locator("dialog.large .asked img").evaluate("image => image.decode()")
    made = [(one.set, one.decision) for one in decisions.read([copied.folder / "decisions.csv"])]
    assert made == [("catalogue", "out")]


def test_decisions_of_both_pages_are_in_the_file_and_used_by_the_next_run(
    copied: Project, photo: bytes, page: Page
) -> None:
    file = copied.folder / "decisions.csv"
    saved = page.locator(".to-save")
    with serving(copied.folder, "--inbox", "inbox") as served:
        page.goto(f"{served.address}/reports/new/report.html")
        page.locator(".card").first.get_by_role("button", name=re.compile("^Right")).click()
        expect(saved).to_have_text("Saved in decisions.csv: 1 decision not applied yet")
        page.goto(f"{served.address}/")
        asked = FilePayload(name="asked.png", mimeType="image/png", buffer=photo)
        page.locator("input[type=file]").first.set_input_files(asked)
        page.get_by_role("button", name=re.compile("^Leave")).first.click()
        expect(saved).to_have_text("Saved in decisions.csv: 2 decisions not applied yet")
    made = [(one.set, one.decision) for one in decisions.read([file])]
    assert made == [("new", "right"), ("inbox", "out")]
    copied.settle(decisions="decisions.csv")
    copied.run()
    with serving(copied.folder, "--inbox", "inbox") as served:
        page.goto(f"{served.address}/reports/new/report.html")
        expect(saved).to_have_text("Saved in decisions.csv: 2 earlier decisions")


def test_a_card_opens_to_pictures_that_the_server_makes(served: Served, page: Page) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(f"{served.address}/reports/inbox/report.html")
    card = page.locator(".card").first
    card.get_by_role("button", name="Show 9 more like this").click()
    images = card.locator(".similar img")
    expect(images).to_have_count(12)
    for image in images.all():
        image.scroll_into_view_if_needed()
        image.evaluate("image => image.decode()")
    addresses = [image.get_attribute("src") or "" for image in images.all()]
    made = f"{served.address}/pictures/"
    assert [address.startswith(made) for address in addresses] == [False] * 3 + [True] * 9
    assert complaints == []
