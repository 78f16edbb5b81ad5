"""Cross-validation: catalogue images are classified as if they were new, by any similarity."""

from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..features import sharded_features
from ..features.feature_table import FeatureTable
from ..search import metric_choice, principal_components
from ..search.neighbours import first_of_equals
from ..storage.results import Results
from . import held_out_learning, leave_one_out
from .held_out_learning import Learn
from .leave_one_out import Neighbours

# More images are not evaluated, so that a new image costs no more in a large catalogue.
MOST_EVALUATED = 2000
FOLDS = 5
# Why no image can be compared with another one.
NONE_EVALUATED = (
    "all images show one product or have equal bytes, so none can be compared with another"
)


@dataclass(frozen=True)
class CrossValidation:
    """The images to evaluate, the catalogue, and the similarity.

    Attributes:
        catalogue: its features are rows of length 1.
        eligible: (n,), the rows that count, such as `neighbours.first_of_equals` returns.
        sample: the rows to evaluate, in ascending order.
        learn: learns the adapted similarity without what is left out; None for the cosine.
        threads: that share the work.
    """

    catalogue: FeatureTable
    eligible: NDArray[np.bool_]
    sample: NDArray[np.intp]
    learn: Learn | None = None
    threads: int = 1


class Round(NamedTuple):
    """Images that are evaluated while some of the catalogue is left out.

    Attributes:
        held_out: their rows.
        left_out: (n,), the rows that are not found, and from which nothing is learned.
        group_of: (n,), rows of one number show one thing, and do not find each other.
    """

    held_out: NDArray[np.intp]
    left_out: NDArray[np.bool_]
    group_of: NDArray[np.intp]


class Neighbourhood(NamedTuple):
    """The class of a held-out image, and the classes and similarities of its neighbours."""

    label: str
    labels: list[str]
    similarities: list[float]


def prepare(
    catalogue: FeatureTable, learn: Learn | None = None, threads: int = 1
) -> CrossValidation:
    """Return the evaluation of the different images of `catalogue`, or of a sample of many.

    Args:
        catalogue: its features are rows of length 1.
        learn: see `CrossValidation`.
        threads: that share the work.
    """
    eligible = first_of_equals(catalogue)
    sample = leave_one_out.sample(catalogue, eligible, MOST_EVALUATED)
    return CrossValidation(catalogue, eligible, sample, learn, threads)


class Loaded(NamedTuple):
    """The catalogue with what its validation needs.

    Attributes:
        catalogue: its features.
        group_of: (n,), see `leave_one_out.groups`.
        learn: the adapted similarity, see `CrossValidation`; None for cosine.
    """

    catalogue: FeatureTable
    group_of: NDArray[np.intp]
    learn: Learn | None


def load(
    features: Path, listed: Path, reduced: Path | None, metric: str, results: Results
) -> Loaded:
    """Return the catalogue, to be validated with the similarity `metric`.

    Args:
        features: of the catalogue, see `sharded_features.load`.
        listed: its table of images.
        reduced: its features along the components, if `metric` needs them.
        metric: one of `metric_choice.METRICS`.
        results: fetch the features.

    Raises:
        DamagedFileError, UserError: as `sharded_features.load` and `sharded_features.collect`.
    """
    catalogue = sharded_features.load(features, results)
    table = sharded_features.TABLE.read(listed, ["image", "product"])
    group_of = leave_one_out.groups(catalogue, sharded_features.products(table))
    return Loaded(catalogue, group_of, _learning(metric, catalogue, listed, reduced, results))


def _learning(
    metric: str, catalogue: FeatureTable, listed: Path, reduced: Path | None, results: Results
) -> Learn | None:
    """Return what learns `metric` for each part of the catalogue; None for cosine."""
    if metric == metric_choice.COSINE:
        return None
    eligible = first_of_equals(catalogue)
    if not components_overlap(catalogue):
        along = sharded_features.collect(listed, results, on_disk=True, reduced=reduced)
        return held_out_learning.from_reduced(along, eligible)
    with_levels = metric == metric_choice.ADAPTED
    features = sharded_features.collect(listed, results, on_disk=True, with_levels=with_levels)
    return held_out_learning.from_all(features, eligible, with_levels=with_levels)


def components_overlap(catalogue: FeatureTable) -> bool:
    """Return whether evaluated images are in the sample that the components are found from.

    Both are chosen by content, from the two ends.
    """
    return len(set(catalogue.content_ids)) < MOST_EVALUATED + principal_components.SAMPLE


def neighbourhoods(
    validation: CrossValidation, count: int, *groupings: NDArray[np.intp]
) -> list[list[Neighbourhood]]:
    """Return the neighbourhoods for each grouping, by leave-one-out or from the other folds.

    Args:
        validation: see `CrossValidation`.
        count: how many neighbours; all there are where there are fewer.
        groupings: each (n,), rows of one number show one thing, and do not find each other.
    """
    if validation.learn:
        return in_other_folds(validation, count, *groupings)
    return _leave_one_out(validation, count, *groupings)


def in_other_folds(
    validation: CrossValidation, count: int, *groupings: NDArray[np.intp]
) -> list[list[Neighbourhood]]:
    """Return for each grouping the neighbourhoods in the other folds.

    The adapted similarity is fitted on these alone.

    Args:
        validation: see `CrossValidation`.
        count: how many neighbours; all there are where there are fewer.
        groupings: each (n,), rows of one number show one thing, and are in one fold.
    """
    if not validation.learn:  # nothing is fitted, and each fold is a group
        catalogue, eligible = validation.catalogue, validation.eligible
        all_folds = [folds(catalogue, eligible, group_of) for group_of in groupings]
        return _leave_one_out(validation, count, *all_folds)
    rounds = list(chain(*(_rounds(validation, group_of) for group_of in groupings)))
    found = in_rounds(validation, count, rounds)
    return [
        _by_row(rounds[n : n + FOLDS], found[n : n + FOLDS]) for n in range(0, len(rounds), FOLDS)
    ]


def nearest(
    validation: CrossValidation, count: int, group_of: NDArray[np.intp]
) -> list[Neighbours]:
    """Return the neighbours of each image of the sample, as `neighbourhoods` finds them.

    Args:
        validation: see `CrossValidation`.
        count: how many neighbours; all there are where there are fewer.
        group_of: (n,), rows of one number show one thing, and do not find each other.
    """
    catalogue, eligible, sample = validation.catalogue, validation.eligible, validation.sample
    if not validation.learn:
        searched = leave_one_out.neighbours(catalogue, sample, count, eligible, group_of)
        return [found for (found,) in searched]
    found = chain(*_nearest_in_rounds(validation, count, _rounds(validation, group_of)))
    return sorted(found, key=lambda one: one.row)


def in_rounds(
    validation: CrossValidation, count: int, rounds: Sequence[Round]
) -> list[list[Neighbourhood]]:
    """Return the neighbourhoods in each of `rounds`, see `_nearest_in_rounds`."""
    return [
        [neighbourhood_of(neighbours, validation.catalogue) for neighbours in found]
        for found in _nearest_in_rounds(validation, count, rounds)
    ]


def _rounds(validation: CrossValidation, group_of: NDArray[np.intp]) -> list[Round]:
    """Return a round for each fold."""
    sample = validation.sample
    fold_of = folds(validation.catalogue, validation.eligible, group_of)
    return [
        Round(sample[fold_of[sample] == fold], fold_of == fold, group_of) for fold in range(FOLDS)
    ]


def _nearest_in_rounds(
    validation: CrossValidation, count: int, rounds: Sequence[Round]
) -> list[list[Neighbours]]:
    """Return the neighbours of the held-out images in each of `rounds`.

    Rounds that leave out the same share one fit. Each round runs in one thread, so the results do
    not depend on the number of threads.

    Args:
        validation: see `CrossValidation`.
        count: how many neighbours; all there are where there are fewer.
        rounds: any number.
    """
    by_left_out: defaultdict[bytes, list[int]] = defaultdict(list)
    for n, one in enumerate(rounds):
        by_left_out[one.left_out.tobytes()].append(n)

    def run(numbers: list[int]) -> list[list[Neighbours]]:
        left_out = rounds[numbers[0]].left_out
        others = validation.eligible & ~left_out
        # Where no others are left there are none to learn from, and none to be found.
        learn = validation.learn if others.any() else None
        learned = learn(left_out) if learn else validation.catalogue
        return [_nearest(learned, count, others, rounds[n]) for n in numbers]

    with ThreadPoolExecutor(validation.threads) as pool:
        found = chain(*pool.map(run, by_left_out.values()))
        by_round = dict(zip(chain(*by_left_out.values()), found, strict=True))
    return [by_round[n] for n in range(len(rounds))]


def non_empty(neighbourhoods: Sequence[Neighbourhood]) -> list[Neighbourhood]:
    """Return those of `neighbourhoods` that have any neighbour, and can be counted."""
    return [neighbourhood for neighbourhood in neighbourhoods if neighbourhood.labels]


def neighbourhood_of(neighbours: Neighbours, catalogue: FeatureTable) -> Neighbourhood:
    """Return `neighbours` by their classes."""
    labels: list[Any] = catalogue.labels  # in a catalogue every image has a class
    return Neighbourhood(
        labels[neighbours.row],
        [labels[row] for row in neighbours.rows],
        neighbours.similarities.tolist(),
    )


def folds(
    catalogue: FeatureTable, eligible: NDArray[np.bool_], group_of: NDArray[np.intp]
) -> NDArray[np.intp]:
    """Return the fold of each row; each fold has its share of each class, and whole groups.

    The largest group comes first. Each goes to the fold with the fewest images of its class, and of
    equals to the one with the fewest in all (as scikit-learn's `StratifiedGroupKFold`, which takes
    1.8 seconds to import).
    """
    rows = leave_one_out.by_class(catalogue, np.flatnonzero(eligible))
    labels = np.unique([str(catalogue.labels[row]) for row in rows], return_inverse=True)[1]
    _, first, group = np.unique(group_of[rows], return_index=True, return_inverse=True)
    sizes = np.bincount(group)
    # Lists, not arrays: there may be a million groups.
    of_class = [[0] * FOLDS for _ in range(labels.max(initial=0) + 1)]
    in_all = [0] * FOLDS
    fold_of_group = np.zeros(len(sizes), np.intp)
    for number in np.lexsort((first, -sizes)):
        own, size = of_class[labels[first[number]]], int(sizes[number])
        fold = min(range(FOLDS), key=lambda fold: (own[fold], in_all[fold]))
        fold_of_group[number] = fold
        own[fold] += size
        in_all[fold] += size
    fold_of = np.zeros(len(eligible), np.intp)
    fold_of[rows] = fold_of_group[group]
    return fold_of


def _leave_one_out(
    validation: CrossValidation, count: int, *groupings: NDArray[np.intp]
) -> list[list[Neighbourhood]]:
    catalogue, sample = validation.catalogue, validation.sample
    found = list(
        leave_one_out.neighbours(catalogue, sample, count, validation.eligible, *groupings)
    )
    return [
        [neighbourhood_of(by_grouping[n], catalogue) for by_grouping in found]
        for n in range(len(groupings))
    ]


def _nearest(
    learned: FeatureTable, count: int, others: NDArray[np.bool_], one: Round
) -> list[Neighbours]:
    found = leave_one_out.neighbours(learned, one.held_out, count, others, one.group_of)
    return [neighbours for (neighbours,) in found]


def _by_row(
    rounds: Sequence[Round], found: Sequence[Sequence[Neighbourhood]]
) -> list[Neighbourhood]:
    """Return the neighbourhoods of `rounds` in the order of the rows."""
    neighbourhoods = list(chain(*found))
    rows = np.concatenate([one.held_out for one in rounds])
    return [neighbourhoods[n] for n in np.argsort(rows)]
