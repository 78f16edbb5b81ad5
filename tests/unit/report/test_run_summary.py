"""Tests of what a run tells at its end."""

from pathlib import Path
from typing import Any

import pytest

from similar_images.core.file_formats import write_csv, write_json
from similar_images.report.run_summary import lines

METRICS: dict[str, Any] = {
    "images": 10,
    "readable": 8,
    "refused": 0,
    "decided": 0,
    "labelled": 8,
    "correct": 6,
    "accuracy": 0.75,
    "accuracy_interval_95": [0.4093, 0.9285],
    "products": None,
}


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of results that is named as in a run; there is nothing to tell of the catalogue."""
    monkeypatch.chdir(tmp_path)
    write_json(Path("results/catalogue/quality.json"), {"choice": None})
    write_csv(Path("results/catalogue/rejected.csv"), ["image", "label", "reason"], [])
    return Path("results")


def test_a_set_shows_how_much_is_right_what_was_left_out_and_where_to_look(results: Path) -> None:
    write_json(results / "new" / "metrics.json", METRICS)
    assert lines(results, ["new"]) == [
        "new: 6 of 8 labelled images correct: 75.0% (95 % interval 40.9% to 92.8%), "
        "2 files left out. Look at results/new/report.html"
    ]


def test_a_set_without_labels_shows_how_many_were_predicted_refused_and_decided(
    results: Path,
) -> None:
    unlabelled = {"labelled": 0, "accuracy": None, "accuracy_interval_95": None}
    counts = {"images": 8, "refused": 3, "decided": 2}
    write_json(results / "new" / "metrics.json", METRICS | unlabelled | counts)
    assert lines(results, ["new"]) == [
        "new: 5 images predicted, 2 decided, 3 refused. Look at results/new/report.html"
    ]


def test_a_set_shows_its_products_beside_its_images(results: Path) -> None:
    right = {"labelled": 4, "correct": 4, "accuracy": 1.0, "accuracy_interval_95": [0.5101, 1.0]}
    write_json(results / "new" / "metrics.json", METRICS | {"products": {"predicted": 4} | right})
    assert (
        "92.8%); 4 of 4 labelled products correct: 100.0% (95 % interval 51.0%"
        in lines(results, ["new"])[0]
    )
    unlabelled = {"predicted": 3, "labelled": 0}
    write_json(results / "new" / "metrics.json", METRICS | {"products": unlabelled})
    assert "92.8%); 3 products predicted, 2 files left out" in lines(results, ["new"])[0]


def test_the_catalogue_has_a_line_only_if_it_left_something_out(results: Path) -> None:
    assert lines(results, []) == []
    rejected = [["a.jpg", "boots", "empty file"]]
    write_csv(results / "catalogue/rejected.csv", ["image", "label", "reason"], rejected)
    assert lines(results, []) == [
        "catalogue: 1 files left out. Look at results/catalogue/rejected.csv"
    ]


def test_the_similarity_has_a_line_where_the_catalogue_chose_it(results: Path) -> None:
    write_json(results / "catalogue/metric_comparison.json", {"advice": None})
    write_json(results / "catalogue/quality.json", {"choice": "auto takes adapted."})
    assert lines(results, []) == ["auto takes adapted."]


def test_a_damaged_file_is_reported_and_is_no_error(results: Path) -> None:
    (results / "new").mkdir()
    (results / "new" / "metrics.json").write_text("{")
    (line,) = lines(results, ["new"])
    assert line.startswith("results/new/metrics.json is damaged")
