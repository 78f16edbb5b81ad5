"""The report: one page that shows each query beside the images most like it.

`cards` brings the tables of a query set together, `render` turns them into HTML. What the page
says at its top, in its tables and figures stands in the HTML; the cards are data that its script
shows, since there may be thousands.
"""

import base64
import hashlib
import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import jinja2
import pyarrow as pa
import pyarrow.compute as pc

from . import histogram, thumbnails
from .collection import as_text
from .confusion import Confusion
from .merge import Rejected
from .model import Model
from .predictions import SHOWN
from .vote import VOTES

TEMPLATES = Path(__file__).parents[2] / "templates"
# A longer list makes the page slow; the CSV file has all.
MOST_REJECTED = 1000

Status = Literal["right", "wrong", "unlabelled", "refused", "rejected"]
STATUSES: tuple[Status, ...] = get_args(Status)
Row = Mapping[str, str]


class File(NamedTuple):
    """An image file of a collection: its content id and the path to open."""

    content_id: str | None
    file: bytes


@dataclass(frozen=True)
class Photo:
    """A picture on a card.

    Attributes:
        name: path in the collection.
        path: path to open, as text.
        picture: content id, by which its thumbnails are named; None where there is none.
    """

    name: str
    path: str
    picture: str | None


@dataclass(frozen=True)
class Similar(Photo):
    """One of the most similar images, with its class and cosine similarity."""

    label: str
    similarity: float


@dataclass(frozen=True)
class Card(Photo):
    """A query and its answer.

    Attributes:
        status: what became of it.
        label: its class, or "".
        prediction: the class it was given, or "" where it was refused or rejected.
        votes: classes and their votes, the prediction first.
        voters: neighbours that voted.
        similar: the most similar images, nearest first.
        confidence: the probability that the prediction is right; None where it was rejected.
        duplicate: "exact" or "near" where it stands in the catalogue, or "".
        duplicate_of: path of that image of the catalogue, or "".
        reason: why it was refused or rejected, or "".
    """

    status: Status
    label: str
    prediction: str
    votes: list[tuple[str, int]]
    voters: int
    similar: list[Similar]
    confidence: float | None
    duplicate: str
    duplicate_of: str
    reason: str


@dataclass(frozen=True)
class Catalogue:
    """The catalogue in figures: usable images and their classes."""

    images: int
    classes: int


@dataclass(frozen=True)
class Report:
    """All that the page tells.

    Attributes:
        name: of the query set.
        made: when.
        model: what made the features.
        neighbours: how many vote.
        catalogue: its size.
        metrics: as `metrics.json` has them.
        quality: of the catalogue, as `quality.json` has it.
        cards: one for each query file.
        confusion: what was taken for what.
        rejected: files left out, for each collection.
    """

    name: str
    made: datetime
    model: Model
    neighbours: int
    catalogue: Catalogue
    metrics: Mapping[str, Any]
    quality: Mapping[str, Any]
    cards: Sequence[Card]
    confusion: Confusion
    rejected: Mapping[str, Sequence[Rejected]]


class Bar(NamedTuple):
    """A bar of a histogram: what stands under it, the values it covers, and its counts."""

    mark: str
    span: str
    counts: dict[str, int]


@dataclass(frozen=True)
class Figure:
    """A histogram with its bars up for right answers and down for wrong ones.

    Attributes:
        title: what is counted.
        bars: from the least value to the greatest.
        peaks: for each group its largest count, at least 1.
        medians: for each group that has values, as text.
    """

    title: str
    bars: list[Bar]
    peaks: dict[str, int]
    medians: dict[str, str]


@dataclass(frozen=True)
class Curve:
    """A plot of accuracy over the neighbours that vote, in shares of its width and height.

    Attributes:
        ticks: (position, number of neighbours), from left to right.
        levels: (position, accuracy) of the lines across, from the bottom up.
        lines: for each vote its points (position, height), from left to right.
    """

    ticks: list[tuple[float, int]]
    levels: list[tuple[float, float]]
    lines: dict[str, list[tuple[float, float]]]


def similar_images(predictions: Iterable[Row]) -> set[str]:
    """Return the catalogue images that the cards of `predictions` show."""
    shown = {row[f"similar_{n}"] for row in predictions for n in range(1, SHOWN + 1)}
    return shown - {""}


def files(manifest: pa.Table, images: Iterable[str]) -> dict[str, File]:
    """Return the files of `images` out of their collection's `manifest`."""
    wanted = pa.array(sorted(images), pa.string())
    table = manifest.filter(pc.is_in(manifest["image"], wanted))
    columns = (table[name].to_pylist() for name in ("image", "content_id", "file"))
    return {image: File(*rest) for image, *rest in zip(*columns, strict=True)}


def contents(
    predictions: Iterable[Row], queries: Mapping[str, File], similar: Mapping[str, File]
) -> dict[str, bytes]:
    """Return the content ids of the images that can be shown, each with a file that has it."""
    readable = [queries[row["image"]] for row in predictions if not row["error"]]
    return {
        content_id: file
        for content_id, file in (*readable, *similar.values())
        if content_id is not None
    }


def catalogue(manifest: pa.Table, rejected: Sequence[Rejected]) -> Catalogue:
    """Return the figures of the catalogue with this `manifest`, less what was `rejected`."""
    unusable = pa.array([file.image for file in rejected], pa.string())
    usable = manifest.filter(pc.invert(pc.is_in(manifest["image"], unusable)))
    return Catalogue(len(usable), pc.count_distinct(usable["label"]).as_py())


def cards(
    predictions: Iterable[Row],
    votes: Iterable[Row],
    queries: Mapping[str, File],
    similar: Mapping[str, File],
    pictures: set[str],
) -> list[Card]:
    """Return a card for each row of `predictions`.

    Args:
        predictions: rows of `predictions.csv`.
        votes: rows of `votes.csv`.
        queries: files of the query set.
        similar: files of the catalogue; at least those that are shown.
        pictures: content ids that have thumbnails.
    """
    counted = defaultdict(list)
    for vote in votes:
        counted[vote["image"]].append((vote["class"], int(vote["votes"])))
    return [
        Card(
            *_photo(row["image"], queries, pictures),
            status=_status(row),
            label=row["label"],
            prediction=row["prediction"],
            votes=counted[row["image"]],
            voters=int(row["voters"] or 0),
            similar=[
                Similar(
                    *_photo(row[f"similar_{n}"], similar, pictures),
                    label=row[f"class_{n}"],
                    similarity=float(row[f"similarity_{n}"]),
                )
                for n in range(1, SHOWN + 1)
                if row[f"similar_{n}"]
            ],
            confidence=float(row["confidence"]) if row["confidence"] else None,
            duplicate=row["duplicate"],
            duplicate_of=row["duplicate_of"],
            reason=row["refused"] or row["error"],
        )
        for row in predictions
    ]


def render(report: Report, thumbnail_folder: Path, portable: bool) -> str:
    """Return the page of `report` as HTML.

    Args:
        report: what it tells.
        thumbnail_folder: where the thumbnails stand; a folder beside the page.
        portable: whether the page carries the small thumbnails itself, to be sent as one file.
    """
    script = (TEMPLATES / "report.js").read_text("utf-8")
    template = environment().get_template("report.html.j2")
    return template.render(
        report=report,
        counts=_counts(report.cards),
        labels=sorted({card.label for card in report.cards} - {""}),
        predicted=sorted({card.prediction for card in report.cards} - {""}),
        matrix=report.confusion.hardest(),
        figures=_figures(report),
        curve=_curve(report.quality["curve"]),
        rejected={name: rows[:MOST_REJECTED] for name, rows in report.rejected.items()},
        data={
            "cards": [asdict(card) for card in report.cards],
            "folder": thumbnail_folder.name,
            "sizes": {"small": thumbnails.SMALL, "large": thumbnails.LARGE},
            "embedded": _embedded(report.cards, thumbnail_folder) if portable else None,
        },
        script=script,
        # The page's policy names its one script by this hash, so that no other can run.
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def environment() -> jinja2.Environment:
    """Return what renders the templates of pages; `style` is what all of them look like."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"percent": "{:.1%}".format, "count": "{:,}".format}
    made.globals["style"] = (TEMPLATES / "report.css").read_text("utf-8")
    return made


def _photo(
    image: str, known: Mapping[str, File], pictures: set[str]
) -> tuple[str, str, str | None]:
    """Return the fields of a `Photo`."""
    content_id, file = known[image]
    return image, as_text(file), content_id if content_id in pictures else None


def _status(row: Row) -> Status:
    if row["error"]:
        return "rejected"
    if row["refused"]:
        return "refused"
    if not row["label"]:
        return "unlabelled"
    return "right" if row["correct"] == "true" else "wrong"


def _counts(cards: Sequence[Card]) -> dict[str, int]:
    """Return the number of cards, and of those of each status."""
    counted = Counter(card.status for card in cards)
    return {"all": len(cards), **{status: counted[status] for status in STATUSES}}


def _figures(report: Report) -> list[Figure]:
    """Return the histograms: of right and wrong answers, or of all where there are no labels."""
    answered = [card for card in report.cards if card.similar]
    groups = {
        status: [card for card in answered if card.status == status]
        for status in ("right", "wrong")
    }
    if not any(groups.values()):
        groups = {"unlabelled": answered}
    nearest = {
        name: [card.similar[0].similarity for card in group] for name, group in groups.items()
    }
    votes = {name: [card.votes[0][1] for card in group] for name, group in groups.items()}
    everything = [value for values in nearest.values() for value in values]
    return [
        _figure(
            "Similarity of the nearest photo",
            nearest,
            [
                Bar(f"{b.start:.2f}", f"{b.start:.2f} to {b.end:.2f}", b.counts)
                for b in histogram.bins(nearest, histogram.similarity_edges(everything))
            ],
            ".3f",
        ),
        _figure(
            f"Votes for the class, of {report.neighbours}",
            votes,
            [
                Bar(f"{b.start + 0.5:.0f}", f"{b.start + 0.5:.0f} to {b.end - 0.5:.0f}", b.counts)
                for b in histogram.bins(votes, histogram.vote_edges(report.neighbours))
            ],
            ".3g",
        ),
    ]


def _figure(
    title: str, groups: Mapping[str, Sequence[float]], bars: list[Bar], precision: str
) -> Figure:
    return Figure(
        title,
        bars,
        {name: max(1, *(bar.counts[name] for bar in bars)) for name in groups},
        {
            name: format(statistics.median(values), precision)
            for name, values in groups.items()
            if values
        },
    )


def _curve(points: Sequence[Mapping[str, Any]]) -> Curve:
    """Return the plot of `points`: neighbours on a logarithmic scale, accuracy in steps of 5 %."""
    widest = math.log(points[-1]["neighbours"]) or 1
    across = [math.log(point["neighbours"]) / widest for point in points]
    shares = {vote: [point[vote]["accuracy"] for point in points] for vote in VOTES}
    everything = [share for values in shares.values() for share in values]
    lowest = math.floor(min(everything) * 20) / 20
    highest = max(math.ceil(max(everything) * 20) / 20, lowest + 0.05)
    steps = round((highest - lowest) * 20)
    shown = range(0, steps + 1, math.ceil(steps / 5))
    return Curve(
        ticks=list(zip(across, (point["neighbours"] for point in points), strict=True)),
        levels=[(step / steps, lowest + step / 20) for step in shown],
        lines={
            vote: [
                (x, (share - lowest) / (highest - lowest))
                for x, share in zip(across, values, strict=True)
            ]
            for vote, values in shares.items()
        },
    )


def _embedded(cards: Iterable[Card], folder: Path) -> dict[str, str]:
    """Return the small thumbnails of `cards` in base64, by content id."""
    photos = (photo for card in cards for photo in (card, *card.similar))
    return {
        picture: base64.b64encode(
            thumbnails.path_of(folder, thumbnails.SMALL, picture).read_bytes()
        ).decode()
        for picture in sorted({photo.picture for photo in photos if photo.picture})
    }
