"""Conformal sets: likely classes, with the true class among them at a chosen probability.

A class is in the set if its share in the weighted vote reaches a threshold. The threshold is such
that the sets of enough held-out catalogue images contain their own class: the least ambiguous sets
(M. Sadinle, J. Lei and L. Wasserman, "Least Ambiguous Set-Valued Classifiers with Bounded Error
Levels", JASA 114, 2019), by leave-one-out or across folds (V. Vovk, "Cross-conformal predictors",
2015). A class with enough images has its own threshold, so the sets stay valid if classes are more
or less frequent than in the catalogue (V. Vovk, "Conditional validity of inductive conformal
predictors", 2012).
"""

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .vote import Label, sums_by_class

# Only classes of so many neighbours can be in a set.
NEIGHBOURS = 50
# A class has its own threshold where so many of its images may be outside their set.
MISSES = 2
SEPARATOR = "|"


@dataclass(frozen=True)
class Thresholds:
    """The least shares of the vote with which a class is in a set.

    Attributes:
        coverage: the probability that the true class is in a set.
        all: for classes of few images.
        own: by class, for the others.
    """

    coverage: float
    all: float
    own: Mapping[str, float]


def shares(labels: Sequence[Label], similarities: Sequence[float]) -> dict[Label, float]:
    """Return the share of each class in the weighted vote of `NEIGHBOURS`, the largest first.

    Args:
        labels: of the neighbours, the most similar first.
        similarities: theirs.
    """
    sums = sums_by_class(labels[:NEIGHBOURS], similarities[:NEIGHBOURS])
    total = math.fsum(sums.values())
    ranked = sorted(sums.items(), key=lambda item: -item[1])
    return {label: weight / total for label, weight in ranked}


def fit(held_out: Iterable[tuple[str, float]], coverage: float) -> Thresholds:
    """Return the thresholds for a `coverage`.

    Args:
        held_out: the class of each held-out image, and the share of that class in the vote.
        coverage: the probability that the true class is in a set.
    """
    by_class: defaultdict[str, list[float]] = defaultdict(list)
    for label, share in held_out:
        by_class[label].append(share)
    enough = MISSES / (1 - coverage) - 1e-9  # rounding
    return Thresholds(
        coverage,
        _least([share for own in by_class.values() for share in own], coverage),
        {
            label: _least(own, coverage)
            for label, own in sorted(by_class.items())
            if len(own) >= enough
        },
    )


def classes(shares: Mapping[str, float], prediction: str, thresholds: Thresholds) -> list[str]:
    """Return the classes of a set, the largest of `shares` first; `prediction` is among them."""
    return [
        label
        for label, share in shares.items()
        if label == prediction or share >= thresholds.own.get(label, thresholds.all)
    ]


def joined(classes: Iterable[str]) -> str:
    r"""Return `classes` as one text, with | between; | and \ in a name have a \ before them."""
    return SEPARATOR.join(re.sub(r"[\\|]", r"\\\g<0>", label) for label in classes)


def split(text: str) -> list[str]:
    """Return the classes that `joined` put into `text`."""
    if not text:
        return []
    names = re.findall(r"(?:\\.|[^\\|])+", text, re.DOTALL)
    return [re.sub(r"\\(.)", r"\1", name, flags=re.DOTALL) for name in names]


def _least(shares: Sequence[float], coverage: float) -> float:
    """Return the threshold that a new share reaches with probability `coverage`."""
    missed = math.floor((len(shares) + 1) * (1 - coverage) + 1e-9)
    return sorted(shares)[missed - 1] if missed else 0.0
