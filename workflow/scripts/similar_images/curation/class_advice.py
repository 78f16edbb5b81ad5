"""Class advice: which classes to merge, checked by cross-validation.

What is best of many by chance looks better than it is. So the photos are halved: one half suggests,
and only what the other half confirms is said, with the figures of that half. Near-duplicate groups
stay in one half, and count once where photos are counted to judge chance.

Splitting a class does not help, and more photos of one class do not raise the accuracy: others lose
what it gains (benchmarks/results/class_advice.md). So neither is advised.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..classification.vote import VOTES
from ..evaluation import cross_validation, leave_one_out, near_duplicates
from ..evaluation.cross_validation import CrossValidation
from ..evaluation.held_out_learning import Learn
from ..evaluation.intervals import Z, wilson_interval
from ..evaluation.leave_one_out import Neighbours
from ..evaluation.metric_comparison import SIGNIFICANT, by_chance
from ..features.feature_table import FeatureTable, normalise
from ..search.neighbours import first_of_equals
from .findings import Advice

MERGE = "merge"
NONE = "no two classes are so alike that they should be merged"
# So many statements are made at most.
MOST = 5
# Of larger catalogues, so many photos are classified; an adapted similarity allows fewer.
MOST_CLASSIFIED = 10_000
# The folds whose photos suggest; those of the others confirm.
SUGGESTING = 2
# Two classes are merged only if at most this share of their photos can be told apart. By guessing,
# half of them are.
TOLD_APART = 0.75
# A pair of fewer photos in a half is judged by chance alone.
LEAST_PHOTOS = 10
# A merger has to make this share of the photos of both right.
WORTH_MERGING = 0.1

Flags = NDArray[np.bool_]
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Classified:
    """Photos of the catalogue that are classified by the others.

    Attributes:
        labels: (m,), of all photos of the catalogue.
        neighbours: (n,), of those that are classified.
        groups: (n,), near duplicates have one number.
        suggesting: (n,), whether it is in the half that suggests.
        voters, vote: as configured.
    """

    labels: NDArray[np.str_]
    neighbours: Sequence[Neighbours]
    groups: NDArray[np.intp]
    suggesting: Flags
    voters: int
    vote: str

    @property
    def own(self) -> NDArray[np.str_]:
        """The class of each photo that is classified."""
        return self.labels[[found.row for found in self.neighbours]]

    def predictions(self, labels: NDArray[np.str_]) -> NDArray[np.str_]:
        """Return the predictions by these labels of the catalogue; "" without neighbours."""
        return np.array([self._prediction(found, labels) for found in self.neighbours])

    def _prediction(self, found: Neighbours, labels: NDArray[np.str_]) -> str:
        if not len(found.rows):
            return ""
        return VOTES[self.vote](labels[found.rows].tolist(), found.similarities.tolist()).label


class Change(NamedTuple):
    """By how much a mean changes: the difference, and its 95 % interval."""

    gain: float
    low: float
    high: float


def classify(
    catalogue: FeatureTable,
    group_of: NDArray[np.intp],
    voters: int,
    vote: str,
    learn: Learn | None = None,
    threads: int = 1,
) -> Classified:
    """Find the neighbours of the photos of `catalogue`, or of a sample of many, in the others.

    The features are normalised in place.

    Args:
        catalogue: see `FeatureTable`; every photo has a class.
        group_of: (n,), rows of one number show one thing: at least those of equal bytes.
        voters: the configured number of neighbours that vote.
        vote: the configured one of `vote.VOTES`.
        learn: the adapted similarity, see `CrossValidation`; None for the cosine similarity.
        threads: that share the work of the adapted similarity.
    """
    normalise(catalogue.features)
    eligible = first_of_equals(catalogue)
    most = cross_validation.MOST_EVALUATED if learn else MOST_CLASSIFIED
    sample = leave_one_out.sample(catalogue, eligible, most)
    (narrow,) = near_duplicates.join(catalogue, eligible, group_of, near_duplicates.NARROW)
    validation = CrossValidation(catalogue, eligible, sample, learn, threads)
    found = cross_validation.nearest(validation, voters, narrow.group_of)
    folds = cross_validation.folds(catalogue, eligible, narrow.group_of)
    labels = np.array([str(label) for label in catalogue.labels])
    groups = narrow.group_of[sample]
    return Classified(labels, found, groups, folds[sample] < SUGGESTING, voters, vote)


def advise(photos: Classified) -> list[Advice]:
    """Return the classes to merge, those that bring most first.

    Args:
        photos: see `classify`.
    """
    found = sorted(_mergers(photos), key=lambda one: -one.gain)
    return [one._replace(rank=rank) for rank, one in enumerate(found[:MOST], 1)]


def _mergers(photos: Classified) -> Iterator[Advice]:
    """Yield the pairs of classes that cannot be told apart and better were one."""
    own, predicted, first = photos.own, photos.predictions(photos.labels), photos.suggesting
    sizes = Counter(photos.labels.tolist())
    mistaken = first & (own != predicted) & (predicted != "")
    pairs = Counter(
        tuple(sorted(pair)) for pair in zip(own[mistaken], predicted[mistaken], strict=True)
    )
    for one, other in sorted(pair for pair, number in pairs.items() if number > 1):
        # A class with fewer photos loses votes to any larger one, however unlike the two are.
        if min(sizes[one], sizes[other]) <= photos.voters:
            continue
        both = np.isin(own, (one, other)) & np.isin(predicted, (one, other))
        right = (own == predicted)[both & first]
        if right.mean() > TOLD_APART:
            continue
        if advice := _confirmed(photos, predicted, str(one), str(other)):
            yield advice


def _confirmed(
    photos: Classified, predicted: NDArray[np.str_], one: str, other: str
) -> Advice | None:
    """Return the advice to merge two classes, if the half of the photos that confirms does so."""
    own, second = photos.own, ~photos.suggesting
    both = second & np.isin(own, (one, other)) & np.isin(predicted, (one, other))
    if not _are_alike(photos, predicted, both):
        return None
    right = predicted == own
    merged = photos.predictions(np.where(photos.labels == other, one, photos.labels))
    rises = (merged == np.where(own == other, one, own)).astype(float) - right
    before = float(right[second].mean())
    gain = change(rises[second], photos.groups[second])
    gain = gain._replace(high=max(gain.gain, min(gain.high, 1 - before)))
    photos_of_both = second & np.isin(own, (one, other))
    if gain.low <= 0 or rises[second].sum() < WORTH_MERGING * photos_of_both.sum():
        return None
    confused = int((~right & both).sum())
    statement = (
        f"Merge {one} and {other}: {confused} of {both.sum():,} photos are taken for the other; as "
        f"one class, accuracy rises from {_percent(before)} to {_percent(before + gain.gain)} % "
        f"(by {100 * gain.low:.1f} to {100 * gain.high:.1f} points)."
    )
    return Advice(MERGE, 0, one, other, int(both.sum()), confused, before, *gain, statement)


def _are_alike(photos: Classified, predicted: NDArray[np.str_], these: Flags) -> bool:
    """Return whether photos of two classes are told apart hardly better than by guessing.

    They are certainly told apart less often than `TOLD_APART`, and not better by more than chance
    than by always guessing the larger class (McNemar's exact test, one-sided, at 5 %). Of a
    near-duplicate group, one photo counts.
    """
    rows = np.flatnonzero(these)
    rows = rows[np.unique(photos.groups[rows], return_index=True)[1]]
    own = photos.own[rows]
    right = own == predicted[rows]
    interval = wilson_interval(int(right.sum()), len(right))
    if interval is None or len(right) < LEAST_PHOTOS or interval[1] >= TOLD_APART:
        return False
    guessed = own == Counter(own.tolist()).most_common(1)[0][0]
    gained, lost = int((right & ~guessed).sum()), int((guessed & ~right).sum())
    return gained <= lost or by_chance(gained, gained + lost) >= SIGNIFICANT


def change(differences: Values, groups: NDArray[np.intp]) -> Change:
    """Return the mean of paired `differences` and its interval; near duplicates count as one."""
    mean = float(differences.mean())
    sums = np.bincount(np.unique(groups, return_inverse=True)[1], differences - mean)
    count = len(sums)
    error = sqrt(count / max(count - 1, 1) * float((sums**2).sum())) / len(differences)
    return Change(mean, mean - Z * error, mean + Z * error)


def _percent(share: float) -> str:
    return f"{100 * share:.0f}"


def summary(advice: Sequence[Advice]) -> str:
    """Return a line on the `advice` for the log."""
    if not advice:
        return f"class advice: {NONE}"
    return f"class advice: {' '.join(one.statement for one in advice)}"
