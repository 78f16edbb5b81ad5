"""The predictions: for each query its class and the most similar images of the catalogue."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import pyarrow as pa

from ..core.tables import Row
from ..duplicates.query_duplicates import QueryDuplicate
from ..features.rejected import Rejected
from . import confidence, conformal, nearest, out_of_distribution
from .confidence import Calibration, evidence
from .conformal import Thresholds
from .nearest import SHOWN
from .out_of_distribution import InDistribution, scores
from .tables import PREDICTIONS, VOTE_COUNTS
from .vote import VOTES, Vote, VoteResult


class Known(NamedTuple):
    """What is known of a query beside its neighbours.

    Attributes:
        original_label: its label before any decision, or None.
        decision: what people decided about it, or None.
        note: see `columns.NOTE`.
    """

    original_label: str | None
    decision: str | None
    note: str | None


class Predictions(NamedTuple):
    """Both tables of the predictions, sorted by path.

    Attributes:
        rows: one for each query file, of `PREDICTIONS`.
        votes: one for each query and class that has a vote, of `VOTE_COUNTS`,
            the predicted class first, then by falling votes.
    """

    rows: list[Row]
    votes: list[Row]


@dataclass(frozen=True)
class Classifier:
    """How predictions are made, and when they are refused.

    Attributes:
        voters: how many of the neighbours vote, the most similar first.
        vote: how they are counted, one of `vote.VOTES`.
        metric: name of the similarity.
        calibration: gives the confidence; None where it is not known.
        thresholds: give the conformal set.
        known: gives the in-distribution score of a query.
        reject: the confidence under which a prediction is refused; "auto" refuses where the
            in-distribution score is below the least of `known`; None refuses none.
    """

    voters: int
    vote: Vote
    metric: str
    calibration: Calibration | None
    thresholds: Thresholds
    known: InDistribution
    reject: float | str | None = None

    @classmethod
    def of(
        cls, quality: Mapping[str, Any], voters: int, vote: str, reject: float | str | None
    ) -> "Classifier":
        """Return the classifier for the settings of the search.

        Args:
            quality: of the catalogue, as `quality.json` has it.
            voters: see above.
            vote: the name of one of `vote.VOTES`.
            reject: see above.
        """
        return cls(
            voters=voters,
            vote=VOTES[vote],
            metric=quality["metric"],
            calibration=confidence.read(quality["confidence"]),
            thresholds=Thresholds(**quality["sets"]),
            known=out_of_distribution.read(quality["out_of_distribution"]),
            reject=reject,
        )

    def confidence(
        self, outcome: VoteResult, labels: Sequence[str], similarities: Sequence[float]
    ) -> float | None:
        """Return the confidence in the outcome of a vote; None where it is not known."""
        if self.calibration is None:
            return None
        return self.calibration.probability(evidence(outcome, labels, similarities))

    def refusal(self, confidence: float | None, similarities: Sequence[float]) -> str | None:
        """Return why a prediction is refused, or None."""
        if self.reject is None:
            return None
        if confidence is None:
            # Then the in-distribution score is not known, either.
            return None if self.reject == "auto" else "confidence not known"
        if self.reject == "auto":
            score = self.known.in_distribution_score(scores(similarities, confidence))
            least = self.known.least_score
            if score >= least:
                return None
            return (
                f"in-distribution score {score:.3f} below {least:.3f}: perhaps none of the classes"
            )
        if confidence >= float(self.reject):
            return None
        return f"confidence {confidence:.3f} under search.reject {self.reject}"


def known(queries: pa.Table) -> dict[str, Known]:
    """Return what is known of each of `queries`, see `sharded_features.TABLE`."""
    columns = (queries[name].to_pylist() for name in ("image", *Known._fields))
    return {image: Known(*rest) for image, *rest in zip(*columns, strict=True)}


def predict(
    neighbours: pa.Table,
    rejected: Sequence[Rejected],
    duplicates: Mapping[str, QueryDuplicate],
    known: Mapping[str, Known],
    classifier: Classifier,
    product_of: Mapping[str, str],
) -> Predictions:
    """Return the predictions for each query file.

    Args:
        neighbours: of the readable queries, see `neighbours.TABLE`.
        rejected: the other files.
        duplicates: the queries that are in the catalogue, by path.
        known: of each readable query.
        classifier: how they are made.
        product_of: the products of the catalogue's images that have one. All neighbours vote, but
            no two of one product are shown.
    """
    answers = [
        _answered(
            query, duplicates.get(query["image"]), known[query["image"]], classifier, product_of
        )
        for query in neighbours.to_pylist()
    ]
    rows = [*(row for row, _ in answers), *map(_unanswered, rejected)]
    return Predictions(
        sorted(rows, key=lambda row: str(row["image"])),
        [count for _, votes in answers for count in votes],
    )


def _answered(
    query: Mapping[str, Any],
    duplicate: QueryDuplicate | None,
    known: Known,
    classifier: Classifier,
    product_of: Mapping[str, str],
) -> tuple[Row, list[Row]]:
    """Return the row of a query and its votes."""
    if not query["class"]:
        return _without_neighbours(query, known), []
    labels, similarities = (
        query["class"][: classifier.voters],
        query["similarity"][: classifier.voters],
    )
    outcome = classifier.vote(labels, similarities)
    probability = classifier.confidence(outcome, labels, similarities)
    refused = classifier.refusal(probability, similarities)
    shares = conformal.shares(query["class"], query["similarity"])
    classes = conformal.classes(shares, outcome.label, classifier.thresholds)
    correct = None if query["label"] is None else str(outcome.label == query["label"]).lower()
    answer: dict[str, object] = {}
    if not refused:
        answer = {
            "prediction": outcome.label,
            "votes": outcome.votes,
            "likely_classes": conformal.joined(classes),
            "correct": correct,
        }
    if duplicate:
        answer |= {"duplicate": duplicate.duplicate, "duplicate_of": duplicate.duplicate_of}
    row = _row(
        query,
        known,
        voters=outcome.voters,
        confidence=None if probability is None else f"{probability:.4f}",
        metric=classifier.metric,
        refused=refused,
        **_shown(query, product_of),
        **answer,
    )
    return row, _votes(query["image"], labels, outcome.label)


def _row(query: Mapping[str, Any], known: Known, **values: object) -> Row:
    """Return the row of a readable query."""
    return PREDICTIONS.row(
        image=query["image"],
        label=query["label"],
        **known._asdict(),
        **values,
    )


def _shown(query: Mapping[str, Any], product_of: Mapping[str, str]) -> dict[str, object]:
    """Return the columns of the most similar images, of each product one."""
    found = nearest.products(nearest.images(query), product_of)[:SHOWN]
    columns: dict[str, object] = {}
    for n, (image, label, similarity) in enumerate(found, 1):
        columns |= {f"similar_{n}": image, f"class_{n}": label}
        columns[f"similarity_{n}"] = nearest.rounded(similarity)
    return columns


def _without_neighbours(query: Mapping[str, Any], known: Known) -> Row:
    """Return the row of a query without neighbours: all catalogue images are its own."""
    return _row(query, known, voters=0, refused="no image of the catalogue to compare it with")


def _votes(path: str, labels: Sequence[str], winner: str) -> list[Row]:
    """Return the votes of each class, the `winner` of a tie first."""
    counted = sorted(Counter(labels).items(), key=lambda item: (item[0] != winner, -item[1], item))
    return [
        VOTE_COUNTS.row(**{"image": path, "class": label, "votes": votes})
        for label, votes in counted
    ]


def _unanswered(query: Rejected) -> Row:
    return PREDICTIONS.row(
        image=query.image,
        label=query.label,
        original_label=query.original_label,
        decision=query.decision,
        error=query.reason,
    )
