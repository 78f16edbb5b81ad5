"""The page of the audit: each finding with its photo, and the photo it is compared with."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from ..images import thumbnails
from ..images.names import as_text
from .cards import File, Row
from .templates import environment, with_scripts

# A longer list makes the page slow; audit.csv has all findings.
MOST_SHOWN = 60
# Findings about single photos; the others are about classes, and show examples.
DUPLICATES = {"duplicate_across_classes", "duplicate", "mirrored_duplicate"}
DECIDABLE = {"wrong_label", *DUPLICATES, "outlier"}


@dataclass(frozen=True)
class Picture:
    """One of the pictures of a finding.

    Attributes:
        name: path in the catalogue.
        path: path to open, as text.
        label: its class.
        thumbnail: address of its thumbnail, from the page; None where there is none.
        content: its content id, by which it is decided on.
    """

    name: str
    path: str
    label: str
    thumbnail: str | None
    content: str | None


@dataclass(frozen=True)
class FindingCard:
    """A finding with its picture, and the other picture it is compared with.

    Attributes:
        picture: of the photo that it is about, or an example.
        other: the picture to compare with, if any.
        other_label: the class to compare with.
        score: by which the findings of its kind are sorted.
        decidable: whether a decision on the photo can settle it.
    """

    picture: Picture
    other: Picture | None
    other_label: str
    score: float
    decidable: bool


class Group(NamedTuple):
    """The findings of one kind: how many there are, and the first of them."""

    number: int
    cards: list[FindingCard]


@dataclass(frozen=True)
class AuditReport:
    """All that the page shows.

    Attributes:
        made: when.
        backbone: the network that made the features.
        classes: rows of `classes.csv`.
        groups: the findings by kind.
        files: how many files of the catalogue have the bytes of each content id.
        decided: the decisions that were applied, as rows of decisions.csv.
    """

    made: datetime
    backbone: str
    classes: Sequence[Row]
    groups: Mapping[str, Group]
    files: Mapping[str, int]
    decided: Sequence[Row] = ()


def shown(findings: Iterable[Row]) -> list[Row]:
    """Return the findings that the page shows."""
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
        folder: of the thumbnails, relative to the page.
    """
    numbers = Counter(row["finding"] for row in findings)
    cards: dict[str, list[FindingCard]] = {kind: [] for kind in numbers}

    def picture(name: str, label: str) -> Picture:
        content_id, file = files[name]
        thumbnail = None
        if content_id is not None and content_id in pictures:
            thumbnail = thumbnails.path_of(Path(folder), content_id).as_posix()
        return Picture(name, as_text(file), label, thumbnail, content_id)

    for row in shown(findings):
        kind = row["finding"]
        shown_picture = picture(row["image"], row["label"])
        other = picture(row["other_image"], row["other_label"]) if row["other_image"] else None
        # A decision is on a content, so it would leave out both files with equal bytes.
        one = kind == "duplicate" and other is not None and other.content == shown_picture.content
        cards[kind].append(
            FindingCard(
                shown_picture,
                other,
                row["other_label"],
                float(row["score"]),
                decidable=kind in DECIDABLE and shown_picture.content is not None and not one,
            )
        )
    return {kind: Group(number, cards[kind]) for kind, number in numbers.items()}


def render(report: AuditReport) -> str:
    """Return the page of `report` as HTML; its script is only for decisions."""
    template = environment().get_template("audit.html.j2")
    data = {
        "photos": _decidable(report.groups, report.files),
        "set": "catalogue",
        "classes": sorted(row["label"] for row in report.classes),
        "decided": list(report.decided),
    }
    return template.render(report=report, data=data, **with_scripts("decisions.js", "audit.js"))


def _decidable(groups: Mapping[str, Group], files: Mapping[str, int]) -> list[dict[str, str | int]]:
    """Return the photos that can be decided, each content once, as the script wants them."""
    photos: dict[str, dict[str, str | int]] = {}
    for kind, group in groups.items():
        for card in group.cards:
            sides = [(card.picture, card.other_label if kind == "wrong_label" else "")]
            if card.other and kind in DUPLICATES:
                sides.append((card.other, ""))
            for picture, suggestion in sides:
                if card.decidable and picture.content:
                    photo: dict[str, str | int] = {
                        "content": picture.content,
                        "files": files[picture.content],
                        "name": picture.name,
                        "label": picture.label,
                        "suggestion": suggestion,
                    }
                    photos.setdefault(picture.content, photo)
    return list(photos.values())
