"""The answer to one photo: a row of predictions.csv, and as many neighbours as asked."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

from ..classification import conformal
from ..core.tables import Row


class Neighbour(NamedTuple):
    """An image of the catalogue that is similar to a photo.

    Attributes:
        image: path in the catalogue.
        label: its class.
        similarity: to the photo, with six decimals as in predictions.csv.
        content_id: SHA-256 of its file.
    """

    image: str
    label: str
    similarity: float
    content_id: str

    def as_json(self) -> dict[str, Any]:
        """Return plain values for JSON, named as in predictions.csv."""
        values = self._asdict()
        return {"image": values.pop("image"), "class": values.pop("label"), **values}


@dataclass(frozen=True)
class Answer:
    """What a photo shows, and what is most like it.

    Attributes:
        image: the name of the photo.
        content_id: SHA-256 of its bytes; None if it has none.
        prediction: its class; None if it is refused or cannot be read.
        votes: of the neighbours that vote, those with that class; None without a prediction.
        voters: how many neighbours vote.
        confidence: the probability that the prediction is right; None if unknown.
        likely_classes: classes that include the true one with the probability `search.coverage`.
        refused: why a readable photo has no prediction, or None.
        duplicate: "exact", "near" or "mirrored" if it is in the catalogue, or None.
        duplicate_of: that image of the catalogue, or None.
        metric: the similarity: "cosine", "adapted-top" or "adapted".
        vote_counts: classes and their votes, the prediction first.
        neighbours: the most similar images of the catalogue, of each product one.
        note: what of the photo was lost or ignored, and what could not be checked, or None.
        error: why it cannot be read, or None. All but its name and content is empty then.
    """

    image: str
    content_id: str | None
    prediction: str | None = None
    votes: int | None = None
    voters: int = 0
    confidence: float | None = None
    likely_classes: list[str] = field(default_factory=list)
    refused: str | None = None
    duplicate: str | None = None
    duplicate_of: str | None = None
    metric: str | None = None
    vote_counts: list[tuple[str, int]] = field(default_factory=list)
    neighbours: list[Neighbour] = field(default_factory=list)
    note: str | None = None
    error: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return plain values for JSON, named as in predictions.csv."""
        return {
            **asdict(self),
            "vote_counts": dict(self.vote_counts),
            "neighbours": [neighbour.as_json() for neighbour in self.neighbours],
        }


def of_row(
    row: Row,
    votes: Sequence[Row],
    neighbours: list[Neighbour],
    own: Collection[str],
    unchecked: Sequence[str],
) -> Answer:
    """Return the answer in a row of predictions.csv, whose image is the content id of the photo.

    Args:
        row: see `tables.PREDICTIONS`.
        votes: its rows of `tables.VOTE_COUNTS`.
        neighbours: to list.
        own: images of the catalogue that the photo was taken into it as, or its product.
        unchecked: images of the catalogue that could not be read, to see whether it is a copy.
    """
    values: Any = row
    return Answer(
        image=values["image"],
        content_id=values["image"],
        prediction=values["prediction"],
        votes=values["votes"],
        voters=values["voters"],
        confidence=None if values["confidence"] is None else float(values["confidence"]),
        likely_classes=conformal.split(values["likely_classes"] or ""),
        refused=values["refused"],
        duplicate=values["duplicate"],
        duplicate_of=values["duplicate_of"],
        metric=values["metric"],
        vote_counts=[(str(vote["class"]), int(str(vote["votes"]))) for vote in votes],
        neighbours=neighbours,
        note=_note(values["note"], own, unchecked),
    )


def _note(note: str | None, own: Collection[str], unchecked: Sequence[str]) -> str | None:
    notes = [note] if note else []
    if own:
        notes.append(f"taken into the catalogue, and not compared with {', '.join(sorted(own))}")
    if unchecked:
        notes.append(f"could not be compared with {', '.join(unchecked)}, so it may be a copy")
    return "; ".join(notes) or None
