"""The comparison of settings: the workflow runs on the same catalogue with each of them."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ..core.errors import UserError
from ..core.file_formats import read_json
from ..core.files import replacing
from ..core.tables import Column, CsvTable, Row
from ..decisions import decisions
from ..storage.addresses import is_address

CURRENT = "current settings"
FIGURES = (
    "results/model/model.json",
    "results/catalogue/quality.json",
    "results/catalogue/timing.json",
)
TABLE = CsvTable(
    "results/compare.csv",
    Column("name", str, "of the entry, or `current settings`"),
    Column("backbone", str, "setting"),
    Column("precision", str, "setting"),
    Column("metric", str, "setting, or what `auto` chose"),
    Column("vote", str, "setting"),
    Column("neighbours", int, "setting"),
    Column("accuracy", float, "of the catalogue, by `method`"),
    Column("accuracy_low", float, "its interval"),
    Column("accuracy_high", float, "its interval"),
    Column("method", str, "see `cross_validation` in `quality.json`"),
    Column("images_per_second", float, "in extraction"),
    Column("features", int, "numbers of each image"),
    Column("network_bytes", int, "its size"),
    Column("features_bytes", int, "size of `features.pkl`"),
)


def merged(config: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return `config` with `changes`, which may name single settings of its mappings.

    The settings of a backbone or catalogue do not apply to another: these are changed as a whole.
    """
    return {
        **config,
        **{
            key: {**config.get(key, {}), **value}
            if isinstance(value, Mapping) and key not in ("backbone", "catalogue")
            else value
            for key, value in changes.items()
        },
    }


def lay_out(folder: Path, settings: Mapping[str, Any], store: Path) -> None:
    """Write `settings` into `folder`, and link its feature store to the folder `store`.

    A shard in the store is not extracted again, nor is a photo hashed or fetched whose content id
    is known beside the store. Query sets are left out, unless there are decisions: these can move
    queries into the catalogue.
    """
    decided = [os.path.abspath(path) for path in decisions.paths(settings["decisions"])]
    absolute: dict[str, Any] = {
        name: _absolute(settings[name]) if settings[name] else None
        for name in ("catalogue", "weights")
    }
    if isinstance(backbone := settings["backbone"], Mapping):
        absolute["backbone"] = {**backbone, "file": os.path.abspath(backbone["file"])}
    queries = {
        name: _absolute(path) for name, path in settings["queries"].items() if path and decided
    }
    own_settings = {"queries": queries, "decisions": decided, "compare": {}}
    own = folder / "results"
    store.mkdir(parents=True, exist_ok=True)
    _link(own / "features", store)
    if (fetched := store.with_name("fetched")).is_dir():
        _link(own / "fetched", fetched)
    # Also what is known about addresses: a server may not answer now.
    for name in ("hashes.parquet", "looks.json"):
        known, kept = (one / "catalogue" / name for one in (store.parent, own))
        if known.is_file() and not kept.is_file():
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(known, kept)
    with replacing(folder / "config.yaml") as temporary:
        text = yaml.safe_dump({**settings, **absolute, **own_settings})
        temporary.write_text(text, "utf-8")


def projects(folder: Path) -> list[Path]:
    """Return the project in `folder`, and the one that it is an entry of: see `lay_out`."""
    place = folder.absolute().parent
    entry = (place.parent.name, place.name) == ("results", "compare")
    return [folder, *([folder / ".." / ".." / ".."] if entry else [])]


def _link(path: Path, target: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.is_symlink():
        path.symlink_to(os.path.relpath(target, path.parent))


def _absolute(location: str | Mapping[str, Any]) -> str | dict[str, Any]:
    if isinstance(location, Mapping):
        return {**location, "list": os.path.abspath(location["list"])}
    return location if is_address(location) else os.path.abspath(location)


def run(folder: Path, snakefile: str, cores: int) -> None:
    """Run the workflow in `folder`, up to the figures about the catalogue.

    Raises:
        UserError: it failed.
    """
    command = [sys.executable, "-m", "snakemake", "--snakefile", snakefile]
    options = ["--directory", str(folder), "--cores", str(cores), "--nolock"]
    done = subprocess.run([*command, *options, "catalogue"], check=False)  # noqa: S603
    if done.returncode:
        raise UserError(f"the run in {folder} failed; its logs are in {folder / 'logs'}")


def outcome(results: Path) -> dict[str, Any]:
    """Return the figures of the run with these `results`.

    The accuracy is that by cross-validation for every metric, so that all can be compared.
    """
    model, quality, timing = (read_json(results.parent / target) for target in FIGURES)
    network = (results / "model" / "backbone").rglob("*")
    features = results / "catalogue" / "features.pkl"
    tested = quality["cross_validation"]
    low, high = tested["accuracy_interval_95"] or (None, None)
    return {
        "backbone": model["backbone"],
        "precision": model["precision"],
        **{name: quality[name] for name in ("metric", "vote", "neighbours")},
        "accuracy": _rounded(tested["accuracy"], 4),
        "accuracy_low": _rounded(low, 4),
        "accuracy_high": _rounded(high, 4),
        "method": f"{tested['folds']}-fold cross-validation",
        "images_per_second": _rounded(timing["images_per_second"], 1),
        "features": model["features"],
        "network_bytes": sum(file.stat().st_size for file in network if file.is_file()),
        "features_bytes": features.stat().st_size if features.exists() else None,
    }


def check(entries: Mapping[str, Any]) -> None:
    """Check that there is anything to compare.

    Raises:
        UserError: there is no entry.
    """
    if not entries:
        raise UserError(
            "compare: there is nothing to compare. Name settings to try in config.yaml, such as\n"
            "  compare:\n"
            "    lite2: {backbone: EfficientNetLite2}\n"
            "    adapted: {search: {metric: adapted}}"
        )


def ordered(
    current: Mapping[str, Any], outcomes: Mapping[str, Mapping[str, Any]]
) -> dict[str, Mapping[str, Any]]:
    """Return all outcomes: the current settings, then the most accurate ones, unknown ones last."""
    others = sorted(outcomes.items(), key=lambda item: _rank(item[1]["accuracy"]), reverse=True)
    return {CURRENT: current, **dict(others)}


def rows(outcomes: Mapping[str, Mapping[str, Any]]) -> list[Row]:
    """Return a row of `TABLE` for each outcome."""
    return [{**outcome, "name": name} for name, outcome in outcomes.items()]


def lines(outcomes: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return a table of how accurate the settings are, for the console."""
    width = max(map(len, outcomes))
    (method,) = {str(outcome["method"]) for outcome in outcomes.values()}
    return [
        f"Catalogue images classified correctly by the others ({method}):",
        *(f"{name:{width}}  {_in_words(outcome)}" for name, outcome in outcomes.items()),
    ]


def _in_words(outcome: Mapping[str, Any]) -> str:
    accuracy, low, high = (outcome[f"accuracy{part}"] for part in ("", "_low", "_high"))
    if accuracy is None:
        return "not known"
    return f"{accuracy:6.1%} (95 % interval {low:.1%} to {high:.1%})"


def _rounded(figure: float | None, digits: int) -> float | None:
    return None if figure is None else round(figure, digits)


def _rank(accuracy: float | None) -> float:
    return -1 if accuracy is None else accuracy
