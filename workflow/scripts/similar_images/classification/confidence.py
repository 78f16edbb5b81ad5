"""Confidence: the probability that a prediction is right, calibrated on the catalogue itself.

A logistic regression on what the vote shows (J. Platt, "Probabilistic Outputs for Support Vector
Machines", 1999), fitted on held-out images of the catalogue.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .vote import VoteResult

# The features of the regression.
EVIDENCE = ("share of the votes", "nearest similarity", "mean similarity", "lead in similarity")
BINS = 10
# The penalty on the squares of the weights, chosen in benchmarks/results/accuracy.md.
PENALTY = 1.0
# Bootstrap samples for the interval of the calibration error.
RESAMPLES = 200
# Newton's method takes six or seven.
STEPS = 50

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Calibration:
    """The regression: probability = 1 / (1 + exp(-(intercept + weights . evidence))).

    Attributes:
        intercept: a logit.
        weights: one for each of `EVIDENCE`.
    """

    intercept: float
    weights: list[float]

    def probability(self, evidence: Sequence[float]) -> float:
        """Return the probability that the prediction with this `evidence` is right."""
        logit = self.intercept + math.fsum(
            weight * value for weight, value in zip(self.weights, evidence, strict=True)
        )
        return 1 / (1 + math.exp(-max(min(logit, 30.0), -30.0)))


def evidence(
    outcome: VoteResult, labels: Sequence[str], similarities: Sequence[float]
) -> tuple[float, ...]:
    """Return the values of `EVIDENCE` for a vote.

    The lead is the similarity of the nearest image of the predicted class less that of the
    nearest image of any other class (where there is none among the voters, the farthest voter).
    """
    pairs = list(zip(labels, similarities, strict=True))
    best = max(similarity for label, similarity in pairs if label == outcome.label)
    rival = max(
        (similarity for label, similarity in pairs if label != outcome.label),
        default=min(similarities),
    )
    return (
        outcome.votes / outcome.voters,
        max(similarities),
        math.fsum(similarities) / len(pairs),
        best - rival,
    )


def fit(evidence: Matrix, right: NDArray[np.bool_]) -> Calibration:
    """Return the regression of `right` (n,) on `evidence` (n, e).

    Where all are right, or all wrong, the probability is the same for any evidence: that share with
    one image of either kind added (Laplace's rule of succession).
    """
    if right.all() or not right.any():
        share = (right.sum() + 1) / (len(right) + 2)
        return Calibration(math.log(share / (1 - share)), [0.0] * len(EVIDENCE))
    centre, scale = evidence.mean(axis=0), evidence.std(axis=0)
    scale[scale < 1e-9] = 1
    intercept, *weights = _logistic_regression((evidence - centre) / scale, right)
    weights = np.array(weights) / scale
    return Calibration(float(intercept - weights @ centre), weights.tolist())


def _logistic_regression(values: Matrix, right: NDArray[np.bool_]) -> Matrix:
    """Return intercept and weights (1 + e,) of the regression of `right` (n,) on `values` (n, e).

    That of scikit-learn's `LogisticRegression`, which takes two seconds to import: half the square
    of the weights is added to the negative log-likelihood. By Newton's method (iteratively
    reweighted least squares: C. Bishop, Pattern Recognition and Machine Learning, 4.3.3).
    """
    design = np.column_stack([np.ones(len(values)), values])
    penalty = np.diag([0.0, *np.full(values.shape[1], PENALTY)])
    found = np.zeros(design.shape[1])
    for _ in range(STEPS):
        probability = 1 / (1 + np.exp(-np.clip(design @ found, -30, 30)))
        gradient = design.T @ (probability - right) + penalty @ found
        weight = np.maximum(probability * (1 - probability), 1e-9)
        step = np.linalg.solve((design.T * weight) @ design + penalty, gradient)
        found -= step
        if np.abs(step).max() < 1e-10:
            break
    return found


def assess(evidence: Matrix, right: NDArray[np.bool_], folds: int) -> dict[str, Any]:
    """Return the calibration fitted on all images, and its calibration error on new ones.

    For the error, the probabilities of each of the `folds` come from a fit on the others. Without
    images the figures are None.
    """
    fold_of = np.arange(len(right)) % folds
    probabilities = np.zeros(len(right))
    for fold in range(folds):
        own = fold_of == fold
        if own.any() and not own.all():
            fitted = fit(evidence[~own], right[~own])
            probabilities[own] = [fitted.probability(row) for row in evidence[own].tolist()]
    curve = reliability(probabilities, right)
    known = asdict(fit(evidence, right)) if curve else {"intercept": None, "weights": None}
    return {
        "evidence": list(EVIDENCE),
        **known,
        "expected_calibration_error": calibration_error(curve) if curve else None,
        "calibration_error_interval_95": error_interval(probabilities, right) if curve else None,
        "reliability": curve,
    }


def read(assessment: Mapping[str, Any]) -> Calibration | None:
    """Return the calibration in what `assess` returns; None where it is not known."""
    if assessment["weights"] is None:
        return None
    return Calibration(assessment["intercept"], assessment["weights"])


def reliability(probabilities: Matrix, right: NDArray[np.bool_]) -> list[dict[str, float]]:
    """Return the reliability curve: bins of equal width, without empty ones."""
    bins = np.minimum((probabilities * BINS).astype(int), BINS - 1)
    return [
        {
            "from": number / BINS,
            "to": (number + 1) / BINS,
            "images": len(own),
            "confidence": float(probabilities[own].mean()),
            "accuracy": float(right[own].mean()),
        }
        for number in range(BINS)
        if len(own := np.flatnonzero(bins == number))
    ]


def calibration_error(reliability: Sequence[Mapping[str, float]]) -> float:
    """Return the expected calibration error.

    The mean distance of confidence and accuracy over the bins, weighted by their images
    (C. Guo, G. Pleiss, Y. Sun and K. Weinberger, "On Calibration of Modern Neural Networks",
    ICML 2017, equation 3).
    """
    images = sum(bin_["images"] for bin_ in reliability)
    return (
        math.fsum(
            bin_["images"] * abs(bin_["confidence"] - bin_["accuracy"]) for bin_ in reliability
        )
        / images
    )


def error_interval(probabilities: Matrix, right: NDArray[np.bool_]) -> tuple[float, float]:
    """Return the 95 % interval of the calibration error by bootstrap, always the same.

    By percentiles (B. Efron, "Bootstrap Methods", Annals of Statistics 7, 1979).
    """
    random = np.random.default_rng(0)
    draws = random.integers(0, len(right), (RESAMPLES, len(right)))
    errors = [calibration_error(reliability(probabilities[d], right[d])) for d in draws]
    low, high = np.quantile(errors, (0.025, 0.975))
    return float(low), float(high)
