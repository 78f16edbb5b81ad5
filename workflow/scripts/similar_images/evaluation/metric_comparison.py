"""The comparison of the similarity metrics, by cross-validation on the catalogue."""

from collections.abc import Mapping
from math import comb
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..classification.vote import VOTES
from ..core.wording import counted
from ..features.feature_table import FeatureTable, normalise
from ..search import metric_choice
from . import cross_validation, near_duplicates
from .cross_validation import FOLDS, CrossValidation
from .held_out_learning import Learn
from .quality import is_right, share

# An adapted similarity is better where so large a gain would be by chance more rarely than this.
SIGNIFICANT = 0.05


def compare(
    catalogue: FeatureTable,
    adapted: Mapping[str, Learn],
    group_of: NDArray[np.intp],
    voters: int,
    vote: str,
    metric: str,
    threads: int = 1,
) -> dict[str, Any]:
    """Return the accuracy of each similarity on the same folds of the catalogue's images.

    A near-duplicate group is in one fold as a whole. The features of `catalogue` are normalised in
    place.

    Args:
        catalogue: the images to evaluate; no two have both bytes and class in common.
        adapted: the adapted similarities by name, see `cross_validation.CrossValidation`.
        group_of: (n,), rows of one number show one thing: at least those of equal bytes.
        voters: the configured number of neighbours that vote.
        vote: the configured one of `vote.VOTES`.
        metric: as configured.
        threads: that share the work of the adapted similarities.

    Returns:
        The accuracy by each, and for each adapted one the gain in right answers (both None where no
        image can be compared with another) and whether that is more than chance: McNemar's exact
        test (Q. McNemar, 1947), one-sided, at 5 %; the best; with "auto" which one is taken and
        why; with "cosine" what to set for better answers, if anything.
    """
    normalise(catalogue.features)
    rows = np.arange(len(catalogue.paths))
    eligible = np.ones(len(rows), np.bool_)
    (apart,) = near_duplicates.join(catalogue, eligible, group_of, near_duplicates.NARROW)
    right = {}
    for name in (metric_choice.COSINE, *adapted):
        validation = CrossValidation(catalogue, eligible, rows, adapted.get(name), threads)
        # The folds are the same for all similarities, and so are the images with neighbours.
        (found,) = cross_validation.in_other_folds(validation, voters, apart.group_of)
        neighbourhoods = cross_validation.non_empty(found)
        right[name] = np.array(
            [is_right(neighbourhood, VOTES[vote], voters) for neighbourhood in neighbourhoods],
            np.bool_,
        )
    by_cosine = right[metric_choice.COSINE]
    compared = {name: _compared(values, by_cosine) for name, values in right.items()}
    figures = {"folds": FOLDS, "images": len(by_cosine), **compared, "best": _best(right)}
    return {
        **figures,
        "choice": _choice(figures) if metric == "auto" else None,
        "advice": _advice(figures) if metric == metric_choice.COSINE else None,
    }


def _compared(right: NDArray[np.bool_], by_cosine: NDArray[np.bool_]) -> dict[str, Any]:
    """Return the accuracy of a similarity, and its gain over the cosine similarity."""
    gain = int(right.sum()) - int(by_cosine.sum())
    return {
        **share(int(right.sum()), len(right)),
        "gain": gain / len(right) if len(right) else None,
        "better": _is_better(right, by_cosine),
    }


def _is_better(right: NDArray[np.bool_], other: NDArray[np.bool_]) -> bool:
    """Return whether the answers of a similarity are better than others by more than chance."""
    gained, lost = int((right & ~other).sum()), int((other & ~right).sum())
    return gained > lost and by_chance(gained, gained + lost) < SIGNIFICANT


def _best(right: Mapping[str, NDArray[np.bool_]]) -> str:
    """Return the similarity to take: one that is better than cosine, or cosine.

    Of two adapted ones it is the one that learns from more, unless the other is better than that.
    """
    better = [name for name in right if _is_better(right[name], right[metric_choice.COSINE])]
    best = metric_choice.COSINE
    for name in reversed(better):
        if best == metric_choice.COSINE or _is_better(right[name], right[best]):
            best = name
    return best


def by_chance(heads: int, tosses: int) -> float:
    """Return the probability of at least so many `heads`.

    Not SciPy's `binomtest`, which takes longer to import than the whole comparison does.
    """
    return sum(comb(tosses, number) for number in range(heads, tosses + 1)) / (1 << tosses)


def _choice(figures: Mapping[str, Any]) -> str:
    """Return which similarity "auto" takes, and why."""
    best = figures["best"]
    taken = f"search.metric: auto takes {best}"
    if not figures["images"]:
        return f"{taken}: {cross_validation.NONE_EVALUATED}."
    if best == metric_choice.COSINE:
        taken += (
            f": on {counted(figures['images'], 'image')} no adapted similarity is better by more "
            "than chance"
        )
    shares = ", ".join(
        f"{name} {figures[name]['accuracy']:.1%}"
        for name in metric_choice.METRICS
        if name in figures
    )
    return (
        f"{taken}. Correct on the catalogue's own images: {shares} "
        f"({figures['folds']}-fold cross-validation)."
    )


def _advice(figures: Mapping[str, Any]) -> str | None:
    """Return what to set for better answers, or None where nothing is known to be better."""
    best = figures["best"]
    if best == metric_choice.COSINE:
        return None
    better, now = (
        f"{100 * figures[name]['accuracy']:.0f} %" for name in (best, metric_choice.COSINE)
    )
    return (
        f"With `search.metric: auto`, about {better} instead of {now} would be right "
        f"({figures['folds']}-fold cross-validation on "
        f"{counted(figures['images'], 'catalogue image')}). To use it, set that in config.yaml and "
        "run again. No features are extracted again."
    )
