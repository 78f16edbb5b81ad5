"""Which similarity the search takes, where the catalogue is to choose."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..core.formats import read_json

COSINE, ADAPTED_TOP, ADAPTED = METRICS = ("cosine", "adapted-top", "adapted")


def read(path: str | None) -> dict[str, Any]:
    """Return what `metric_comparison.compare` found, from its file; empty without one.

    Raises:
        DamagedFileError, UserError: as `formats.read_json`.
    """
    return read_json(Path(path)) if path else {}


def chosen(metric: str, comparison: Mapping[str, Any]) -> str:
    """Return the similarity to take, one of `METRICS`.

    Args:
        metric: the configured one; "auto" takes the best one.
        comparison: what `read` returns; empty where `metric` is none to choose.
    """
    if metric != "auto":
        return metric
    return str(comparison["best"])
