"""The figures on the report's page, as shares of their width and height."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ..classification.vote import VOTES
from . import histogram
from .cards import QueryCard, Row


class Bar(NamedTuple):
    """A bar of a histogram: its mark on the axis, the range of values, and its counts."""

    mark: str
    span: str
    counts: dict[str, int]


@dataclass(frozen=True)
class Figure:
    """A histogram with its bars up for right answers and down for wrong ones.

    Attributes:
        title: what is counted.
        bars: from the least value to the greatest.
        peaks: for each group its largest count, at least 1.
        medians: for each group that has values, as text.
    """

    title: str
    bars: list[Bar]
    peaks: dict[str, int]
    medians: dict[str, str]


@dataclass(frozen=True)
class Curve:
    """A plot of accuracy over the neighbours that vote, in shares of its width and height.

    Attributes:
        ticks: (position, number of neighbours), from left to right.
        levels: (position, accuracy) of the horizontal lines, from the bottom up.
        lines: for each vote its points (position, height), from left to right.
    """

    ticks: list[tuple[float, int]]
    levels: list[tuple[float, float]]
    lines: dict[str, list[tuple[float, float]]]


def histograms(cards: Sequence[QueryCard], voters: int) -> list[Figure]:
    """Return the histograms: of right and wrong answers, or of all where there are no labels."""
    answered = [card for card in cards if card.similar]
    groups = {
        status: [card for card in answered if card.status == status]
        for status in ("right", "wrong")
    }
    if not any(groups.values()):
        groups = {"unlabelled": answered}
    nearest = {
        name: [card.similar[0].similarity for card in group] for name, group in groups.items()
    }
    votes = {name: [card.votes[0][1] for card in group] for name, group in groups.items()}
    everything = [value for values in nearest.values() for value in values]
    return [
        _figure(
            "Similarity of the nearest photo",
            nearest,
            [
                Bar(f"{b.start:.2f}", f"{b.start:.2f} to {b.end:.2f}", b.counts)
                for b in histogram.bins(nearest, histogram.similarity_edges(everything))
            ],
            ".3f",
        ),
        _figure(
            f"Votes for the class, of {voters}",
            votes,
            [
                Bar(f"{b.start + 0.5:.0f}", f"{b.start + 0.5:.0f} to {b.end - 0.5:.0f}", b.counts)
                for b in histogram.bins(votes, histogram.vote_edges(voters))
            ],
            ".3g",
        ),
    ]


def _figure(
    title: str, groups: Mapping[str, Sequence[float]], bars: list[Bar], precision: str
) -> Figure:
    return Figure(
        title,
        bars,
        {name: max(1, *(bar.counts[name] for bar in bars)) for name in groups},
        {
            name: format(statistics.median(values), precision)
            for name, values in groups.items()
            if values
        },
    )


class _Scale(NamedTuple):
    """The heights of shares in a plot: from 0 at `lowest` to 1 at `highest`, in steps of 5 %."""

    lowest: float
    highest: float

    def levels(self, most: int) -> list[tuple[float, float]]:
        """Return (position, share) of horizontal lines: one per step, but about `most` in total."""
        steps = round((self.highest - self.lowest) * 20)
        shown = range(0, steps + 1, math.ceil(steps / most))
        return [(step / steps, self.lowest + step / 20) for step in shown]

    def points(self, across: Sequence[float], shares: Sequence[float]) -> list[tuple[float, float]]:
        """Return the points of a line."""
        return [
            (x, (share - self.lowest) / (self.highest - self.lowest))
            for x, share in zip(across, shares, strict=True)
        ]


def _scale(least: float, most: float) -> _Scale:
    """Return the scale for shares between these."""
    lowest = math.floor(least * 20) / 20
    return _Scale(lowest, max(math.ceil(most * 20) / 20, lowest + 0.05))


def curve(quality: Mapping[str, Any]) -> Curve | None:
    """Return the plot of the curve in `quality.json`; None if no image could be tested.

    Neighbours are on a logarithmic scale, the accuracy in steps of 5 %.
    """
    if not quality["evaluated"]:
        return None
    points = quality["curve"]
    widest = math.log(points[-1]["neighbours"]) or 1
    across = [math.log(point["neighbours"]) / widest for point in points]
    shares = {vote: [point[vote]["accuracy"] for point in points] for vote in VOTES}
    everything = [share for values in shares.values() for share in values]
    scale = _scale(min(everything), max(everything))
    return Curve(
        ticks=list(zip(across, (point["neighbours"] for point in points), strict=True)),
        levels=scale.levels(5),
        lines={vote: scale.points(across, values) for vote, values in shares.items()},
    )


@dataclass(frozen=True)
class PastRun:
    """A run in the history.

    Attributes:
        day: when, as text.
        catalogue: images that the catalogue had.
        accuracy, low, high: the accuracy and its interval.
    """

    day: str
    catalogue: int
    accuracy: float
    low: float
    high: float


@dataclass(frozen=True)
class Timeline:
    """A plot of the accuracy run by run, in shares of its width and height.

    Attributes:
        runs: from the first to the last.
        ticks: (position, images in the catalogue), as many as have room.
        levels: (position, accuracy) of the lines across, from the bottom up.
        line: the points of the accuracy.
        band: the outline of its interval.
    """

    runs: list[PastRun]
    ticks: list[tuple[float, int]]
    levels: list[tuple[float, float]]
    line: list[tuple[float, float]]
    band: list[tuple[float, float]]


# Numbers that have room under the plot.
MOST_TICKS = 8


def timeline(history: Sequence[Row]) -> Timeline | None:
    """Return the plot of `history`, rows of history.csv; None where there are not two runs."""
    runs = [
        PastRun(row["when"][:10], int(row["catalogue"]), *_accuracy(row))
        for row in history
        if row["accuracy"]
    ]
    if len(runs) < 2:
        return None
    scale = _scale(min(run.low for run in runs), max(run.high for run in runs))
    across = [place / (len(runs) - 1) for place in range(len(runs))]
    every = math.ceil(len(runs) / MOST_TICKS)
    return Timeline(
        runs,
        ticks=[(across[n], runs[n].catalogue) for n in range(len(runs) - 1, -1, -every)][::-1],
        levels=scale.levels(4),
        line=scale.points(across, [run.accuracy for run in runs]),
        band=scale.points(across, [run.high for run in runs])
        + scale.points(across, [run.low for run in runs])[::-1],
    )


def _accuracy(row: Row) -> tuple[float, float, float]:
    return float(row["accuracy"]), float(row["low"]), float(row["high"])
