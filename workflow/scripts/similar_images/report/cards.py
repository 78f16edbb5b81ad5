"""The cards of the report: each query with its most similar catalogue images."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import pyarrow as pa
import pyarrow.compute as pc

from ..classification import conformal
from ..classification.nearest import SHOWN
from ..classification.products import product_of
from ..core.names import as_text
from ..decisions.decisions import OUT
from ..images import photo_faults

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
class Product:
    """The product of a query: its name, its number of photos, and its predicted class."""

    name: str
    photos: int
    prediction: str


@dataclass(frozen=True)
class QueryCard(Photo):
    """A query and its answer.

    Attributes:
        status: of its answer.
        label: its class, or "".
        prediction: its predicted class, or "" if it was refused or rejected.
        others: the other likely classes, most likely first.
        votes: classes and their votes, the prediction first.
        voters: neighbours that voted.
        similar: the most similar images, nearest first.
        confidence: the probability that the prediction is right; None where it was rejected.
        duplicate: "exact", "near" or "mirrored" if it is in the catalogue, or "".
        duplicate_of: path of that image of the catalogue, or "".
        reason: why it was refused or rejected, or "".
        content: its content id, by which it is decided on; None where it could not be read.
        decision: as in decisions.csv, or "".
        original_label: its label before any decision, or "".
        review_order: its place in the review order, from 1; None outside it.
        before: its prediction in the last run if that was different, otherwise None.
        extra_columns: the names and values of the extra columns of its list.
        product: as in products.csv, or None.
        added: when the photo was first listed, as in predictions.csv, or "".
        row: of the list that names it, or "".
        note: what of the photo was lost or ignored, or "".
        photo_faults: the names of its faults as a photo.
    """

    status: Status
    label: str
    prediction: str
    others: list[str]
    votes: list[tuple[str, int]]
    voters: int
    similar: list[Similar]
    confidence: float | None
    duplicate: str
    duplicate_of: str
    reason: str
    content: str | None
    decision: str
    original_label: str
    review_order: int | None
    before: str | None
    extra_columns: list[tuple[str, str]]
    product: Product | None
    added: str
    row: str
    note: str
    photo_faults: list[str]


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
    # People have to see a photo that was left out to take this back.
    readable = [
        queries[row["image"]] for row in predictions if not row["error"] or row["decision"] == OUT
    ]
    return {
        content_id: file
        for content_id, file in (*readable, *similar.values())
        if content_id is not None
    }


def products(predictions: Iterable[Row], answers: Iterable[Row], column: str) -> dict[str, Product]:
    """Return the product that each query shows, if it is named; others show but themselves.

    Args:
        predictions: rows of `predictions.csv`.
        answers: rows of `products.csv`.
        column: of `predictions`, that names the product, if any.
    """
    known = {
        row["product"]: Product(row["product"], int(row["images"]), row["prediction"])
        for row in answers
    }
    shown = {row["image"]: product_of(row, column) for row in predictions}
    return {image: known[product] for image, product in shown.items() if product != image}


def cards(
    predictions: Iterable[Row],
    votes: Iterable[Row],
    queries: Mapping[str, File],
    similar: Mapping[str, File],
    pictures: set[str],
    review_order: Mapping[str, int],
    changed: Mapping[str, str],
    extra_columns: Sequence[str],
    products: Mapping[str, Product],
) -> list[QueryCard]:
    """Return a card for each row of `predictions`.

    Args:
        predictions: rows of `predictions.csv`.
        votes: rows of `votes.csv`.
        queries: files of the query set.
        similar: files of the catalogue; at least those that are shown.
        pictures: content ids that have thumbnails.
        review_order: the place of each query in the review order.
        changed: the previous predictions of the queries whose prediction changed.
        extra_columns: the names of the extra columns of `predictions`.
        products: see `products`.
    """
    counted = defaultdict(list)
    for vote in votes:
        counted[vote["image"]].append((vote["class"], int(vote["votes"])))
    return [
        QueryCard(
            *photo_fields(row["image"], queries, pictures),
            status=_status(row),
            label=row["label"],
            prediction=row["prediction"],
            others=[
                name for name in conformal.split(row["likely_classes"]) if name != row["prediction"]
            ],
            votes=counted[row["image"]],
            voters=int(row["voters"] or 0),
            similar=[
                Similar(
                    *photo_fields(row[f"similar_{n}"], similar, pictures),
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
            content=queries[row["image"]].content_id,
            decision=row["decision"],
            original_label=row["original_label"],
            review_order=review_order.get(row["image"]),
            before=changed.get(row["image"]),
            extra_columns=[(name, row[name]) for name in extra_columns if row[name]],
            product=products.get(row["image"]),
            added=row["added"],
            row=row["row"],
            note=row["note"],
            photo_faults=photo_faults.split(row["photo_faults"]),
        )
        for row in predictions
    ]


def photo_fields(
    image: str, known: Mapping[str, File], pictures: set[str]
) -> tuple[str, str, str | None]:
    """Return the fields of the `Photo` of an image."""
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
