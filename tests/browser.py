"""What the tests of the report share: a visit to a page, and names that would do harm."""

from dataclasses import dataclass, field

from playwright.sync_api import Page

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
        return self.page.evaluate("location.hash")
