"""What the tests of the pages share: a browser, a visit to a page, and names that would do harm."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = shutil.which("chromium")
ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
]
STORED = "() => { try { return { ...localStorage }; } catch { return {}; } }"
AXE = Path(__file__).parent / "report" / "node_modules" / "axe-core" / "axe.min.js"
HOSTILE = [
    "</script><script>window.hacked = 1</script>",
    "\"'><img src=x onerror='window.hacked = 1'>",
    "javascript:window.hacked=1",
    "{{ 7 * 7 }} &lt;b&gt; $x$",
]


@dataclass
class Visit:
    """A page in the browser, and what it asked for and complained about."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def cards(self) -> list[str]:
        """Return the file names on the cards, in order."""
        return self.page.locator(".card h3").all_text_contents()

    def hash(self) -> str:
        return str(self.page.evaluate("location.hash"))

    def reload(self) -> None:
        """Load the page again, with what it keeps in the browser.

        Chromium 156 gives a page an empty localStorage after one to four of a hundred reloads, even
        a page of one line.
        """
        kept = self.page.evaluate(STORED)
        self.page.reload()
        for _ in range(5):
            if not kept or self.page.evaluate(STORED):
                return
            self.page.evaluate("kept => Object.assign(localStorage, kept)", kept)
            self.page.reload()


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run the system's browser; skip the test if there is none."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium to show the pages: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@contextmanager
def opened(browser: Browser, **options: Any) -> Iterator[Visit]:
    """Return an empty page in a context of its own, which notes what happens there."""
    with browser.new_context(**options) as context:
        context.set_default_timeout(5_000)
        visit = Visit(context.new_page())
        visit.page.on("request", lambda request: visit.requests.append(request.url))
        visit.page.on("pageerror", lambda error: visit.complaints.append(str(error)))
        visit.page.on("dialog", lambda dialog: visit.complaints.append(dialog.message))
        visit.page.on(
            "console",
            lambda message: visit.complaints.append(f"{message.type}: {message.text}"),
        )
        yield visit


def accessibility_findings(visit: Visit) -> list[str]:
    """Return what the accessibility checker finds."""
    if not visit.page.evaluate("'axe' in window"):
        visit.page.evaluate(AXE.read_text("utf-8"))
    found: dict[str, Any] = visit.page.evaluate("axe.run(document)")
    return [
        json.dumps([finding["id"], finding["nodes"][0]["html"], finding["nodes"][0]["any"]])
        for finding in found["violations"]
    ]
