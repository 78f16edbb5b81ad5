"""The summary at the end of a run, in a few lines."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from ..core.errors import UserError
from ..core.file_formats import read_csv, read_json
from ..evaluation.intervals import share_in_words


def lines(results: Path, sets: Iterable[str]) -> list[str]:
    """Return a line for each of the query `sets`, and lines about the catalogue.

    Those say which similarity was chosen or would be better, and how many files were left out.

    Args:
        results: the folder of all results.
        sets: those whose report was made.
    """
    found = [_guarded(_set, results, name) for name in sets]
    found += [_guarded(part, results) for part in (_similarity, _left_out)]
    return [line for line in found if line]


def _guarded(part: Callable[..., str], results: Path, *names: str) -> str:
    """Return the text of `part`, or the error in its files: the run itself succeeded."""
    try:
        return part(results, *names)
    except UserError as error:
        return str(error)


def _set(results: Path, name: str) -> str:
    metrics = read_json(results / name / "metrics.json")
    line = _correct_in_words(metrics, "images", metrics["readable"] - metrics["refused"])
    if products := metrics["products"]:
        line += "; " + _correct_in_words(products, "products", products["predicted"])
    more = {
        "decided": metrics["decided"],
        "refused": metrics["refused"],
        "files left out": metrics["images"] - metrics["readable"],
    }
    counts = "".join(f", {number} {what}" for what, number in more.items() if number)
    return f"{name}: {line}{counts}. Look at {results / name / 'report.html'}"


def _correct_in_words(accuracy: Mapping[str, Any], what: str, predicted: int) -> str:
    """Return how many are right, or, where there are no labels, how many were predicted."""
    if not accuracy["labelled"]:
        return f"{predicted} {what} predicted"
    return (
        f"{accuracy['correct']} of {accuracy['labelled']} labelled {what} correct: "
        f"{share_in_words(accuracy)}"
    )


def _similarity(results: Path) -> str:
    if choice := read_json(results / "catalogue" / "quality.json")["choice"]:
        return str(choice)
    compared = (
        results / "catalogue" / "metric_comparison.json"
    )  # not there where a page alone was asked for
    return str(read_json(compared)["advice"] or "") if compared.is_file() else ""


def _left_out(results: Path) -> str:
    path = results / "catalogue" / "rejected.csv"
    rejected = len(read_csv(path))
    return f"catalogue: {rejected} files left out. Look at {path}" if rejected else ""
