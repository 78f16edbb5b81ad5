"""Mistakes in settings and photos give clear errors before any work."""

import shutil
from typing import Any

import pytest

from project import CLASSES, Project


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"catalogue": "photos/nowhere"}, ["catalogue: photos/nowhere", "no such folder"]),
        ({"queries": {"new": "photos/void"}}, ["queries.new: photos/void", "no images"]),
        ({"queries": {"../up": "photos/new"}}, ["'../up'", "letters, digits"]),
        ({"queries": {"catalogue": "photos/new"}}, ["'catalogue'", "letters, digits"]),
        ({"serach": {"neighbours": 5}}, ["unknown key serach", "search"]),
        ({"search": {"neighbors": 5}}, ["search: unknown key neighbors", "neighbours"]),
        ({"search.metric": "auto"}, ["search.metric: write it as `search: {metric: ...}`"]),
        ({"search": {"metric": None}}, ["search.metric has no value", "docs/settings.md"]),
        ({"search": {"neighbours": 0}}, ["search.neighbours: 0", "at least 1"]),
        ({"search": {"neighbours": 13}}, ["search.neighbours: 13", "1 to 12"]),
        ({"backbone": "ResNet50"}, ["backbone: 'ResNet50'", "EfficientNetB0 to B7"]),
        ({"images": {"on_error": "ignore"}}, ["images.on_error: 'ignore'", "list or stop"]),
        ({"catalogue": "photos/new/boots/.."}, []),
        ({"catalogue": "photos/one"}, ["catalogue: it has one class (boots)", "two"]),
        ({"catalogue": "photos/new/boots"}, ["catalogue: ", "its images have no class"]),
        ({"catalogue": "photos/bad.csv"}, ["photos/bad.csv", "column label is missing"]),
        ({"queries": {"new": "photos/gone.jpg"}}, ["queries.new: photos/gone.jpg: no such folder"]),
        ({"catalogue": "photos/one/boots/0.png"}, ["boots/0.png: its images have no class"]),
        ({"columns": ["price"]}, []),
        ({"catalogue": "photos/bad.csv/below"}, ["catalogue: photos/bad.csv/below: no such"]),
        ({"queries": {"new": "x" * 5000}}, ["queries.new: xxx", "file name too long"]),
        ({"queries": {"new": "/proc/self/mem"}}, ["queries.new: ", "put/output error"]),
        ({"decisions": "photos"}, ["decisions: photos is not a regular file"]),
        ({"backbone": "EfficientNetB0", "weights": "photos"}, ["weights: photos is not a reg"]),
        ({"backbone": {"file": "x" * 5000}}, ["backbone.file: xxx", "file name too long"]),
        ({"search": {"reject": float("nan")}}, ["search.reject: nan", "number from 0 to 1"]),
    ],
)
def test_a_mistake_in_the_settings_stops_the_run_before_any_job(
    project: Project, settings: dict[str, Any], words: list[str]
) -> None:
    project.photo("void/boots").mkdir(parents=True)
    project.image("one/boots/0.png")
    project.photo("bad.csv").write_text("image\nnew/boots/0.png\n")
    project.settle(**settings)
    run = project.run("--dry-run", fails=bool(words))
    assert all(word in run.console for word in words), run.console
    assert "Traceback" not in run.console
    assert not run.jobs


def test_columns_of_lists_without_a_list_are_reported_once_in_a_run(project: Project) -> None:
    project.settle(columns=["price"], product="sku")
    console = project.run("--dry-run").console
    assert console.count("columns has no effect") == console.count("product has no effect") == 1
    project.photo("list.csv").write_text("image,label,sku,price\nnew/boots/0.png,,1,2\n")
    project.settle(queries={"new": "photos/list.csv"})
    assert "no effect" not in project.run("--dry-run").console
    project.settle(queries={"new": "photos/new"}, columns=[], product=None)
    assert "no effect" not in project.run("--dry-run").console


def test_class_names_that_look_alike_are_reported_once_in_a_run(project: Project) -> None:
    project.image("catalogue/Boots/0.png")
    project.image("new/sandals /0.png")
    run = project.run("results/plan/contents.parquet")
    assert run.jobs["plan"] == 1
    assert run.console.count("differ only in case") == 2  # for each group once
    assert "'Boots', 'boots'" in run.console
    assert "'sandals', 'sandals '" in run.console
    assert "'sneakers" not in run.console


def test_classes_called_train_and_test_are_reported_once_in_a_run(project: Project) -> None:
    for part in ("train", "test"):
        shutil.copytree(project.photo("catalogue"), project.photo(f"all/{part}"))
    project.settle(catalogue="photos/all")
    console = project.run().console
    assert console.count("If these are the classes, set catalogue: photos/all/train.") == 1


def test_a_class_in_two_unicode_forms_is_one_class_in_a_run(project: Project) -> None:
    composed, apart = "h\u00fcte", "hu\u0308te"
    for number in range(3):
        project.image(f"catalogue/{apart}/{number}.png", seed=number)
        project.image(f"new/{composed}/{number}.png", seed=10 + number)
    run = project.run()
    assert "differ only in" not in run.console
    rows = {row["image"]: row for row in project.rows("new/predictions.csv")}
    asked = [row for image, row in rows.items() if image.startswith(composed)]
    assert [(row["label"], row["prediction"]) for row in asked] == [(composed, composed)] * 3
    assert {row["correct"] for row in asked} == {"true"}
    assert sorted(row["label"] for row in project.rows("new/confusion.csv")) == sorted(
        [*CLASSES, composed]
    )


def test_a_folder_that_cannot_be_exported_to_is_an_error(project: Project) -> None:
    project.settle(export={"folder": "/proc/no/{such}"})
    run = project.run("export", fails=True)
    assert "export.folder: /proc/no/{such} cannot be written: no such file" in run.console
    assert "Traceback" not in run.console


def test_braces_in_names_of_folders_and_files_are_no_wildcards(project: Project) -> None:
    project.photo("new").rename(project.photo("{new}"))
    project.photo("catalogue").rename(project.photo("{queries}"))
    project.settle(
        catalogue="photos/{queries}",
        queries={"new": "photos/{new}"},
        weights="{b3}.h5",
        export={"folder": "{export}"},
    )
    (project.folder / "{b3}.h5").touch()
    project.run("export", *project.answers())
    assert (project.folder / "{export}" / "boots").is_dir()


def test_a_device_that_the_engine_lacks_is_an_error_without_a_traceback(
    project: Project,
) -> None:
    project.settle(device="GPU")
    run = project.run(fails=True)
    assert "device: GPU is for engine: openvino" in run.console
    assert "Traceback" not in run.console


def test_rejected_files_stop_the_run_if_on_error_is_stop(project: Project) -> None:
    project.photo("new/boots/empty.jpg").touch()
    project.settle(images={"on_error": "stop"})
    run = project.run(fails=True)
    assert "boots/empty.jpg: empty file" in run.console
    assert "Traceback" not in run.console
    project.photo("new/boots/empty.jpg").unlink()
    project.run()


def test_a_catalogue_with_one_readable_class_stops_the_run(project: Project) -> None:
    for class_ in ("sandals", "sneakers"):
        for file in project.photo(f"catalogue/{class_}").iterdir():
            file.write_text("not an image")
    run = project.run(fails=True)
    assert "fewer than two classes have a readable image" in run.console
    assert "sandals/0.png: not a JPEG" in run.console


def test_without_a_fallback_missing_weights_stop_the_run(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_off(project, monkeypatch)
    project.settle(backbone="EfficientNetB0", fallback=None)
    run = project.run(fails=True)
    for way_out in ("Connect to the internet", "set weights:", "set fallback:"):
        assert way_out in run.console
    assert "Traceback" not in run.console


def test_all_results_say_that_the_fallback_was_used(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_off(project, monkeypatch)
    project.settle(backbone="EfficientNetB3")
    run = project.run()
    assert "Using the fallback EfficientNetLite2" in run.console
    assert "EfficientNetLite2 (the fallback)" in run.console
    model = project.json("model/model.json")
    assert (model["backbone"], model["requested"]) == ("EfficientNetLite2", "EfficientNetB3")
    assert model["fallback"]
    assert "cannot be reached" in model["fallback_reason"]
    assert project.json("new/metrics.json")["fallback"]


def test_a_wrong_file_of_weights_is_refused(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_off(project, monkeypatch)
    wrong = project.folder / "wrong.h5"
    wrong.write_bytes(b"not the weights")
    project.settle(backbone="EfficientNetB3", weights="wrong.h5")
    run = project.run(fails=True)
    assert "wrong.h5 is not efficientnetb3.h5 of Keras" in run.console
    assert "Traceback" not in run.console


def cut_off(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the network and Keras' cache away from the runs to come."""
    monkeypatch.setenv("KERAS_HOME", str(project.folder / "keras"))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
