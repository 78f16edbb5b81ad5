"""Which similarity the search takes, where the catalogue is to choose."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..base.formats import read_json


def read(path: str | None) -> dict[str, Any]:
    """Return what `metric_comparison.compare` found, from its file; empty without one.

    Raises:
        DamagedFileError, UserError: as `formats.read_json`.
    """
    return read_json(Path(path)) if path else {}


def chosen(metric: str, comparison: Mapping[str, Any]) -> str:
    """Return the similarity to take, "cosine" or "adapted".

    Args:
        metric: the configured one; "auto" takes the better one.
        comparison: what `read` returns; empty where `metric` is none to choose.
    """
    if metric != "auto":
        return metric
    return "adapted" if comparison["adapted_is_better"] else "cosine"
