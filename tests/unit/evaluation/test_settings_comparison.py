"""Tests of the comparison of settings."""

from pathlib import Path

import pytest
import yaml

from similar_images.core.errors import UserError
from similar_images.core.file_formats import write_json
from similar_images.evaluation import settings_comparison
from similar_images.report import plots

OUTCOME: dict[str, object] = dict.fromkeys(settings_comparison.TABLE.names, 1)


TESTED = {"folds": 5, "accuracy": 0.86412345, "accuracy_interval_95": [0.81, 0.9]}


def test_single_settings_are_changed_and_the_others_kept() -> None:
    config = {"backbone": "A", "search": {"neighbours": 10, "metric": "cosine"}}
    assert settings_comparison.merged(
        config, {"search": {"metric": "adapted"}, "fallback": None}
    ) == {
        "backbone": "A",
        "search": {"neighbours": 10, "metric": "adapted"},
        "fallback": None,
    }
    assert config["search"] == {"neighbours": 10, "metric": "cosine"}


def test_no_setting_of_one_network_is_kept_for_another() -> None:
    config = {"backbone": {"file": "a.onnx", "family": "clip", "size": 224}}
    other = {"backbone": {"file": "b.onnx", "family": "timm"}}
    assert settings_comparison.merged(config, other) == other
    assert settings_comparison.merged({"backbone": "A"}, other) == other


def test_a_run_finds_the_photos_and_shares_the_shards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = Path("results/features")
    folder = Path("results/compare/one")
    settings = {
        "catalogue": "photos",
        "backbone": {"file": "own.onnx", "family": "clip"},
        "weights": None,
        "queries": {"new": "x"},
        "decisions": None,
    }
    for _ in range(2):
        settings_comparison.lay_out(folder, settings, store)
    (store / "a.parquet").touch()
    assert (folder / "results/features/a.parquet").exists()
    config = yaml.safe_load((folder / "config.yaml").read_text("utf-8"))
    assert config["catalogue"] == str(tmp_path / "photos")
    assert config["backbone"] == {"file": str(tmp_path / "own.onnx"), "family": "clip"}
    assert (config["weights"], config["queries"], config["decisions"]) == (None, {}, [])


def test_a_run_knows_the_project_that_it_is_an_entry_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert [path.resolve() for path in settings_comparison.projects(Path())] == [tmp_path]
    entry = tmp_path / "results" / "compare" / "one"
    entry.mkdir(parents=True)
    monkeypatch.chdir(entry)
    assert [path.resolve() for path in settings_comparison.projects(Path())] == [entry, tmp_path]


def test_a_run_finds_the_decisions_and_the_queries_that_they_moved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = {
        "catalogue": "photos",
        "backbone": "ColourHistogram",
        "weights": None,
        "queries": {"new": "x", "old": None},
        "decisions": "decisions.csv",
    }
    settings_comparison.lay_out(Path("one"), settings, Path("features"))
    config = yaml.safe_load(Path("one/config.yaml").read_text("utf-8"))
    assert config["queries"] == {"new": str(tmp_path / "x")}
    assert config["decisions"] == [str(tmp_path / "decisions.csv")]


def test_a_run_finds_a_list_whose_columns_are_mapped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = {
        "catalogue": {"list": "lists/a.csv", "preset": "shopify"},
        "backbone": "ColourHistogram",
        "weights": None,
        "queries": {},
        "decisions": None,
    }
    settings_comparison.lay_out(Path("one"), settings, Path("features"))
    config = yaml.safe_load(Path("one/config.yaml").read_text("utf-8"))
    assert config["catalogue"] == {"list": str(tmp_path / "lists/a.csv"), "preset": "shopify"}


def test_without_features_pkl_the_outcome_has_no_size_of_it(tmp_path: Path) -> None:
    quality = OUTCOME | {"cross_validation": TESTED}
    for name, content in zip(settings_comparison.FIGURES, (OUTCOME, quality, OUTCOME), strict=True):
        write_json(tmp_path / name, content)
    results = tmp_path / "results"
    assert settings_comparison.outcome(results)["features_bytes"] is None
    (results / "catalogue/features.pkl").write_bytes(b"1234")
    assert settings_comparison.outcome(results)["features_bytes"] == 4


def outcome(tmp_path: Path, tested: dict[str, object], speed: float | None) -> dict[str, object]:
    """Return the outcome of a run with these figures."""
    write_json(tmp_path / "results/model/model.json", OUTCOME)
    quality = OUTCOME | {"cross_validation": tested}
    write_json(tmp_path / "results/catalogue/quality.json", quality)
    write_json(tmp_path / "results/catalogue/timing.json", {"images_per_second": speed})
    return settings_comparison.outcome(tmp_path / "results")


def test_the_accuracy_is_that_by_cross_validation_and_rounded(tmp_path: Path) -> None:
    found = outcome(tmp_path, TESTED, 12.3456)
    assert (found["accuracy"], found["accuracy_low"], found["accuracy_high"]) == (0.8641, 0.81, 0.9)
    assert found["method"] == "5-fold cross-validation"
    assert found["images_per_second"] == 12.3


def test_the_current_settings_come_first_then_the_most_accurate() -> None:
    outcomes = {name: OUTCOME | {"accuracy": a} for name, a in (("x", 0.5), ("y", 0.9))}
    found = settings_comparison.ordered(OUTCOME | {"accuracy": 0.1}, outcomes)
    assert list(found) == ["current settings", "y", "x"]
    assert [row["name"] for row in settings_comparison.rows(found)] == list(found)


def test_settings_whose_accuracy_is_not_known_come_last_and_are_drawn(tmp_path: Path) -> None:
    unknown = dict.fromkeys(("accuracy", "accuracy_low", "accuracy_high", "images_per_second"))
    untested = TESTED | {"accuracy": None, "accuracy_interval_95": None}
    found = outcome(tmp_path, untested, None)
    assert {name: found[name] for name in unknown} == unknown
    interval = {"accuracy_low": 0.0, "accuracy_high": 1.0, "method": found["method"]}
    known = {name: OUTCOME | interval | {"accuracy": a} for name, a in (("y", 0.0), ("zz", 0.5))}
    outcomes = settings_comparison.ordered(known["zz"], {"x": found, **known})
    assert list(outcomes) == ["current settings", "zz", "y", "x"]
    assert settings_comparison.lines(outcomes) == [
        "Catalogue images classified correctly by the others (5-fold cross-validation):",
        "current settings   50.0% (95 % interval 0.0% to 100.0%)",
        "zz                 50.0% (95 % interval 0.0% to 100.0%)",
        "y                   0.0% (95 % interval 0.0% to 100.0%)",
        "x                 not known",
    ]
    for part in (outcomes, {"x": found}):
        plots.write(plots.comparison(part), tmp_path / "compare.svg")
        assert "accuracy not known" in (tmp_path / "compare.svg").read_text("utf-8")


def test_without_anything_to_compare_the_error_says_what_to_write() -> None:
    with pytest.raises(UserError, match=r"nothing to compare.*\n  compare:\n    lite2: \{backb"):
        settings_comparison.check({})
    settings_comparison.check({"one": {}})
