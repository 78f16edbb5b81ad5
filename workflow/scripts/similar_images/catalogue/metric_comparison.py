"""The comparison of both similarities on the catalogue's own images."""

from collections.abc import Mapping
from dataclasses import replace
from math import comb
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..answers.vote import VOTES
from ..features.index import Index
from ..search import choice
from ..search.exact import normalise
from ..search.neighbours import first_of_equals
from . import leave_one_out, series, survey
from .quality import is_right, share
from .survey import FOLDS, MOST_ASKED, Survey

METRICS = ("cosine", "adapted")


def compare(
    catalogue: Index,
    group_of: NDArray[np.intp],
    voters: int,
    vote: str,
    metric: str,
    threads: int = 1,
) -> dict[str, Any]:
    """Return how both similarities fare on the same folds of the catalogue's images.

    A series is in one fold as a whole. The features of `catalogue` are normalised in place.

    Args:
        catalogue: see `Index`.
        group_of: (n,), rows of one number show one thing: at least those of equal bytes.
        voters: the configured number of neighbours that vote.
        vote: the configured one of `vote.VOTES`.
        metric: "cosine", "adapted" or "auto", as configured.
        threads: that share the work of the adapted similarity.

    Returns:
        The accuracy by each, the gain in right answers by the adapted one (both None where no image
        can be asked against another), whether that is more
        than chance: McNemar's exact test (Q. McNemar, 1947), one-sided, at 5 %; with "auto" which
        one is taken and why; with "cosine" what to set for better answers, if anything.
    """
    normalise(catalogue.features)
    asked = leave_one_out.sample(catalogue, first_of_equals(catalogue), MOST_ASKED)
    sample, rows = part_of(catalogue, asked), np.arange(len(asked))
    eligible = np.ones(len(rows), np.bool_)
    (apart,) = series.join(sample, eligible, group_of[asked], series.NARROW)
    right = {}
    for name in METRICS:
        drawn = Survey(sample, eligible, rows, name, threads)
        # Those of equal folds: of both similarities the same ballots are left.
        (found,) = survey.cross_validated(drawn, voters, apart.group_of)
        ballots = survey.answered(found)
        right[name] = np.array(
            [is_right(ballot, VOTES[vote], voters) for ballot in ballots], np.bool_
        )
    gained, lost = (
        int((right[one] & ~right[other]).sum()) for one, other in (METRICS[::-1], METRICS)
    )
    asked_of_both = len(right["cosine"])
    figures = {
        "folds": FOLDS,
        "images": asked_of_both,
        **{name: share(int(values.sum()), asked_of_both) for name, values in right.items()},
        "gain": (gained - lost) / asked_of_both if asked_of_both else None,
        "adapted_is_better": gained > lost and by_chance(gained, gained + lost) < 0.05,
    }
    return {
        **figures,
        "choice": _choice(figures) if metric == "auto" else None,
        "advice": _advice(figures) if metric == "cosine" else None,
    }


def by_chance(heads: int, tosses: int) -> float:
    """Return the probability of at least so many `heads`.

    Not SciPy's `binomtest`, which takes longer to import than the whole comparison does.
    """
    return sum(comb(tosses, number) for number in range(heads, tosses + 1)) / (1 << tosses)


def _choice(metrics: Mapping[str, Any]) -> str:
    """Return which similarity "auto" takes, and why."""
    verdict = "is better" if metrics["adapted_is_better"] else "is not known to be better"
    taken = choice.chosen("auto", metrics)
    if not metrics["images"]:
        return f"search.metric: auto takes {taken}, since adapted {verdict}: {survey.NONE_ASKED}."
    return (
        f"search.metric: auto takes {taken}, since adapted {verdict}: it names "
        f"{metrics['adapted']['accuracy']:.1%} of the catalogue's images rightly, cosine "
        f"{metrics['cosine']['accuracy']:.1%} ({metrics['folds']}-fold cross-validation)."
    )


def _advice(metrics: Mapping[str, Any]) -> str | None:
    """Return what to set for better answers, or None where nothing is known to be better."""
    if not metrics["adapted_is_better"]:
        return None
    return (
        f"With the adapted similarity {metrics['adapted']['accuracy']:.1%} of the catalogue's "
        f"images are named rightly in place of {metrics['cosine']['accuracy']:.1%} "
        f"({metrics['folds']}-fold cross-validation). To turn it on, set search.metric: adapted "
        "in config.yaml."
    )


def part_of(catalogue: Index, rows: NDArray[np.intp]) -> Index:
    """Return an index of some `rows` alone."""
    return replace(
        catalogue,
        paths=[catalogue.paths[row] for row in rows],
        labels=[catalogue.labels[row] for row in rows],
        content_ids=[catalogue.content_ids[row] for row in rows],
        features=catalogue.features[rows],
    )
