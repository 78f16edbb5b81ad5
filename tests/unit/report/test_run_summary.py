"""Tests of what a run tells at its end."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from similar_images.classification.tables import GROUPS
from similar_images.core.file_formats import write_json, write_parquet
from similar_images.evaluation.missing_classes import MissingClass
from similar_images.features import sharded_features
from similar_images.features.rejected import REJECTED, Rejected
from similar_images.images import listing
from similar_images.images.folders import OWN
from similar_images.lists.lists import NO_IMAGE, PRODUCT_HAS_IMAGE
from similar_images.report.run_summary import ON_REQUEST, changes, lines, new_classes, on_request

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
    "without_taken": {"labelled": 8, "accuracy": 0.75},
    "missing_classes": [],
    "classes": {"boots": {"support": 8}},
}
NONE_LEFT: dict[str, Any] = {"without_taken": {"labelled": 0, "accuracy": None}}


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of results that is named as in a run; there is nothing to tell of the catalogue."""
    monkeypatch.chdir(tmp_path)
    write_json(Path("results/catalogue/quality.json"), {"choice": None})
    REJECTED.write(Path("results/catalogue/rejected.csv"), [])
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
    unlabelled = {"labelled": 0, "accuracy": None, "accuracy_interval_95": None, **NONE_LEFT}
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
    REJECTED.write(results / "catalogue/rejected.csv", [Rejected("a.jpg", "boots", "empty file")])
    assert lines(results, []) == [
        "catalogue: 1 file left out. Look at results/catalogue/rejected.csv"
    ]


def test_what_is_no_loss_has_no_line_in_the_catalogue_and_other_kinds_are_counted_apart(
    results: Path,
) -> None:
    no_loss = [Rejected("", "boots", PRODUCT_HAS_IMAGE), Rejected("results", None, OWN)]
    REJECTED.write(results / "catalogue/rejected.csv", no_loss)
    assert lines(results, []) == []
    lost = [Rejected(name, "boots", "no image") for name in ("film.mp4", "a.jpg", "b.jpg")]
    lost.append(Rejected("", "boots", NO_IMAGE))
    REJECTED.write(results / "catalogue/rejected.csv", [*no_loss, *lost])
    assert lines(results, [])[0].startswith(
        "catalogue: 2 files left out, 1 file of another kind, 1 row without an image. Look at "
    )


def test_photos_of_which_something_was_lost_are_counted(results: Path) -> None:
    for name, notes in (("catalogue", ["its end is missing", None]), ("new", [None, None])):
        schema = sharded_features.TABLE.schema
        rows = [{"image": str(n), "note": note} for n, note in enumerate(notes)]
        table = pa.Table.from_pylist(rows, schema=schema)
        write_parquet(results / name / "images.parquet", table)
    write_json(results / "new" / "metrics.json", METRICS)
    assert lines(results, ["new"])[1:] == [
        "catalogue: 1 photo read with a note, such as “its end is missing”. See the column note in "
        "results/catalogue/members.csv"
    ]


def test_the_similarity_has_a_line_where_the_catalogue_chose_it(results: Path) -> None:
    write_json(results / "catalogue/metric_comparison.json", {"advice": None})
    write_json(
        results / "catalogue/quality.json", {"choice": "auto takes adapted.", "metric": "adapted"}
    )
    assert lines(results, []) == lines(results, [], "adapted") == ["auto takes adapted."]


def test_auto_says_if_it_takes_another_similarity_than_before(results: Path) -> None:
    quality = {"choice": "It takes cosine: so.", "metric": "cosine"}
    write_json(results / "catalogue/quality.json", quality)
    assert lines(results, [], "adapted") == [
        "search.metric: auto now takes cosine; before: adapted. It takes cosine: so."
    ]


def test_one_of_anything_is_in_the_singular(results: Path) -> None:
    one = METRICS | {"images": 2, "readable": 1, "labelled": 1, "correct": 1}
    one |= {"without_taken": {"labelled": 1, "accuracy": 1.0}}
    write_json(results / "new" / "metrics.json", one)
    (line,) = lines(results, ["new"])
    assert line.startswith("new: 1 of 1 labelled image correct: ")
    assert ", 1 file left out. " in line
    write_json(results / "new" / "metrics.json", one | {"labelled": 0} | NONE_LEFT)
    assert lines(results, ["new"])[0].startswith("new: 1 image predicted, 1 file left out. ")


@pytest.mark.parametrize(
    ("without", "words"),
    [
        ({"labelled": 5, "accuracy": 0.6}, "60.0% without the 3 that are in the catalogue by now"),
        ({"labelled": 7, "accuracy": 0.7}, "70.0% without the one that is in the catalogue by now"),
        ({"labelled": 0, "accuracy": None}, "all of them in the catalogue by now"),
    ],
)
def test_a_set_shows_its_accuracy_without_queries_that_are_in_the_catalogue(
    results: Path, without: dict[str, Any], words: str
) -> None:
    write_json(results / "new" / "metrics.json", METRICS | {"without_taken": without})
    assert f"to 92.8%), {words}, 2 files left out" in lines(results, ["new"])[0]


def test_labels_that_the_catalogue_lacks_come_last(results: Path) -> None:
    missing = MissingClass("outwear", 12, 0, "outerwear", None)
    metrics = METRICS | {"missing_classes": [missing._asdict()]}
    write_json(results / "new" / "metrics.json", metrics)
    assert lines(results, ["new"])[-1].startswith(
        "new: 12 photos are labelled outwear, which is not in the catalogue; outerwear is. "
    )


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (["100APPLE"], "not meant as one, write queries.new: DCIM/100APPLE"),
        (["100APPLE", "101APPLE"], "a setting such as queries.new: DCIM/100APPLE names the photos"),
    ],
)
def test_folders_that_are_all_no_classes_are_told_once_with_the_setting_to_write(
    results: Path, labels: list[str], words: str
) -> None:
    missing = [MissingClass(label, 3, 0, None, "boots")._asdict() for label in labels]
    classes = {label: {"support": 3} for label in labels} | {"boots": {"support": 0}}
    metrics = METRICS | {"missing_classes": missing, "classes": classes}
    write_json(results / "new" / "metrics.json", metrics)
    (line,) = lines(results, ["new"], "", {"new": "DCIM/"})[1:]
    assert words in line
    (line,) = lines(results, ["new"])[1:]
    assert "none of its labels, such as 100APPLE, is a class" in line
    classes["boots"] = {"support": 1}
    write_json(results / "new" / "metrics.json", metrics)
    assert "which is not in the catalogue" in lines(results, ["new"], "", {"new": "DCIM"})[1]


def test_changes_are_told_for_each_collection_that_has_some(results: Path) -> None:
    photos = [("boots/2.jpg", "boots", "b"), ("caps/1.jpg", "caps", "a")]
    listed = [dict(zip(listing.TABLE.names, (*photo, ""), strict=True)) for photo in photos]
    change = ("relabelled", "caps/1.jpg", "caps", "boots/1.jpg", "boots")
    for name, changed in (("catalogue", [change]), ("new", [])):
        listing.write(results / name / listing.NAME, listing.TABLE.from_rows(listed))
        rows = [dict(zip(listing.CHANGES.names, row, strict=True)) for row in changed]
        listing.CHANGES.write(results / name / listing.CHANGES_NAME, rows)
    assert changes(results, ["catalogue", "new"]) == ["catalogue: 1 photo moved from boots to caps"]


def test_a_workbook_that_was_set_aside_is_named_beside_the_new_one(results: Path) -> None:
    workbook = next(file for file in ON_REQUEST if file.noun == "workbook")
    (results / "new").mkdir()
    (results / "new" / "predictions.xlsx").touch()
    said = "new: the workbook is results/new/predictions.xlsx"
    assert on_request(results, workbook, ["new"], []) == [said]
    (results / "new" / "predictions.edited-1.xlsx").touch()
    (line,) = on_request(results, workbook, ["new"], ["new"])
    assert line.startswith(f"{said}. You had changed predictions.edited-1.xlsx beside it: ")


def test_classes_that_only_decisions_name_are_listed_with_similar_ones() -> None:
    known = ["jacket", "shirt", "boots"]
    assert new_classes({}, known) == []
    assert new_classes({"jaket": 1}, known) == [
        "new classes by decisions: jaket (1 photo); similar: jacket"
    ]
    assert new_classes({"hats": 12}, known) == ["new classes by decisions: hats (12 photos)"]
    assert new_classes({"Shirt": 2, "hats": 1, "jaket": 1}, known) == [
        "new classes by decisions: Shirt (2 photos), hats (1 photo), jaket (1 photo); "
        "similar: Shirt to shirt, jaket to jacket"
    ]


def test_a_damaged_file_is_reported_and_is_no_error(results: Path) -> None:
    (results / "new").mkdir()
    (results / "new" / "metrics.json").write_text("{")
    (line,) = lines(results, ["new"])
    assert line.startswith("results/new/metrics.json is damaged")


def group_rows(number: int, photos: int, score: float) -> list[dict[str, object]]:
    row = {"group": number, "photos": photos, "cohesion": 0.8, "score": score}
    more = {"typicality": 0.9, "nearest_class": "boots"}
    return [{**row, **more, "image": f"{number}/{n}.jpg"} for n in range(photos)]


@pytest.mark.parametrize(
    ("scores", "words"),
    [
        ([], None),
        ([0.5], None),
        ([0.1], "1 group of photos that perhaps fit no class, of 7 photos"),
        ([0.1, 0.2, 0.4], "2 groups of photos that perhaps fit no class, of 7 and 8 photos"),
        ([0.1] * 7, "7 groups of photos that perhaps fit no class, the largest of 13 photos"),
    ],
)
def test_groups_that_may_be_new_classes_are_named(
    results: Path, scores: list[float], words: str | None
) -> None:
    write_json(results / "new" / "metrics.json", METRICS)
    rows = [row for n, score in enumerate(scores) for row in group_rows(n, 7 + n, score)]
    GROUPS.write(results / "new" / "groups.csv", rows)
    said = [line for line in lines(results, ["new"]) if "group" in line]
    assert said == ([f"new: {words}. Look at results/new/report.html"] if words else [])
