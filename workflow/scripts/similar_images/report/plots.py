"""The figures as files, for papers and slides."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from ..core.files import replacing
from ..core.wording import counted
from . import histogram
from .confusion import ConfusionMatrix
from .texts import short

COLOURS = {"right": "#17734f", "wrong": "#b8370f", "unlabelled": "#5a5d63"}
VOTE_COLOURS = {"majority": "#2856a3", "weighted": "#b8370f"}
COMPARED: dict[str, Any] = {"color": "#2856a3", "marker": "o", "capsize": 3}
NOT_KNOWN = "Not known: no image of the catalogue can be tested."
STYLE: dict[Any, Any] = {
    "axes.edgecolor": "#52606d",
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.size": 10.0,
    "savefig.dpi": 160,
    "svg.hashsalt": "similar images",  # the same results give the same bytes
    "text.parse_math": False,  # a $ in the name of a class is a dollar
}


def confusion(matrix: ConfusionMatrix) -> Figure:
    """Return the confusion matrix; of very many classes, those with the most mistakes."""
    part = matrix.with_most_mistakes()
    size = len(part.classes)
    names = [short(name) for name in part.classes]
    # In inches; names of up to ten characters have room already.
    side = 2.5 + 0.42 * size + 0.1 * max(0, max(map(len, names), default=0) - 10)
    with mpl.rc_context(STYLE):
        figure = Figure((side + 1, side), layout="constrained")
        axes = figure.subplots()
        if not size:
            return _without_plot(figure, axes, "There are no labels to compare with.")
        # Not `imshow`, which takes some tenths of a second longer.
        cells = axes.pcolormesh(part.shares, cmap="Blues", vmin=0, vmax=1, snap=True)
        axes.set_aspect("equal")
        axes.invert_yaxis()
        axes.spines[:].set_visible(False)
        middles = np.arange(size) + 0.5
        axes.set_xticks(middles, names, rotation=90)
        axes.set_yticks(middles, names)
        axes.tick_params(length=0)
        axes.set_xlabel("prediction")
        axes.set_ylabel("label")
        left_out = "" if size == part.total else f" ({size} hardest of {part.total} classes)"
        axes.set_title(f"Confusion matrix{left_out}", loc="left")
        for row, column in zip(*np.nonzero(part.counts), strict=True):
            colour = "white" if part.shares[row, column] > 0.5 else "black"
            text = str(part.counts[row, column])
            axes.text(column + 0.5, row + 0.5, text, ha="center", va="center", color=colour)
        figure.colorbar(cells, label="share of the label", shrink=0.8).outline.set_visible(False)
    return figure


def similarity(predictions: Sequence[Mapping[str, str]]) -> Figure:
    """Return the histogram of the nearest similarity, for right and for wrong answers."""
    groups = {
        name: [
            float(row["similarity_1"])
            for row in predictions
            if row["similarity_1"] and row["correct"] == correct
        ]
        for name, correct in (("right", "true"), ("wrong", "false"), ("unlabelled", ""))
    }
    groups = {name: values for name, values in groups.items() if values}
    with mpl.rc_context(STYLE):
        figure = Figure((7, 4), layout="constrained")
        axes = figure.subplots()
        axes.set_xlabel("cosine similarity of the nearest photo")
        axes.set_ylabel("photos")
        axes.set_title("Nearest similarity", loc="left")
        if groups:
            axes.hist(
                list(groups.values()),
                histogram.similarity_edges(
                    [v for values in groups.values() for v in values]
                ).tolist(),
                stacked=True,
                color=[COLOURS[name] for name in groups],
                hatch=["//" if name == "wrong" else "" for name in groups],
                label=[f"{name} ({len(values):,})" for name, values in groups.items()],
                edgecolor="white",
            )
            axes.legend(frameon=False)
    return figure


def quality(assessment: Mapping[str, Any]) -> Figure:
    """Return the accuracy within the catalogue by the number of neighbours that vote."""
    curve = assessment["curve"]
    sizes = [point["neighbours"] for point in curve]
    with mpl.rc_context(STYLE):
        figure = Figure((7, 4), layout="constrained")
        axes = figure.subplots()
        if not assessment["evaluated"]:
            return _without_plot(figure, axes, NOT_KNOWN)
        for vote, colour in VOTE_COLOURS.items():
            points = [point[vote] for point in curve]
            low, high = zip(*(point["accuracy_interval_95"] for point in points), strict=True)
            axes.fill_between(sizes, low, high, color=colour, alpha=0.12, linewidth=0)
            shares = [point["accuracy"] for point in points]
            axes.plot(sizes, shares, color=colour, marker="o", label=f"{vote} vote")
        axes.axvline(assessment["neighbours"], color="#52606d", linestyle="--", linewidth=1)
        axes.set_xscale("log")
        axes.set_xticks(sizes, map(str, sizes))
        axes.minorticks_off()
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.set_xlabel(f"neighbours that vote (configured: {assessment['neighbours']})")
        axes.set_ylabel("classified correctly")
        axes.set_title("Catalogue images, each classified by the others", loc="left")
        axes.legend(frameon=False)
    return figure


def reliability(confidence: Mapping[str, Any]) -> Figure:
    """Return the reliability diagram: accuracy by confidence."""
    bins = confidence["reliability"]
    error = confidence["expected_calibration_error"]
    with mpl.rc_context(STYLE):
        figure = Figure((5, 5), layout="constrained")
        axes = figure.subplots()
        if not bins:
            return _without_plot(figure, axes, NOT_KNOWN)
        axes.plot([0, 1], [0, 1], color="#52606d", linestyle="--", linewidth=1)
        x, y = [bin_["confidence"] for bin_ in bins], [bin_["accuracy"] for bin_ in bins]
        axes.plot(x, y, color=VOTE_COLOURS["majority"], marker="o")
        for bin_ in bins:
            axes.annotate(
                f"{bin_['images']:,}",
                (bin_["confidence"], bin_["accuracy"]),
                xytext=(6, -12),
                textcoords="offset points",
                fontsize=8,
            )
        axes.set(xlim=(0, 1.02), ylim=(0, 1.02), xlabel="confidence", ylabel="classified correctly")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.set_title(f"Reliability of the confidence: expected error {error:.1%}", loc="left")
    return figure


def comparison(outcomes: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Return the accuracy of each of the settings compared, with its interval and its cost.

    Settings whose accuracy is not known are at the bottom.
    """
    names = sorted(outcomes, key=lambda name: outcomes[name]["accuracy"] or 0)
    with mpl.rc_context(STYLE):
        figure = Figure((8, 1.6 + 0.5 * len(names)), layout="constrained")
        axes = figure.subplots()
        for row, name in enumerate(names):
            outcome = outcomes[name]
            x, low, high = (outcome[f"accuracy{part}"] for part in ("", "_low", "_high"))
            above: dict[str, Any] = {"xytext": (0, 8), "textcoords": "offset points"}
            if x is None:
                text, across = f"accuracy not known, {_cost(outcome)}", axes.get_yaxis_transform()
                axes.annotate(text, (0.5, row), xycoords=across, ha="center", **above)
            else:
                axes.errorbar(x, row, xerr=[[x - low], [high - x]], **COMPARED)
                axes.annotate(_cost(outcome), (x, row), ha="center", **above)
        axes.set_yticks(range(len(names)), names)
        axes.margins(y=0.4 / len(names))
        axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.set_xlabel("catalogue images classified correctly by the others")
        axes.set_title("Settings compared", loc="left")
    return figure


def _cost(outcome: Mapping[str, Any]) -> str:
    features, speed = counted(outcome["features"], "feature"), outcome["images_per_second"]
    return features if speed is None else f"{speed:.0f} images/s, {features}"


def write(figure: Figure, *paths: Path) -> None:
    """Write `figure` to each of `paths`, in the format of its ending."""
    with mpl.rc_context(STYLE):
        _lay_out(figure)
    for path in paths:
        format_ = path.suffix[1:]
        metadata = {"Date": None} if format_ == "svg" else None
        with mpl.rc_context(STYLE), replacing(path) as temporary:
            figure.savefig(temporary, format=format_, metadata=metadata)


def _lay_out(figure: Figure) -> None:
    """Compute the layout once; `savefig` would do so twice for each file."""
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
        figure.set_layout_engine(None)


def _without_plot(figure: Figure, axes: Any, why: str) -> Figure:
    """Return `figure` with a text that says why nothing is drawn."""
    axes.set_axis_off()
    axes.text(0.5, 0.5, why, ha="center", va="center", transform=axes.transAxes)
    return figure
