"""What the tests of deciding share: a page of six photos, its marks, and files of decisions."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from playwright.sync_api import FilePayload, Locator

from browser import Visit
from report_factory import made_cards
from similar_images.core.file_formats import write_csv

COLUMNS = ["content_id", "image", "set", "decision", "label", "when", "note"]
STORE = "similar-image-finder/decisions"
NOW = "2026-11-24T17:03:12Z"
LATER = "2026-11-24T18:00:00Z"
CLASSES = ["boots", "hats", "shoes"]


def six() -> list[Any]:
    cards = made_cards(6, CLASSES)
    sure = (0.99, 0.97, 0.95, 0.9, 0.5, 0.2)
    return [
        replace(
            *(card,),
            **{
                "name": f"{n}.jpg",
                "label": "boots",
                "original_label": "boots",
                "confidence": sure[n],
            },
            **{"status": "wrong" if n == 5 else "right"},
            prediction="shoes" if n == 5 else "boots",
        )
        for n, card in enumerate(cards)
    ]


def card(visit: Visit, number: int) -> Locator:
    return visit.page.locator(".card").nth(number)


def button(item: Locator, name: str) -> Locator:
    """Return the button of an item whose name begins with `name`."""
    return item.get_by_role("button", name=re.compile(f"^{name}"))


def press(visit: Visit, number: int, name: str) -> None:
    button(card(visit, number), name).click()


def row(number: int, decision: str, label: str = "boots", **more: str) -> dict[str, str]:
    cells = (f"{number:064x}", f"{number}.jpg", "invented", decision, label, NOW, "")
    return dict(zip(COLUMNS, cells, strict=True)) | more


def text(rows: Sequence[Mapping[str, str]], folder: Path) -> bytes:
    """Return the bytes that the pipeline writes for `rows`."""
    write_csv(folder / "expected.csv", COLUMNS, [list(row.values()) for row in rows])
    return (folder / "expected.csv").read_bytes()


def load(visit: Visit, content: bytes, name: str = "decisions.csv") -> None:
    chosen: FilePayload = {"name": name, "mimeType": "text/csv", "buffer": content}
    visit.page.locator(".deciding [type=file]").set_input_files(chosen)


def drop(visit: Visit, content: bytes) -> None:
    transfer = visit.page.evaluate_handle(
        """text => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([text], "decisions.csv"));
            return transfer;
        }""",
        content.decode(),
    )
    visit.page.dispatch_event("body", "drop", {"dataTransfer": transfer})


def reported(visit: Visit) -> Locator:
    return visit.page.locator(".deciding .message")


def decided(visit: Visit) -> Locator:
    return visit.page.locator(".decided-count")
