"""The page of the audit: each finding with its picture beside the evidence."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from ..photos import thumbnails
from ..photos.names import as_text
from .cards import File, Row
from .templates import environment

# A longer list makes the page slow; the CSV file has all.
MOST_SHOWN = 60


@dataclass(frozen=True)
class Picture:
    """One of the pictures of a finding.

    Attributes:
        name: path in the catalogue.
        path: path to open, as text.
        label: its class.
        small, large: addresses of its thumbnails, from the page; None where there are none.
    """

    name: str
    path: str
    label: str
    small: str | None
    large: str | None


@dataclass(frozen=True)
class Card:
    """A finding with its picture, and what that is compared with."""

    picture: Picture
    other: Picture | None
    other_label: str
    score: float


class Group(NamedTuple):
    """The findings of one kind: how many there are, and the first of them."""

    number: int
    cards: list[Card]


@dataclass(frozen=True)
class AuditReport:
    """All that the page tells.

    Attributes:
        made: when.
        backbone: the network that made the features.
        classes: rows of `classes.csv`.
        groups: the findings by kind.
    """

    made: datetime
    backbone: str
    classes: Sequence[Row]
    groups: Mapping[str, Group]


def shown(findings: Iterable[Row]) -> list[Row]:
    """Return the findings that the page has room for."""
    return [row for row in findings if int(row["rank"]) <= MOST_SHOWN]


def images(findings: Iterable[Row]) -> set[str]:
    """Return the images that `findings` are about."""
    return {row[name] for row in findings for name in ("image", "other_image")} - {""}


def groups(
    findings: Sequence[Row], files: Mapping[str, File], pictures: set[str], folder: str
) -> dict[str, Group]:
    """Return `findings`, rows of `audit.csv`, by kind.

    Args:
        findings: all of them.
        files: files of the catalogue; at least those that are shown.
        pictures: content ids that have thumbnails.
        folder: where these stand, from the page.
    """
    numbers = Counter(row["finding"] for row in findings)
    cards: dict[str, list[Card]] = {kind: [] for kind in numbers}

    def picture(name: str, label: str) -> Picture:
        content_id, file = files[name]
        small = large = None
        if content_id is not None and content_id in pictures:
            small, large = (
                thumbnails.path_of(Path(folder), size, content_id).as_posix()
                for size in (thumbnails.SMALL, thumbnails.LARGE)
            )
        return Picture(name, as_text(file), label, small, large)

    for row in shown(findings):
        other = row["other_image"]
        cards[row["finding"]].append(
            Card(
                picture(row["image"], row["label"]),
                picture(other, row["other_label"]) if other else None,
                row["other_label"],
                float(row["score"]),
            )
        )
    return {kind: Group(number, cards[kind]) for kind, number in numbers.items()}


def render(report: AuditReport) -> str:
    """Return the page of `report` as HTML; it needs no script."""
    return environment().get_template("audit.html.j2").render(report=report)
