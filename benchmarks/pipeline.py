"""Whole runs of Snakemake: how the pipeline's own cost grows, and what it adds to the network's."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml

from networks import THREADS, run_bare
from photos import draw_noise, vary_sample
from similar_images.backbones import engines
from similar_images.features import feature_table
from similar_images.features.feature_table import FeatureTable, normalise

ROOT = Path(__file__).resolve().parents[1]
# Where `measure_growth` and `measure_whole` put the photos.
PHOTOS: dict[str, Any] = {"catalogue": "photos/catalogue", "queries": {"new": "photos/new"}}
# Where a new photo is put.
NEW = {"new_query": "photos/new/class_00", "new_catalogue": "photos/catalogue/class_00"}
ROUNDS = 3
NETWORK_ROUNDS = 5
# As the setting: a name, or one's own network.
Backbone = str | dict[str, Any]


class Run(NamedTuple):
    """What a run took.

    Attributes:
        seconds: from its start to its end.
        jobs: for each its rule, and the seconds at which it began and ended.
    """

    seconds: float
    jobs: list[tuple[str, float, float]]


def measure_first_run() -> list[float]:
    """Return the seconds of first runs on the sample, with all caches of a user still empty."""
    seconds = []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            project, home = Path(folder, "project"), Path(folder, "home")
            for path in (project, home):
                path.mkdir()
            (project / "data").symlink_to(ROOT / "data")
            lay_out(project, "EfficientNetLite2", "data/catalogue", {"shoes": "data/queries"})
            caches = {name: str(home) for name in ("HOME", "XDG_CACHE_HOME", "MPLCONFIGDIR")}
            seconds.append(run(project, environment=caches).seconds)
    return seconds


def measure_growth(images: int) -> dict[str, list[Run]]:
    """Return runs with nothing to do, one new query, and one new catalogue image.

    The backbone is the histogram, so that only the workflow's own cost is measured.
    """
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        draw_noise(project / "photos/catalogue", images)
        draw_noise(project / "photos/new", 20)
        lay_out(project, "ColourHistogram", **PHOTOS)
        run(project)
        runs: dict[str, list[Run]] = {"nothing_to_do": []}
        image = (project / "photos/new/class_00/000000.jpg").read_bytes()
        for number in range(ROUNDS):
            runs["nothing_to_do"].append(run(project))
            for place, (name, into) in enumerate(NEW.items(), 1):
                new = project / into / f"new_{number}.jpg"
                new.write_bytes(image + bytes(len(NEW) * number + place))
                runs.setdefault(name, []).append(run(project))
    return runs


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
        first = run(project).seconds
        network = []
        runs = []
        for _ in range(ROUNDS):
            for part in ("catalogue", "features", "plan"):
                shutil.rmtree(project / "results" / part)
            network += _network_seconds(project / "results/model/backbone", images)
            runs.append(run(project).seconds)
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


def lay_out(
    project: Path, backbone: Backbone, catalogue: str, queries: dict[str, str], **more: Any
) -> None:
    """Put the workflow into `project`, with these settings."""
    link(project)
    configure(project, backbone, catalogue, queries, **more)


def link(project: Path) -> None:
    """Put the workflow into `project`."""
    for name in ("Snakefile", "workflow", "profiles"):
        (project / name).symlink_to(ROOT / name)


def configure(
    project: Path, backbone: Backbone, catalogue: str, queries: dict[str, str], **more: Any
) -> None:
    """Give the project these settings, and the default ones."""
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    config |= {"catalogue": catalogue, "queries": queries, "backbone": backbone} | more
    (project / "config.yaml").write_text(yaml.safe_dump(config))


def sets(data: Path) -> list[Path]:
    """Return the folders in `data` that have a catalogue and queries in them."""
    folders = sorted(folder.parent for folder in data.resolve().glob("*/catalogue"))
    return [folder for folder in folders if (folder / "queries").is_dir()]


def features(project: Path, collection: str) -> FeatureTable:
    """Return the features of a collection that a run has made, scaled to length 1."""
    images = feature_table.read(project / f"results/{collection}/features.pkl")
    normalise(images.features)
    return images


def run(project: Path, *targets: str, environment: dict[str, str] | None = None) -> Run:
    """Make `targets` in `project`, or all."""
    began, started = time.time(), time.perf_counter()
    command = [sys.executable, "-m", "snakemake", "--cores", str(THREADS), "--quiet", "all"]
    subprocess.run(
        [*command, "--", *(targets or ["all"])],
        cwd=project,
        check=True,
        capture_output=True,
        env=os.environ | (environment or {}),
    )
    return Run(time.perf_counter() - started, _jobs(project, began))


def _jobs(project: Path, began: float) -> list[tuple[str, float, float]]:
    """Return the jobs that Snakemake has recorded since `began`, in the order of their start."""
    jobs = {}
    for path in (project / ".snakemake/metadata").rglob("*"):
        record = json.loads(path.read_text()) if path.is_file() else {}
        if record.get("starttime", 0) >= began:  # each output of a job has a record
            times = (record["starttime"] - began, record["endtime"] - began)
            jobs[tuple(record["log"])] = (record["rule"], *times)
    return sorted(jobs.values(), key=lambda job: job[1])
