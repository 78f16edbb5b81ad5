"""Whole runs whose jobs share no folder: photos and results stand in an object store."""

import os
import re
import shutil
import sys
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path

import pytest

import user_networks
from project import ROOT, Project, Run, lay_out_shoes
from s3_server import Store, s3_server
from similar_images.decisions import decisions

# What tells when it was made, or how long that took; of shards, features.pkl has all the rest. Then
# what a run remembers with times, what it has fetched, and checksums.
NOT_COMPARED = re.compile(
    r"(.*/)?(timing\.json|history\.csv|report(_portable)?\.html)"
    r"|(.*/)?(looks\.json|digests\.json|hashes\.parquet)"
    r"|(features|fetched)/.*|(.*/)?\.[^/]*"
)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    with s3_server(tmp_path) as store:
        for name, value in store.environment.items():
            monkeypatch.setenv(name, value)
        yield store


@pytest.fixture
def project(store: Store, tmp_path: Path) -> Project:
    """A project with a bucket for a catalogue, a list of addresses in one, and its own network."""
    project = lay_out_shoes(tmp_path / "project")
    user_networks.convolutional(project.folder / "own.onnx")
    listed = ["image,label,product_id"]
    for path in sorted(project.photo("").rglob("*.png")):
        address = store.put(str(path.relative_to(project.photo(""))), path.read_bytes())
        if "/new/" in address:
            listed.append(f"{address},{path.parent.name},P{len(listed)}")
    (project.folder / "feed.csv").write_text("\n".join(listed))
    project.settle(
        catalogue=f"s3://{store.bucket}/catalogue",
        queries={"new": "feed.csv"},
        product="product_id",
        backbone={"file": "own.onnx", "family": "clip"},
        remote={"allowed": [f"s3://{store.bucket}"]},
    )
    return project


@pytest.fixture
def alone(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The same, but with the files of the workflow in it, as in a checkout."""
    alone = project.copy(tmp_path / "alone")
    shutil.rmtree(alone.photo(""))
    for name in ("Snakefile", "workflow", "profiles"):
        (alone.folder / name).unlink()
    shutil.copy(ROOT / "Snakefile", alone.folder)
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "workflow", alone.folder / "workflow", ignore=ignore)
    (alone.folder / "profiles").symlink_to("workflow/profiles")
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "tests" / "no_shared_folder"))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return alone


def run_without_shared_folder(
    project: Project, store: Store, *arguments: str, fails: bool = False
) -> Run:
    return project.snakemake(
        *arguments,
        *("--executor", "alone", "--jobs", "2", "--shared-fs-usage", "none"),
        *("--default-storage-provider", "s3"),
        *("--default-storage-prefix", f"s3://{store.bucket}/run"),
        *("--envvars", *store.environment),
        fails=fails,
    )


def results_in(store: Store) -> dict[str, bytes]:
    listed = store.client.list_objects_v2(Bucket=store.bucket, Prefix="run/results/")
    return {
        one["Key"].removeprefix("run/results/"): store.client.get_object(
            Bucket=store.bucket, Key=one["Key"]
        )["Body"].read()
        for one in listed["Contents"]
    }


def assert_equal(found: dict[str, bytes], project: Project) -> None:
    """Check that what was `found` is what stands in the project's results, to the byte."""
    paths = [path for path in project.result("").rglob("*") if path.is_file()]
    expected = {str(path.relative_to(project.result(""))): path for path in paths}
    compared = {name for name in expected if not NOT_COMPARED.fullmatch(name)}
    assert len(compared) > 50
    assert {n for n in compared if found.get(n) != expected[n].read_bytes()} == set()
    assert shards(found) == shards(expected)


def shards(names: Iterable[str]) -> set[str]:
    return {name for name in names if name.startswith("features/")}


def pictures(page: bytes) -> list[bytes]:
    """Return the pictures inside a page that was made to be sent."""
    found = re.findall(rb'"[0-9a-f]{64}": "(/9j/[^"]+)"', page)
    assert len(found) > 10
    return found


def decide(project: Project) -> None:
    """Decide that a photo of the catalogue has another class, and that a query belongs into it."""
    rows = [
        ("catalogue/boots/0.png", "catalogue", "wrong", "sandals"),
        ("new/sneakers/0.png", "new", "catalogue", "sneakers"),
    ]
    lines = [",".join(decisions.TABLE.names)]
    for photo, *decided in rows:
        content_id = sha256(project.photo(photo).read_bytes()).hexdigest()
        lines.append(",".join([content_id, photo, *decided, "2026-11-24T17:03:12Z", ""]))
    (project.folder / "decisions.csv").write_text("\n".join(lines))
    project.settle(decisions="decisions.csv")


def test_jobs_that_share_nothing_give_the_results_of_a_local_run_and_take_up_what_is_there(
    alone: Project, project: Project, store: Store
) -> None:
    first = run_without_shared_folder(alone, store)
    project.run()
    assert_equal(results_in(store), project)
    assert not (alone.folder / "results").exists()
    assert f"Look at s3://{store.bucket}/run/results/new/report.html" in first.console

    decide(project)
    shutil.copy(project.folder / "decisions.csv", alone.folder)
    shutil.copy(project.folder / "config.yaml", alone.folder)
    added = project.image("catalogue/sandals/later.png", seed=1000)
    store.put("catalogue/sandals/later.png", added.read_bytes())
    second = run_without_shared_folder(alone, store, "portable", "audit")
    project.run("portable", "audit")
    assert second.jobs["extract"] == 1
    found = results_in(store)
    assert_equal(found, project)
    sent = project.result("new/report_portable.html").read_bytes()
    assert pictures(found["new/report_portable.html"]) == pictures(sent)
    assert project.json("new/metrics.json")["decided"] == 1

    assert run_without_shared_folder(alone, store).jobs == {}
    store.put("run/results/features/Former-01234567/0123456789abcdef.parquet", b"needed no longer")
    run_without_shared_folder(alone, store, "tidy")
    assert_equal(results_in(store), project)
