"""Resolves `search.metric: auto` to the metric that is best on the catalogue."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..core.file_formats import read_json

COSINE, ADAPTED_TOP, ADAPTED = "cosine", "adapted-top", "adapted"
METRICS = (COSINE, ADAPTED_TOP, ADAPTED)


def read(path: str | None) -> dict[str, Any]:
    """Return what `metric_comparison.compare` found, from its file; empty without one.

    Raises:
        DamagedFileError, UserError: as `file_formats.read_json`.
    """
    return read_json(Path(path)) if path else {}


def chosen(metric: str, comparison: Mapping[str, Any]) -> str:
    """Return the similarity to take, one of `METRICS`.

    Args:
        metric: the configured one; "auto" takes the best one.
        comparison: what `read` returns; only used with "auto".
    """
    if metric != "auto":
        return metric
    return str(comparison["best"])
