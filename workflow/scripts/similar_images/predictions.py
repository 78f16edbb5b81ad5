"""The predictions: for each query its class and the images of the catalogue most like it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import search, vote
from .errors import UserError
from .index import Index
from .merge import Rejected

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
    queries: Index, rejected: Sequence[Rejected], catalogue: Index, neighbours: int
) -> Predictions:
    """Return the predictions for each query file.

    The `neighbours` most similar images of the catalogue vote; equal bytes under one class have
    one vote. The features of both indexes are normalised in place.

    Raises:
        UserError: the features of queries and catalogue come from different models.
    """
    if queries.fingerprint != catalogue.fingerprint:
        raise UserError(
            "The features of the queries and of the catalogue come from different models "
            f"(fingerprints {queries.fingerprint} and {catalogue.fingerprint}). Run again."
        )
    answers = list(_answered(queries, catalogue, neighbours))
    rows = [*(row for row, _ in answers), *map(_unanswered, rejected)]
    return Predictions(
        sorted(rows, key=lambda row: str(row[0])), [vote for _, votes in answers for vote in votes]
    )


def _answered(queries: Index, catalogue: Index, neighbours: int) -> Iterator[tuple[Row, list[Row]]]:
    """Yield for each query its row and its votes."""
    search.normalise(queries.features)
    search.normalise(catalogue.features)
    nearest, similarities = search.nearest(
        queries.features, catalogue.features, max(neighbours, SHOWN), _first_of_equals(catalogue)
    )
    labels = np.array(catalogue.labels, dtype=object)
    for path, label, found, similarity in zip(
        queries.paths, queries.labels, nearest, similarities, strict=True
    ):
        decision = vote.majority(labels[found[:neighbours]], similarity[:neighbours])
        correct = None if label is None else str(decision.label == label).lower()
        shown: list[object] = [None] * (3 * SHOWN)
        for n, (row, value) in enumerate(zip(found[:SHOWN], similarity[:SHOWN], strict=True)):
            shown[3 * n : 3 * n + 3] = catalogue.paths[row], labels[row], f"{value:.6f}"
        votes = _votes(path, labels[found[:neighbours]], decision.label)
        yield (path, label, *decision, correct, *shown, None), votes


def _votes(path: str, labels: Sequence[str], winner: str) -> list[Row]:
    """Return the votes of each class, the `winner` of a tie first."""
    counted = sorted(Counter(labels).items(), key=lambda vote: (vote[0] != winner, -vote[1], vote))
    return [(path, label, votes) for label, votes in counted]


def _unanswered(query: Rejected) -> Row:
    blank = len(HEADER) - 3
    return (query.image, query.label, *[None] * blank, query.reason)


def _first_of_equals(catalogue: Index) -> NDArray[np.bool_]:
    """Return for each row whether it is the first with its bytes and its class."""
    seen = set()
    first = np.empty(len(catalogue.paths), np.bool_)
    for row, key in enumerate(zip(catalogue.content_ids, catalogue.labels, strict=True)):
        first[row] = key not in seen
        seen.add(key)
    return first
