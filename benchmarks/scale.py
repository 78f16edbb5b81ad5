"""A catalogue of a million files: what it costs: writes benchmarks/results/scale.md, `make scale`.

The files hold a few bytes each, and their features are drawn by chance: nothing is decoded. What
is measured grows with the number of files, and with nothing else.
"""

import argparse
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

import machine
import scale_page
from networks import THREADS
from pipeline import lay_out
from similar_images.backbones import model
from similar_images.core.file_formats import read_parquet, write_parquet
from similar_images.decisions import overrides
from similar_images.features import merge, sharded_features, store
from similar_images.features import plan as planning
from similar_images.images import collection, fingerprint, manifest
from similar_images.search import neighbours
from stored import SHARD_SIZE, write_features, write_shard

ROOT = Path(__file__).resolve().parents[1]
CLASSES = 100
CATALOGUES = (25_000, 100_000)
QUERIES = 256
ROUNDS = 3


def main() -> None:
    """Measure all in a temporary folder; a million files take some fifteen minutes on two cores."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("files", nargs="?", type=int, default=1_000_000)
    files = parser.parse_args().files
    with tempfile.TemporaryDirectory() as folder:
        search = measure_search(Path(folder, "search"))
        project = Path(folder, "project")
        write_tree(project / "photos", files)
        lay_out(project, "ColourHistogram", catalogue="photos", queries={})
        results = {
            "machine": machine.describe(),
            "files": files,
            "search": search,
            **measure_manifest(project),
            **measure_dry_runs(project),
            "merge": alone(list_readable, project / "results"),
        }
        performance = json.loads((ROOT / "benchmarks/results.json").read_text())
        rate = performance["images_per_second"]["extraction"]
        # Inside, since removing so many files takes minutes.
        (ROOT / "benchmarks/results/scale.md").write_text(scale_page.page(results, rate))


def measure_search(folder: Path) -> dict[str, Any]:
    """Return what the exact search costs in catalogues of two sizes, read from their shards."""
    queries = write_features(folder / "queries", QUERIES)
    catalogues = {rows: write_features(folder / str(rows), rows) for rows in CATALOGUES}
    largest = catalogues[CATALOGUES[-1]].parents[1]
    size = sum(file.stat().st_size for file in largest.rglob("*.parquet"))
    return {
        "queries": QUERIES,
        "bytes_per_image": size / CATALOGUES[-1],
        "rows": {rows: alone(search, queries, path) for rows, path in catalogues.items()},
    }


def search(queries: Path, catalogue: Path) -> None:
    """Search as the rule does."""
    with threadpool_limits(1):
        neighbours.find(
            sharded_features.ShardedFeatures(queries),
            sharded_features.ShardedFeatures(catalogue),
            10,
        )


def list_readable(results: Path) -> None:
    """Merge as the rule does with `features_pkl: false`."""
    made_by = model.read(results / "model/model.json")
    features = store.folder(results, made_by.backbone, made_by.fingerprint)
    listing = read_parquet(results / "catalogue/manifest.parquet")
    table = planning.assign(
        overrides.apply(listing, overrides.TABLE.schema.empty_table(), "catalogue"),
        read_parquet(results / "plan/contents.parquet", ["content_id", "shard"]),
    )
    readable, _ = merge.merge(table, features, made_by, max_pixels=50_000_000)
    merge.duplicates(readable)
    sharded_features.write(results / "images.parquet", readable)


def measure_manifest(project: Path) -> dict[str, Any]:
    """Return what the summary, the manifest and the plan cost, the manifest three times.

    First no file is known, then all are, then all but one.
    """
    photos = project / "photos"
    results = {
        "summarise": [alone(fingerprint.summarise, photos) for _ in range(ROUNDS)],
        "manifest_first": alone(build, project),
        "manifest_again": alone(build, project),
        "plan": alone(build_plan, project),
    }
    (photos / "class_000" / "new.jpg").write_bytes(b"new")
    return results | {"manifest_one_added": alone(build, project)}


def measure_dry_runs(project: Path) -> dict[str, Any]:
    """Return the time of dry runs: with all features to be extracted, and with nothing to do."""
    snakemake(project, "results/plan/shards.json")
    prefetch = [snakemake(project, "--dry-run") for _ in range(ROUNDS)]
    write_shards(project / "results")
    snakemake(project)
    done = [snakemake(project, "--dry-run") for _ in range(ROUNDS)]
    return {"dry_run_extraction_ahead": prefetch, "dry_run_nothing_to_do": done}


def write_tree(folder: Path, files: int) -> None:
    """Write `files` small files of different contents to `folder`, in a hundred classes."""
    for class_ in range(CLASSES):
        (folder / f"class_{class_:03}").mkdir(parents=True)
    for number in range(files):
        name = folder / f"class_{number % CLASSES:03}" / f"{number:07}.jpg"
        name.write_bytes(b"%d" % number)


def build(project: Path) -> None:
    """Write a manifest of `project`, as the rule does."""
    table = manifest.build(
        collection.with_class(collection.scan(project / "photos")),
        cache=project / "hashes.parquet",
        threads=1,
    )
    write_parquet(project / "manifest.parquet", table)


def build_plan(project: Path) -> None:
    """Write the plan of `project`, as the rule does where nothing has features yet."""
    planned = planning.build(
        [read_parquet(project / "manifest.parquet")],
        project / "features",
        fingerprint="model",
        max_pixels=1,
        policy=planning.ShardingPolicy(largest=SHARD_SIZE, jobs=1),
    )
    planning.write(project / "plan.parquet", planned)


def write_shards(results: Path) -> None:
    """Write the shards that the manifest plans, with features drawn by chance."""
    rng = np.random.default_rng(0)
    made_by = model.read(results / "model/model.json")
    folder = store.folder(results, made_by.backbone, made_by.fingerprint)
    table = read_parquet(results / "plan/contents.parquet")
    members: dict[str, set[str]] = {}
    for shard, content_id in zip(
        table["shard"].to_pylist(), table["content_id"].to_pylist(), strict=True
    ):
        members.setdefault(shard, set()).add(content_id)
    for name, content_ids in members.items():
        features = rng.random((len(content_ids), made_by.features), dtype=np.float32)
        path = folder / f"{name}.parquet"
        write_shard(path, sorted(content_ids), made_by.fingerprint, features)


def snakemake(project: Path, *arguments: str) -> dict[str, float]:
    """Run Snakemake in `project` and return the seconds, and those of all processors."""
    started, before = time.perf_counter(), os.times()
    subprocess.run(
        [sys.executable, "-m", "snakemake", "--cores", str(THREADS), *arguments],
        cwd=project,
        check=True,
        capture_output=True,
    )
    return _seconds(started, before)


def alone(function: Callable[..., object], *arguments: object) -> dict[str, float]:
    """Return what `function` costs in a process of its own."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(_cost, function, *arguments).result()


def _cost(function: Callable[..., object], *arguments: object) -> dict[str, float]:
    """Return the seconds, those of all processors, and the most memory that a process has held."""
    started, before = time.perf_counter(), os.times()
    function(*arguments)
    seconds = _seconds(started, before)
    # Linux counts the memory of the process that started this one in ru_maxrss, not in VmHWM.
    own = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    peaks = [int(own[1]) if own else 0, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss]
    return seconds | {"peak_mb": max(peaks) / 1024}


def _seconds(started: float, before: os.times_result) -> dict[str, float]:
    passed = time.perf_counter() - started
    return {"seconds": passed, "cpu_seconds": sum(os.times()[:4]) - sum(before[:4])}


if __name__ == "__main__":
    main()
