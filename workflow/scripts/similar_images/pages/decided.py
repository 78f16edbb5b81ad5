"""What was decided already, for the pages to show and to save again."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from ..base.formats import csv_lines
from .cards import Card, Row

COLUMNS = ("content_id", "image", "set", "decision", "label", "when", "note")
# When nobody told when: any other decision on the content is later.
LONG_AGO = "1970-01-01T00:00:00Z"


def read(paths: Iterable[Path]) -> list[Row]:
    """Return the rows of files of decisions that the workflow has checked."""
    return [
        dict(zip(COLUMNS, row, strict=True)) for path in paths for row in csv_lines(path)[1:] if row
    ]


def of_set(name: str, cards: Sequence[Card], rows: Sequence[Row]) -> list[Row]:
    """Return `rows`, and besides what is known of `cards` of the set `name` alone."""
    known = {row["content_id"] for row in rows}
    alone = {
        card.content: card
        for card in cards
        if card.decision and card.content and card.content not in known
    }
    return [*rows, *(_row(name, content, card) for content, card in alone.items())]


def _row(name: str, content: str, card: Card) -> Row:
    label = "" if card.decision == "out" else card.label
    cells = (content, card.name, name, card.decision, label, LONG_AGO, "")
    return dict(zip(COLUMNS, cells, strict=True))
