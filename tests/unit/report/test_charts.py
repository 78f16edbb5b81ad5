"""Tests of the plot of the accuracy run by run."""

import pytest

from similar_images.report.charts import MOST_TICKS, timeline


def rows(*accuracies: float | None) -> list[dict[str, str]]:
    return [
        {
            "when": f"2026-01-{number + 1:02}T03:04:05+00:00",
            "catalogue": str(100 + number),
            **dict.fromkeys(("accuracy", "low", "high"), "" if value is None else str(value)),
        }
        for number, value in enumerate(accuracies)
    ]


@pytest.mark.parametrize("history", [[], rows(0.5), rows(0.5, None), rows(None, None)])
def test_there_is_no_plot_of_fewer_than_two_runs_with_labels(
    history: list[dict[str, str]],
) -> None:
    assert timeline(history) is None


def test_the_runs_are_side_by_side_between_the_levels() -> None:
    plot = timeline(rows(0.5, None, 0.6, 1.0))
    assert plot is not None
    assert [x for x, _ in plot.line] == [0, 0.5, 1]
    assert plot.line[0][1] == pytest.approx(0)
    assert plot.line[-1][1] == pytest.approx(1)
    assert plot.levels[0] == (0, 0.5)
    assert [run.catalogue for run in plot.runs] == [100, 102, 103]
    assert len(plot.band) == 2 * len(plot.line)


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_runs_that_do_not_differ_are_drawn_too(value: float) -> None:
    plot = timeline(rows(value, value))
    assert plot is not None
    assert all(0 <= y <= 1 for _, y in plot.line)


def test_of_many_runs_some_have_numbers_the_last_one_among_them() -> None:
    plot = timeline(rows(*(0.5 for _ in range(31))))
    assert plot is not None
    assert len(plot.ticks) <= MOST_TICKS
    assert plot.ticks[-1] == (1, 130)
