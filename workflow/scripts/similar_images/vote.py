"""The vote: the class that appears most among the nearest neighbours."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import NamedTuple


class Decision(NamedTuple):
    """The outcome of a vote: the class, its votes, and how many neighbours voted."""

    label: str
    votes: int
    voters: int


def majority(labels: Sequence[str], similarities: Sequence[float]) -> Decision:
    """Return the most frequent of `labels`, those of the neighbours, most similar first.

    A tie goes to the class with the larger summed similarity, and then to the class of the
    nearer neighbour.

    Raises:
        ValueError: there are no neighbours.
    """
    votes = Counter(labels)
    summed: defaultdict[str, float] = defaultdict(float)
    for label, similarity in zip(labels, similarities, strict=True):
        summed[label] += similarity
    # Counter keeps the order of first appearance, and max takes the first of equals.
    winner = max(votes, key=lambda label: (votes[label], summed[label]))
    return Decision(winner, votes[winner], len(labels))
