"""The scripts of the workflow, run one after the other in this process.

They are called with what Snakemake would give them, so that a whole run on a few photos takes
milliseconds. Every script runs each time: what this tests is what they keep from run to run.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import CodeType, SimpleNamespace
from typing import Any
from unittest.mock import patch

import faiss
import numpy as np
from numpy.typing import NDArray

from models import HISTOGRAM
from similar_images.backbones import engines, model
from similar_images.classification import conformal, nearest
from similar_images.core import job
from similar_images.core.file_formats import read_json, write_json
from similar_images.duplicates import registration
from similar_images.features import extraction, plan, sharded_features
from similar_images.images import manifest

SCRIPTS = Path(__file__).resolve().parents[1] / "workflow/scripts"
# Pixels on each side of a photo, as the fake network takes it.
SIDE = 2
HOUR_NS = 3_600 * 10**9
# Replaces quality.json, which is tested elsewhere.
QUALITY = {
    "confidence": {"intercept": -1.0, "weights": [2.0, 1.0, 0.5, 0.25]},
    "sets": {"coverage": 0.9, "all": 0.2, "own": {}},
    "out_of_distribution": {"quantiles": [], "least_score": 0.0},
}


class Named(dict[str, Any]):
    """Files or parameters by name or number, as a script gets them from Snakemake."""

    def __getattr__(self, name: str) -> Any:
        return super().__getitem__(name)

    def __getitem__(self, key: str | int) -> Any:
        return list(self.values())[key] if isinstance(key, int) else super().__getitem__(key)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.values())


class Pixels:
    """An engine whose features are the pixels themselves."""

    batch_size = 8
    streams = 1

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        return images.reshape(len(images), -1).astype(np.float32) - 128


class AtOnce:
    """A pool without threads: to start them takes longer than their work on a few photos."""

    def __init__(self, *_: object) -> None:
        pass

    def __enter__(self) -> "AtOnce":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def submit(self, function: Callable[..., Any], *args: Any) -> Future[Any]:
        done = Future[Any]()
        try:
            done.set_result(function(*args))
        except Exception as error:
            done.set_exception(error)
        return done

    def map(self, function: Callable[..., Any], *values: Iterable[Any]) -> Iterator[Any]:
        return map(function, *values)


def describe_pixels(results: Path) -> None:
    """Write the description of the model that `fakes` gives to the scripts."""
    described = replace(HISTOGRAM, features=3 * SIDE**2, input_size=SIDE, fingerprint="pixels")
    model.write(results / "model/model.json", described)


@contextmanager
def in_process() -> Iterator[None]:
    """Let errors out of the scripts, and keep their messages to themselves."""
    logging.disable(logging.CRITICAL)
    try:
        with patch.object(job, "logged", lambda *_: nullcontext()):
            yield
    finally:
        logging.disable(logging.NOTSET)


@contextmanager
def fakes() -> Iterator[None]:
    """Make runs on tiny photos quick, and let them reach what takes many photos or a long time.

    The features are the pixels. Photos count as unchanged for an hour, so that their hashes are
    remembered, and few small shards are packed into one.
    """
    now = time.time_ns
    with ExitStack() as stack:
        stack.callback(faiss.omp_set_num_threads, faiss.omp_get_max_threads())
        faiss.omp_set_num_threads(1)
        stack.enter_context(in_process())
        stack.enter_context(patch.object(engines, "load", lambda *_: Pixels()))
        stack.enter_context(patch.object(time, "time_ns", lambda: now() + HOUR_NS))
        stack.enter_context(patch.object(plan, "SMALL_SHARDS", 3))
        for module in (sharded_features, manifest, extraction, registration):
            stack.enter_context(patch.object(module, "ThreadPoolExecutor", AtOnce))
        yield


def run(settings: Mapping[str, Any], count: int | None = None) -> None:
    """Make all answers in the folder results/ of the current folder.

    Its model is there already. Without `count` the catalogue's quality is assessed.

    Args:
        settings: the whole configuration.
        count: how many neighbours the search finds, where that is not as the workflow has it.
    """
    queries = [name for name, location in settings["queries"].items() if location is not None]
    collections = ["catalogue", *queries]
    for name in collections:
        _manifest(settings, name)
    _plan(settings, collections)
    _extract(settings)
    for name in collections:
        _merge(settings, name)
    if settings["search"]["metric"] == "adapted":
        _adapt(settings)
    if settings["search"]["index"] == "approximate":
        _approximate(settings, count or _neighbours(settings))
    if count is None:
        _quality(settings)
    else:
        metric = {"metric": settings["search"]["metric"]}
        write_json(Path(_of("catalogue", "quality.json")), QUALITY | metric)
    for name in queries:
        _search(settings, name, count or _neighbours(settings))
        _predict(settings, name)


COMPONENTS, REDUCED = "results/catalogue/components.npz", "results/catalogue/reduced.parquet"
ADAPTATION = "results/catalogue/adaptation.npz"
LEARNED = [COMPONENTS, REDUCED, ADAPTATION]
APPROXIMATE = ["results/catalogue/approximate.faiss", "results/catalogue/approximate.json"]
MODEL = "results/model/model.json"


def _of(collection: str, name: str) -> str:
    return f"results/{collection}/{name}"


def _catalogue(settings: Mapping[str, Any]) -> str:
    """Return what scripts read that need the catalogue as a whole."""
    return _of("catalogue", "features.pkl" if settings["features_pkl"] else "images.parquet")


def _neighbours(settings: Mapping[str, Any]) -> int:
    """Return how many neighbours the workflow lets the search find."""
    pictures = nearest.PICTURES if settings["product"] else 1
    wanted: int = settings["search"]["neighbours"]
    return max(wanted * pictures, conformal.NEIGHBOURS)


def _columns(settings: Mapping[str, Any], location: str) -> list[str]:
    return [settings["product"]] if settings["product"] and Path(location).is_file() else []


def _location(settings: Mapping[str, Any], name: str) -> str:
    return str(settings["catalogue"] if name == "catalogue" else settings["queries"][name])


@cache
def _compiled(name: str) -> CodeType:
    path = SCRIPTS / f"{name}.py"
    return compile(path.read_text("utf-8"), str(path), "exec")


def _script(
    name: str,
    settings: Mapping[str, Any],
    given: Mapping[str, Any],
    made: Mapping[str, Any] | list[str],
    wildcards: Mapping[str, str] | None = None,
    **params: Any,
) -> None:
    """Run a script.

    Args:
        name: of the script.
        settings: the whole configuration.
        given: its inputs.
        made: its outputs.
        wildcards: its wildcards.
        params: its parameters.
    """
    outputs = made if isinstance(made, dict) else {str(n): path for n, path in enumerate(made)}
    for path in outputs.values():
        if path:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
    snakemake = SimpleNamespace(
        input=Named(given),
        output=Named(outputs),
        params=Named(params, code="the same"),
        wildcards=Named(wildcards or {}),
        log=["log"],
        threads=1,
        resources=SimpleNamespace(jobs=1),
        config={**settings, "results": {"folder": "results"}},
    )
    exec(_compiled(name), {"snakemake": snakemake, "__name__": "__main__"})


def _manifest(settings: Mapping[str, Any], name: str) -> None:
    location = _location(settings, name)
    _script(
        "manifest",
        settings,
        {},
        [_of(name, "manifest.parquet")],
        {"collection": name},
        location=location,
        follow_links=settings["images"]["follow_links"],
        ignore=settings["images"]["ignore"],
        extra_columns=_columns(settings, location),
        product=settings["product"],
        own_folders=["results"],
        most_failed=settings["remote"]["most_failed"],
    )


def _plan(settings: Mapping[str, Any], collections: list[str]) -> None:
    _script(
        "plan",
        settings,
        {
            "manifests": [_of(name, "manifest.parquet") for name in collections],
            "model": MODEL,
        },
        {
            name: f"results/plan/{name}.{format_}"
            for name, format_ in (
                ("contents", "parquet"),
                ("shards", "json"),
                ("overrides", "parquet"),
            )
        },
        collections=collections,
        decisions=settings["decisions"],
        max_pixels=settings["images"]["max_pixels"],
        shard_size=settings["extraction"]["shard_size"],
    )


def _extract(settings: Mapping[str, Any]) -> None:
    """Make the shards that the plan names and that are not there."""
    planned = read_json(Path("results/plan/shards.json"))
    for shard in sorted({shard for needed in planned["shards"].values() for shard in needed}):
        path = f"results/features/{planned['model']}/{shard}.parquet"
        if not Path(path).exists():
            given = {"plan": "results/plan/contents.parquet", "model": MODEL}
            _script("extract", settings, given, [path], {"shard": shard})


def _merge(settings: Mapping[str, Any], name: str) -> None:
    _script(
        "merge",
        settings,
        {
            "manifest": _of(name, "manifest.parquet"),
            "plan": "results/plan/contents.parquet",
            "overrides": "results/plan/overrides.parquet",
            "model": MODEL,
        },
        {
            "images": _of(name, "images.parquet"),
            "features": _of(name, "features.pkl") if settings["features_pkl"] else [],
            "rejected": _of(name, "rejected.csv"),
            "members": _of(name, "members.csv"),
            "duplicates": _of(name, "duplicates.csv"),
            "timing": _of(name, "timing.json"),
        },
        {"collection": name},
        max_pixels=settings["images"]["max_pixels"],
        on_error=settings["images"]["on_error"],
        label_from="list" if Path(_location(settings, name)).is_file() else "folder",
        photo_faults=settings["photo_faults"] if name == "catalogue" else None,
    )


def _adapt(settings: Mapping[str, Any]) -> None:
    catalogue = {"catalogue": _of("catalogue", "images.parquet")}
    made = {"components": COMPONENTS, "reduced": REDUCED}
    metric = settings["search"]["metric"]
    _script("components", settings, catalogue | {"comparison": []}, made, metric=metric)
    _script("adapt", settings, catalogue | {"reduced": REDUCED}, [ADAPTATION])


def _approximate(settings: Mapping[str, Any], count: int) -> None:
    given = {
        "catalogue": _of("catalogue", "images.parquet"),
        "learned": LEARNED,
        "comparison": [],
    }
    metric = settings["search"]["metric"]
    _script("approximate", settings, given, APPROXIMATE, neighbours=count, metric=metric)


def _quality(settings: Mapping[str, Any]) -> None:
    search = settings["search"]
    given = {
        "catalogue": _catalogue(settings),
        "images": _of("catalogue", "images.parquet"),
        "reduced": REDUCED if search["metric"] == "adapted" else [],
        "comparison": [],
    }
    _script(
        "quality",
        settings,
        given,
        [_of("catalogue", "quality.json")],
        voters=search["neighbours"],
        vote=search["vote"],
        metric=search["metric"],
        coverage=search["coverage"],
    )


def _search(settings: Mapping[str, Any], name: str, count: int) -> None:
    search = settings["search"]
    parts = search["parts"]
    given = {
        "catalogue": _of("catalogue", "images.parquet"),
        "queries": _of(name, "images.parquet"),
        "learned": LEARNED if search["metric"] == "adapted" else [],
        "approximate": APPROXIMATE if search["index"] == "approximate" else [],
        "comparison": [],
    }
    whole = {table: _of(name, f"{table}.parquet") for table in ("neighbours", "candidates")}
    found = {
        table: [_of(name, f"{table}/{part}-of-{parts}.parquet") for part in range(parts)]
        for table in whole
    }
    for part in range(parts):
        _script(
            "search",
            settings,
            given,
            whole if parts == 1 else {table: paths[part] for table, paths in found.items()},
            {"queries": name} | ({"part": str(part)} if parts > 1 else {}),
            neighbours=count,
            metric=search["metric"],
            parts=parts,
        )
    if parts > 1:
        _script("join_search", settings, found, whole, {"queries": name}, neighbours=count)


def _predict(settings: Mapping[str, Any], name: str) -> None:
    _script(
        "predict",
        settings,
        {
            "neighbours": _of(name, "neighbours.parquet"),
            "candidates": _of(name, "candidates.parquet"),
            "rejected": _of(name, "rejected.csv"),
            "manifest": _of(name, "manifest.parquet"),
            "queries": _of(name, "images.parquet"),
            "catalogue": _of("catalogue", "images.parquet"),
            "quality": _of("catalogue", "quality.json"),
            "model": MODEL,
        },
        {
            "predictions": _of(name, "predictions.csv"),
            "votes": _of(name, "votes.csv"),
            "groups": _of(name, "groups.csv"),
            "products": _of(name, "products.csv") if settings["product"] else [],
            "metrics": _of(name, "metrics.json"),
            "confusion": _of(name, "confusion.csv"),
        },
        {"queries": name},
        voters=settings["search"]["neighbours"],
        vote=settings["search"]["vote"],
        reject=settings["search"]["reject"],
        extra_columns=_columns(settings, _location(settings, name)),
        photo_faults=settings["photo_faults"],
        listed=Path(_location(settings, name)).is_file(),
        product=settings["product"],
    )
