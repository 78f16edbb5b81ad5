"""After any fault the next run gives the results of a rebuild, and extracts nothing twice.

In short form, some changes, each with runs in which every rule fails once, by different faults. In
complete form (`-m complete`) every change, and every combination of rule, change and fault alone.
"""

import json
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import cache
from glob import glob
from pathlib import Path

import faiss
import numpy as np
import openpyxl
import pyarrow.parquet as pq
import pytest
import yaml
from PIL import Image

from changes import add, add_query, change, decide_on_some, delete, relabel
from project import ROOT, Project, Run
from scenarios import AUDIT, COMPARE, FEATURES, MAP, SCENARIOS, USUAL, Scenario, ScenarioProject
from similar_images.core import files
from similar_images.features import feature_table, shards

FAULT_INJECTION = Path(__file__).with_name("fault_injection")


def change_settings(project: Project) -> None:
    """Let fewer images vote, and an image in that was too large."""
    project.settle(search={"neighbours": 3}, images={"max_pixels": 2000})


def change_backbone(project: Project) -> None:
    project.settle(backbone="ColourHistogram")


def upgrade(project: Project) -> None:
    """Take this version in place of the former one."""
    shutil.rmtree(project.folder / "workflow")
    (project.folder / "workflow").symlink_to(ROOT / "workflow")


# What is made of the catalogue alone. The audit looks for rotated photos in all collections.
OF_CATALOGUE = {
    "components",
    "adapt",
    "quality",
    "compare_metrics",
    "plot_catalogue",
    "describe_catalogue",
    "approximate",
} | {
    *AUDIT.rules,
    *MAP.rules,
    *COMPARE.rules,
} - {*FEATURES, "find_rotated", "audit_report"}
# For each change: how it is done, the photo that is then extracted, if any, and the rules that
# have nothing to do.
CHANGES: dict[str, tuple[Callable[[Project], None], str, set[str]]] = {
    "image added": (add, "catalogue/boots/added.png", {"model"}),
    "image changed": (change, "catalogue/boots/0.png", {"model"}),
    "image deleted": (delete, "", {"model", "extract"}),
    "image relabelled": (relabel, "", {"model", "extract"}),
    "query added": (add_query, "new/boots/added.png", {"model", *OF_CATALOGUE}),
    "settings changed": (change_settings, "catalogue/boots/large.png", {"model", "manifest"}),
    "backbone changed": (change_backbone, "catalogue/boots/0.png", {"manifest"}),
    "project upgraded": (upgrade, "", {"extract"}),
    "decisions changed": (decide_on_some, "", {"model", "manifest", "extract"}),
}
FAULTS = [
    "exception",
    "SIGKILL of the job",
    "SIGKILL of all",
    "SIGTERM",
    "Ctrl-C",
    "disk full",
]
# What is requested after which change. Other changes run the same rules: only in the complete form.
SHORT = {
    ("image added", USUAL),
    ("image added", AUDIT),
    ("image added", MAP),
    ("decisions changed", USUAL),
    ("backbone changed", USUAL),
    ("project upgraded", USUAL),
}
# What is kept from run to run: an old file can be beside the checksum of a new one.
CACHES = {
    *("hashes.parquet", "list.json", "looks.json", "retries.json", "digests.json"),
    "listing_changes.csv",
    *("rotations.parquet", "rotated_differences.parquet"),
    *("differences.parquet", "changed.csv", "decisions-applied.csv", "decisions-lost.csv"),
    *("answers.parquet", "catalogue.parquet"),  # of the search
}
OF_PHOTOS = ["photo changes", "photo vanishes"]
# Before the first file takes its place, before the second, the third, and at the job's end. A
# file with a checksum counts twice.
MOMENTS = [1, 2, 3, 1000]


def combinations() -> Iterator[tuple[str, str, str, int]]:
    """Yield every combination of rule, change and fault that there is, and the moment."""
    for shift, (change_, (_, photo, idle)) in enumerate(CHANGES.items()):
        for number, rule in enumerate(SCENARIOS, shift):
            if rule in idle:
                continue
            for at, fault in enumerate(FAULTS, number):
                yield rule, change_, fault, MOMENTS[at % len(MOMENTS)]
            if rule == "extract" and photo:
                for fault in OF_PHOTOS:
                    yield rule, change_, fault, 1


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path | None]:
    """A small disk that can be filled, or None where this user may not mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        yield None
        return
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture(scope="session")
def rebuilt(
    base: Callable[[str, Scenario], ScenarioProject], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str, Scenario], object]:
    """Give what comes out of a clean rebuild after a change."""

    @cache
    def outcome(change: str, scenario: Scenario) -> object:
        folder = tmp_path_factory.mktemp("rebuilt")
        project = base(change, scenario).copy(folder / "changed")
        CHANGES[change][0](project)
        return project.rebuilt(folder / "clean").outcome()

    return outcome


def run_with_fault(project: Project, rule: str, fault: str, moment: int, photo: str) -> Run:
    """Run, with `fault` in the first job of `rule`; then check that it did no lasting harm."""
    mark = project.folder / f"fault-in-{rule}"
    filler = project.folder / "filler"
    settings = {
        "rule": rule,
        "kind": fault,
        "rename": moment,
        "mark": str(mark),
        "filler": str(filler),
        "photo": str(project.photo(photo)),
        "other": str(project.photo("catalogue/sneakers/1.png")),
    }
    before = extracted(project)
    started = project.start(
        "--cores", "2", PYTHONPATH=str(FAULT_INJECTION), FAULT=json.dumps(settings)
    )
    run = started.finish()
    assert mark.exists(), f"{rule} did not run:\n{run.console}"
    # The old pictures that a page removes can make it the room that it needs.
    makes_room = fault == "disk full" and rule in ("audit_report", "map_page")
    may_succeed = fault in ("SIGTERM", *OF_PHOTOS) or makes_room
    assert run.code != 0 or may_succeed, run.console
    filler.unlink(missing_ok=True)
    assert_whole(project)
    assert before.items() <= extracted(project).items()
    if run.code == -signal.SIGKILL:
        project.run("--unlock")
    return run


def extracted(project: Project) -> dict[str, int]:
    """Return the shards, each with what changes when it is extracted again."""
    return {path: Path(path).stat().st_mtime_ns for path in project.shards()}


def assert_whole(project: Project) -> None:
    """See that each file in results/ can be read to its end."""
    results = project.result("")
    # Unlike `rglob`, this passes over what is hidden, such as the memory of an entry's Snakemake.
    for path in (results / name for name in glob("**", root_dir=results, recursive=True)):
        if path.is_file():
            if path.name not in CACHES:
                files.check(path)
            read_whole(path)


def read_whole(path: Path) -> None:
    match path.suffix:
        case ".parquet" if path.parent.parent.name == "features":
            shards.read(path)
        case ".partial":
            shards.read(path)
        case ".parquet":
            pq.read_table(path)
        case ".pkl":
            feature_table.read(path)
        case ".npy":
            np.load(path)
        case ".npz":
            with np.load(path) as arrays:
                assert all(arrays[name].size for name in arrays)
        case ".json":
            json.loads(path.read_text("utf-8"))
        case ".png" | ".jpg":
            Image.open(path).load()
        case ".html" | ".svg":
            assert path.read_text("utf-8").rstrip().endswith(("</html>", "</svg>")), path
        case ".xlsx":
            openpyxl.load_workbook(path)
        case ".faiss":
            faiss.read_index(str(path))
        case ".xml" | ".bin":
            files.check(path.parent)  # the network's folder
        case ".yaml":
            assert yaml.safe_load(path.read_text("utf-8"))
        case ".log":
            pass  # written as the job goes on
        case ".csv" | ".txt":
            assert path.read_text("utf-8").endswith("\n"), path
        case other:
            raise AssertionError(f"{path}: what is a {other} file?")


def assert_recovers(project: ScenarioProject, expected: object) -> Run:
    """Run plainly; see that the result is a clean rebuild's and that nothing was left behind."""
    run = project.run()
    assert project.outcome() == expected
    assert_whole(project)
    assert not list(project.result("").rglob("*.tmp"))
    assert not project.run().jobs
    return run


def test_every_rule_of_the_workflow_is_tried() -> None:
    texts = [path.read_text("utf-8") for path in ROOT.glob("workflow/rules/*.smk")]
    rules = re.findall(r"^ *(?:rule|checkpoint) (\w+):", "\n".join(texts), re.M)
    # The one makes nothing, the other nothing twice: it has tests of its own.
    assert sorted([*SCENARIOS, "tidy", "export"]) == sorted(rules)


@pytest.mark.parametrize(
    ("change", "scenario"),
    [
        pytest.param(
            change,
            scenario,
            id=f"{change}-{scenario.target}",
            marks=[pytest.mark.complete] * ((change, scenario) not in SHORT),
        )
        for change in CHANGES
        for scenario in (USUAL, AUDIT, MAP, COMPARE)
        if scenario is USUAL or change != "query added"
    ],
)
def test_after_a_fault_in_every_rule_the_results_equal_a_rebuild(
    base: Callable[[str, Scenario], ScenarioProject],
    rebuilt: Callable[[str, Scenario], object],
    disk: Path | None,
    tmp_path: Path,
    change: str,
    scenario: Scenario,
) -> None:
    edit, photo, idle = CHANGES[change]
    project = base(change, scenario).copy((disk or tmp_path) / "project")
    edit(project)
    shift = list(CHANGES).index(change)
    done: set[str] = set()
    # After SIGTERM the run of an entry goes on to its end, so that no job is left for a fault.
    faults = [fault for fault in FAULTS if scenario is not COMPARE or fault != "SIGTERM"]
    for number, rule in enumerate(scenario.rules, shift):
        fault = faults[number % len(faults)]
        if rule in idle | done or (fault == "disk full" and disk is None):
            continue  # another job that ran beside the one with the fault may have finished
        run = run_with_fault(project, rule, fault, MOMENTS[number % len(MOMENTS)], photo)
        done |= set(run.jobs)
    run = assert_recovers(project, rebuilt(change, scenario))
    if scenario is COMPARE:
        idle = idle - {"manifest"}  # an entry has absolute paths, and its project was moved here
    if (scenario, change) == (COMPARE, "decisions changed"):
        idle = idle - {"extract"}  # only now has an entry queries
    assert not (done | set(run.jobs)) & idle
    if disk is None:
        pytest.skip("all but the full disk was tried: only root can mount a small one")


@pytest.mark.complete
@pytest.mark.parametrize(("rule", "change", "fault", "moment"), list(combinations()))
def test_after_one_fault_the_next_run_gives_the_results_of_a_rebuild(
    base: Callable[[str, Scenario], ScenarioProject],
    rebuilt: Callable[[str, Scenario], object],
    request: pytest.FixtureRequest,
    tmp_path: Path,
    rule: str,
    change: str,
    fault: str,
    moment: int,
) -> None:
    folder = tmp_path
    if fault == "disk full":
        folder = request.getfixturevalue("disk") or pytest.skip("only root can mount a small disk")
    edit, photo, _ = CHANGES[change]
    scenario = SCENARIOS[rule]
    project = base(change, scenario).copy(folder / "project")
    edit(project)
    before = extracted(project)
    run = run_with_fault(project, rule, fault, moment, photo)
    finished = before
    if rule != "extract" or run.jobs["extract"]:
        finished = extracted(project)
    if fault in OF_PHOTOS:
        expected = project.rebuilt(tmp_path / "clean").outcome()
    else:
        expected = rebuilt(change, scenario)
    assert_recovers(project, expected)
    assert finished.items() <= extracted(project).items()


@pytest.mark.parametrize(
    ("change", "fault"), list(zip(["image added", "query added"], OF_PHOTOS, strict=True))
)
def test_a_photo_that_changes_or_vanishes_before_its_extraction_is_left_to_the_next_run(
    base: Callable[[str, Scenario], ScenarioProject], tmp_path: Path, change: str, fault: str
) -> None:
    edit, photo, _ = CHANGES[change]
    project = base(change, USUAL).copy(tmp_path / "project")
    edit(project)
    run = run_with_fault(project, "extract", fault, 1, photo)
    reason = "the file has changed" if fault == "photo changes" else "no such file or directory"
    assert f"{reason}; the next run tries it again" in run.console
    assert run.code == 0
    assert_recovers(project, project.rebuilt(tmp_path / "clean").outcome())


def test_a_second_run_in_the_same_folder_stops_and_says_what_to_do(
    base: Callable[[str, Scenario], ScenarioProject],
    rebuilt: Callable[[str, Scenario], object],
    tmp_path: Path,
) -> None:
    project = base("image added", USUAL).copy(tmp_path / "project")
    add(project)
    settings = {
        "rule": "extract",
        "kind": "wait",
        "mark": str(tmp_path / "waits"),
        "go": str(tmp_path / "go"),
    }
    first = project.start(
        "--cores", "2", PYTHONPATH=str(FAULT_INJECTION), FAULT=json.dumps(settings)
    )
    while not (tmp_path / "waits").exists():
        assert first.process.poll() is None
        time.sleep(0.1)
    second = project.run(fails=True)
    assert not second.jobs
    assert "Directory cannot be locked" in second.console
    assert "no other Snakemake process" in second.console
    assert "--unlock" in second.console
    assert "Traceback" not in second.console
    (tmp_path / "go").touch()
    assert first.finish().code == 0
    assert project.predictions() == rebuilt("image added", USUAL)
    assert not project.run().jobs
