"""The report: one page that shows each query with its most similar catalogue images.

Texts, tables and figures are HTML. The cards are data that a script shows, because there may be
thousands.
"""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ..backbones.model import Model
from ..features import rejected
from ..features.rejected import Rejected
from ..images import thumbnails
from ..images.photo_faults import FAULTS, WORDS
from . import charts, further_neighbours
from .cards import STATUSES, QueryCard, Row
from .confusion import ConfusionMatrix
from .further_neighbours import FurtherNeighbours
from .groups import Group
from .templates import environment, with_scripts

# A longer list makes the page slow; the CSV file has all.
MOST_REJECTED = 1000
# The accuracy of fewer labelled photos with a fault says nothing.
FEW_PHOTOS = 10
MOST_GROUPS = 20
# With more classes, their tables are folded, so that the photos do not begin far below.
FEW_CLASSES = 12


@dataclass(frozen=True)
class Catalogue:
    """The catalogue in figures: usable images and their classes.

    Attributes:
        images: how many.
        classes: sorted.
    """

    images: int
    classes: Sequence[str]


@dataclass(frozen=True)
class Report:
    """All that the page shows.

    Attributes:
        name: of the query set.
        made: when.
        model: what made the features.
        neighbours: how many vote.
        catalogue: its size.
        metrics: as `metrics.json` has them.
        quality: of the catalogue, as `quality.json` has it.
        cards: one for each query file.
        confusion: the confusion matrix.
        rejected: files left out, for each collection.
        decided: the decisions that were applied, as rows of decisions.csv.
        history: the runs until now, as rows of history.csv.
        advice: a setting for better answers, if any.
        further: the neighbours that cards show once they are opened.
        groups: of photos that fit no class, the group least like the catalogue first.
    """

    name: str
    made: datetime
    model: Model
    neighbours: int
    catalogue: Catalogue
    metrics: Mapping[str, Any]
    quality: Mapping[str, Any]
    cards: Sequence[QueryCard]
    confusion: ConfusionMatrix
    rejected: Mapping[str, Sequence[Rejected]]
    decided: Sequence[Row] = ()
    history: Sequence[Row] = ()
    advice: str | None = None
    further: FurtherNeighbours = further_neighbours.NONE
    groups: Sequence[Group] = ()


def catalogue(images: pa.Table) -> Catalogue:
    """Return the figures of the catalogue with these `images`, rows of its `images.parquet`."""
    return Catalogue(len(images), sorted(pc.unique(images["label"]).to_pylist()))


def render(report: Report, thumbnail_folder: Path) -> str:
    """Return the page of `report` as HTML.

    Args:
        report: what it shows.
        thumbnail_folder: of the thumbnails, in the folder of the page.
    """
    groups = report.groups[:MOST_GROUPS]
    template = environment().get_template("report.html.j2")
    return template.render(
        report=report,
        counts=_counts(report.cards),
        labels=sorted({card.label for card in report.cards} - {""}),
        predicted=sorted({card.prediction for card in report.cards} - {""}),
        matrix=report.confusion.with_most_mistakes(),
        groups=groups,
        figures=charts.histograms(report.cards, report.neighbours),
        curve=charts.curve(report.quality),
        few_classes=report.confusion.total <= FEW_CLASSES,
        timeline=charts.timeline(report.history),
        several_times=len({card.added for card in report.cards} - {""}) > 1,
        fault_words=WORDS,
        faults=_fault_counts(report.cards),
        bad_photos=sum(bool(card.photo_faults) for card in report.cards),
        few_photos=FEW_PHOTOS,
        changed=any(card.before is not None for card in report.cards),
        review_order=any(card.review_order is not None for card in report.cards),
        rejected={
            name: [row for row in rows if row.is_loss][:MOST_REJECTED]
            for name, rows in report.rejected.items()
        },
        rejected_in_words={name: rejected.in_words(rows) for name, rows in report.rejected.items()},
        data={
            "cards": [
                _card(card) | {"further": report.further.of.get(card.name, ([], []))}
                for card in report.cards
            ],
            "images": report.further.images,
            "folder": f"{thumbnail_folder.name}/{thumbnails.FOLDER}",
            # From the page to where the paths of photos begin.
            "project": os.path.relpath(".", thumbnail_folder.parent),
            "set": report.name,
            "classes": list(report.catalogue.classes),
            "decided": list(report.decided),
            "fault_words": WORDS,
            "groups": [{"number": one.number, "images": one.images} for one in groups],
        },
        **with_scripts(
            *("decisions.js", "deciding.js", "saving.js", "large.js", "cards.js"),
            *("groups.js", "report.js"),
        ),
    )


def _card(card: QueryCard) -> dict[str, Any]:
    """Return a card as the page has it; `asdict` takes five times as long."""
    similar = [vars(photo) for photo in card.similar]
    return {**vars(card), "similar": similar, "product": card.product and vars(card.product)}


def _counts(cards: Sequence[QueryCard]) -> dict[str, int]:
    """Return the number of cards, and of those of each status."""
    counted = Counter(card.status for card in cards)
    return {"all": len(cards), **{status: counted[status] for status in STATUSES}}


def _fault_counts(cards: Sequence[QueryCard]) -> dict[str, int]:
    """Return for each fault that occurs how many cards have it, in the order of `FAULTS`."""
    counted = Counter(fault for card in cards for fault in card.photo_faults)
    return {fault: counted[fault] for fault in FAULTS if counted[fault]}
