"""The predictions: for each query its class and the images of the catalogue most like it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

import pyarrow as pa

from .merge import Rejected
from .vote import Vote

SHOWN = 3
HEADER = (
    "image",
    "label",
    "prediction",
    "votes",
    "voters",
    "correct",
    *(
        f"{column}_{n}"
        for n in range(1, SHOWN + 1)
        for column in ("similar", "class", "similarity")
    ),
    "metric",
    "error",
)
VOTES_HEADER = ("image", "class", "votes")
Row = tuple[object, ...]


class Predictions(NamedTuple):
    """Both tables of the predictions, sorted by path.

    Attributes:
        rows: one for each query file, with the columns of `HEADER`.
        votes: one for each query and class that has a vote, with the columns of `VOTES_HEADER`,
            the predicted class first, then by falling votes.
    """

    rows: list[Row]
    votes: list[Row]


def predict(
    neighbours: pa.Table, rejected: Sequence[Rejected], voters: int, vote: Vote, metric: str
) -> Predictions:
    """Return the predictions for each query file.

    Args:
        neighbours: of the readable queries, see `neighbours.SCHEMA`.
        rejected: the other files.
        voters: how many of the neighbours vote, the most similar first.
        vote: how they are counted, one of `vote.VOTES`.
        metric: name of the similarity.
    """
    answers = [_answered(query, voters, vote, metric) for query in neighbours.to_pylist()]
    rows = [*(row for row, _ in answers), *map(_unanswered, rejected)]
    return Predictions(
        sorted(rows, key=lambda row: str(row[0])),
        [count for _, votes in answers for count in votes],
    )


def _answered(
    query: Mapping[str, Any], voters: int, vote: Vote, metric: str
) -> tuple[Row, list[Row]]:
    """Return the row of a query and its votes."""
    decision = vote(query["class"][:voters], query["similarity"][:voters])
    correct = None if query["label"] is None else str(decision.label == query["label"]).lower()
    shown: list[object] = [None] * (3 * SHOWN)
    found = zip(query["similar"], query["class"], query["similarity"], strict=True)
    for n, (image, label, similarity) in enumerate(islice(found, SHOWN)):
        shown[3 * n : 3 * n + 3] = image, label, f"{similarity:.6f}"
    votes = _votes(query["image"], query["class"][:voters], decision.label)
    return (query["image"], query["label"], *decision, correct, *shown, metric, None), votes


def _votes(path: str, labels: Sequence[str], winner: str) -> list[Row]:
    """Return the votes of each class, the `winner` of a tie first."""
    counted = sorted(Counter(labels).items(), key=lambda item: (item[0] != winner, -item[1], item))
    return [(path, label, votes) for label, votes in counted]


def _unanswered(query: Rejected) -> Row:
    blank = len(HEADER) - 3
    return (query.image, query.label, *[None] * blank, query.reason)
