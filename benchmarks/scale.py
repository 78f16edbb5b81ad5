"""A catalogue of a million files: the cost of looking through it. Prints a JSON.

    PYTHONPATH=workflow/scripts python benchmarks/scale.py [FILES]

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
import yaml

import machine
from networks import THREADS
from similar_images import collection, manifest, model, shards
from similar_images.timing import Timing

ROOT = Path(__file__).resolve().parents[1]
CLASSES = 100
ROUNDS = 3


def main() -> None:
    """Measure all in a temporary folder; a million files take some ten minutes on two cores."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("files", nargs="?", type=int, default=1_000_000)
    files = parser.parse_args().files
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        write_tree(project / "photos", files)
        lay_out(project)
        results = {
            "machine": machine.describe(),
            "files": files,
            **measure_manifest(project),
            **measure_dry_runs(project),
        }
        print(json.dumps(results, indent=2), flush=True)  # to remove so many files takes minutes


def measure_manifest(project: Path) -> dict[str, Any]:
    """Return what the summary and the manifest cost, the latter three times.

    First no file is known, then all are, then all but one.
    """
    photos = project / "photos"
    results = {
        "summarise": [alone(collection.summarise, photos) for _ in range(ROUNDS)],
        "manifest_first": alone(build, project),
        "manifest_again": alone(build, project),
    }
    (photos / "class_000" / "new.jpg").write_bytes(b"new")
    return results | {"manifest_one_added": alone(build, project)}


def measure_dry_runs(project: Path) -> dict[str, Any]:
    """Return the time of dry runs: with all features to be extracted, and with nothing to do."""
    snakemake(project, "results/catalogue/manifest.parquet")
    ahead = [snakemake(project, "--dry-run") for _ in range(ROUNDS)]
    write_shards(project / "results")
    snakemake(project)
    done = [snakemake(project, "--dry-run") for _ in range(ROUNDS)]
    return {"dry_run_extraction_ahead": ahead, "dry_run_nothing_to_do": done}


def write_tree(folder: Path, files: int) -> None:
    """Write `files` small files of different contents to `folder`, in a hundred classes."""
    for class_ in range(CLASSES):
        (folder / f"class_{class_:03}").mkdir(parents=True)
    for number in range(files):
        name = folder / f"class_{number % CLASSES:03}" / f"{number:07}.jpg"
        name.write_bytes(b"%d" % number)


def lay_out(project: Path) -> None:
    """Put the workflow into `project`, with the histogram in place of a network and no queries."""
    for name in ("Snakefile", "workflow", "profiles"):
        (project / name).symlink_to(ROOT / name)
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    config |= {"catalogue": "photos", "queries": {}, "backbone": "ColourHistogram"}
    (project / "config.yaml").write_text(yaml.safe_dump(config))


def build(project: Path) -> None:
    """Write a manifest of `project`, as the rule does."""
    table = manifest.build(
        collection.with_class(collection.scan(project / "photos")),
        features=project / "features",
        cache=project / "hashes.parquet",
        fingerprint="model",
        max_pixels=1,
        plan=manifest.Plan(largest=1024, jobs=1),
        threads=THREADS,
    )
    manifest.write(project / "manifest.parquet", table)


def write_shards(results: Path) -> None:
    """Write the shards that the manifest plans, with features drawn by chance."""
    rng = np.random.default_rng(0)
    made_by = model.read(results / "model/model.json")
    table = manifest.read(results / "catalogue/manifest.parquet")
    members: dict[str, set[str]] = {}
    for shard, content_id in zip(
        table["shard"].to_pylist(), table["content_id"].to_pylist(), strict=True
    ):
        members.setdefault(shard, set()).add(content_id)
    for name, content_ids in members.items():
        count = len(content_ids)
        features = rng.random((count, made_by.features), dtype=np.float32)
        shards.write(
            results / f"catalogue/features/{name}.parquet",
            shards.Shard(
                sorted(content_ids), [None] * count, [1] * count, made_by.fingerprint, features
            ),
            Timing(),
        )


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
