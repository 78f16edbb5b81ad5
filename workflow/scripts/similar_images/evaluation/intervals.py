"""The interval of a share."""

from collections.abc import Mapping
from math import sqrt
from typing import Any

# The quantile of the normal distribution at 97.5 %.
Z = 1.959963984540054


def wilson_interval(successes: int, trials: int) -> list[float] | None:
    """Return the 95 % interval for a share, or None without trials.

    E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", JASA 22
    (1927). Not SciPy's, which takes longer to import than most jobs last.
    """
    if not trials:
        return None
    share, spread = successes / trials, Z**2 / trials
    centre = share + spread / 2
    half = Z * sqrt(share * (1 - share) / trials + spread / (4 * trials))
    low, high = (centre - half) / (1 + spread), (centre + half) / (1 + spread)
    return [max(low, 0.0) if successes else 0.0, min(high, 1.0) if successes < trials else 1.0]


def accuracy(correct: int, labelled: int) -> dict[str, Any]:
    """Return how many of the `labelled` images are right, and their share, as the JSON files do."""
    return {
        "labelled": labelled,
        "correct": correct,
        "accuracy": correct / labelled if labelled else None,
        "accuracy_interval_95": wilson_interval(correct, labelled),
    }


def share_in_words(accuracy: Mapping[str, Any]) -> str:
    """Return `accuracy` and `accuracy_interval_95`, as the JSON files have them, for a person."""
    low, high = accuracy["accuracy_interval_95"]
    return f"{accuracy['accuracy']:.1%} (95 % interval {low:.1%} to {high:.1%})"
