"""The vote: the class that the nearest neighbours speak for."""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

# How far the weight of a neighbour falls with its similarity: to 1/e for each TEMPERATURE less.
TEMPERATURE = 0.07


class VoteResult(NamedTuple):
    """The outcome of a vote: the class, its votes, and how many neighbours voted."""

    label: str
    votes: int
    voters: int


Vote = Callable[[Sequence[str], Sequence[float]], VoteResult]


def majority(labels: Sequence[str], similarities: Sequence[float]) -> VoteResult:
    """Return the most frequent of `labels`, those of the neighbours, most similar first.

    A tie goes to the class with the larger summed similarity, and then to the class of the
    nearer neighbour.

    Raises:
        ValueError: there are no neighbours.
    """
    votes = Counter(labels)
    summed = _summed(labels, similarities)
    # Counter keeps the order of first appearance, and max takes the first of equals.
    winner = max(votes, key=lambda label: (votes[label], summed[label]))
    return VoteResult(winner, votes[winner], len(labels))


def weighted(labels: Sequence[str], similarities: Sequence[float]) -> VoteResult:
    """Return the class with the largest sum of weights exp(similarity / TEMPERATURE).

    So vote the neighbours of Z. Wu, Y. Xiong, S. Yu and D. Lin, "Unsupervised Feature Learning
    via Non-Parametric Instance Discrimination", CVPR 2018, section 3.5. A tie goes to the class
    of the nearer neighbour. The votes in the decision are counted, not weighted.

    Raises:
        ValueError: there are no neighbours.
    """
    votes = Counter(labels)
    summed = sums_by_class(labels, similarities)
    winner = max(votes, key=lambda label: summed[label])
    return VoteResult(winner, votes[winner], len(labels))


def sums_by_class(labels: Sequence[str], similarities: Sequence[float]) -> Mapping[str, float]:
    """Return each class's sum of weights in the weighted vote; the nearest neighbour's weight is 1.

    Raises:
        ValueError: there are no neighbours.
    """
    return _summed(labels, weights_of(similarities))


def weights_of(similarities: Sequence[float]) -> list[float]:
    """Return the weight of each neighbour in the weighted vote; that of the nearest is 1.

    Raises:
        ValueError: there are no neighbours.
    """
    nearest = max(similarities)
    return [math.exp((similarity - nearest) / TEMPERATURE) for similarity in similarities]


VOTES: Mapping[str, Vote] = {"majority": majority, "weighted": weighted}


def _summed(labels: Sequence[str], values: Sequence[float]) -> Mapping[str, float]:
    summed: defaultdict[str, float] = defaultdict(float)
    for label, value in zip(labels, values, strict=True):
        summed[label] += value
    return summed
