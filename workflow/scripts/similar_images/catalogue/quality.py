"""The quality of the answers, told by the catalogue itself: its images are asked as if new."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..answers import confidence, conformal, strangers
from ..answers.confidence import Calibration
from ..answers.intervals import share_in_words, wilson_interval
from ..answers.vote import VOTES, Vote
from ..features.index import Index
from ..search import adaptation
from ..search.exact import normalise
from ..search.neighbours import first_of_equals
from . import leave_one_out, series
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


class Judge(NamedTuple):
    """How an answer is judged: how many vote on it, how, and what the confidence in it is."""

    voters: int
    vote: Vote
    calibration: Calibration

    def scores(self, ballot: Ballot) -> tuple[float, float]:
        """Return the `strangers.SCORES` of a ballot with neighbours."""
        votes = ballot.labels[: self.voters], ballot.similarities[: self.voters]
        evidence = confidence.evidence(self.vote(*votes), *votes)
        return ballot.similarities[0], self.calibration.probability(evidence)


def assess(
    catalogue: Index,
    group_of: NDArray[np.intp],
    voters: int,
    vote: str,
    metric: str,
    coverage: float,
) -> dict[str, Any]:
    """Return how often the catalogue's images are named rightly by the others.

    With the very vote that the queries get. By cosine similarity each image is asked against all
    others (M. Stone, "Cross-Validatory Choice and Assessment of Statistical Predictions", 1974).
    The adapted similarity would know the class of the image; it is fitted without the fold of
    the image, and that is asked against the other folds. No image is asked against its own group,
    nor against its own series. The features of `catalogue` are normalised in place.

    Args:
        catalogue: see `Index`.
        group_of: (n,), rows of one number show one thing: at least those of equal bytes.
        voters: the configured number of neighbours that vote.
        vote: the configured one of `vote.VOTES`.
        metric: "cosine" or "adapted", as configured.
        coverage: of the conformal sets, as configured.
    """
    normalise(catalogue.features)
    eligible = first_of_equals(catalogue)
    apart = series.join(catalogue, eligible, group_of, FOLDS)
    asked = leave_one_out.sample(catalogue, eligible, MOST_ASKED)
    sizes = sorted({*SIZES, voters})
    ballots = ask(catalogue, asked, max(sizes[-1], conformal.NEIGHBOURS), apart.group_of, metric)
    curve: list[dict[str, Any]] = [
        {"neighbours": size}
        | {name: _accuracy(ballots, rule, size) for name, rule in VOTES.items()}
        for size in sizes
    ]
    calibrated = _confidence(ballots, voters, VOTES[vote])
    judge = Judge(voters, VOTES[vote], confidence.read(calibrated))
    known = familiar(catalogue, asked, group_of, metric, judge)
    return {
        "images": len(catalogue.paths),
        "asked": len(asked),
        "note": _note(eligible, asked),
        "groups": len(np.unique(apart.group_of)),
        "series_similarity": apart.limit,
        "neighbours": voters,
        "vote": vote,
        "metric": metric,
        "method": "leave-one-out" if metric == "cosine" else f"{FOLDS}-fold cross-validation",
        **next(point[vote] for point in curve if point["neighbours"] == voters),
        "curve": curve,
        "confidence": calibrated,
        "sets": asdict(thresholds(ballots, coverage)),
        "strangers": {
            "scores": strangers.SCORES,
            **asdict(known),
            "refused": refused(catalogue, asked, group_of, metric, judge, known),
        },
    }


def ask(
    catalogue: Index,
    asked: NDArray[np.intp],
    count: int,
    group_of: NDArray[np.intp],
    metric: str,
) -> list[Ballot]:
    """Return what the rows in `asked` find: by leave-one-out, or, adapted, in the other folds."""
    eligible = first_of_equals(catalogue)
    answers = (
        leave_one_out.ask(catalogue, asked, count, eligible, group_of)
        if metric == "cosine"
        else cross_validated(catalogue, asked, count, eligible, group_of, metric)
    )
    return [ballot_of(answer, catalogue) for answer in answers]


def thresholds(ballots: Sequence[Ballot], coverage: float) -> conformal.Thresholds:
    """Return the thresholds of conformal sets in which the images asked have their own class."""
    shares = [
        conformal.shares(ballot.labels, ballot.similarities) if ballot.labels else {}
        for ballot in ballots
    ]
    own = [(b.label, share.get(b.label, 0.0)) for b, share in zip(ballots, shares, strict=True)]
    return conformal.fit(own, coverage)


def familiar(
    catalogue: Index,
    asked: NDArray[np.intp],
    group_of: NDArray[np.intp],
    metric: str,
    judge: Judge,
) -> strangers.Known:
    """Return how photos of known classes fare, by the images in `asked`.

    The series that are left out are wider than those of the other estimates: a part of its series
    that is overlooked makes an image seem nearer than new photos are, and these would be refused.
    """
    eligible = first_of_equals(catalogue)
    apart = series.join(catalogue, eligible, group_of, fewest=2, rare=series.WIDE).group_of
    ballots = ask(catalogue, asked, judge.voters, apart, metric)
    found = [n for n, ballot in enumerate(ballots) if ballot.labels]
    return strangers.fit([judge.scores(ballots[n]) for n in found], apart[asked[found]])


def refused(
    catalogue: Index,
    asked: NDArray[np.intp],
    group_of: NDArray[np.intp],
    metric: str,
    judge: Judge,
    known: strangers.Known,
) -> float | None:
    """Return the share of strangers that `search.reject: auto` refuses.

    Strangers are the images in `asked` of one class in `FOLDS`, all of which are left out of the
    catalogue, and of the adapted similarity's fit; each class is left out once. None where there is
    one class alone.
    """
    labels = np.array(list(map(str, catalogue.labels)))
    names, eligible = np.unique(labels), first_of_equals(catalogue)
    found: list[float] = []
    for fold in range(min(FOLDS, len(names))):
        left_out = np.isin(labels, names[fold::FOLDS])
        others = eligible & ~left_out
        if others.any():
            seen = _adapted(catalogue, others) if metric == "adapted" else catalogue
            strange = asked[left_out[asked]]
            for answer in leave_one_out.ask(seen, strange, judge.voters, others, group_of):
                if len(answer.rows):
                    scores = judge.scores(ballot_of(answer, catalogue))
                    found.append(known.familiarity(scores))
    return float(np.mean(np.array(found) < known.least_familiarity)) if found else None


def sentence(assessment: Mapping[str, Any]) -> str:
    """Return the accuracy as a sentence that a person can quote."""
    return (
        f"{assessment['correct']} of {assessment['asked']} catalogue images named rightly by the "
        f"others: {share_in_words(assessment)}."
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
    group_of: NDArray[np.intp],
    metric: str,
) -> Iterator[Answer]:
    """Yield for each row in `asked` its nearest rows of the other folds, by ascending row.

    The adapted similarity is fitted on those other folds alone.
    """
    fold_of = folds(catalogue, eligible, group_of)
    answers: list[Answer] = []
    for fold in range(FOLDS):
        others = eligible & (fold_of != fold)
        seen = _adapted(catalogue, others) if metric == "adapted" else catalogue
        answers += leave_one_out.ask(seen, asked[fold_of[asked] == fold], count, others, group_of)
    return iter(sorted(answers, key=lambda answer: answer.row))


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
