"""The quality of the answers, told by the catalogue itself: its images are asked as if new."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..answers import confidence
from ..answers.intervals import wilson_interval
from ..answers.vote import VOTES, Vote
from ..features.index import Index
from ..search import adaptation
from ..search.exact import normalise
from ..search.neighbours import first_of_equals
from . import leave_one_out
from .leave_one_out import Answer

# How many neighbours the curve is drawn for, beside the configured number.
SIZES = (1, 3, 5, 10, 15, 20, 30, 50)
# More images are not asked, so that a new image costs no more in a large catalogue.
MOST_ASKED = 2000
FOLDS = 5


class Ballot(NamedTuple):
    """An image that was asked: its class, and the classes and similarities of its neighbours."""

    label: str
    labels: list[str]
    similarities: list[float]


def assess(catalogue: Index, voters: int, vote: str, metric: str) -> dict[str, Any]:
    """Return how often the catalogue's images are named rightly by the others.

    With the very vote that the queries get. By cosine similarity each image is asked against all
    others (M. Stone, "Cross-Validatory Choice and Assessment of Statistical Predictions", 1974).
    The adapted similarity would know the class of the image; it is fitted without the fold of
    the image, and that is asked against the other folds. The features of `catalogue` are
    normalised in place.

    Args:
        catalogue: see `Index`.
        voters: the configured number of neighbours that vote.
        vote: the configured one of `vote.VOTES`.
        metric: "cosine" or "adapted", as configured.
    """
    normalise(catalogue.features)
    eligible = first_of_equals(catalogue)
    asked = leave_one_out.sample(catalogue, eligible, MOST_ASKED)
    sizes = sorted({*SIZES, voters})
    ballots = ask(catalogue, asked, sizes[-1], metric)
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
        "metric": metric,
        "method": "leave-one-out" if metric == "cosine" else f"{FOLDS}-fold cross-validation",
        **next(point[vote] for point in curve if point["neighbours"] == voters),
        "curve": curve,
        "confidence": _confidence(ballots, voters, VOTES[vote]),
    }


def ask(catalogue: Index, asked: NDArray[np.intp], count: int, metric: str) -> list[Ballot]:
    """Return what the rows in `asked` find: by leave-one-out, or, adapted, in the other folds."""
    eligible = first_of_equals(catalogue)
    answers = (
        leave_one_out.ask(catalogue, asked, count, eligible)
        if metric == "cosine"
        else cross_validated(catalogue, asked, count, eligible, metric)
    )
    return [ballot_of(answer, catalogue) for answer in answers]


def sentence(assessment: Mapping[str, Any]) -> str:
    """Return the accuracy as a sentence that a person can quote."""
    low, high = assessment["accuracy_interval_95"]
    return (
        f"{assessment['correct']} of {assessment['asked']} catalogue images named rightly by the "
        f"others: {assessment['accuracy']:.1%} (95 % interval {low:.1%} to {high:.1%})."
    )


def ballot_of(answer: Answer, catalogue: Index) -> Ballot:
    """Return `answer` by its classes."""
    labels: list[Any] = catalogue.labels  # in a catalogue every image has a class
    return Ballot(
        labels[answer.row],
        [labels[row] for row in answer.rows],
        answer.similarities.tolist(),
    )


def cross_validated(
    catalogue: Index,
    asked: NDArray[np.intp],
    count: int,
    eligible: NDArray[np.bool_],
    metric: str,
) -> Iterator[Answer]:
    """Yield for each row in `asked` its nearest rows of the other folds, by ascending row.

    The adapted similarity is fitted on those other folds alone.
    """
    fold_of = folds(catalogue, eligible)
    answers: list[Answer] = []
    for fold in range(FOLDS):
        others = eligible & (fold_of != fold)
        seen = _adapted(catalogue, others) if metric == "adapted" else catalogue
        answers += leave_one_out.ask(seen, asked[fold_of[asked] == fold], count, others)
    return iter(sorted(answers, key=lambda answer: answer.row))


def folds(catalogue: Index, eligible: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return the fold of each row: the images of each class are dealt out in turn."""
    fold_of = np.zeros(len(eligible), np.intp)
    rows = leave_one_out.by_class(catalogue, np.flatnonzero(eligible))
    fold_of[rows] = np.arange(len(rows)) % FOLDS
    return fold_of


def _adapted(catalogue: Index, fitted_on: NDArray[np.bool_]) -> Index:
    fitted = adaptation.fit(catalogue, fitted_on)
    return replace(catalogue, features=adaptation.apply(fitted, catalogue.features))


def _accuracy(ballots: Sequence[Ballot], vote: Vote, size: int) -> dict[str, Any]:
    return share(sum(is_right(ballot, vote, size) for ballot in ballots), len(ballots))


def is_right(ballot: Ballot, vote: Vote, size: int) -> bool:
    """Return whether the vote of the first `size` neighbours names the image rightly."""
    if not ballot.labels:
        return False
    return vote(ballot.labels[:size], ballot.similarities[:size]).label == ballot.label


def _confidence(ballots: Sequence[Ballot], voters: int, vote: Vote) -> dict[str, Any]:
    seen, right = [], []
    for ballot in ballots:
        labels, similarities = ballot.labels[:voters], ballot.similarities[:voters]
        if labels:
            decision = vote(labels, similarities)
            seen.append(confidence.evidence(decision, labels, similarities))
            right.append(decision.label == ballot.label)
    evidence = np.array(seen, float).reshape(len(seen), len(confidence.EVIDENCE))
    return confidence.assess(evidence, np.array(right, np.bool_), FOLDS)


def share(correct: int, asked: int) -> dict[str, Any]:
    """Return how many were right, their share of those asked, and its interval."""
    return {
        "correct": correct,
        "accuracy": correct / asked,
        "accuracy_interval_95": wilson_interval(correct, asked),
    }


def _note(eligible: NDArray[np.bool_], asked: NDArray[np.intp]) -> str | None:
    if len(asked) == eligible.sum():
        return None
    return f"asked is a sample of {len(asked)} of the {eligible.sum()} different images"
