"""How good the predictions are with and without each fault of the photos."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..images.photo_faults import FAULTS, split
from .intervals import accuracy

Row = Mapping[str, str]  # of `predictions.csv`

# The name of the photos without any fault.
NONE = "none"


def rates(predictions: Sequence[Row]) -> dict[str, Any]:
    """Return the accuracy for each fault that occurs in `predictions`, rows of `predictions.csv`.

    Each has its number of `photos`, and the accuracy of those with a label and a prediction; under
    `without` is that of all photos without this fault. `none` stands for the photos that were read
    and have no fault at all. Without any fault the result is empty.
    """
    named = [(row, split(row["photo_faults"])) for row in predictions if not row["error"]]
    found = {
        fault: {
            **_figures([row for row, faults in named if fault in faults]),
            "without": _figures([row for row, faults in named if fault not in faults]),
        }
        for fault in FAULTS
        if any(fault in faults for _, faults in named)
    }
    none = _figures([row for row, _ in named if not row["photo_faults"]])
    return {**found, NONE: none} if found else {}


def _figures(photos: Sequence[Row]) -> dict[str, Any]:
    labelled = [row for row in photos if row["prediction"] and row["label"]]
    correct = sum(row["correct"] == "true" for row in labelled)
    return {"photos": len(photos), **accuracy(correct, len(labelled))}
