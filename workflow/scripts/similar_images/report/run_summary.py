"""The summary at the end of a run, in a few lines."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from ..classification import tables
from ..core.errors import UserError
from ..core.file_formats import read_json
from ..core.names import similar
from ..core.tables import ParquetTable
from ..core.wording import counted
from ..evaluation import missing_classes
from ..evaluation.intervals import share_in_words
from ..features import rejected
from ..images import listing
from ..images.columns import NOTE
from . import groups

# One column of `sharded_features.TABLE`, whose module imports slow packages.
NOTES = ParquetTable("results/<collection>/images.parquet", NOTE)


# Of so many groups the sizes are named.
MOST_SIZES = 5


class FileOnRequest(NamedTuple):
    """A file of a query set that is made on request: its name, what it is, and the target."""

    name: str
    noun: str
    target: str


ON_REQUEST = (
    FileOnRequest("report_portable.html", "page to send", "portable"),
    FileOnRequest("predictions.xlsx", "workbook", "workbook"),
    FileOnRequest("neighbours.csv", "table of neighbours", "neighbours"),
)


def changes(results: Path, collections: Iterable[str], decided: Iterable[str] = ()) -> list[str]:
    """Return a line for each of the `collections` whose photos have changed.

    Args:
        results: the folder of all results.
        collections: those that were listed in this run.
        decided: the labels that decisions give; these classes are not gone.
    """
    return _lines(partial(_changes, frozenset(decided)), results, collections)


def lines(
    results: Path,
    sets: Iterable[str],
    metric_before: str = "",
    folders: Mapping[str, str] | None = None,
) -> list[str]:
    """Return a line for each of the query `sets`, and lines about the catalogue.

    Those say which similarity was chosen or would be better, how many files were left out or
    have a note, and which labels the catalogue lacks.

    Args:
        results: the folder of all results.
        sets: those whose report was made.
        metric_before: the similarity of the last run, "" if unknown.
        folders: those of the sets that are folders.
    """
    sets = list(sets)
    found = _lines(_set, results, sets)
    found += _lines(_groups, results, sets)
    found += [_guarded(_similarity, results, metric_before), _guarded(_left_out, results)]
    found += _lines(_notes, results, ["catalogue", *sets])
    found += _lines(partial(_missing_classes, folders or {}), results, sets)
    # Each once: a damaged file may be reported twice.
    return [*dict.fromkeys(filter(None, found))]


def new_classes(photos: Mapping[str, int], known: Iterable[str]) -> list[str]:
    """Return a line about the classes that only decisions name, if there are any.

    Args:
        photos: how many each has, see `decisions.new_classes`.
        known: all other classes.
    """
    if not photos:
        return []
    counts = [f"{label} ({counted(number, 'photo')})" for label, number in photos.items()]
    known = set(known)
    close = {label: found for label in photos if (found := similar(label, known))}
    pairs = [found if len(photos) == 1 else f"{label} to {found}" for label, found in close.items()]
    note = f"; similar: {', '.join(pairs)}" if pairs else ""
    return [f"new classes by decisions: {', '.join(counts)}{note}"]


def on_request(
    results: Path, file: FileOnRequest, made: Iterable[str], renewed: Iterable[str]
) -> list[str]:
    """Return a line for each such file that was made, or that a new report has left behind.

    A former one that people had changed was set aside, see `workbook.set_aside`; as long as it is
    there, it is named, since decisions in it may not have been used yet.

    Args:
        results: the folder of all results.
        file: which.
        made: the query sets whose file was made in this run.
        renewed: those whose report was.
    """
    paths = {name: results / name / file.name for name in (*made, *renewed)}
    return [
        f"{name}: the {file.noun} is {path}{_set_aside(path)}"
        if name in made
        else f"{path} is of an earlier run. To make it again: snakemake --cores 8 {file.target}"
        for name, path in paths.items()
        if path.exists()
    ]


def _set_aside(path: Path) -> str:
    names = sorted(one.name for one in path.parent.glob(f"{path.stem}.edited-*{path.suffix}"))
    if not names:
        return ""
    return (
        f". You had changed {', '.join(names)} beside it: to use decisions in such a file, copy it "
        "beside config.yaml, and name it under decisions"
    )


def _lines(part: Callable[[Path, str], str], results: Path, names: Iterable[str]) -> list[str]:
    return [line for name in names if (line := _guarded(part, results, name))]


def _guarded(part: Callable[..., str], results: Path, *names: str) -> str:
    """Return the text of `part`, or the error in its files: the run itself succeeded."""
    try:
        return part(results, *names)
    except UserError as error:
        return str(error)


def _changes(decided: frozenset[str], results: Path, name: str) -> str:
    found = listing.CHANGES.read(results / name / listing.CHANGES_NAME)
    if not found:
        return ""
    classes = listing.TABLE.read(results / name / listing.NAME, ["label"])["label"]
    return f"{name}: {listing.in_words(found, decided.union(classes.unique().to_pylist()))}"


def _set(results: Path, name: str) -> str:
    metrics = read_json(results / name / "metrics.json")
    line = _correct_in_words(metrics, "image", metrics["readable"] - metrics["refused"])
    if products := metrics["products"]:
        line += "; " + _correct_in_words(products, "product", products["predicted"])
    line += _without_taken(metrics)
    left_out = metrics["images"] - metrics["readable"]
    counts = [f"{metrics[what]:,} {what}" for what in ("decided", "refused") if metrics[what]]
    counts += [f"{counted(left_out, 'file')} left out"] if left_out else []
    return f"{', '.join([f'{name}: {line}', *counts])}. Look at {results / name / 'report.html'}"


def _groups(results: Path, name: str) -> str:
    path = results / name / "groups.csv"
    if not path.is_file():  # where a page alone was asked for
        return ""
    found = [one for one in groups.read(tables.GROUPS.read(path)) if one.is_likely]
    if not found:
        return ""
    sizes = [len(one.images) for one in found]
    *first, last = [f"{size:,}" for size in sizes]
    of = f"of {', '.join(first)} and {last}" if first else f"of {last}"
    if len(sizes) > MOST_SIZES:
        of = f"the largest of {max(sizes):,}"
    return (
        f"{name}: {counted(len(found), 'group')} of photos that perhaps fit no class, {of} photos. "
        f"Look at {results / name / 'report.html'}"
    )


def _correct_in_words(accuracy: Mapping[str, Any], noun: str, predicted: int) -> str:
    """Return how many are right, or, where there are no labels, how many were predicted."""
    if not accuracy["labelled"]:
        return f"{counted(predicted, noun)} predicted"
    labelled = counted(accuracy["labelled"], f"labelled {noun}")
    return f"{accuracy['correct']:,} of {labelled} correct: {share_in_words(accuracy)}"


def _without_taken(metrics: Mapping[str, Any]) -> str:
    """Return the accuracy without the queries that are in the catalogue by now, if there are any.

    An adapted similarity has learned from these.
    """
    without = metrics["without_taken"]
    taken = metrics["labelled"] - without["labelled"]
    if not taken:
        return ""
    if not without["labelled"]:
        return ", all of them in the catalogue by now"
    there = "one that is" if taken == 1 else f"{taken:,} that are"
    return f", {without['accuracy']:.1%} without the {there} in the catalogue by now"


def _similarity(results: Path, before: str) -> str:
    quality = read_json(results / "catalogue" / "quality.json")
    if quality["choice"]:
        now = quality["metric"]
        changed = f"search.metric: auto now takes {now}; before: {before}. "
        return f"{changed if before not in ('', now) else ''}{quality['choice']}"
    compared = (
        results / "catalogue" / "metric_comparison.json"
    )  # not there where a page alone was asked for
    return str(read_json(compared)["advice"] or "") if compared.is_file() else ""


def _left_out(results: Path) -> str:
    path = results / "catalogue" / "rejected.csv"
    words = rejected.in_words(rejected.read_rejected(path))
    return f"catalogue: {words}. Look at {path}" if words else ""


def _notes(results: Path, name: str) -> str:
    path = results / name / "images.parquet"
    if not path.is_file():  # where a page alone was asked for
        return ""
    notes = NOTES.read(path, NOTES.names)["note"].drop_null()
    if not len(notes):
        return ""
    table = results / name / ("members.csv" if name == "catalogue" else "predictions.csv")
    return (
        f"{name}: {counted(len(notes), 'photo')} read with a note, such as “{notes[0]}”. See the "
        f"column note in {table}"
    )


def _missing_classes(folders: Mapping[str, str], results: Path, name: str) -> str:
    metrics = read_json(results / name / "metrics.json")
    found = missing_classes.read(metrics["missing_classes"])
    labels = {label for label, figures in metrics["classes"].items() if figures["support"]}
    none_known = labels <= {one.label for one in found if not one.in_catalogue}
    # A similar name is better advice.
    if found and none_known and not any(one.similar for one in found):
        return missing_classes.none_known(name, found, folders.get(name))
    return "\n".join(missing_classes.sentences(name, found))
