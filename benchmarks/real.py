"""Whole runs on real labelled photos, beside the bare network on the same photos.

Made-up photos are rarely alike, so copies, thumbnails and labels cost little there.
"""

import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import pipeline
from networks import THREADS, prepared, run_bare
from similar_images.backbones import engines, model
from similar_images.images.preprocessing import Preprocessor

BACKBONE = "EfficientNetLite2"
METRICS = ("cosine", "auto")
ROUNDS = 3
SUFFIXES = {".jpg", ".jpeg", ".png"}
# Of a larger set the network's time is measured on so many photos.
MOST = 1000


def measure(data: Path) -> dict[str, dict[str, Any]]:
    """Return what `measure_set` does, for each set in `data`."""
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        pipeline.link(project)
        return {photos.name: measure_set(project, photos) for photos in pipeline.sets(data)}


def measure_set(project: Path, photos: Path) -> dict[str, Any]:
    """Return the runs from nothing by metric, the seconds of the bare network, and the photos.

    The model is built beforehand.
    """
    _configure(project, photos, METRICS[0])
    pipeline.run(project, "results/model/model.json")
    files = sorted(path for path in photos.rglob("*") if path.suffix.lower() in SUFFIXES)
    images = _decoded(project, files[:MOST])
    engine = engines.load("openvino", project / "results/model/backbone", THREADS)
    run_bare(engine, images)
    runs: dict[str, list[pipeline.Run]] = {metric: [] for metric in METRICS}
    network = []
    for _ in range(ROUNDS):
        for metric in METRICS:
            started = time.perf_counter()
            run_bare(engine, images)
            network.append((time.perf_counter() - started) * len(files) / len(images))
            _forget(project / "results")
            _configure(project, photos, metric)
            runs[metric].append(pipeline.run(project))
    return {"photos": len(files), "network": network, "runs": runs}


def page_seconds(run: pipeline.Run) -> float:
    """Return when the last page of answers was there."""
    return max(end for rule, _, end in run.jobs if rule == "report")


def job_seconds(run: pipeline.Run) -> dict[str, float]:
    """Return the seconds of the jobs of each rule, the longest first."""
    seconds: dict[str, float] = {}
    for rule, start, end in run.jobs:
        seconds[rule] = seconds.get(rule, 0.0) + end - start
    return dict(sorted(seconds.items(), key=lambda rule: -rule[1]))


def _configure(project: Path, photos: Path, metric: str) -> None:
    catalogue, queries = (str(photos / name) for name in ("catalogue", "queries"))
    search = {"metric": metric}
    pipeline.configure(project, BACKBONE, catalogue, {"new": queries}, search=search)


def _decoded(project: Path, files: Sequence[Path]) -> np.ndarray:
    """Return photos as the network takes them, in whole batches."""
    described = model.read(project / "results/model/model.json")
    prepare = Preprocessor(described.input_size, described.resample, 10**9)
    whole = len(files) - len(files) % engines.OpenVino.batch_size
    return np.stack([prepared(prepare, file) for file in files[:whole]])


def _forget(results: Path) -> None:
    """Remove all results but for the model."""
    for path in results.iterdir():
        if path.name != "model":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
