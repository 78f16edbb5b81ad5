"""Users' own networks, from the file to the predictions."""

import os
import re
from typing import Any

import pytest

import user_networks
from project import Project


@pytest.fixture
def own(project: Project) -> Project:
    """A project that has run with a network in a file."""
    user_networks.convolutional(project.folder / "own.onnx")
    project.settle(backbone={"file": "own.onnx", "family": "clip"})
    assert project.run().jobs["extract"] > 0
    return project


def test_a_file_and_its_family_are_enough_for_predictions(own: Project) -> None:
    model = own.json("model/model.json")
    assert (model["backbone"], model["features"], model["fit"]) == (
        "own",
        user_networks.FEATURES,
        "crop",
    )
    assert model["weights"] == "own.onnx"
    assert all(row["prediction"] for row in own.rows("new/predictions.csv"))
    assert "own" in own.result("new/report.html").read_text("utf-8")
    assert not own.run().jobs


def test_features_are_extracted_again_when_the_network_or_its_card_changes_and_only_then(
    own: Project,
) -> None:
    before = own.predictions()
    file = own.folder / "own.onnx"
    content = file.read_bytes()
    file.write_bytes(content)
    assert own.run().jobs["extract"] == 0
    own.settle(backbone={"file": "own.onnx", "family": "siglip"})
    assert own.run().jobs["extract"] > 0
    own.settle(backbone={"file": "own.onnx", "family": "clip"})
    assert own.run().jobs["extract"] == 0
    assert own.predictions() == before
    user_networks.transformer(file)
    own.settle(backbone={"file": "own.onnx", "family": "clip", "output": "pooled"})
    assert own.run().jobs["extract"] > 0


def test_a_network_replaced_by_an_older_file_is_built_again_and_a_touched_one_is_not(
    own: Project,
) -> None:
    file = own.folder / "own.onnx"
    other = user_networks.transformer(own.folder / "other.onnx")
    file.touch()
    assert "Nothing to be done" in own.run("--dry-run").console
    os.utime(other, (1_700_000_000, 1_700_000_000))
    other.rename(file)
    assert re.search(r"^model +1$", own.run("--dry-run").console, re.MULTILINE)


def test_auto_gives_the_features_of_the_engine_that_it_takes(own: Project) -> None:
    own.settle(engine="auto")
    run = own.run()
    assert (run.jobs["model"], run.jobs["extract"]) == (1, 0)
    assert own.json("model/model.json")["engine"] == "openvino"


def test_several_networks_are_compared(own: Project) -> None:
    user_networks.transformer(own.folder / "other.onnx")
    own.settle(
        compare={
            "clip": {},
            "vit": {"backbone": {"file": "other.onnx", "family": "dinov2", "output": "pooled"}},
            "histogram": {"backbone": "ColourHistogram"},
        }
    )
    own.run("compare")
    rows = {row["name"]: row["backbone"] for row in own.rows("compare.csv")}
    assert rows.pop("current settings") == "own"
    assert rows == {"clip": "own", "vit": "other", "histogram": "ColourHistogram"}
    assert not own.run("compare").jobs
    user_networks.convolutional(own.folder / "other.onnx")
    assert "compare_entry" in own.run("compare", "--dry-run").console


@pytest.mark.parametrize(
    ("backbone", "words"),
    [
        ({"file": "absent.onnx"}, ["backbone.file: absent.onnx is not there", "an .onnx, .xml"]),
        ({"file": "config.yaml"}, ["backbone.file: config.yaml is not a supported network"]),
        ({"file": "own.onnx", "family": "ImageNet"}, ["backbone.family: 'ImageNet'", "timm, "]),
        ({"file": "own.onnx", "sise": 16}, ["backbone: unknown key sise", "size"]),
        ({"file": "own.onnx", "mean": [0.5]}, ["backbone.mean: [0.5]", "three numbers"]),
        ({"family": "clip"}, ["file is missing", "an .onnx, .xml"]),
        ("own.onnx", ["backbone: 'own.onnx'", "{file: networks/clip.onnx, family: clip}"]),
    ],
)
def test_a_mistake_in_the_settings_stops_the_run_before_any_job(
    project: Project, backbone: Any, words: list[str]
) -> None:
    user_networks.convolutional(project.folder / "own.onnx")
    project.settle(backbone=backbone)
    run = project.run("--dry-run", fails=True)
    assert all(word in run.console for word in words), run.console
    assert "Traceback" not in run.console


def test_missing_keys_of_the_preprocessing_config_are_named_without_a_traceback(
    project: Project,
) -> None:
    user_networks.convolutional(project.folder / "own.onnx")
    project.settle(backbone={"file": "own.onnx"})
    run = project.run(fails=True)
    assert "backbone: own.onnx: mean and deviation are missing" in run.console
    assert "Traceback" not in run.console


def test_a_network_in_int8_stays_when_photos_are_added(own: Project) -> None:
    own.settle(precision="int8")
    run = own.run()
    assert run.jobs["model"] == 1
    assert run.jobs["extract"] > 0
    assert own.json("model/model.json")["precision"] == "int8"
    own.image("catalogue/boots/more.png", seed=99)
    assert own.run().jobs["model"] == 0
    own.settle(precision="float32")
    assert own.run().jobs["model"] == 1
