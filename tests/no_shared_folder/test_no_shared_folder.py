"""Whole runs whose jobs share no folder: photos and results are in an object store."""

import os
import re
import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

import user_networks
from changes import decide
from project import ROOT, Project, Run, lay_out_shoes, without_times
from s3_server import Store, s3_server

# Files with times: shards (features.pkl has the rest of them), caches, fetched photos, checksums.
NOT_COMPARED = re.compile(
    r"(.*/)?(timing\.json|history\.csv|report(_portable)?\.html)"
    r"|(.*/)?(looks\.json|digests\.json|hashes\.parquet|listing\.parquet)"
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
def isolated(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The same, but with the files of the workflow in it, as in a checkout."""
    isolated = project.copy(tmp_path / "isolated")
    shutil.rmtree(isolated.photo(""))
    for name in ("Snakefile", "workflow", "profiles"):
        (isolated.folder / name).unlink()
    shutil.copy(ROOT / "Snakefile", isolated.folder)
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "workflow", isolated.folder / "workflow", ignore=ignore)
    (isolated.folder / "profiles").symlink_to("workflow/profiles")
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "tests" / "no_shared_folder"))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return isolated


def run_without_shared_folder(
    project: Project, store: Store, *arguments: str, fails: bool = False
) -> Run:
    return project.snakemake(
        *arguments,
        *("--executor", "isolated", "--jobs", "2", "--shared-fs-usage", "none"),
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
    """Check that the files `found` equal the project's results, to the byte."""
    paths = [path for path in project.result("").rglob("*") if path.is_file()]
    expected = {str(path.relative_to(project.result(""))): path for path in paths}
    compared = {name for name in expected if not NOT_COMPARED.fullmatch(name)}
    assert len(compared) > 50
    assert compared <= found.keys()
    for name in compared:
        whole = without_times(name, expected[name].read_bytes())
        assert without_times(name, found[name]) == whole, name
    assert shards(found) == shards(expected)


def shards(names: Iterable[str]) -> set[str]:
    return {name for name in names if name.startswith("features/")}


def pictures(page: bytes) -> list[bytes]:
    """Return the pictures inside a page that was made to be sent."""
    found = re.findall(rb'"[0-9a-f]{64}": "(/9j/[^"]+)"', page)
    assert len(found) > 10
    return found


def test_jobs_without_a_shared_folder_give_the_results_of_a_local_run_and_reuse_them(
    isolated: Project, project: Project, store: Store
) -> None:
    first = run_without_shared_folder(isolated, store)
    project.run()
    assert_equal(results_in(store), project)
    assert not (isolated.folder / "results").exists()
    assert f"Look at s3://{store.bucket}/run/results/new/report.html" in first.console

    decide(
        project,
        ("catalogue/boots/0.png", "wrong", "sandals"),
        ("new/sneakers/0.png", "catalogue", "sneakers"),
    )
    shutil.copy(project.folder / "decisions.csv", isolated.folder)
    shutil.copy(project.folder / "config.yaml", isolated.folder)
    added = project.image("catalogue/sandals/later.png", seed=1000)
    store.put("catalogue/sandals/later.png", added.read_bytes())
    second = run_without_shared_folder(isolated, store, "portable", "audit")
    project.run("portable", "audit")
    assert second.jobs["extract"] == 1
    assert "catalogue: 1 photo added" in second.console
    found = results_in(store)
    assert_equal(found, project)
    sent = project.result("new/report_portable.html").read_bytes()
    assert pictures(found["new/report_portable.html"]) == pictures(sent)
    assert project.json("new/metrics.json")["decided"] == 1

    assert run_without_shared_folder(isolated, store).jobs == {}
    store.put("run/results/features/Former-01234567/0123456789abcdef.parquet", b"needed no longer")
    run_without_shared_folder(isolated, store, "tidy")
    assert_equal(results_in(store), project)
