"""Simulated decisions: a shop decides queries in some order, and each joins the catalogue."""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from similar_images.classification import confidence, vote
from similar_images.curation import active_learning
from similar_images.features.feature_table import FeatureTable

Rows = NDArray[np.intp]


class Shop(NamedTuple):
    """What a shop has: photos by their row, and which of them are what.

    Attributes:
        labels: the true class of each photo.
        similarities: (n, n), the cosine of each two.
        catalogue: photos that the catalogue has from the beginning.
        queries: photos that can be decided.
        others: photos that are asked, too, and never decided.
    """

    labels: list[str]
    similarities: NDArray[np.float32]
    catalogue: Rows
    queries: Rows
    others: Rows


class Answers(NamedTuple):
    """The answers to some photos: their neighbours, whether each is right, how unsure it is."""

    photos: Rows
    near: Rows
    right: NDArray[np.bool_]
    doubt: NDArray[np.float64]


class State(NamedTuple):
    """After so many decisions: the share of queries with the right class, and of the others."""

    decisions: int
    queries: float
    others: float


# Given the shop, the answers to the undecided queries and chance, returns these, first what is to
# be decided first, as places among the answers.
Order = Callable[[Shop, Answers, np.random.Generator], Sequence[int]]


def by_chance(_: Shop, answers: Answers, chance: np.random.Generator) -> Sequence[int]:
    """Order the queries by chance."""
    return chance.permutation(len(answers.photos)).tolist()


def by_doubt(_: Shop, answers: Answers, __: np.random.Generator) -> Sequence[int]:
    """Order the queries by least confidence."""
    return np.argsort(-answers.doubt, kind="stable").tolist()


def by_density(shop: Shop, answers: Answers, _: np.random.Generator) -> Sequence[int]:
    """Order by the information density as Settles and Craven have it: mean cosine, exponent 1."""
    alike = shop.similarities[np.ix_(answers.photos, answers.photos)].mean(axis=1)
    return np.argsort(-answers.doubt * np.maximum(alike, 0), kind="stable").tolist()


def by_worth(_: Shop, answers: Answers, __: np.random.Generator) -> Sequence[int]:
    """Order the queries as the report does."""
    return active_learning.rank(answers.doubt, answers.near)


ORDERS: dict[str, Order] = {
    "by chance": by_chance,
    "least sure": by_doubt,
    "information density": by_density,
    "worth": by_worth,
}


def whole(catalogue: FeatureTable, queries: FeatureTable) -> Shop:
    """Return the shop that has `catalogue`, and can decide all `queries`."""
    own = len(catalogue.paths)
    features = np.concatenate([catalogue.features, queries.features])
    return Shop(
        list(map(str, [*catalogue.labels, *queries.labels])),
        features @ features.T,
        np.arange(own),
        np.arange(own, len(features)),
        np.arange(0),
    )


def small(catalogue: FeatureTable, photos: int, chance: np.random.Generator) -> Shop:
    """Return a shop that knows so many `photos` of each class of `catalogue`, drawn by chance.

    Half of the others can be decided.
    """
    labels = np.array(list(map(str, catalogue.labels)))
    known = np.concatenate(
        [
            chance.permutation(np.flatnonzero(labels == class_))[:photos]
            for class_ in np.unique(labels)
        ]
    )
    rest = chance.permutation(np.setdiff1d(np.arange(len(labels)), known))
    similarities = catalogue.features @ catalogue.features.T
    return Shop(labels.tolist(), similarities, known, *np.array_split(rest, 2))


def decide(
    shop: Shop, order: Order, batch: int, most: int, voters: int, seed: int
) -> Iterator[State]:
    """Yield the state before any decision and after each batch, up to `most` decisions."""
    chance = np.random.default_rng(seed)
    decided = np.arange(0)
    while True:
        known = np.concatenate([shop.catalogue, decided])
        calibration = calibrate(shop, known, voters)
        undecided = ask(shop, known, np.setdiff1d(shop.queries, decided), voters, calibration)
        others = ask(shop, known, shop.others, voters, calibration)
        right = (len(decided) + undecided.right.sum()) / len(shop.queries)
        yield State(len(decided), right, others.right.mean() if len(shop.others) else np.nan)
        if len(decided) >= most or not len(undecided.photos):
            return
        first = order(shop, undecided, chance)[:batch]
        decided = np.concatenate([decided, undecided.photos[first]])


def calibrate(shop: Shop, known: Rows, voters: int) -> confidence.Calibration:
    """Return what gives the confidence, fitted on the catalogue, each photo asked of the others."""
    labels, similarities = neighbours(shop, known, known, voters)[1:]
    decisions = list(map(vote.majority, labels, similarities))
    right = [decision.label == shop.labels[n] for decision, n in zip(decisions, known, strict=True)]
    evidence = list(map(confidence.evidence, decisions, labels, similarities))
    return confidence.fit(np.array(evidence), np.array(right))


def ask(
    shop: Shop, known: Rows, photos: Rows, voters: int, calibration: confidence.Calibration
) -> Answers:
    """Return the answers of the photos `known` to others."""
    near, labels, similarities = neighbours(shop, known, photos, voters)
    decisions = list(map(vote.majority, labels, similarities))
    evidence = map(confidence.evidence, decisions, labels, similarities)
    return Answers(
        photos,
        near,
        np.array([d.label == shop.labels[n] for d, n in zip(decisions, photos, strict=True)], bool),
        np.array([1 - calibration.probability(values) for values in evidence]),
    )


def neighbours(
    shop: Shop, known: Rows, photos: Rows, voters: int
) -> tuple[Rows, list[list[str]], list[list[float]]]:
    """Return for each of `photos` the nearest of the others `known`, their classes, and how near.

    Equal similarities come in the order of `known`.
    """
    similarities = shop.similarities[np.ix_(photos, known)].astype(np.float64)
    similarities[photos[:, np.newaxis] == known] = -np.inf
    places = np.argsort(-similarities, axis=1, kind="stable")[:, :voters]
    near = known[places]
    labels = [[shop.labels[n] for n in row] for row in near.tolist()]
    return near, labels, np.take_along_axis(similarities, places, axis=1).tolist()


def needed(curve: Sequence[State], share: float) -> float:
    """Return the decisions after which that `share` of the queries is right, between batches too.

    Infinite where the curve ends before.
    """
    for before, after in pairwise(curve):
        if after.queries >= share:
            part = (share - before.queries) / (after.queries - before.queries)
            return before.decisions + max(part, 0) * (after.decisions - before.decisions)
    return float("inf")
