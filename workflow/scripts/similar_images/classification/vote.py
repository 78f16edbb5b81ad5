"""The k-NN vote: the class with most votes among the nearest neighbours."""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import NamedTuple, TypeVar

# A neighbour that is less similar by TEMPERATURE has 1/e of the weight.
TEMPERATURE = 0.07

# Names a class.
Label = TypeVar("Label", bound=Hashable)


class VoteResult(NamedTuple):
    """The outcome of a vote: the class, its votes, and how many neighbours voted."""

    label: str
    votes: int
    voters: int


Vote = Callable[[Sequence[str], Sequence[float]], VoteResult]


def majority(labels: Sequence[str], similarities: Sequence[float]) -> VoteResult:
    """Return the most frequent of `labels`, the classes of the neighbours, most similar first.

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

    As in Z. Wu, Y. Xiong, S. Yu and D. Lin, "Unsupervised Feature Learning via Non-Parametric
    Instance Discrimination", CVPR 2018, section 3.5. A tie goes to the class of the nearer
    neighbour. The votes in the result are counted, not weighted.

    Raises:
        ValueError: there are no neighbours.
    """
    votes = Counter(labels)
    summed = sums_by_class(labels, similarities)
    winner = max(votes, key=lambda label: summed[label])
    return VoteResult(winner, votes[winner], len(labels))


def sums_by_class(labels: Sequence[Label], similarities: Sequence[float]) -> Mapping[Label, float]:
    """Return each class's sum of weights in the weighted vote; the nearest neighbour's weight is 1.

    Raises:
        ValueError: there are no neighbours.
    """
    nearest = max(similarities)
    weights = [math.exp((similarity - nearest) / TEMPERATURE) for similarity in similarities]
    return _summed(labels, weights)


VOTES: Mapping[str, Vote] = {"majority": majority, "weighted": weighted}


def _summed(labels: Sequence[Label], values: Sequence[float]) -> Mapping[Label, float]:
    summed: defaultdict[Label, float] = defaultdict(float)
    for label, value in zip(labels, values, strict=True):
        summed[label] += value
    return summed
