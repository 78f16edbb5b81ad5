"""Tests of the table of predictions."""

import csv
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from similar_images.classification.confidence import Calibration
from similar_images.classification.conformal import Thresholds
from similar_images.classification.nearest import SHOWN
from similar_images.classification.out_of_distribution import InDistribution
from similar_images.classification.predictions import Classifier, Known, predict
from similar_images.classification.tables import PREDICTIONS
from similar_images.classification.vote import majority
from similar_images.core.errors import UserError
from similar_images.core.file_formats import read_csv
from similar_images.duplicates.query_duplicates import QueryDuplicate
from similar_images.features.feature_table import FeatureTable
from similar_images.features.rejected import Rejected
from similar_images.search.neighbours import find, without_own

NORTH = 90.0
# The probability is that of 2 * share of the votes + nearest similarity - 2.
CALIBRATION = Calibration(-2.0, [2.0, 1.0, 0.0, 0.0])
KNOWN = InDistribution([[0.7, 0.8], [0.45, 0.55]], 0.3)
FAR = "in-distribution score 0.250 below 0.300: perhaps none of the classes"
THRESHOLDS = Thresholds(0.9, 0.3, {"sandals": 0.4})


def classifier(voters: int, **settings: Any) -> Classifier:
    return Classifier(voters, majority, "cosine", CALIBRATION, THRESHOLDS, KNOWN, **settings)


def index_of(
    *rows: tuple[str, str | None, float], ids: str | None = None, fingerprint: str = "model"
) -> FeatureTable:
    """Return an index of rows (path, label, direction in degrees), each with bytes of its own.

    The letters of `ids` are the content ids, where they matter.
    """
    angles = np.radians([angle for *_, angle in rows])
    return FeatureTable(
        "network",
        fingerprint,
        [path for path, *_ in rows],
        [label for _, label, _ in rows],
        list(ids) if ids else [path for path, *_ in rows],
        7 * np.column_stack([np.cos(angles), np.sin(angles)]).astype(np.float32),
    )


CATALOGUE = [
    ("boots/1", "boots", NORTH),
    ("boots/2", "boots", NORTH + 60),
    ("sandals/1", "sandals", NORTH - 20),
    ("sandals/2", "sandals", NORTH + 30),
]


def undecided(neighbours: pa.Table) -> dict[str, Known]:
    columns = (neighbours[name].to_pylist() for name in ("image", "label"))
    return {image: Known(label, None, None) for image, label in zip(*columns, strict=True)}


def rows_of(
    queries: FeatureTable,
    catalogue: FeatureTable,
    neighbours: int = 3,
    rejected: tuple[Rejected, ...] = (),
) -> list[dict[str, Any]]:
    found = find([queries], [catalogue], max(neighbours, SHOWN))
    rows = predict(found, rejected, {}, undecided(found), classifier(neighbours), {}).rows
    return [dict(row) for row in rows]


def test_the_votes_of_every_class_are_listed_the_predicted_class_first() -> None:
    queries = index_of(("p", None, NORTH), ("q", None, NORTH + 60))
    neighbours = find([queries], [index_of(*CATALOGUE)], 3)
    assert predict(neighbours, (), {}, undecided(neighbours), classifier(2), {}).votes == [
        {"image": "p", "class": "boots", "votes": 1},
        {"image": "p", "class": "sandals", "votes": 1},
        {"image": "q", "class": "boots", "votes": 1},
        {"image": "q", "class": "sandals", "votes": 1},
    ]
    assert predict(neighbours, (), {}, undecided(neighbours), classifier(3), {}).votes[:2] == [
        {"image": "p", "class": "sandals", "votes": 2},
        {"image": "p", "class": "boots", "votes": 1},
    ]


def test_a_row_has_the_prediction_and_the_three_most_similar_images() -> None:
    (row,) = rows_of(index_of(("q", "boots", NORTH)), index_of(*CATALOGUE))
    assert row == {
        "image": "q",
        "label": "boots",
        "prediction": "sandals",
        "votes": 2,
        "voters": 3,
        "confidence": "0.5826",
        "likely_classes": "boots|sandals",
        "correct": "false",
        "similar_1": "boots/1",
        "class_1": "boots",
        "similarity_1": Decimal("1.000000"),
        "similar_2": "sandals/1",
        "class_2": "sandals",
        "similarity_2": Decimal("0.939693"),
        "similar_3": "sandals/2",
        "class_3": "sandals",
        "similarity_3": Decimal("0.866025"),
        "metric": "cosine",
        "refused": None,
        "duplicate": None,
        "duplicate_of": None,
        "original_label": "boots",
        "decision": None,
        "added": None,
        "row": None,
        "error": None,
        "note": None,
        "photo_faults": None,
    }


@pytest.mark.parametrize(
    ("neighbours", "prediction", "votes"), [(1, "boots", 1), (2, "boots", 1), (3, "sandals", 2)]
)
def test_only_the_neighbours_vote_yet_three_are_shown(
    neighbours: int, prediction: str, votes: int
) -> None:
    (row,) = rows_of(index_of(("q", None, NORTH)), index_of(*CATALOGUE), neighbours)
    assert (row["prediction"], row["votes"], row["voters"]) == (prediction, votes, neighbours)
    assert row["similar_3"] == "sandals/2"


@pytest.mark.parametrize(
    ("reject", "angle", "reason"),
    [
        (None, 200, None),
        (0.5, 0, None),
        (0.6, 0, "confidence 0.583 under search.reject 0.6"),
        ("auto", 0, None),
        ("auto", 110, FAR),
    ],
)
def test_a_prediction_that_is_not_trusted_is_refused_with_the_reason(
    reject: float | str | None, angle: float, reason: str | None
) -> None:
    query = index_of(("q", "boots", NORTH + angle))
    found = find([query], [index_of(*CATALOGUE)], 3)
    (row,) = predict(found, (), {}, undecided(found), classifier(3, reject=reject), {}).rows
    values = dict(row)
    assert (values["refused"], values["error"]) == (reason, None)
    assert (values["prediction"] is None) == (values["correct"] is None) == (reason is not None)
    assert (values["likely_classes"] is None) == (reason is not None)
    assert values["similar_1"]
    assert values["confidence"]


@pytest.mark.parametrize("reject", [None, "auto", 0.5])
def test_where_the_confidence_is_not_known_it_is_empty_and_reaches_no_limit(
    reject: float | str | None,
) -> None:
    found = find([index_of(("q", "boots", NORTH))], [index_of(*CATALOGUE)], 3)
    unsure = replace(classifier(3, reject=reject), calibration=None)
    (row,) = predict(found, (), {}, undecided(found), unsure, {}).rows
    values = dict(row)
    assert values["confidence"] is None
    assert values["refused"] == ("confidence not known" if reject == 0.5 else None)
    assert values["prediction"] == (None if reject == 0.5 else "sandals")


def test_a_query_without_neighbours_is_refused_with_the_reason() -> None:
    taken = find([index_of(("q", "boots", NORTH))], [index_of(("own", "boots", NORTH))], 3)
    found = without_own(taken, {"q": {"own"}}, 2)
    rows, votes = predict(found, (), {}, {"q": Known("hats", "right", None)}, classifier(2), {})
    (row,) = rows
    values = {name: value for name, value in row.items() if value is not None}
    assert values == {
        "image": "q",
        "label": "boots",
        "voters": 0,
        "refused": "no image of the catalogue to compare it with",
        "original_label": "hats",
        "decision": "right",
    }
    assert not votes


def test_a_tie_goes_to_the_class_with_the_larger_sum() -> None:
    (row,) = rows_of(index_of(("q", None, NORTH)), index_of(*CATALOGUE), 4)
    assert (row["prediction"], row["votes"], row["voters"]) == ("sandals", 2, 4)


@pytest.mark.parametrize(
    ("label", "correct"), [("sandals", "true"), ("boots", "false"), ("hats", "false"), (None, None)]
)
def test_a_prediction_is_right_wrong_or_without_a_label(
    label: str | None, correct: str | None
) -> None:
    (row,) = rows_of(index_of(("q", label, NORTH)), index_of(*CATALOGUE))
    assert (row["label"], row["correct"]) == (label, correct)


def test_a_row_has_the_original_label_the_decision_and_the_note() -> None:
    found = find([index_of(("q", "sandals", NORTH))], [index_of(*CATALOGUE)], 3)
    left_out = Rejected("p", "boots", "left out", "boots", "out")
    rows = predict(
        found,
        [left_out],
        {},
        {"q": Known("boots", "wrong", "its end is missing")},
        classifier(3),
        {},
    ).rows
    assert [
        {name: row[name] for name in ("label", "correct", "original_label", "decision", "note")}
        for row in rows
    ] == [
        {
            "label": "boots",
            "correct": None,
            "original_label": "boots",
            "decision": "out",
            "note": None,
        },
        {
            "label": "sandals",
            "correct": "true",
            "original_label": "boots",
            "decision": "wrong",
            "note": "its end is missing",
        },
    ]


def test_a_query_that_is_in_the_catalogue_is_flagged_with_its_image() -> None:
    queries = index_of(("p", None, 0), ("q", None, NORTH))
    found = find([queries], [index_of(*CATALOGUE)], 3)
    copies = {"q": QueryDuplicate("q", "near", "boots/1")}
    rows = predict(found, (), copies, undecided(found), classifier(3), {}).rows
    assert [[row["duplicate"], row["duplicate_of"]] for row in rows] == [
        [None, None],
        ["near", "boots/1"],
    ]


def test_a_catalogue_with_fewer_images_than_neighbours_answers_with_all() -> None:
    (row,) = rows_of(index_of(("q", None, NORTH)), index_of(*CATALOGUE[:2]), 10)
    assert (row["prediction"], row["votes"], row["voters"]) == ("boots", 2, 2)
    assert [row[f"similar_{n}"] for n in (1, 2, 3)] == ["boots/1", "boots/2", None]
    assert (row["class_3"], row["similarity_3"]) == (None, None)


def test_of_images_of_one_product_all_vote_and_the_most_similar_is_shown() -> None:
    found = find([index_of(("q", "boots", NORTH))], [index_of(*CATALOGUE)], 4)
    known = {"boots/1": "P1", "sandals/1": "P1"}
    (row,) = predict(found, (), {}, undecided(found), classifier(4), known).rows
    shown = row
    assert [shown[f"similar_{n}"] for n in (1, 2, 3)] == ["boots/1", "sandals/2", "boots/2"]
    assert shown["voters"] == 4


def test_equal_bytes_under_one_class_vote_once_and_the_first_path_is_shown() -> None:
    catalogue = index_of(
        ("boots/a", "boots", NORTH),
        ("boots/b", "boots", NORTH),
        ("boots/c", "boots", NORTH),
        ("sandals/a", "sandals", NORTH - 1),
        ("sandals/b", "sandals", NORTH - 2),
        ids="xxxyz",
    )
    (row,) = rows_of(index_of(("q", None, NORTH)), catalogue)
    assert (row["prediction"], row["votes"], row["voters"]) == ("sandals", 2, 3)
    assert [row[f"similar_{n}"] for n in (1, 2, 3)] == ["boots/a", "sandals/a", "sandals/b"]


def test_equal_bytes_under_two_classes_vote_for_both() -> None:
    catalogue = index_of(
        ("a/1", "boots", NORTH), ("b/1", "sandals", NORTH), ("b/2", "sandals", 0), ids="xxy"
    )
    (row,) = rows_of(index_of(("q", None, NORTH)), catalogue, 2)
    assert (row["prediction"], row["votes"], row["voters"]) == ("boots", 1, 2)
    assert [row[f"similar_{n}"] for n in (1, 2, 3)] == ["a/1", "b/1", "b/2"]


def test_rejected_files_have_a_reason_and_no_answer() -> None:
    rejected = (Rejected("b", "boots", "empty file"), Rejected("a", None, "damaged"))
    rows = rows_of(index_of(("aa", None, 0)), index_of(*CATALOGUE), rejected=rejected)
    assert [row["image"] for row in rows] == ["a", "aa", "b"]
    assert [row["error"] for row in rows] == ["damaged", None, "empty file"]
    assert {key for key, value in rows[2].items() if value is not None} == {
        "image",
        "label",
        "error",
    }


@pytest.mark.parametrize("rejected", [(), (Rejected("a", None, "damaged"),)])
def test_a_set_without_a_readable_image_has_only_its_rejected_rows(
    rejected: tuple[Rejected, ...],
) -> None:
    empty = FeatureTable("network", "model", [], [], [], np.zeros((0, 2), np.float32))
    rows = rows_of(empty, index_of(*CATALOGUE), rejected=rejected)
    assert [row["image"] for row in rows] == [file.image for file in rejected]


def test_features_of_different_models_are_not_compared() -> None:
    with pytest.raises(UserError, match="different models"):
        rows_of(index_of(("q", None, 0)), index_of(*CATALOGUE, fingerprint="other"))


def test_the_answers_do_not_depend_on_the_other_queries() -> None:
    angles = [(f"q{n:02}", None, 7.0 * n) for n in range(30)]
    together = rows_of(index_of(*angles), index_of(*CATALOGUE))
    alone = [rows_of(index_of(query), index_of(*CATALOGUE))[0] for query in angles]
    assert together == alone


names = st.text(
    st.one_of(
        st.sampled_from("\r\n\"',; %\\é€"), st.characters(codec="utf-8", exclude_characters="\0")
    ),
    min_size=1,
)


@given(queries=st.lists(names, unique=True, min_size=1), catalogue=st.tuples(names, names))
def test_the_csv_has_every_name_unchanged(
    tmp_path_factory: pytest.TempPathFactory, queries: list[str], catalogue: tuple[str, str]
) -> None:
    path = tmp_path_factory.getbasetemp() / "predictions.csv"
    images = [(name, name, 10.0 * n) for n, name in enumerate(queries[1:])]
    empty = FeatureTable("network", "model", [], [], [], np.zeros((0, 2), np.float32))
    neighbours = find(
        [index_of(*images) if images else empty],
        [index_of(*[(name, name, 50.0 * n) for n, name in enumerate(catalogue)])],
        2,
    )
    rejected = [Rejected(queries[0], None, queries[0])]
    rows = predict(neighbours, rejected, {}, undecided(neighbours), classifier(2), {}).rows
    PREDICTIONS.write(path, rows)
    assert read_csv(path) == [
        {name: "" if value is None else str(value) for name, value in row.items()} for row in rows
    ]
    with path.open(encoding="utf-8", newline="") as stream:
        header, *cells = csv.reader(stream)
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    assert table.to_numpy().tolist() == cells
    assert list(table) == header == list(PREDICTIONS.names)
