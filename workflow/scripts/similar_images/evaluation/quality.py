"""The quality of the answers: the catalogue's own images are classified as if they were new."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..classification import confidence, conformal, out_of_distribution
from ..classification.confidence import Calibration
from ..classification.vote import VOTES, Vote
from ..core.wording import counted
from ..features.feature_table import FeatureTable, normalise
from . import cross_validation, near_duplicates
from .cross_validation import FOLDS, CrossValidation, Neighbourhood, Round
from .held_out_learning import Learn
from .intervals import share_in_words, wilson_interval

# How many neighbours the curve is drawn for, beside the configured number.
SIZES = (1, 3, 5, 10, 15, 20, 30, 50)


class HeldOutClassifier(NamedTuple):
    """How held-out images are classified: how many vote, how, and with which confidence."""

    voters: int
    vote: Vote
    calibration: Calibration

    def scores(self, neighbourhood: Neighbourhood) -> tuple[float, float]:
        """Return the `out_of_distribution.SCORES` of a neighbourhood that is not empty."""
        votes = neighbourhood.labels[: self.voters], neighbourhood.similarities[: self.voters]
        evidence = confidence.evidence(self.vote(*votes), *votes)
        probability = self.calibration.probability(evidence)
        return out_of_distribution.scores(neighbourhood.similarities, probability)


def assess(
    catalogue: FeatureTable,
    group_of: NDArray[np.intp],
    voters: int,
    vote: str,
    metric: str,
    coverage: float,
    learn: Learn | None = None,
    threads: int = 1,
) -> dict[str, Any]:
    """Return how often the catalogue's images are classified correctly by the others.

    The vote is that of the queries. By cosine similarity each image is compared with all others
    (M. Stone, "Cross-Validatory Choice and Assessment of Statistical Predictions", 1974). The
    adapted similarity would know the class of the image. It is therefore fitted without the fold of
    the image, which is then compared with the other folds. With the same folds, the cosine
    similarity finds fewer photos than by leave-one-out, so that comparison has figures of its own.
    No image is compared with its own group or its near duplicates. The features of `catalogue` are
    normalised in place.

    Args:
        catalogue: see `FeatureTable`.
        group_of: (n,), rows of one number show one thing: at least those of equal bytes.
        voters: the configured number of neighbours that vote.
        vote: the configured one of `vote.VOTES`.
        metric: the name of the similarity.
        coverage: of the conformal sets, as configured.
        learn: the adapted similarity, see `CrossValidation`; None for the cosine similarity.
        threads: that share the work of the adapted similarity.
    """
    normalise(catalogue.features)
    validation = cross_validation.prepare(catalogue, learn, threads)
    narrow, wide = near_duplicates.join(
        catalogue, validation.eligible, group_of, near_duplicates.NARROW, near_duplicates.WIDE
    )
    sizes = sorted({*SIZES, voters})
    most = max(sizes[-1], conformal.NEIGHBOURS)
    groupings = [narrow.group_of, wide.group_of]
    if not learn:  # the folds of an adapted similarity, to be compared with it
        groupings.append(cross_validation.folds(catalogue, validation.eligible, groupings[0]))
    found = cross_validation.neighbourhoods(validation, most, *groupings)
    neighbourhoods, farther = cross_validation.non_empty(found[0]), found[1]
    in_other_folds = neighbourhoods if learn else cross_validation.non_empty(found[2])
    curve = [_accuracies(neighbourhoods, size) for size in sizes]
    calibrated = _confidence(neighbourhoods, voters, VOTES[vote])
    known, share_refused = out_of_distribution.UNKNOWN, None
    if calibration := confidence.read(calibrated):
        classifier = HeldOutClassifier(voters, VOTES[vote], calibration)
        known = in_distribution(farther, classifier, wide.group_of[validation.sample])
        share_refused = refused(validation, group_of, classifier, known)
    return {
        "images": len(catalogue.paths),
        "evaluated": len(neighbourhoods),
        "note": _note(validation, len(neighbourhoods)),
        "groups": len(np.unique(narrow.group_of)),
        "near_duplicate_similarity": narrow.limit,
        "neighbours": voters,
        "vote": vote,
        "metric": metric,
        "method": f"{FOLDS}-fold cross-validation" if learn else "leave-one-out",
        **next(point[vote] for point in curve if point["neighbours"] == voters),
        "cross_validation": {
            "folds": FOLDS,
            "evaluated": len(in_other_folds),
            **_accuracies(in_other_folds, voters)[vote],
        },
        "curve": curve,
        "confidence": calibrated,
        "sets": asdict(thresholds(neighbourhoods, coverage)),
        "out_of_distribution": {
            "scores": out_of_distribution.SCORES,
            **asdict(known),
            "refused": share_refused,
        },
    }


def thresholds(neighbourhoods: Sequence[Neighbourhood], coverage: float) -> conformal.Thresholds:
    """Return the thresholds at which enough conformal sets have the class of their image."""
    shares = [
        conformal.shares(neighbourhood.labels, neighbourhood.similarities)
        for neighbourhood in neighbourhoods
    ]
    own = [
        (b.label, share.get(b.label, 0.0)) for b, share in zip(neighbourhoods, shares, strict=True)
    ]
    return conformal.fit(own, coverage)


def in_distribution(
    neighbourhoods: Sequence[Neighbourhood],
    classifier: HeldOutClassifier,
    group_of: NDArray[np.intp],
) -> out_of_distribution.InDistribution:
    """Return the scores of photos of known classes.

    Args:
        neighbourhoods: of images held out with their near-duplicate groups. These have to be wider
            than for the other estimates: an overlooked near duplicate makes an image seem nearer
            than new photos are, and these would be refused.
        classifier: gives the scores.
        group_of: of each of `neighbourhoods`, the number of its near-duplicate group.
    """
    found = [n for n, neighbourhood in enumerate(neighbourhoods) if neighbourhood.labels]
    return out_of_distribution.fit(
        [classifier.scores(neighbourhoods[n]) for n in found], group_of[found]
    )


def refused(
    validation: CrossValidation,
    group_of: NDArray[np.intp],
    classifier: HeldOutClassifier,
    known: out_of_distribution.InDistribution,
) -> float | None:
    """Return the share of out-of-distribution photos that `search.reject: auto` refuses.

    In each of `FOLDS` rounds some classes are left out of the catalogue and of what is learned, and
    their images are the out-of-distribution photos. Each class is left out once. None where there
    is only one class.
    """
    labels = np.array(list(map(str, validation.catalogue.labels)))
    names = np.unique(labels)
    rounds = []
    for fold in range(min(FOLDS, len(names))):
        left_out = np.isin(labels, names[fold::FOLDS])
        if (validation.eligible & ~left_out).any():
            held_out = validation.sample[left_out[validation.sample]]
            rounds.append(Round(held_out, left_out, group_of))
    neighbourhoods = cross_validation.non_empty(
        list(chain(*cross_validation.in_rounds(validation, classifier.voters, rounds)))
    )
    found = [
        known.in_distribution_score(classifier.scores(neighbourhood))
        for neighbourhood in neighbourhoods
    ]
    return float(np.mean(np.array(found) < known.least_score)) if found else None


def sentence(assessment: Mapping[str, Any]) -> str:
    """Return the accuracy as a sentence that a person can quote."""
    if not assessment["evaluated"]:
        return (
            "How many catalogue images are classified correctly by the others is not known: "
            f"{assessment['note']}."
        )
    return (
        f"{assessment['correct']:,} of {counted(assessment['evaluated'], 'catalogue image')} "
        f"classified correctly by the others ({assessment['method']}): "
        f"{share_in_words(assessment)}."
    )


def _accuracies(neighbourhoods: Sequence[Neighbourhood], size: int) -> dict[str, Any]:
    """Return the accuracy by each of `vote.VOTES`, if the first `size` neighbours vote."""
    accuracies = {
        name: share(sum(is_right(one, vote, size) for one in neighbourhoods), len(neighbourhoods))
        for name, vote in VOTES.items()
    }
    return {"neighbours": size, **accuracies}


def is_right(neighbourhood: Neighbourhood, vote: Vote, size: int) -> bool:
    """Return whether the vote of the first `size` neighbours is the class of the image."""
    return (
        vote(neighbourhood.labels[:size], neighbourhood.similarities[:size]).label
        == neighbourhood.label
    )


def _confidence(neighbourhoods: Sequence[Neighbourhood], voters: int, vote: Vote) -> dict[str, Any]:
    seen, right = [], []
    for neighbourhood in neighbourhoods:
        labels, similarities = neighbourhood.labels[:voters], neighbourhood.similarities[:voters]
        outcome = vote(labels, similarities)
        seen.append(confidence.evidence(outcome, labels, similarities))
        right.append(outcome.label == neighbourhood.label)
    evidence = np.array(seen, float).reshape(len(seen), len(confidence.EVIDENCE))
    return confidence.assess(evidence, np.array(right, np.bool_), FOLDS)


def share(correct: int, evaluated: int) -> dict[str, Any]:
    """Return how many were right, their share of those evaluated, and its interval.

    Share and interval are None where none was evaluated.
    """
    return {
        "correct": correct,
        "accuracy": correct / evaluated if evaluated else None,
        "accuracy_interval_95": wilson_interval(correct, evaluated),
    }


def _note(validation: CrossValidation, evaluated: int) -> str | None:
    if not evaluated:
        return cross_validation.NONE_EVALUATED
    different = validation.eligible.sum()
    if evaluated == different:
        return None
    images = counted(int(different), "different image")
    return f"a sample of {evaluated:,} of the {images} was evaluated"
