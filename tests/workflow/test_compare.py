"""The comparison of settings."""

import re
from pathlib import Path

from project import Project


def test_a_missing_or_wrong_entry_gives_an_error_that_says_what_to_write(project: Project) -> None:
    project.image("catalogue/boots/more.png", seed=70)
    run = project.run("compare", fails=True)
    assert (
        "compare: there is nothing to compare. Name settings to try in config.yaml" in run.console
    )
    assert "lite2: {backbone: EfficientNetLite2}" in run.console
    assert "Traceback" not in run.console
    assert not run.jobs
    project.settle(compare={"odd": {"search": {"metric": "L2"}}})
    console = project.run("compare", fails=True).console
    assert "compare.odd: search.metric: 'L2' is not allowed" in console


def test_an_entry_depends_on_its_file_of_weights(project: Project) -> None:
    project.settle(compare={"own": {"backbone": "EfficientNetB0", "weights": "own.h5"}})
    console = project.run("--dry-run", "compare", fails=True).console
    assert "weights: own.h5 cannot be read: no such file" in console
    assert "Traceback" not in console
    (project.folder / "own.h5").touch()
    assert "compare_entry" in project.run("--dry-run", "compare").console


def test_the_table_has_a_row_for_each_entry(project: Project, tmp_path: Path) -> None:
    before = project.predictions(), project.shards()
    project.settle(
        compare={
            "adapted": {"search": {"metric": "adapted"}},
            "auto": {"search": {"metric": "auto"}},
            "one": {"search": {"neighbours": 1}},
        }
    )
    run = project.run("compare")
    assert run.jobs["compare_entry"] == 3
    assert run.jobs["extract"] == 0
    rows = {row["name"]: row for row in project.rows("compare.csv")}
    assert next(iter(rows)) == "current settings"
    assert set(rows) == {"current settings", "adapted", "auto", "one"}
    assert {row["method"] for row in rows.values()} == {"5-fold cross-validation"}
    # The table, its console, quality.json and the comparison of the metrics agree.
    current = rows["current settings"]
    assert (current["metric"], current["neighbours"]) == ("cosine", "5")
    accuracy = project.json("catalogue/quality.json")["cross_validation"]["accuracy"]
    by_metric = project.json("catalogue/metric_comparison.json")
    assert by_metric["cosine"]["accuracy"] == accuracy
    assert current["accuracy"] == repr(round(accuracy, 4))
    assert rows["adapted"]["accuracy"] == repr(round(by_metric["adapted"]["accuracy"], 4))
    assert re.search(rf"current settings +{accuracy:.1%} \(95 % interval", run.console)
    assert (rows["adapted"]["metric"], rows["adapted"]["neighbours"]) == ("adapted", "5")
    assert rows["auto"]["metric"] == "cosine"
    assert (rows["one"]["metric"], rows["one"]["neighbours"]) == ("cosine", "1")
    for row in rows.values():
        assert all(len(cell) < 20 or cell == row["method"] for cell in row.values())
        assert (row["backbone"], row["precision"]) == ("ColourHistogram", "float32")
        assert 0 <= float(row["accuracy_low"]) <= float(row["accuracy"]) <= 1
        assert float(row["images_per_second"]) > 0
        assert int(row["features_bytes"]) > 0
    assert project.result("compare.png").stat().st_size > 5000
    assert (project.predictions(), project.shards()) == before
    assert not project.run("compare").jobs
    assert not project.copy(tmp_path / "moved").run("compare").jobs
