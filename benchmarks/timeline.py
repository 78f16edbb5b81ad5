"""A picture of runs: their jobs, from start to end."""

from collections.abc import Mapping
from pathlib import Path

from matplotlib.figure import Figure

from pipeline import Run
from similar_images.report import plots

# The way to the report, and what nobody waits for.
COLOURS = {True: "#2856a3", False: "#9fb3c8"}
LATER = {"quality", "compare_metrics", "plot", "plot_catalogue"}


def draw(runs: Mapping[str, Run], path: Path) -> None:
    """Draw `runs`, by their titles, one below the other."""
    rows = [len(run.jobs) for run in runs.values()]
    figure = Figure((8, 0.24 * sum(rows) + 0.7 * len(rows)), layout="constrained")
    panels = figure.subplots(len(runs), sharex=True, height_ratios=rows)
    for axes, (title, run) in zip(panels, runs.items(), strict=True):
        for row, (rule, start, end) in enumerate(run.jobs):
            axes.barh(row, end - start, left=start, color=COLOURS[rule not in LATER])
            axes.text(end + 0.05, row, f"{rule} {end - start:.1f}", va="center", fontsize=7)
        axes.axvline(run.seconds, color="#52606d", linestyle="--", linewidth=1)
        axes.set_title(f"{title}: {run.seconds:.1f} s", loc="left", fontsize=9)
        axes.invert_yaxis()
        axes.set_yticks([])
        axes.spines[["left", "right", "top"]].set_visible(False)
    panels[-1].set_xlabel("seconds")
    plots.write(figure, path)
