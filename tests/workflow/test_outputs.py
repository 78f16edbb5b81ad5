"""The results of a run."""

import json
import os
import pickle
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from PIL import Image, ImageEnhance, ImageOps

from project import CLASSES, Project, lay_out
from similar_images import __version__
from similar_images.images.folders import OWN

PREDICTION_COLUMNS = [
    *("image", "label", "prediction", "votes", "voters", "confidence", "likely_classes", "correct"),
    *("similar_1", "class_1", "similarity_1"),
    *("similar_2", "class_2", "similarity_2"),
    *("similar_3", "class_3", "similarity_3"),
    "metric",
    "refused",
    "duplicate",
    "duplicate_of",
    "original_label",
    "decision",
    "added",
    "row",
    "error",
    "note",
    "photo_faults",
]


def test_a_query_set_gets_a_row_for_each_file_sorted_by_path(project: Project) -> None:
    rows = project.rows("new/predictions.csv")
    assert list(rows[0]) == PREDICTION_COLUMNS
    assert [row["image"] for row in rows] == [f"{c}/{n}.png" for c in CLASSES for n in range(2)]
    assert all(row["prediction"] == row["label"] == row["class_1"] for row in rows)
    assert {row["correct"] for row in rows} == {"true"}


def test_metrics_and_confusion_agree_with_the_predictions(project: Project) -> None:
    metrics = project.json("new/metrics.json")
    assert metrics["images"] == metrics["labelled"] == metrics["correct"] == 6
    assert metrics["accuracy"] == 1
    assert metrics["classes"]["boots"]["support"] == 2
    assert metrics["backbone"] == "ColourHistogram"
    confusion = pd.read_csv(project.result("new/confusion.csv"), index_col="label")
    assert confusion.to_numpy().tolist() == (2 * np.eye(3, dtype=int)).tolist()


def test_the_model_is_described(project: Project) -> None:
    model = project.json("model/model.json")
    assert (model["backbone"], model["features"], model["fallback"]) == (
        "ColourHistogram",
        512,
        False,
    )
    assert {"weights", "weights_sha256", "input_size", "engine", "fallback_reason"} <= set(model)
    assert model["version"] == __version__
    page = project.result("new/report.html").read_text("utf-8")
    assert f"<dt>Version</dt><dd>{__version__}</dd>" in page
    images = pq.read_schema(project.result("catalogue/images.parquet"))
    assert images.metadata[b"fingerprint"].decode() == model["fingerprint"]


def test_features_pkl_has_plain_values_and_one_array(project: Project) -> None:
    with project.result("catalogue/features.pkl").open("rb") as stream:
        index = pickle.load(stream)
    assert index["features"].shape == (12, 512)
    assert index["features"].dtype == np.float32
    assert index["paths"] == [f"{c}/{n}.png" for c in CLASSES for n in range(4)]
    assert index["labels"] == [c for c in CLASSES for _ in range(4)]
    assert all(len(content_id) == 64 for content_id in index["content_ids"])


def test_a_search_in_parts_gives_the_same_and_leaves_nothing_behind(project: Project) -> None:
    shutil.copy(project.photo("catalogue/boots/0.png"), project.photo("catalogue/sandals/x.png"))
    shutil.copy(project.photo("catalogue/boots/1.png"), project.photo("catalogue/boots/y.png"))
    tables = [project.result(f"new/{name}.parquet") for name in ("neighbours", "candidates")]
    targets = [str(table.relative_to(project.folder)) for table in tables]
    project.run(*targets)
    single = [table.read_bytes() for table in tables]
    for parts in (2, 7):
        project.settle(search={"parts": parts})
        assert project.run(*targets).jobs == {"search": parts, "join_search": 1}
        assert [table.read_bytes() for table in tables] == single
        assert not list(project.result("new").glob("*/*-of-*.parquet"))
        assert not project.run(*targets).jobs
    project.settle(search={"parts": 1})
    assert project.run(*targets).jobs == {"search": 1}
    assert [table.read_bytes() for table in tables] == single


def test_the_approximate_search_is_a_setting_and_reports_its_recall(project: Project) -> None:
    found = project.result("new/neighbours.parquet")
    target = str(found.relative_to(project.folder))
    exact = found.read_bytes()
    project.settle(search={"index": "approximate"})
    run = project.run("results/new/predictions.csv")
    assert run.jobs == {"approximate": 1, "search": 1, "predict": 1}
    assert [row["prediction"] for row in project.rows("new/predictions.csv")] == [
        row["label"] for row in project.rows("new/predictions.csv")
    ]
    summary = project.json("catalogue/approximate.json")
    assert (summary["images"], summary["sampled"], summary["neighbours"]) == (12, 12, 50)
    assert summary["recall"] == 1
    assert "finds 100.0% of the 50 nearest images (measured with 12 of 12 images" in run.console
    assert not project.run(target).jobs

    index = project.result("catalogue/approximate.faiss")
    made = index.read_bytes()
    approximate = found.read_bytes()
    index.write_bytes(made[:-9])
    found.unlink()
    assert "approximate.faiss is damaged" in project.run(target, fails=True).console
    assert project.run(target).jobs == {"approximate": 1, "search": 1}
    assert (index.read_bytes(), found.read_bytes()) == (made, approximate)

    project.settle(search={"index": "exact"})
    assert project.run(target).jobs == {"search": 1}
    assert found.read_bytes() == exact


def test_without_features_pkl_all_other_results_are_made(project: Project) -> None:
    predictions = project.predictions()
    quality = project.json("catalogue/quality.json")
    shutil.rmtree(project.result(""))
    project.settle(features_pkl=False)
    project.run()
    assert not list(project.result("").rglob("features.pkl"))
    assert project.predictions() == predictions
    assert project.json("catalogue/quality.json") == quality
    project.settle(features_pkl=True)
    assert project.run("results/catalogue/features.pkl").jobs == {"merge": 1}


def test_files_that_cannot_be_read_are_listed_and_queries_of_that_kind_keep_a_row(
    project: Project,
) -> None:
    for collection in ("catalogue", "new"):
        folder = project.photo(f"{collection}/boots")
        (folder / "empty.jpg").touch()
        (folder / "notes.txt").write_text("size 42")
        (folder / "gone.jpg").symlink_to("nowhere.jpg")
        whole = (folder / "0.png").read_bytes()
        (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
        (folder / "secret.png").write_bytes(whole)
        os.mkfifo(folder / "pipe.jpg")
    project.run(*project.answers())
    rejected = {row["image"]: row["reason"] for row in project.rows("catalogue/rejected.csv")}
    assert rejected["boots/empty.jpg"] == "empty file"
    assert rejected["boots/gone.jpg"] == "no such file or directory"
    assert rejected["boots/pipe.jpg"] == "not a regular file"
    assert rejected["boots/cut.png"].startswith("damaged or truncated")
    rows = {row["image"]: row for row in project.rows("new/predictions.csv")}
    assert len(rows) == 6 + 5
    assert rejected.pop("boots/notes.txt").startswith("not a JPEG")
    for image, reason in rejected.items():
        assert rows[image]["error"] == reason
        assert rows[image]["prediction"] == ""
    metrics = project.json("new/metrics.json")
    assert (metrics["images"], metrics["readable"]) == (11, 7)


def test_a_set_of_other_files_alone_gets_empty_results(project: Project) -> None:
    project.photo("other").mkdir()
    project.photo("other/price.pdf").write_bytes(b"%PDF-1.7")
    project.settle(queries={"other": "photos/other"})
    project.run()
    assert [row["image"] for row in project.rows("other/rejected.csv")] == ["price.pdf"]
    assert project.rows("other/predictions.csv") == []
    assert not project.run().jobs


def test_a_query_set_that_contains_the_project_skips_files_of_the_workflow(
    project: Project,
) -> None:
    project.settle(queries={"new": "."})
    project.run()
    rejected = {row["image"]: row["reason"] for row in project.rows("new/rejected.csv")}
    assert rejected["results"] == rejected["logs"] == OWN
    before = project.rows("new/predictions.csv")
    assert not [row for row in before if row["image"].startswith(("results/", "logs/"))]
    assert not project.run().jobs
    project.settle(queries={"new": "results/new"})
    assert "queries.new: results/new is in results" in project.run(fails=True).console


def test_a_set_without_labels_gets_predictions_and_metrics_that_say_so(project: Project) -> None:
    for number, file in enumerate(sorted(project.photo("new").rglob("*.png"))):
        file.rename(project.photo("new") / f"{number}.png")
    run = project.run()
    assert "there are no labels" in run.console
    metrics = project.json("new/metrics.json")
    assert metrics["accuracy"] is None
    assert "no labels" in metrics["note"]
    rows = project.rows("new/predictions.csv")
    assert {(row["label"], row["correct"]) for row in rows} == {("", "")}
    assert all(row["prediction"] for row in rows)


def test_equal_bytes_under_two_classes_are_kept_and_listed_as_a_conflict(project: Project) -> None:
    boot = project.photo("catalogue/boots/0.png")
    shutil.copy(boot, project.photo("catalogue/boots/copy.png"))
    shutil.copy(project.photo("catalogue/boots/1.png"), project.photo("catalogue/sandals/x.png"))
    run = project.run(*project.answers())
    assert "under more than one class: 1 image" in run.console
    listed = [(row["image"], row["conflict"]) for row in project.rows("catalogue/duplicates.csv")]
    assert listed == [
        ("boots/0.png", "False"),
        ("boots/copy.png", "False"),
        ("boots/1.png", "True"),
        ("sandals/x.png", "True"),
    ]


def test_duplicates_of_catalogue_photos_are_flagged_and_accuracy_without_them_is_given(
    project: Project,
) -> None:
    blots = project.blots("catalogue/boots/blots.png", seed=1)
    shutil.copy(project.photo("catalogue/boots/0.png"), project.photo("new/boots/same.png"))
    smaller = Image.open(blots).resize((150, 120))
    smaller.save(project.photo("new/boots/smaller.jpg"))
    ImageOps.mirror(smaller).save(project.photo("new/boots/mirrored.jpg"))
    run = project.run(*project.answers())
    assert "in the catalogue already: 3 images" in run.console
    rows = {row["image"]: row for row in project.rows("new/predictions.csv")}
    flagged = {
        image: (row["duplicate"], row["duplicate_of"])
        for image, row in rows.items()
        if row["duplicate"]
    }
    assert flagged == {
        "boots/same.png": ("exact", "boots/0.png"),
        "boots/smaller.jpg": ("near", "boots/blots.png"),
        "boots/mirrored.jpg": ("mirrored", "boots/blots.png"),
    }
    metrics = project.json("new/metrics.json")
    assert metrics["duplicates"] == {"exact": 1, "near": 1, "mirrored": 1}
    assert (metrics["labelled"], metrics["without_duplicates"]["labelled"]) == (9, 6)


def test_the_same_duplicates_are_found_with_every_metric_and_search(project: Project) -> None:
    blots = project.blots("catalogue/boots/blots.png", seed=1)
    for n in range(2, 6):
        project.blots(f"catalogue/sandals/blots {n}.png", seed=n)
    with Image.open(blots) as image:
        image.resize((150, 120)).save(project.photo("new/boots/smaller.jpg"))
        # By the adapted similarity it is near enough to count as a copy; by the cosine it is not.
        ImageEnhance.Brightness(image).enhance(0.77).save(project.photo("new/boots/darker.png"))
    found = []
    for settings in (
        {"metric": "cosine"},
        {"metric": "adapted"},
        {"metric": "adapted", "parts": 3},
        {"metric": "adapted", "parts": 1, "index": "approximate"},
    ):
        project.settle(search=settings)
        project.run("results/new/predictions.csv")
        copies = [
            (row["image"], row["duplicate"], row["duplicate_of"])
            for row in project.rows("new/predictions.csv")
        ]
        found.append((copies, project.result("new/candidates.parquet").read_bytes()))
    assert ("boots/smaller.jpg", "near", "boots/blots.png") in found[0][0]
    assert found == found[:1] * 4


def test_odd_names_and_endings_and_every_format_are_read(project: Project) -> None:
    names = [
        "with space.png",
        'it\'s 100% "new".png',
        "Ünïcode 靴.png",
        "UPPER.PNG",
        "{brace}.png",
        "new\nline.png",
        "-dash.png",
        "no_ending",
    ]
    boot = project.photo("catalogue/boots/0.png")
    for name in names:
        shutil.copy(boot, project.photo("new/boots") / name)
    for format_ in ("JPEG", "WEBP", "GIF", "BMP", "TIFF"):
        Image.open(boot).save(project.photo("new/boots") / f"{format_}.png", format_)
    (project.photo("new/boots") / "link.png").symlink_to("0.png")
    os.rename(project.photo("new/boots/1.png"), os.fsencode(project.photo("new/boots")) + b"/\xff")
    project.run()
    rows = {row["image"]: row for row in project.rows("new/predictions.csv")}
    assert {f"boots/{name}" for name in names} <= set(rows)
    assert "boots/\\xff" in rows
    assert not any(row["error"] for row in rows.values())


def test_a_collection_can_be_a_csv(tmp_path: Path) -> None:
    project = lay_out(tmp_path / "project")
    lines = ["image,label"]
    for class_ in CLASSES:
        for n in range(4):
            project.image(f"pool/{class_}-{n}.png", seed=n)
            lines.append(f"pool/{class_}-{n}.png,{class_}")
    project.photo("catalogue.csv").write_text("\n".join(lines))
    project.photo("new.csv").write_text("image,label\npool/boots-0.png,\npool/gone.png,boots\n")
    project.settle(catalogue="photos/catalogue.csv", queries={"new": "photos/new.csv"})
    project.run(*project.answers())
    found, gone = project.rows("new/predictions.csv")
    assert (found["image"], found["prediction"], found["label"]) == (
        "pool/boots-0.png",
        "boots",
        "",
    )
    assert (gone["image"], gone["error"]) == ("pool/gone.png", "no such file or directory")


NOT_AN_IMAGE = "not a JPEG, PNG, WebP, GIF, BMP, TIFF, HEIC or AVIF image"


def test_a_query_set_can_be_a_single_image(project: Project) -> None:
    image = project.image("new/Grüne Schuhe/boots 1.PNG", seed=60)
    (project.folder / "link.png").symlink_to("photos/new/boots/0.png")
    project.photo("text.jpg").write_text("image,label\nnew/boots/0.png,boots\n")
    sets = {"one": str(image.relative_to(project.folder)), "link": "link.png"}
    project.settle(queries=sets | {"broken": "photos/text.jpg"})
    project.run()
    (row,) = project.rows("one/predictions.csv")
    assert (row["image"], row["label"], row["prediction"]) == ("boots 1.PNG", "", "boots")
    (link,) = project.rows("link/predictions.csv")
    assert (link["image"], link["prediction"]) == ("link.png", "boots")
    assert "link.png" in project.result("link/report.html").read_text("utf-8")
    (broken,) = project.rows("broken/predictions.csv")
    assert (broken["image"], broken["error"]) == ("text.jpg", NOT_AN_IMAGE)
    assert not project.run().jobs
    project.image("new/boots/another.png", seed=61)
    project.settle(queries={"new": None})
    assert project.run().jobs["manifest"] == 0
    project.image("new/Grüne Schuhe/boots 1.PNG", seed=62)
    again = project.run()
    assert (again.jobs["manifest"], again.jobs["extract"]) == (1, 1)
    assert project.rows("one/predictions.csv") != [row]


def test_a_run_says_if_the_page_to_send_is_of_an_earlier_one(project: Project) -> None:
    said = "results/new/report_portable.html is of an earlier run"
    project.settle(search={"vote": "weighted"})
    assert said not in project.run("portable").console
    project.settle(search={"vote": "majority"})
    assert said in project.run().console
    assert said not in project.run("portable").console


def test_progress_is_shown_on_the_console_and_in_the_log(project: Project) -> None:
    project.image("new/boots/more.png", seed=70)
    run = project.run(*project.answers())
    logs = [path.read_text() for path in (project.folder / "logs/features").rglob("*.log")]
    assert "1 of 1 image," in run.console
    assert any("1 of 1 image," in log and "/s, 0 s left" in log for log in logs)


def test_times_are_kept_for_each_shard_and_summed_up(project: Project) -> None:
    project.image("catalogue/boots/more.png", seed=70)
    project.run("results/catalogue/timing.json")
    timing = project.json("catalogue/timing.json")
    shards = list(timing["shards"].values())
    assert len(shards) == 2
    assert timing["images"] == sum(shard["images"] for shard in shards) == 13
    for what in ("load", "read", "decode", "network", "write", "total"):
        assert timing[what] == pytest.approx(sum(shard[what] for shard in shards))
        assert timing[what] > 0
    assert timing["images_per_second"] == pytest.approx(13 / timing["total"])


def test_any_number_of_query_sets_and_none_at_all(project: Project) -> None:
    project.settle(queries={"again": "photos/new"})
    project.run()
    first, again = (project.rows(f"{name}/predictions.csv") for name in ("new", "again"))
    assert [row | {"added": ""} for row in again] == [row | {"added": ""} for row in first]
    project.settle(queries={"again": None, "new": None})
    assert project.run().jobs == {"plan": 1, "describe_catalogue": 1}


def test_workflow_snakefile_runs_the_same_as_the_one_in_the_root(project: Project) -> None:
    project.settle(search={"vote": "weighted"})
    console = project.run("--snakefile", "workflow/Snakefile", "--dry-run").console
    assert {*re.findall(r"^(predict|report) +1$", console, re.M)} == {"predict", "report"}


def test_metrics_are_json_that_any_reader_takes(project: Project) -> None:
    text = project.result("new/metrics.json").read_text()
    json.loads(text, parse_constant=lambda name: (_ for _ in ()).throw(ValueError(name)))
