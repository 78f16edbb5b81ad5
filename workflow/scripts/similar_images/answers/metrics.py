"""How good the predictions are, where labels tell."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from ..networks.model import Model
from .duplicates import KINDS
from .intervals import wilson_interval
from .predictions import SHOWN


def evaluate(predictions: pd.DataFrame, model: Model) -> dict[str, Any]:
    """Return the metrics of `predictions`, a table of texts as `predictions.csv` holds.

    Accuracy is the share of right answers among the images with a label that have a prediction,
    that is, are readable and were not refused; its interval
    is Wilson's (E. B. Wilson, 1927), at 95 %. The precision of the top 3 is the share of the
    three nearest images that have the right class. Where there are no labels these are None.
    Queries that stand in the catalogue are counted, and the accuracy without them is told, too.
    """
    labelled = _labelled(predictions)
    return {
        "images": len(predictions),
        "readable": int((predictions["error"] == "").sum()),
        "refused": int((predictions["refused"] != "").sum()),
        **_accuracy(labelled),
        "precision_top_3": _precision_of_shown(labelled),
        "classes": _per_class(labelled),
        "duplicates": {kind: int((predictions["duplicate"] == kind).sum()) for kind in KINDS},
        "without_duplicates": _accuracy(labelled[labelled["duplicate"] == ""]),
        "backbone": model.backbone,
        "fallback": model.fallback,
        "note": None if len(labelled) else _no_accuracy(predictions),
    }


def confusion(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return how often each class (rows) was taken for each class (columns)."""
    labelled = _labelled(predictions)
    classes = _classes(labelled)
    counts = (
        confusion_matrix(labelled["label"], labelled["prediction"], labels=classes)
        if classes
        else None
    )
    return pd.DataFrame(counts, index=pd.Index(classes, name="label"), columns=classes)


def sentence(evaluation: Mapping[str, Any]) -> str:
    """Return the metrics as a sentence that a person can quote."""
    network = evaluation["backbone"] + (" (the fallback)" if evaluation["fallback"] else "")
    refused = f" {evaluation['refused']} refused." if evaluation["refused"] else ""
    if not evaluation["labelled"]:
        predicted = evaluation["readable"] - evaluation["refused"]
        return f"{predicted} images predicted with {network};{refused} {evaluation['note']}."
    told = _share(evaluation, f"labelled images right with {network}") + refused
    without = evaluation["without_duplicates"]
    if without["labelled"] == evaluation["labelled"]:
        return told
    if not without["labelled"]:
        return f"{told} All of them stand in the catalogue."
    return f"{told} {_share(without, 'right without those that stand in the catalogue')}"


def _accuracy(labelled: pd.DataFrame) -> dict[str, Any]:
    """Return how many of the rows `labelled` are right, and their share."""
    correct = int((labelled["correct"] == "true").sum())
    return {
        "labelled": len(labelled),
        "correct": correct,
        "accuracy": correct / len(labelled) if len(labelled) else None,
        "accuracy_interval_95": wilson_interval(correct, len(labelled)),
    }


def _share(accuracy: Mapping[str, Any], right: str) -> str:
    low, high = accuracy["accuracy_interval_95"]
    return (
        f"{accuracy['correct']} of {accuracy['labelled']} {right}"
        f": {accuracy['accuracy']:.1%} (95 % interval {low:.1%} to {high:.1%})."
    )


def _labelled(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with a prediction and a label."""
    return predictions[(predictions["prediction"] != "") & (predictions["label"] != "")]


def _no_accuracy(predictions: pd.DataFrame) -> str:
    if (predictions["label"] != "").any() and (predictions["refused"] != "").any():
        return "no image with a label has a prediction, so there is no accuracy"
    return "there are no labels, so there is no accuracy"


def _classes(labelled: pd.DataFrame) -> list[str]:
    return sorted({*labelled["label"], *labelled["prediction"]})


def _precision_of_shown(labelled: pd.DataFrame) -> float | None:
    if labelled.empty:
        return None
    shown = labelled[[f"class_{n}" for n in range(1, SHOWN + 1)]]
    right = shown.eq(labelled["label"], axis=0).to_numpy().sum()
    return float(right / (shown != "").to_numpy().sum())


def _per_class(labelled: pd.DataFrame) -> dict[str, dict[str, float | None]]:
    classes = _classes(labelled)
    if not classes:
        return {}
    columns = precision_recall_fscore_support(
        labelled["label"], labelled["prediction"], labels=classes, zero_division=float("nan")
    )
    names = ("precision", "recall", "f1", "support")
    return {
        class_: {
            name: None if pd.isna(value) else value.item()
            for name, value in zip(names, values, strict=True)
        }
        for class_, *values in zip(classes, *columns, strict=True)
    }
