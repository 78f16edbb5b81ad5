"""A survey: images of the catalogue are asked as if they were new, by either similarity."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..features.index import Index
from ..search import adaptation
from ..search.neighbours import first_of_equals
from . import leave_one_out
from .leave_one_out import Answer

# More images are not asked, so that a new image costs no more in a large catalogue.
MOST_ASKED = 2000
FOLDS = 5
# Why no image can be asked against another one.
NONE_ASKED = "all images show one product or have equal bytes, so none can be asked against another"


class Survey(NamedTuple):
    """Who is asked, among whom, and how.

    Attributes:
        catalogue: its features are rows of length 1.
        eligible: (n,), the rows that count, such as `neighbours.first_of_equals` returns.
        asked: the rows that are asked, in ascending order.
        metric: "cosine" or "adapted".
    """

    catalogue: Index
    eligible: NDArray[np.bool_]
    asked: NDArray[np.intp]
    metric: str


class Ballot(NamedTuple):
    """An image that was asked: its class, and the classes and similarities of its neighbours."""

    label: str
    labels: list[str]
    similarities: list[float]


def draw(catalogue: Index, metric: str) -> Survey:
    """Return a survey of the different images of `catalogue`, or of a sample where there are many.

    Args:
        catalogue: its features are rows of length 1.
        metric: "cosine" or "adapted".
    """
    eligible = first_of_equals(catalogue)
    asked = leave_one_out.sample(catalogue, eligible, MOST_ASKED)
    return Survey(catalogue, eligible, asked, metric)


def ask(survey: Survey, count: int, *groupings: NDArray[np.intp]) -> list[list[Ballot]]:
    """Return what those asked find, for each grouping: by leave-one-out, or in the other folds.

    Args:
        survey: see `Survey`.
        count: how many neighbours; all there are where there are fewer.
        groupings: each (n,), rows of one number show one thing, and do not find each other.
    """
    catalogue, eligible, asked, metric = survey
    if metric == "adapted":  # it is fitted on folds, which a grouping makes
        return [cross_validated(survey, count, group_of) for group_of in groupings]
    found = list(leave_one_out.ask(catalogue, asked, count, eligible, *groupings))
    return [[ballot_of(answers[n], catalogue) for answers in found] for n in range(len(groupings))]


def cross_validated(survey: Survey, count: int, group_of: NDArray[np.intp]) -> list[Ballot]:
    """Return what those asked find in the other folds, on which alone the adapted one is fitted.

    Args:
        survey: see `Survey`.
        count: how many neighbours; all there are where there are fewer.
        group_of: (n,), rows of one number show one thing, and are in one fold.
    """
    catalogue, eligible, asked, metric = survey
    fold_of = folds(catalogue, eligible, group_of)
    answers: list[Answer] = []
    for fold in range(FOLDS):
        others = eligible & (fold_of != fold)
        # Where all images are of one group there are none to fit it on, and none to be found.
        fit = metric == "adapted" and others.any()
        seen = adapted(catalogue, others) if fit else catalogue
        here = asked[fold_of[asked] == fold]
        answers += (own for (own,) in leave_one_out.ask(seen, here, count, others, group_of))
    by_row = sorted(answers, key=lambda answer: answer.row)
    return [ballot_of(answer, catalogue) for answer in by_row]


def answered(ballots: Sequence[Ballot]) -> list[Ballot]:
    """Return those of `ballots` that can be counted: their images have found any neighbour."""
    return [ballot for ballot in ballots if ballot.labels]


def ballot_of(answer: Answer, catalogue: Index) -> Ballot:
    """Return `answer` by its classes."""
    labels: list[Any] = catalogue.labels  # in a catalogue every image has a class
    return Ballot(
        labels[answer.row],
        [labels[row] for row in answer.rows],
        answer.similarities.tolist(),
    )


def folds(
    catalogue: Index, eligible: NDArray[np.bool_], group_of: NDArray[np.intp]
) -> NDArray[np.intp]:
    """Return the fold of each row: the groups are dealt out, so that each fold has its share.

    The largest first, each to the fold that has the fewest images of its class, and of those to the
    one with the fewest in all (as scikit-learn's `StratifiedGroupKFold`).
    """
    rows = leave_one_out.by_class(catalogue, np.flatnonzero(eligible))
    labels = np.unique([str(catalogue.labels[row]) for row in rows], return_inverse=True)[1]
    _, first, group = np.unique(group_of[rows], return_index=True, return_inverse=True)
    sizes = np.bincount(group)
    of_class = np.zeros((labels.max(initial=0) + 1, FOLDS), np.intp)
    in_all = np.zeros(FOLDS, np.intp)
    fold_of_group = np.zeros(len(sizes), np.intp)
    for number in np.lexsort((first, -sizes)):
        own = of_class[labels[first[number]]]
        fold = np.lexsort((in_all, own))[0]
        fold_of_group[number] = fold
        own[fold] += sizes[number]
        in_all[fold] += sizes[number]
    fold_of = np.zeros(len(eligible), np.intp)
    fold_of[rows] = fold_of_group[group]
    return fold_of


def adapted(catalogue: Index, fitted_on: NDArray[np.bool_]) -> Index:
    """Return `catalogue` with the features of an adapted similarity, fitted on some of its rows."""
    fitted = adaptation.fit(catalogue, fitted_on)
    return replace(catalogue, features=adaptation.apply(fitted, catalogue.features))
