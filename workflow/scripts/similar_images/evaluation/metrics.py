"""How good the predictions are, where there are labels."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..backbones.model import Model
from ..classification.conformal import split
from ..classification.nearest import SHOWN
from ..core.wording import counted
from ..duplicates.query_duplicates import KINDS
from . import missing_classes, photo_fault_rates
from .intervals import accuracy, share_in_words

Row = Mapping[str, str]  # of `predictions.csv` or `products.csv`


class Confusion(NamedTuple):
    """How often each class was taken for each class.

    Attributes:
        classes: those that are a label or a prediction, sorted.
        counts: (classes, classes); rows are labels, columns are predictions.
    """

    classes: list[str]
    counts: NDArray[np.intp]


def evaluate(
    predictions: Sequence[Row],
    model: Model,
    products: Sequence[Row] | None = None,
    taken: Collection[str] = (),
    catalogue: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """Return the metrics of `predictions`, rows of `predictions.csv`.

    Accuracy is the share of right answers among the images with a label that have a prediction,
    that is, are readable and were not refused; its interval is Wilson's, at 95 %. The precision of
    the top 3 is the share of the three nearest images that have the right class; the coverage that
    of the sets of classes that have the right one. Where there are no labels these are None.
    Queries that are in the catalogue are counted, and there is the accuracy without them; and,
    where people have decided, that by the original labels. With `products`, rows of `products.csv`,
    there is their accuracy, too, unless each has one photo only. There is the
    accuracy without the images `taken`, which decisions took into the catalogue: an adapted
    similarity learns from these. `catalogue` has the number of its images of each class, and shows
    which labels it lacks. The photos with each fault have an accuracy of their own.
    """
    labelled = _labelled(predictions)
    return {
        "images": len(predictions),
        "readable": sum(not row["error"] for row in predictions),
        "refused": sum(bool(row["refused"]) for row in predictions),
        **_accuracy(labelled),
        "precision_top_3": _precision_of_shown(labelled),
        **_sets(labelled),
        "classes": _per_class(confusion(predictions)),
        "duplicates": {
            kind: sum(row["duplicate"] == kind for row in predictions) for kind in KINDS
        },
        "without_duplicates": _accuracy([row for row in labelled if not row["duplicate"]]),
        "without_taken": _accuracy([row for row in labelled if row["image"] not in taken]),
        "missing_classes": [
            one._asdict() for one in missing_classes.of_predictions(predictions, catalogue)
        ]
        if catalogue
        else [],
        "decided": sum(bool(row["decision"]) for row in predictions),
        "by_original_label": _accuracy(_labelled(list(map(_by_original_label, predictions)))),
        "products": _products(products or []),
        "photo_faults": photo_fault_rates.rates(predictions),
        "metric": next((row["metric"] for row in predictions if row["metric"]), None),
        "backbone": model.backbone,
        "fallback": model.fallback,
        "note": None if labelled else _no_accuracy(predictions),
    }


def confusion(predictions: Sequence[Row]) -> Confusion:
    """Return what was taken for what in `predictions`, where there is a label."""
    labelled = _labelled(predictions)
    columns = ("label", "prediction")
    classes = sorted({row[column] for row in labelled for column in columns})
    number = {class_: n for n, class_ in enumerate(classes)}
    counts = np.zeros((len(classes), len(classes)), np.intp)
    for row in labelled:
        counts[number[row["label"]], number[row["prediction"]]] += 1
    return Confusion(classes, counts)


def sentence(evaluation: Mapping[str, Any]) -> str:
    """Return the metrics as a sentence that a person can quote."""
    network = evaluation["backbone"] + (" (the fallback)" if evaluation["fallback"] else "")
    refused = f" {evaluation['refused']} refused." if evaluation["refused"] else ""
    if not evaluation["labelled"]:
        predicted = evaluation["readable"] - evaluation["refused"]
        images = counted(predicted, "image")
        return f"{images} predicted with {network};{refused} {evaluation['note']}."
    text = _share(evaluation, "labelled image", f"correct with {network}") + refused
    by_original_label = evaluation["by_original_label"]
    if not by_original_label["labelled"]:
        text += " They had no labels before they were decided."
    elif any(by_original_label[name] != evaluation[name] for name in ("labelled", "correct")):
        text += " " + _share(by_original_label, "", "right by the original labels")
    without = evaluation["without_duplicates"]
    if not without["labelled"]:
        text += " All of them are in the catalogue."
    elif without["labelled"] != evaluation["labelled"]:
        text += " " + _share(without, "", "right without those in the catalogue")
    products = evaluation["products"]
    if products and products["labelled"]:
        text += " " + _share(products, "labelled product", "correct")
    return text


def _accuracy(labelled: Sequence[Row]) -> dict[str, Any]:
    """Return how many of the rows `labelled` are right, and their share."""
    return accuracy(sum(row["correct"] == "true" for row in labelled), len(labelled))


def _share(figures: Mapping[str, Any], noun: str, right: str) -> str:
    of = counted(figures["labelled"], noun) if noun else f"{figures['labelled']:,}"
    return f"{figures['correct']:,} of {of} {right}: {share_in_words(figures)}."


def _products(products: Sequence[Row]) -> dict[str, Any] | None:
    """Return the figures of products, or None if all of them are single photos."""
    if all(int(row["images"]) == 1 for row in products):
        return None
    return {
        "products": len(products),
        "predicted": sum(bool(row["prediction"]) for row in products),
        "conflicts": sum(row["conflict"] == "true" for row in products),
        **_accuracy(_labelled(products)),
    }


def _labelled(predictions: Sequence[Row]) -> list[Row]:
    """Return the rows with a prediction and a label."""
    return [row for row in predictions if row["prediction"] and row["label"]]


def _by_original_label(row: Row) -> Row:
    """Return a row of `predictions.csv` as if nobody had decided on its label."""
    label = row["original_label"]
    return {**row, "label": label, "correct": str(row["prediction"] == label).lower()}


def _no_accuracy(predictions: Sequence[Row]) -> str:
    if any(row["label"] for row in predictions) and any(row["refused"] for row in predictions):
        return "no image with a label has a prediction, so there is no accuracy"
    return "there are no labels, so there is no accuracy"


def _precision_of_shown(labelled: Sequence[Row]) -> float | None:
    shown = [
        (row["label"], class_)
        for row in labelled
        for n in range(1, SHOWN + 1)
        if (class_ := row[f"class_{n}"])
    ]
    return _ratio(sum(label == class_ for label, class_ in shown), len(shown))


def _sets(labelled: Sequence[Row]) -> dict[str, float | None]:
    """Return how often the sets of the rows `labelled` have the label, and their mean size."""
    sets = [split(row["likely_classes"]) for row in labelled]
    covered = sum(row["label"] in set_ for row, set_ in zip(labelled, sets, strict=True))
    return {
        "coverage": _ratio(covered, len(sets)),
        "mean_classes": _ratio(sum(map(len, sets)), len(sets)),
    }


def _per_class(confusion: Confusion) -> dict[str, dict[str, float | None]]:
    """Return the figures of each class, None where they are not defined.

    Those of scikit-learn's `precision_recall_fscore_support`, which takes two seconds to import.
    """
    columns = zip(
        confusion.classes,
        confusion.counts.diagonal().tolist(),
        confusion.counts.sum(axis=0).tolist(),
        confusion.counts.sum(axis=1).tolist(),
        strict=True,
    )
    return {
        class_: {
            "precision": _ratio(right, predicted),
            "recall": _ratio(right, labelled),
            "f1": _ratio(2 * right, predicted + labelled),
            "support": labelled,
        }
        for class_, right, predicted, labelled in columns
    }


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
