"""What the tests of the report share: a visit to a page, and names that would do harm."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

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


def serious_findings(visit: Visit) -> list[str]:
    """Return the accessibility checker's serious and critical findings."""
    if not visit.page.evaluate("'axe' in window"):
        visit.page.evaluate(AXE.read_text("utf-8"))
    found: dict[str, Any] = visit.page.evaluate("axe.run(document)")
    return [
        json.dumps([finding["id"], finding["nodes"][0]["html"], finding["nodes"][0]["any"]])
        for finding in found["violations"]
        if finding["impact"] in ("serious", "critical")
    ]
