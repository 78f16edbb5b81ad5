"""A damaged file is named and made again, and never used."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from scenarios import (
    APPROXIMATE,
    AUDIT,
    AUTO,
    COMPARE,
    NEIGHBOURS,
    PORTABLE,
    USUAL,
    WORKBOOK,
    Scenario,
    ScenarioProject,
)
from similar_images.core import files

# For each scenario its files, and an output of the job that reads each file. The output is removed
# so that the job runs.
READERS = {
    USUAL: {
        "model/model.json": "new/metrics.json",
        "catalogue/manifest.parquet": "catalogue/features.pkl",
        "plan/shards.json": "new/report.html",
        "plan/contents.parquet": "catalogue/features.pkl",
        "plan/overrides.parquet": "catalogue/features.pkl",
        "features/*/*.parquet": "catalogue/features.pkl",
        "catalogue/features.pkl": "catalogue/quality.json",
        "catalogue/images.parquet": "new/neighbours.parquet",
        "catalogue/components.npz": "new/neighbours.parquet",
        "catalogue/reduced.parquet": "catalogue/adaptation.npz",
        "catalogue/adaptation.npz": "new/neighbours.parquet",
        "catalogue/quality.json": "new/predictions.csv",
        "new/neighbours.parquet": "new/predictions.csv",
        "new/candidates.parquet": "new/predictions.csv",
        "new/rejected.csv": "new/predictions.csv",
        "new/predictions.csv": "new/report.html",
        "new/votes.csv": "new/report.html",
        "new/groups.csv": "new/report.html",
        "new/confusion.csv": "new/confusion.png",
        "new/metrics.json": "new/report.html",
    },
    APPROXIMATE: {
        "catalogue/approximate.faiss": "new/neighbours.parquet",
        "catalogue/approximate.json": "new/neighbours.parquet",
    },
    AUTO: {"catalogue/metric_comparison.json": "new/neighbours.parquet"},
    PORTABLE: {"new/report.html": "new/report_portable.html"},
    WORKBOOK: {"new/report.html": "new/predictions.xlsx"},
    NEIGHBOURS: {"new/neighbours.parquet": "new/neighbours.csv"},
    AUDIT: {
        "catalogue/audit.csv": "catalogue/report.html",
        "catalogue/classes.csv": "catalogue/report.html",
        "catalogue/advice.csv": "catalogue/report.html",
    },
    COMPARE: {"compare/one.json": "compare.csv"},
}

# One of each format in the usual scenario; the others run in the complete form alone.
FORMATS = {
    "model/model.json",
    "catalogue/manifest.parquet",
    "plan/shards.json",
    "features/*/*.parquet",
    "catalogue/features.pkl",
    "catalogue/images.parquet",
    "catalogue/adaptation.npz",
    "catalogue/reduced.parquet",
    "new/predictions.csv",
}


def flip(data: bytes, chance: np.random.Generator) -> bytes:
    flipped = bytearray(data)
    for position in chance.integers(len(data), size=3):
        flipped[position] ^= 1 << chance.integers(8)
    return bytes(flipped)


def cut(data: bytes, chance: np.random.Generator) -> bytes:
    return data[: chance.integers(len(data))]


def damage(path: Path, how: Callable[[bytes, np.random.Generator], bytes], seed: int) -> None:
    """Damage a file and leave its time as it was, as a disk would."""
    status = path.stat()
    path.write_bytes(how(path.read_bytes(), np.random.default_rng(seed)))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize("how", [flip, pytest.param(cut, marks=pytest.mark.complete)])
@pytest.mark.parametrize(
    ("scenario", "name"),
    [
        pytest.param(scenario, name, id=name, marks=[pytest.mark.complete] * (name not in FORMATS))
        for scenario, readers in READERS.items()
        for name in readers
    ],
)
def test_damage_is_named_and_the_next_plain_run_makes_the_file_again(
    base: Callable[[str, Scenario], ScenarioProject],
    tmp_path: Path,
    scenario: Scenario,
    name: str,
    how: Callable[[bytes, np.random.Generator], bytes],
) -> None:
    project = base("image added", scenario).copy(tmp_path / "project")
    expected = project.outcome()
    (path,) = project.result("").glob(name)
    damage(path, how, seed=len(name))
    project.result(READERS[scenario][name]).unlink()
    console = project.run(fails=True).console
    assert f"Error: results/{path.relative_to(project.result(''))} is damaged" in console
    assert "was removed. Run again" in console
    assert "Traceback" not in console
    again = project.run()
    assert again.jobs["extract"] == ("features/" in name)
    assert project.outcome() == expected
    files.check(path)
    assert not project.run().jobs


def test_a_damaged_cache_of_hashes_is_not_used(
    base: Callable[[str, Scenario], ScenarioProject], tmp_path: Path
) -> None:
    project = base("image added", USUAL).copy(tmp_path / "project")
    expected = project.predictions()
    damage(project.result("catalogue/hashes.parquet"), flip, seed=0)
    project.result("catalogue/manifest.parquet").unlink()
    assert project.run().jobs["extract"] == 0
    assert project.predictions() == expected


@pytest.mark.complete
@pytest.mark.parametrize("part", ["model.xml", "model.bin"])
def test_a_damaged_network_is_exported_again_and_no_finished_shard_is_lost(
    base: Callable[[str, Scenario], ScenarioProject], tmp_path: Path, part: str
) -> None:
    project = base("backbone changed", USUAL).copy(tmp_path / "project")
    damage(project.result(f"model/backbone/{part}"), flip, seed=0)
    project.image("new/boots/added.png", seed=50)
    console = project.run(fails=True).console
    assert "results/model/backbone is damaged" in console
    run = project.run()
    assert (run.jobs["model"], run.jobs["extract"]) == (1, 1)
    assert project.predictions() == project.rebuilt(tmp_path / "clean").predictions()
