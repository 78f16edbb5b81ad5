"""Whole runs of Snakemake: how the pipeline's own cost grows, and what it adds to the network's."""

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from networks import THREADS, run_bare
from photos import draw_noise, vary_sample
from similar_images.networks import engines

ROOT = Path(__file__).resolve().parents[1]
# Where `measure_growth` and `measure_whole` put the photos.
PHOTOS: dict[str, Any] = {"catalogue": "photos/catalogue", "queries": {"new": "photos/new"}}
# Where a new photo is put.
NEW = {"new_query": "photos/new/class_00", "new_catalogue": "photos/catalogue/class_00"}
ROUNDS = 3
NETWORK_ROUNDS = 5


def measure_growth(images: int) -> dict[str, list[float]]:
    """Return the seconds of runs with nothing to do, one new query, and one new catalogue image.

    The histogram stands in for a network: what is measured is the pipeline's own cost.
    """
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        draw_noise(project / "photos/catalogue", images)
        draw_noise(project / "photos/new", 20)
        lay_out(project, "ColourHistogram", **PHOTOS)
        _run(project)
        seconds: dict[str, list[float]] = {"nothing_to_do": []}
        image = (project / "photos/new/class_00/000000.jpg").read_bytes()
        for number in range(ROUNDS):
            seconds["nothing_to_do"].append(_run(project))
            for place, (name, into) in enumerate(NEW.items(), 1):
                new = project / into / f"new_{number}.jpg"
                new.write_bytes(image + bytes(len(NEW) * number + place))
                seconds.setdefault(name, []).append(_run(project))
    return seconds


def measure_whole(images: int) -> dict[str, Any]:
    """Return the seconds of a run on `images` new photographs and those of the bare network.

    The network is EfficientNetLite2, whose weights are always there. The run finds it built by
    an earlier run, since it is built once for all; the first run's seconds are given, too.
    """
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        vary_sample(project / "photos/catalogue", images)
        vary_sample(project / "photos/new", 1)
        lay_out(project, "EfficientNetLite2", **PHOTOS)
        first = _run(project)
        network = []
        runs = []
        for _ in range(ROUNDS):
            for part in ("catalogue", "features", "plan"):
                shutil.rmtree(project / "results" / part)
            network += _network_seconds(project / "results/model/backbone", images)
            runs.append(_run(project))
        return {"first_run": first, "run": runs, "network": network}


def _network_seconds(backbone: Path, images: int) -> list[float]:
    """Return the seconds that the bare network takes for `images`, from a part of them."""
    engine = engines.load("openvino", backbone, THREADS)
    sample = np.random.default_rng(0).integers(0, 256, (160, 260, 260, 3), dtype=np.uint8)
    run_bare(engine, sample)
    seconds = []
    for _ in range(NETWORK_ROUNDS):
        started = time.perf_counter()
        run_bare(engine, sample)
        seconds.append((time.perf_counter() - started) * images / len(sample))
    return seconds


def lay_out(project: Path, backbone: str, catalogue: str, queries: dict[str, str]) -> None:
    """Put the workflow into `project`, with these settings."""
    for name in ("Snakefile", "workflow", "profiles"):
        (project / name).symlink_to(ROOT / name)
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    config |= {"catalogue": catalogue, "queries": queries, "backbone": backbone}
    (project / "config.yaml").write_text(yaml.safe_dump(config))


def _run(project: Path) -> float:
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "snakemake", "--cores", str(THREADS), "--quiet", "all"],
        cwd=project,
        check=True,
        capture_output=True,
    )
    return time.perf_counter() - started
