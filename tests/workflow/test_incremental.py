"""Each rule runs only if something it depends on has changed, and the result is a rebuild's."""

import os
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from changes import add, change, delete, relabel
from project import CLASSES, Project, lay_out_shoes

AFTER_SEARCH = Counter(predict=1, plot=1, report=1)
AFTER_QUERIES = Counter(manifest=1, plan=1, merge=1, search=1) + AFTER_SEARCH
OF_CATALOGUE = Counter(quality=1, compare_metrics=1, plot_catalogue=1, describe_catalogue=1)
AFTER_CATALOGUE = OF_CATALOGUE + AFTER_QUERIES
ALL_BUT_THE_FEATURES = Counter(manifest=1, merge=1) + AFTER_CATALOGUE


def rename(project: Project) -> None:
    project.photo("catalogue/boots/0.png").rename(project.photo("catalogue/boots/renamed.png"))


def duplicate(project: Project) -> None:
    shutil.copy(project.photo("catalogue/boots/1.png"), project.photo("catalogue/boots/copy.png"))


def add_query_set(project: Project) -> None:
    project.image("more/sandals/0.png", seed=60)
    project.settle(queries={"more": "photos/more"})


def forbid(patch: pytest.MonkeyPatch, project: Project, *packages: str) -> None:
    """Make the import of `packages` fail in the runs to come."""
    for package in packages:
        (project.folder / "forbidden").mkdir(exist_ok=True)
        (project.folder / f"forbidden/{package}.py").write_text("raise AssertionError(__name__)")
    patch.setenv("PYTHONPATH", str(project.folder / "forbidden"))


def images_in(shards: set[str]) -> int:
    return sum(pq.read_metadata(shard).num_rows for shard in shards)


def test_nothing_runs_when_nothing_changed(project: Project) -> None:
    run = project.run()
    assert not run.jobs
    assert "Nothing to be done" in run.console


def test_no_run_up_to_the_page_imports_pandas(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    forbid(monkeypatch, project, "pandas")
    assert not project.run().jobs
    add(project)
    assert project.run().jobs["report"]


@pytest.mark.parametrize(
    ("edit", "jobs", "extracted"),
    [
        (add, AFTER_CATALOGUE + Counter(extract=1), 1),
        (change, AFTER_CATALOGUE + Counter(extract=1), 1),
        (delete, AFTER_CATALOGUE, 0),
        (rename, AFTER_CATALOGUE, 0),
        (relabel, AFTER_CATALOGUE, 0),
        (duplicate, AFTER_CATALOGUE, 0),
        (add_query_set, AFTER_QUERIES + Counter(extract=1, describe_catalogue=1), 1),
    ],
)
def test_after_a_change_only_new_images_are_extracted(
    project: Project, edit: Callable[[Project], None], jobs: Counter[str], extracted: int
) -> None:
    before = project.shards()
    edit(project)
    assert project.run().jobs == jobs
    assert images_in(project.shards() - before) == extracted
    assert not project.run().jobs


def test_a_photo_that_moves_from_a_query_set_into_the_catalogue_is_not_extracted_again(
    project: Project, tmp_path: Path
) -> None:
    moved = project.photo("catalogue/boots/moved.png")
    project.photo("new/boots/0.png").rename(moved)
    run = project.run()
    assert run.jobs == AFTER_CATALOGUE + Counter(manifest=1, merge=1)
    assert project.predictions() == project.rebuilt(tmp_path / "clean").predictions()


def test_features_of_a_photo_in_two_query_sets_stay_if_one_set_is_removed(
    project: Project,
) -> None:
    shutil.copytree(project.photo("new"), project.photo("more"))
    project.settle(queries={"more": "photos/more"})
    assert project.run(*project.answers()).jobs["extract"] == 0
    before = project.shards()
    project.settle(queries={"new": None})
    run = project.run(*project.answers())
    assert run.jobs["extract"] == 0
    assert "no longer needed" not in run.console
    assert project.shards() == before


def test_features_of_a_removed_set_stay_until_tidy_removes_them(
    project: Project,
) -> None:
    add_query_set(project)
    project.run()
    before, predictions = project.shards(), project.predictions()
    project.settle(queries={"more": None})
    run = project.run()
    assert "no longer needed: 1 shard (" in run.console
    assert "snakemake --cores 1 tidy" in run.console
    assert project.shards() == before
    project.result("features/Former-01234567").mkdir()
    project.result("features/Former-01234567/0123456789abcdef.parquet").touch()
    assert project.run("tidy").jobs == {"tidy": 1}
    assert not project.result("features/Former-01234567").exists()
    assert len(before - project.shards()) == 1
    assert not project.run().jobs
    project.settle(queries={"more": "photos/more"})
    assert project.run().jobs["extract"] == 1
    assert project.predictions() == predictions


def test_fewer_voters_run_only_what_follows_the_search(project: Project) -> None:
    project.settle(search={"neighbours": 3})
    assert project.run().jobs == OF_CATALOGUE + AFTER_SEARCH


def test_another_resampling_filter_extracts_all_again(project: Project, tmp_path: Path) -> None:
    before = project.shards()
    project.settle(images={"resample": "bilinear"})
    assert project.run(*project.answers()).jobs["extract"] == 1
    assert images_in(project.shards() - before) == 6 * len(CLASSES)
    assert project.predictions() == project.rebuilt(tmp_path / "clean").predictions()


def test_another_backbone_extracts_all_without_tensorflow_and_going_back_extracts_nothing(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    histogram = project.predictions()
    project.settle(backbone="EfficientNetLite2")
    assert project.run(*project.answers()).jobs["extract"] == 1
    assert project.json("new/metrics.json")["backbone"] == "EfficientNetLite2"
    with monkeypatch.context() as patch:
        forbid(patch, project, "tensorflow", "keras")
        add(project)
        assert project.run(*project.answers()).jobs["extract"] == 1
    project.photo("catalogue/boots/added.png").unlink()
    project.settle(backbone="ColourHistogram")
    assert project.run(*project.answers()).jobs["extract"] == 0
    assert project.predictions() == histogram


def test_a_larger_limit_tries_the_rejected_files_again_and_no_other(project: Project) -> None:
    project.settle(images={"max_pixels": 1000})
    project.image("catalogue/boots/large.png", size=(40, 40))
    project.run("results/catalogue/rejected.csv")
    assert [row["image"] for row in project.rows("catalogue/rejected.csv")] == ["boots/large.png"]
    before = project.shards()
    project.settle(images={"max_pixels": 2000})
    project.run("results/catalogue/rejected.csv")
    assert images_in(project.shards() - before) == 1
    assert project.rows("catalogue/rejected.csv") == []


@pytest.mark.parametrize(
    ("file", "models"),
    [
        ("scripts/similar_images/classification/vote.py", 0),
        ("scripts/similar_images/backbones/building.py", 1),
        ("scripts/similar_images/report/templates/report.css", 0),
        ("scripts/merge.py", 0),
    ],
)
def test_changed_code_runs_every_rule_that_it_can_affect_and_no_extraction(
    project: Project, file: str, models: int
) -> None:
    workflow = project.folder / "workflow"
    original = workflow.resolve()
    workflow.unlink()
    shutil.copytree(original, workflow)
    before = project.predictions()
    with (workflow / file).open("a") as stream:
        stream.write("\n")
    assert project.run().jobs == ALL_BUT_THE_FEATURES + Counter(model=models)
    assert project.predictions() == before


def test_small_shards_are_packed_without_reading_an_image_and_nothing_changes(
    project: Project, tmp_path: Path
) -> None:
    project.settle(extraction={"shard_size": 1})
    for n in range(16):
        project.image(f"catalogue/boots/day_{n}.png", seed=200 + n)
    project.run("results/catalogue/images.parquet")
    small = project.shards()
    project.settle(extraction={"shard_size": 64})
    add(project)
    assert project.run().jobs == AFTER_CATALOGUE + Counter(extract=2, merge=1)
    assert project.json("catalogue/timing.json")["images"] == 4 * len(CLASSES) + 17
    assert project.predictions() == project.rebuilt(tmp_path / "clean").predictions()
    assert not project.run().jobs
    delete(project)
    console = project.run("results/catalogue/images.parquet").console
    assert f"no longer needed: {len(small)} shards (" in console
    assert project.run("tidy").jobs == {"tidy": 1}
    assert not small & project.shards()
    assert project.run().jobs["extract"] == 0
    assert project.predictions() == project.rebuilt(tmp_path / "again").predictions()


def test_a_touched_file_is_hashed_but_not_extracted(project: Project) -> None:
    os.utime(project.photo("catalogue/boots/0.png"))
    assert project.run(*project.answers()).jobs["extract"] == 0


def test_building_the_same_model_again_extracts_nothing(project: Project) -> None:
    jobs = project.run("--forcerun", "model").jobs
    assert jobs["model"] == 1
    assert jobs["extract"] == 0


def test_a_lock_that_was_left_behind_stops_the_run_until_unlock(project: Project) -> None:
    locks = project.folder / ".snakemake/locks"
    locks.mkdir(exist_ok=True)
    (locks / "0.output.lock").write_text("results/model/model.json\n")
    project.image("catalogue/boots/added.png", seed=50)
    assert "cannot be locked" in project.run(fails=True).console
    project.run("--unlock")
    assert project.run(*project.answers()).jobs["extract"] == 1


# Loaded by every Python process of a run, since its folder is in PYTHONPATH: while the file
# `broken` is there, the disk does not give one photo to the rule named first.
FAILING_DISK = """
import builtins, errno, os, sys

name = os.path.basename(sys.orig_argv[-1])
opened = builtins.open
broken = os.environ["BROKEN"]
photos = {"manifest": b"boots/0.png", "extract": b"sandals/0.png", "report": b"sneakers/0.png"}
photo = next((photo for rule, photo in photos.items() if name.endswith(f".{rule}.py")), None)

def failing(file, *args, **options):
    if isinstance(file, bytes) and photo and file.endswith(photo) and os.path.exists(broken):
        raise OSError(errno.EIO, os.strerror(errno.EIO))
    return opened(file, *args, **options)

builtins.open = failing
"""


def thumbnails(project: Project) -> set[str]:
    return {path.name for path in project.result("new/report_files/560-srgb").iterdir()}


def test_photos_that_the_disk_fails_to_read_are_read_by_the_next_run(
    finished: Project, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    broken.touch()
    (tmp_path / "sitecustomize.py").write_text(FAILING_DISK)
    project = lay_out_shoes(tmp_path / "project")
    environment = {"PYTHONPATH": str(tmp_path), "BROKEN": str(broken)}
    run = project.start("--cores", "2", **environment).finish()
    assert run.code == 0, run.console
    rejected = [row["image"] for row in project.rows("catalogue/rejected.csv")]
    assert rejected == ["boots/0.png", "sandals/0.png"]
    assert thumbnails(project) < thumbnails(finished)
    broken.unlink()
    project.run()
    assert project.rows("catalogue/rejected.csv") == []
    assert project.predictions() == finished.predictions()
    assert thumbnails(project) == thumbnails(finished)
    assert project.run().jobs == {}


def test_after_a_failed_job_a_requested_file_does_not_count_as_up_to_date(
    project: Project,
) -> None:
    predictions = "results/new/predictions.csv"
    project.settle(images={"on_error": "stop"})
    project.run(predictions)
    broken = project.photo("catalogue/boots/broken.png")
    broken.write_bytes(b"no picture")
    project.run(predictions, fails=True)
    project.run(predictions, fails=True)
    broken.unlink()
    assert project.run(predictions).jobs["predict"] == 1
    assert not project.run(predictions).jobs
