"""Simulated decisions: queries are decided in some order, and each joins the catalogue."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from similar_images.classification import confidence, vote
from similar_images.curation import active_learning
from similar_images.features.feature_table import FeatureTable

Rows = NDArray[np.intp]


class Photos(NamedTuple):
    """Photos by their row.

    Attributes:
        labels: the true class of each photo.
        similarities: (n, n), the cosine of each two.
        catalogue: photos that are in the catalogue from the beginning.
        queries: photos that can be decided.
    """

    labels: list[str]
    similarities: NDArray[np.float32]
    catalogue: Rows
    queries: Rows


class State(NamedTuple):
    """After so many decisions: the share of queries with the right class."""

    decisions: int
    correct: float


def join(catalogue: FeatureTable, queries: FeatureTable) -> Photos:
    """Return the photos of a catalogue and of queries, whose features have length 1."""
    own = len(catalogue.paths)
    features = np.concatenate([catalogue.features, queries.features])
    labels = list(map(str, [*catalogue.labels, *queries.labels]))
    return Photos(labels, features @ features.T, np.arange(own), np.arange(own, len(features)))


def decide(photos: Photos, order: str, batch: int, voters: int, seed: int) -> Iterator[State]:
    """Yield the state before any decision and after each batch, until all are decided.

    Args:
        photos: see `Photos`.
        order: "random" or "review order".
        batch: decisions between two runs.
        voters: the number of neighbours that vote.
        seed: of the random order.
    """
    random = np.random.default_rng(seed)
    decided = np.arange(0)
    while True:
        known = np.concatenate([photos.catalogue, decided])
        evidence, right, _ = classify(photos, known, known, voters)
        calibration = confidence.fit(evidence, right)
        left = np.setdiff1d(photos.queries, decided)
        evidence, right, near = classify(photos, known, left, voters)
        yield State(len(decided), (len(decided) + right.sum()) / len(photos.queries))
        if not len(left):
            return
        doubt = np.array([1 - calibration.probability(values) for values in evidence.tolist()])
        ranked = (
            random.permutation(len(left)).tolist()
            if order == "random"
            else active_learning.rank(doubt, near)
        )
        decided = np.concatenate([decided, left[ranked[:batch]]])


def classify(
    photos: Photos, known: Rows, asked: Rows, voters: int
) -> tuple[NDArray[np.float64], NDArray[np.bool_], Rows]:
    """Classify photos by those in `known`, without themselves.

    Returns:
        The evidence of each answer (n, 4), whether it is correct (n,), and its neighbours
        (n, voters). Equal similarities come in the order of `known`.
    """
    similarities = photos.similarities[np.ix_(asked, known)].astype(np.float64)
    similarities[asked[:, np.newaxis] == known] = -np.inf
    places = np.argsort(-similarities, axis=1, kind="stable")[:, :voters]
    near = known[places]
    evidence, right = [], []
    values = np.take_along_axis(similarities, places, axis=1).tolist()
    for photo, rows, similar in zip(asked.tolist(), near.tolist(), values, strict=True):
        labels = [photos.labels[row] for row in rows]
        result = vote.majority(labels, similar)
        evidence.append(confidence.evidence(result, labels, similar))
        right.append(result.label == photos.labels[photo])
    return np.array(evidence), np.array(right, bool), near


def needed(curve: Sequence[State], share: float) -> float:
    """Return the decisions after which that `share` of the queries is right, between batches too.

    Infinite where the curve ends before.
    """
    for before, after in pairwise(curve):
        if after.correct >= share:
            part = (share - before.correct) / (after.correct - before.correct)
            return before.decisions + max(part, 0) * (after.decisions - before.decisions)
    return float("inf")
