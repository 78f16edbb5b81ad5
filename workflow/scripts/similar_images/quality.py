"""The quality of the answers, told by the catalogue itself: its images are asked as if new."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import leave_one_out
from .index import Index
from .leave_one_out import Answer
from .metrics import wilson_interval
from .neighbours import first_of_equals
from .search import normalise
from .vote import VOTES, Vote

# How many neighbours the curve is drawn for, beside the configured number.
SIZES = (1, 3, 5, 10, 15, 20, 30, 50)
# More images are not asked, so that a new image costs no more in a large catalogue.
MOST_ASKED = 2000


class Ballot(NamedTuple):
    """An image that was asked: its class, and the classes and similarities of its neighbours."""

    label: str
    labels: list[str]
    similarities: list[float]


def assess(catalogue: Index, voters: int, vote: str) -> dict[str, Any]:
    """Return how often the catalogue's images are named rightly, each by the others.

    This is leave-one-out (M. Stone, "Cross-Validatory Choice and Assessment of Statistical
    Predictions", 1974) with the very vote that the queries get. The features of `catalogue` are
    normalised in place.

    Args:
        catalogue: see `Index`.
        voters: the configured number of neighbours that vote.
        vote: the configured one of `vote.VOTES`.
    """
    normalise(catalogue.features)
    eligible = first_of_equals(catalogue)
    asked = leave_one_out.sample(catalogue, eligible, MOST_ASKED)
    sizes = sorted({*SIZES, voters})
    ballots = [
        _ballot(answer, catalogue)
        for answer in leave_one_out.ask(catalogue, asked, sizes[-1], eligible)
    ]
    curve: list[dict[str, Any]] = [
        {"neighbours": size}
        | {name: _accuracy(ballots, rule, size) for name, rule in VOTES.items()}
        for size in sizes
    ]
    return {
        "images": len(catalogue.paths),
        "asked": len(asked),
        "note": _note(eligible, asked),
        "neighbours": voters,
        "vote": vote,
        **next(point[vote] for point in curve if point["neighbours"] == voters),
        "curve": curve,
    }


def sentence(assessment: Mapping[str, Any]) -> str:
    """Return the accuracy as a sentence that a person can quote."""
    low, high = assessment["accuracy_interval_95"]
    return (
        f"{assessment['correct']} of {assessment['asked']} catalogue images named rightly by the "
        f"others: {assessment['accuracy']:.1%} (95 % interval {low:.1%} to {high:.1%})."
    )


def _ballot(answer: Answer, catalogue: Index) -> Ballot:
    labels: list[Any] = catalogue.labels  # in a catalogue every image has a class
    return Ballot(
        labels[answer.row],
        [labels[row] for row in answer.rows],
        answer.similarities.tolist(),
    )


def _accuracy(ballots: Sequence[Ballot], vote: Vote, size: int) -> dict[str, Any]:
    correct = sum(
        bool(ballot.labels)
        and vote(ballot.labels[:size], ballot.similarities[:size]).label == ballot.label
        for ballot in ballots
    )
    return {
        "correct": correct,
        "accuracy": correct / len(ballots),
        "accuracy_interval_95": wilson_interval(correct, len(ballots)),
    }


def _note(eligible: NDArray[np.bool_], asked: NDArray[np.intp]) -> str | None:
    if len(asked) == eligible.sum():
        return None
    return f"asked is a sample of {len(asked)} of the {eligible.sum()} different images"
