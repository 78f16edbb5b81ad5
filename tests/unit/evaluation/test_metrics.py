"""Tests of the metrics, against figures worked out by hand."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from similar_images.backbones.model import Model
from similar_images.classification.tables import PREDICTIONS
from similar_images.evaluation import metrics
from similar_images.evaluation.intervals import wilson_interval

# label, prediction, classes of the top 3; "" where there is none.
MIXED = [
    ("boots", "boots", "boots boots sandals"),
    ("boots", "sandals", "sandals boots sandals"),
    ("boots", "boots", "boots boots boots"),
    ("sandals", "sandals", "sandals sandals"),
    ("hats", "boots", "boots sandals boots"),
    ("", "sandals", "sandals sandals sandals"),
]
UNLABELLED = [("", "boots", "boots boots boots")] * 2
UNREADABLE = [("boots", "", "")] * 3
REFUSED = {"prediction": "", "correct": "", "refused": "not trusted"}


def table(*rows: tuple[str, str, str]) -> list[dict[str, str]]:
    """Return `predictions.csv` as it is read: all texts, empty where there is nothing."""
    texts = []
    for n, (label, prediction, shown) in enumerate(rows):
        row = dict.fromkeys(PREDICTIONS.names, "") | {"image": str(n), "label": label}
        row |= {"original_label": label}
        row |= {"prediction": prediction, "error": "" if prediction else "damaged"}
        row |= {"metric": "adapted" if prediction else ""}
        row |= {f"class_{n}": class_ for n, class_ in enumerate(shown.split(), 1)}
        if label and prediction:
            row["correct"] = str(label == prediction).lower()
        texts.append(row)
    return texts


def test_counts_and_shares_are_those_of_the_readable_labelled_images(model: Model) -> None:
    found = metrics.evaluate(table(*MIXED, *UNREADABLE), model)
    counts = ("images", "readable", "labelled", "correct")
    assert [found[name] for name in counts] == [9, 6, 5, 3]
    assert found["accuracy"] == pytest.approx(3 / 5)
    assert found["precision_top_3"] == pytest.approx((2 + 1 + 3 + 2 + 0) / 14)
    assert found["note"] is None
    assert found["metric"] == "adapted"
    assert found["backbone"] == model.backbone
    assert found["fallback"] is False


def test_the_accuracy_of_products_is_beside_that_of_the_images(model: Model) -> None:
    rows = [
        {"label": label, "prediction": "boots", "conflict": conflict, "correct": correct}
        | {"images": "2"}
        for label, conflict, correct in [
            ("boots", "false", "true"),
            ("hats", "false", "false"),
            ("", "true", ""),
        ]
    ] + [{"label": "hats", "prediction": "", "conflict": "false", "correct": "", "images": "1"}]
    found = metrics.evaluate(table(*MIXED), model, rows)
    assert found["products"] == {
        "products": 4,
        "predicted": 3,
        "conflicts": 1,
        "labelled": 2,
        "correct": 1,
        "accuracy": 0.5,
        "accuracy_interval_95": wilson_interval(1, 2),
    }
    assert found["correct"] == metrics.evaluate(table(*MIXED), model)["correct"]
    assert metrics.evaluate(table(*MIXED), model)["products"] is None
    assert metrics.evaluate(table(*MIXED), model, [rows[-1]] * 2)["products"] is None
    assert " 1 of 2 labelled products correct: 50.0% (95 % interval" in metrics.sentence(found)


def test_the_coverage_is_the_share_of_sets_that_have_the_label(model: Model) -> None:
    rows = table(*MIXED[:4], *UNLABELLED, *UNREADABLE)
    for row, classes in zip(rows, ["boots", "sandals|boots", "sandals", "sandals"], strict=False):
        row["likely_classes"] = classes
    found = metrics.evaluate(rows, model)
    assert (found["coverage"], found["mean_classes"]) == (3 / 4, 5 / 4)
    assert metrics.evaluate(table(*UNLABELLED), model)["coverage"] is None


def test_a_refused_prediction_is_counted_as_that_and_in_no_share(model: Model) -> None:
    predictions = table(*MIXED, *UNREADABLE)
    for n in (0, 5):
        predictions[n] |= REFUSED
    found = metrics.evaluate(predictions, model)
    counts = ("images", "readable", "refused", "labelled", "correct")
    assert [found[name] for name in counts] == [9, 6, 2, 4, 2]
    assert found["accuracy"] == pytest.approx(2 / 4)
    assert metrics.confusion(predictions).counts.sum() == 4
    assert metrics.sentence(found).endswith(" 2 refused.")


def test_where_all_are_refused_there_is_no_accuracy(model: Model) -> None:
    predictions = [row | REFUSED for row in table(*MIXED)]
    found = metrics.evaluate(predictions, model)
    assert found["accuracy"] is None
    assert "no image with a label has a prediction" in found["note"]
    assert metrics.confusion(predictions).classes == []


def test_there_is_the_accuracy_without_queries_that_are_in_the_catalogue(model: Model) -> None:
    predictions = table(*MIXED, *UNREADABLE)
    for n, kind in {0: "exact", 5: "exact", 1: "near", 2: "mirrored"}.items():
        predictions[n]["duplicate"] = kind
    found = metrics.evaluate(predictions, model)
    assert (found["labelled"], found["correct"]) == (5, 3)
    assert found["duplicates"] == {"exact": 2, "near": 1, "mirrored": 1}
    without = found["without_duplicates"]
    assert (without["labelled"], without["correct"], without["accuracy"]) == (2, 1, 0.5)
    assert without["accuracy_interval_95"] == wilson_interval(1, 2)
    sentence = metrics.sentence(found)
    assert "1 of 2 right without those in the catalogue: 50.0%" in sentence


def test_if_all_queries_are_in_the_catalogue_there_is_no_accuracy_without_them(
    model: Model,
) -> None:
    predictions = [row | {"duplicate": "exact"} for row in table(*MIXED)]
    found = metrics.evaluate(predictions, model)
    assert found["without_duplicates"]["accuracy"] is None
    assert metrics.sentence(found).endswith("All of them are in the catalogue.")


def test_each_class_has_its_precision_recall_and_f1(model: Model) -> None:
    rows = [*MIXED, ("boots", "flip_flops", "boots")]
    assert metrics.evaluate(table(*rows), model)["classes"] == {
        "boots": pytest.approx({"precision": 2 / 3, "recall": 1 / 2, "f1": 4 / 7, "support": 4}),
        "flip_flops": {"precision": 0, "recall": None, "f1": 0, "support": 0},
        "hats": {"precision": None, "recall": 0, "f1": 0, "support": 1},
        "sandals": pytest.approx({"precision": 1 / 2, "recall": 1, "f1": 2 / 3, "support": 1}),
    }


@pytest.mark.parametrize("rows", [[], UNLABELLED, UNREADABLE, [*UNLABELLED, *UNREADABLE]])
def test_without_labels_there_are_no_shares_but_a_note(
    rows: list[tuple[str, str, str]], model: Model
) -> None:
    found = metrics.evaluate(table(*rows), model)
    assert (found["images"], found["labelled"], found["correct"]) == (len(rows), 0, 0)
    shares = ("accuracy", "accuracy_interval_95", "precision_top_3")
    assert [found[name] for name in shares] == [None, None, None]
    assert found["classes"] == {}
    assert "no labels" in found["note"]
    assert "there are no labels" in metrics.sentence(found)
    assert metrics.confusion(table(*rows)).counts.size == 0


def test_the_metrics_are_plain_json(model: Model) -> None:
    found = metrics.evaluate(table(*MIXED, *UNREADABLE), model)
    assert json.loads(json.dumps(found, allow_nan=False)) == found


@pytest.mark.parametrize(
    ("successes", "trials", "interval"),
    [
        # R. G. Newcombe, Statistics in Medicine 17 (1998), table I, method 3
        (81, 263, [0.2553, 0.3662]),
        (15, 148, [0.0624, 0.1605]),
        (0, 20, [0.0, 0.1611]),
        (1, 29, [0.0061, 0.1718]),
        (20, 20, [0.8389, 1.0]),
    ],
)
def test_the_interval_is_wilsons(successes: int, trials: int, interval: list[float]) -> None:
    assert wilson_interval(successes, trials) == pytest.approx(interval, abs=5e-5)


@pytest.mark.parametrize("trials", [1, 7, 500])
def test_the_interval_is_that_of_scipy(trials: int) -> None:
    for successes in range(trials + 1):
        expected = binomtest(successes, trials).proportion_ci(0.95, "wilson")
        found = wilson_interval(successes, trials)
        assert found == pytest.approx([expected.low, expected.high], abs=1e-12)


def test_without_trials_there_is_no_interval() -> None:
    assert wilson_interval(0, 0) is None


def test_the_confusion_table_has_the_label_in_rows_and_the_prediction_in_columns() -> None:
    found = metrics.confusion(table(*MIXED, *UNREADABLE))
    assert found.classes == ["boots", "hats", "sandals"]
    assert found.counts.tolist() == [[2, 0, 1], [1, 0, 0], [0, 0, 1]]


@pytest.mark.parametrize("seed", range(5))
def test_the_figures_are_those_of_scikit_learn(seed: int, model: Model) -> None:
    drawn = np.random.default_rng(seed).choice(list("abcdef"), (40, 2))
    labels, guesses = drawn[:, 0].tolist(), drawn[:, 1].tolist()
    rows = table(*((label, guess, guess) for label, guess in zip(labels, guesses, strict=True)))
    classes, counts = metrics.confusion(rows)
    assert counts.tolist() == confusion_matrix(labels, guesses, labels=classes).tolist()
    expected = precision_recall_fscore_support(
        labels, guesses, labels=classes, zero_division=np.nan
    )
    found = metrics.evaluate(rows, model)["classes"]
    figures = np.array([list(found[class_].values()) for class_ in classes], float)
    assert figures == pytest.approx(np.column_stack(expected), nan_ok=True)


def test_the_accuracy_by_original_labels_is_beside_that_after_decisions(
    model: Model,
) -> None:
    predictions = table(*MIXED, *UNREADABLE)
    predictions[1] |= {"label": "sandals", "correct": "true", "decision": "wrong"}
    predictions[5] |= {"label": "sandals", "correct": "true", "decision": "right"}
    predictions[6] |= {"decision": "out"}
    found = metrics.evaluate(predictions, model)
    assert (found["labelled"], found["correct"], found["decided"]) == (6, 5, 3)
    assert found["by_original_label"] == {
        "labelled": 5,
        "correct": 3,
        "accuracy": 3 / 5,
        "accuracy_interval_95": wilson_interval(3, 5),
    }
    sentence = metrics.sentence(found)
    assert sentence.startswith("5 of 6 labelled images correct")
    assert "3 of 5 right by the original labels: 60.0%" in sentence


def test_without_decisions_the_sentence_has_one_accuracy(model: Model) -> None:
    found = metrics.evaluate(table(*MIXED), model)
    assert found["decided"] == 0
    assert "original labels" not in metrics.sentence(found)


def test_the_sentence_says_if_no_query_had_an_original_label(model: Model) -> None:
    predictions = table(*MIXED)
    for row in predictions:
        row |= {"original_label": "", "decision": "right" if row["label"] else ""}
    found = metrics.evaluate(predictions, model)
    assert found["by_original_label"]["accuracy"] is None
    assert "had no labels before they were decided" in metrics.sentence(found)


def test_the_sentence_on_a_single_image_has_no_plural(model: Model) -> None:
    alone = table(*MIXED)[:1]
    assert metrics.sentence(metrics.evaluate(alone, model)).startswith("1 of 1 labelled image ")
    alone[0] |= {"label": ""}
    assert metrics.sentence(metrics.evaluate(alone, model)).startswith("1 image predicted with ")


def test_the_sentence_has_the_figures_and_names_the_fallback(model: Model) -> None:
    model = replace(model, backbone="EfficientNetLite2", fallback=True)
    sentence = metrics.sentence(metrics.evaluate(table(*MIXED), model))
    assert sentence.startswith(
        "3 of 5 labelled images correct with EfficientNetLite2 (the fallback)"
    )
    assert "60.0%" in sentence
    assert "23.1% to 88.2%" in sentence


def test_the_accuracy_without_queries_in_the_catalogue_is_given(model: Model) -> None:
    rows = table(*MIXED)
    found = metrics.evaluate(rows, model, taken={"0", "1"})
    kept = [row for row in rows if row["image"] not in {"0", "1"}]
    alone = metrics.evaluate(kept, model)
    for name in ("labelled", "correct", "accuracy", "accuracy_interval_95"):
        assert found["without_taken"][name] == alone[name] != found[name]


def test_labels_that_the_catalogue_lacks_are_named(model: Model) -> None:
    found = metrics.evaluate(table(*MIXED), model, catalogue={"boots": 9, "sandals": 9})
    assert [one["label"] for one in found["missing_classes"]] == ["hats"]
    assert metrics.evaluate(table(*MIXED), model)["missing_classes"] == []
