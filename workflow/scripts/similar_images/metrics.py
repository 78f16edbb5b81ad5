"""How good the predictions are, where labels tell."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from scipy.stats import binomtest
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from .model import Model
from .predictions import SHOWN


def evaluate(predictions: pd.DataFrame, model: Model) -> dict[str, Any]:
    """Return the metrics of `predictions`, a table of texts as `predictions.csv` holds.

    Accuracy is the share of right answers among the readable images with a label; its interval
    is Wilson's (E. B. Wilson, 1927), at 95 %. The precision of the top 3 is the share of the
    three nearest images that have the right class. Where there are no labels these are None.
    """
    answered, labelled = _parts(predictions)
    correct = int((labelled["correct"] == "true").sum())
    return {
        "images": len(predictions),
        "readable": len(answered),
        "labelled": len(labelled),
        "correct": correct,
        "accuracy": correct / len(labelled) if len(labelled) else None,
        "accuracy_interval_95": wilson_interval(correct, len(labelled)),
        "precision_top_3": _precision_of_shown(labelled),
        "classes": _per_class(labelled),
        "backbone": model.backbone,
        "fallback": model.fallback,
        "note": None if len(labelled) else "there are no labels, so there is no accuracy",
    }


def confusion(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return how often each class (rows) was taken for each class (columns)."""
    _, labelled = _parts(predictions)
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
    if not evaluation["labelled"]:
        return f"{evaluation['readable']} images predicted with {network}; there are no labels."
    low, high = evaluation["accuracy_interval_95"]
    return (
        f"{evaluation['correct']} of {evaluation['labelled']} labelled images right with {network}"
        f": {evaluation['accuracy']:.1%} (95 % interval {low:.1%} to {high:.1%})."
    )


def wilson_interval(successes: int, trials: int) -> list[float] | None:
    """Return Wilson's 95 % interval for a share, or None without trials."""
    if not trials:
        return None
    interval = binomtest(successes, trials).proportion_ci(0.95, method="wilson")
    return [float(interval.low), float(interval.high)]


def _parts(predictions: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows with an answer, and those of them with a label."""
    answered = predictions[predictions["error"] == ""]
    return answered, answered[answered["label"] != ""]


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
