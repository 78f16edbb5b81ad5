"""A survey: images of the catalogue are asked as if they were new, by either similarity."""

from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..features.feature_table import FeatureTable
from ..search import principal_components
from ..search.neighbours import first_of_equals
from . import leave_one_out
from .held_out_learning import Learn
from .leave_one_out import Answer

# More images are not asked, so that a new image costs no more in a large catalogue.
MOST_ASKED = 2000
FOLDS = 5
# Why no image can be asked against another one.
NONE_ASKED = "all images show one product or have equal bytes, so none can be asked against another"


@dataclass(frozen=True)
class CrossValidation:
    """Who is asked, among whom, and how.

    Attributes:
        catalogue: its features are rows of length 1.
        eligible: (n,), the rows that count, such as `neighbours.first_of_equals` returns.
        asked: the rows that are asked, in ascending order.
        learn: the adapted similarity, without those that are left out; None for the cosine.
        threads: that share the work.
    """

    catalogue: FeatureTable
    eligible: NDArray[np.bool_]
    asked: NDArray[np.intp]
    learn: Learn | None = None
    threads: int = 1


class Round(NamedTuple):
    """Images that are asked while some of the catalogue is left out.

    Attributes:
        asked: their rows.
        left_out: (n,), the rows that are not found, and that the adapted similarity does not know.
        group_of: (n,), rows of one number show one thing, and do not find each other.
    """

    asked: NDArray[np.intp]
    left_out: NDArray[np.bool_]
    group_of: NDArray[np.intp]


class Neighbourhood(NamedTuple):
    """An image that was asked: its class, and the classes and similarities of its neighbours."""

    label: str
    labels: list[str]
    similarities: list[float]


def draw(catalogue: FeatureTable, learn: Learn | None = None, threads: int = 1) -> CrossValidation:
    """Return a survey of the different images of `catalogue`, or of a sample where there are many.

    Args:
        catalogue: its features are rows of length 1.
        learn: see `CrossValidation`.
        threads: that share the work.
    """
    eligible = first_of_equals(catalogue)
    asked = leave_one_out.sample(catalogue, eligible, MOST_ASKED)
    return CrossValidation(catalogue, eligible, asked, learn, threads)


def knows_those_asked(catalogue: FeatureTable) -> bool:
    """Return whether images that are asked are in the sample that the components are found from.

    Both are chosen by content, from the two ends.
    """
    return len(set(catalogue.content_ids)) < MOST_ASKED + principal_components.SAMPLE


def ask(
    survey: CrossValidation, count: int, *groupings: NDArray[np.intp]
) -> list[list[Neighbourhood]]:
    """Return what those asked find, for each grouping: by leave-one-out, or in the other folds.

    Args:
        survey: see `CrossValidation`.
        count: how many neighbours; all there are where there are fewer.
        groupings: each (n,), rows of one number show one thing, and do not find each other.
    """
    if survey.learn:
        return cross_validated(survey, count, *groupings)
    return _leave_one_out(survey, count, *groupings)


def cross_validated(
    survey: CrossValidation, count: int, *groupings: NDArray[np.intp]
) -> list[list[Neighbourhood]]:
    """Return what those asked find in the other folds, for each grouping.

    On these alone the adapted similarity is fitted.

    Args:
        survey: see `CrossValidation`.
        count: how many neighbours; all there are where there are fewer.
        groupings: each (n,), rows of one number show one thing, and are in one fold.
    """
    all_folds = [folds(survey.catalogue, survey.eligible, group_of) for group_of in groupings]
    if not survey.learn:  # nothing is fitted, and a fold is a group of its own
        return _leave_one_out(survey, count, *all_folds)
    rounds = [
        Round(survey.asked[fold_of[survey.asked] == fold], fold_of == fold, group_of)
        for fold_of, group_of in zip(all_folds, groupings, strict=True)
        for fold in range(FOLDS)
    ]
    found = ask_in_rounds(survey, count, rounds)
    return [
        _by_row(rounds[n : n + FOLDS], found[n : n + FOLDS]) for n in range(0, len(rounds), FOLDS)
    ]


def ask_in_rounds(
    survey: CrossValidation, count: int, rounds: Sequence[Round]
) -> list[list[Neighbourhood]]:
    """Return what those asked find in each of `rounds`.

    Rounds that leave out the same share one fit. Threads share the rounds, and each works on one of
    its own, so the answers do not depend on their number.

    Args:
        survey: see `CrossValidation`.
        count: how many neighbours; all there are where there are fewer.
        rounds: any number.
    """
    alike: defaultdict[bytes, list[int]] = defaultdict(list)
    for n, one in enumerate(rounds):
        alike[one.left_out.tobytes()].append(n)

    def ask_alike(numbers: list[int]) -> list[list[Neighbourhood]]:
        left_out = rounds[numbers[0]].left_out
        others = survey.eligible & ~left_out
        # Where no others are left there are none to learn from, and none to be found.
        learned = survey.learn(left_out) if survey.learn and others.any() else survey.catalogue
        return [_neighbourhoods(learned, count, others, rounds[n]) for n in numbers]

    with ThreadPoolExecutor(survey.threads) as pool:
        found = chain(*pool.map(ask_alike, alike.values()))
        by_round = dict(zip(chain(*alike.values()), found, strict=True))
    return [by_round[n] for n in range(len(rounds))]


def answered(neighbourhoods: Sequence[Neighbourhood]) -> list[Neighbourhood]:
    """Return those of `neighbourhoods` that have any neighbour, and can be counted."""
    return [neighbourhood for neighbourhood in neighbourhoods if neighbourhood.labels]


def neighbourhood_of(answer: Answer, catalogue: FeatureTable) -> Neighbourhood:
    """Return `answer` by its classes."""
    labels: list[Any] = catalogue.labels  # in a catalogue every image has a class
    return Neighbourhood(
        labels[answer.row],
        [labels[row] for row in answer.rows],
        answer.similarities.tolist(),
    )


def folds(
    catalogue: FeatureTable, eligible: NDArray[np.bool_], group_of: NDArray[np.intp]
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


def _leave_one_out(
    survey: CrossValidation, count: int, *groupings: NDArray[np.intp]
) -> list[list[Neighbourhood]]:
    catalogue, asked = survey.catalogue, survey.asked
    found = list(leave_one_out.ask(catalogue, asked, count, survey.eligible, *groupings))
    return [
        [neighbourhood_of(answers[n], catalogue) for answers in found]
        for n in range(len(groupings))
    ]


def _neighbourhoods(
    seen: FeatureTable, count: int, others: NDArray[np.bool_], asked: Round
) -> list[Neighbourhood]:
    found = leave_one_out.ask(seen, asked.asked, count, others, asked.group_of)
    return [neighbourhood_of(answer, seen) for (answer,) in found]


def _by_row(
    rounds: Sequence[Round], found: Sequence[Sequence[Neighbourhood]]
) -> list[Neighbourhood]:
    """Return the ballots of `rounds` in the order of the rows that were asked."""
    neighbourhoods = list(chain(*found))
    return [neighbourhoods[n] for n in np.argsort(np.concatenate([one.asked for one in rounds]))]
