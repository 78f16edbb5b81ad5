"""What people have decided counts from the next run on, and costs no extraction."""

import json
import os
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from changes import decide, decide_on_some, id_of
from project import CLASSES, Project
from similar_images.core.file_formats import read_parquet

LONG_AGO = 1_700_000_000
SEARCH = Counter(search=1, predict=1, plot=1, report=1)
OF_QUERIES = Counter(plan=1, merge=1) + SEARCH
# The description of the catalogue has the setting, which is new.
NAMED = Counter(describe_catalogue=1)
FIGURES = Counter(quality=1, compare_metrics=1, plot_catalogue=1, describe_catalogue=1)
OF_CATALOGUE = Counter(plan=1, merge=1) + FIGURES + SEARCH


def members(project: Project) -> dict[str, tuple[str, str]]:
    return {
        row["image"]: (row["label"], row["label_from"])
        for row in project.rows("catalogue/members.csv")
    }


def answers(project: Project) -> dict[str, dict[str, str]]:
    return {row["image"]: row for row in project.rows("new/predictions.csv")}


def assert_clean(project: Project, folder: Path) -> None:
    """See that all is as in a clean rebuild, to the byte, and that nothing is left to do."""
    clean = project.rebuilt(folder)
    assert project.predictions() == clean.predictions()
    for name in ("members.csv", "rejected.csv", "quality.json", "features.pkl"):
        path = f"catalogue/{name}"
        assert project.result(path).read_bytes() == clean.result(path).read_bytes(), name
    assert not project.run().jobs


def test_without_decisions_the_members_are_those_of_the_folder(project: Project) -> None:
    assert members(project) == {f"{c}/{n}.png": (c, "folder") for c in CLASSES for n in range(4)}
    assert {row["decision"] for row in project.rows("new/predictions.csv")} == {""}
    metrics = project.json("new/metrics.json")
    assert metrics["decided"] == 0
    assert metrics["by_original_label"]["correct"] == metrics["correct"]


def test_decisions_and_a_new_setting_in_one_run_give_the_results_of_a_rebuild(
    project: Project, tmp_path: Path
) -> None:
    decide_on_some(project)
    project.settle(search={"metric": "adapted-top"})
    project.run()
    assert_clean(project, tmp_path / "clean")


@pytest.mark.parametrize("target", ["audit", "portable"])
def test_a_target_that_is_asked_for_first_after_decisions_waits_for_them(
    project: Project, target: str
) -> None:
    decide_on_some(project)
    project.run(target)
    assert not project.run(target).jobs


def test_a_photo_of_the_catalogue_counts_under_the_class_that_was_decided(
    project: Project, tmp_path: Path
) -> None:
    photo = project.photo("catalogue/boots/0.png")
    before = photo.read_bytes()
    decide(
        project,
        ("catalogue/boots/0.png", "wrong", "sandals"),
        ("catalogue/boots/1.png", "right", "boots"),
    )
    assert project.run().jobs == OF_CATALOGUE
    found = members(project)
    assert found["boots/0.png"] == ("sandals", "decision")
    assert found["boots/1.png"] == ("boots", "decision")
    assert found["boots/2.png"] == ("boots", "folder")
    assert photo.read_bytes() == before
    assert_clean(project, tmp_path / "clean")


def test_the_content_of_the_decisions_file_counts_and_not_its_time(project: Project) -> None:
    """The name has braces, which Snakemake takes for a wildcard in the names of inputs."""
    target = "results/catalogue/members.csv"
    decide(project, ("catalogue/boots/0.png", "wrong", "sandals"))
    file = (project.folder / "decisions.csv").rename(project.folder / "{mine}.csv")
    project.settle(decisions=file.name)
    assert project.run(target).jobs == Counter(plan=1, merge=1)
    decide(project, ("catalogue/boots/0.png", "wrong", "sneakers"))
    os.utime(project.folder / "decisions.csv", (LONG_AGO, LONG_AGO))
    (project.folder / "decisions.csv").rename(file)
    project.settle(decisions=file.name)
    assert project.run(target).jobs == Counter(plan=1, merge=1)
    assert members(project)["boots/0.png"] == ("sneakers", "decision")
    file.touch()
    assert not project.run(target).jobs


def test_a_photo_that_a_decision_leaves_out_is_listed_and_does_not_stop_the_run(
    project: Project, tmp_path: Path
) -> None:
    project.settle(images={"on_error": "stop"})
    decide(project, ("catalogue/boots/0.png", "out", ""), ("new/boots/0.png", "out", ""))
    assert project.run().jobs == OF_CATALOGUE + Counter(merge=1)
    assert "boots/0.png" not in members(project)
    (row,) = project.rows("catalogue/rejected.csv")
    assert (row["image"], row["reason"]) == ("boots/0.png", "left out by a decision")
    row = answers(project)["boots/0.png"]
    assert (row["error"], row["decision"], row["prediction"]) == (
        "left out by a decision",
        "out",
        "",
    )
    assert row["label"] == row["original_label"] == "boots"
    assert_clean(project, tmp_path / "clean")


def test_a_query_has_the_label_that_was_decided_and_the_catalogue_is_left_alone(
    project: Project, tmp_path: Path
) -> None:
    decide(
        project,
        ("new/boots/0.png", "wrong", "sandals"),
        ("new/boots/1.png", "right", "boots"),
    )
    run = project.run()
    assert run.jobs == OF_QUERIES + NAMED
    row = answers(project)["boots/0.png"]
    assert (row["label"], row["original_label"], row["decision"]) == ("sandals", "boots", "wrong")
    assert (row["prediction"], row["correct"]) == ("boots", "false")
    metrics = project.json("new/metrics.json")
    assert (metrics["correct"], metrics["by_original_label"]["correct"], metrics["decided"]) == (
        5,
        6,
        2,
    )
    assert "6 of 6 right by the original labels" in run.console
    assert_clean(project, tmp_path / "clean")


def test_a_query_becomes_a_member_of_the_catalogue_and_does_not_find_itself(
    project: Project, tmp_path: Path
) -> None:
    shards = project.shards()
    decide(
        project,
        ("new/boots/0.png", "catalogue", "boots"),
        ("new/sandals/1.png", "catalogue", "slippers"),
    )
    assert project.run().jobs == OF_CATALOGUE + Counter(merge=1)
    assert project.shards() == shards
    found = members(project)
    assert len(found) == 14
    assert found["new:boots/0.png"] == ("boots", "decision")
    assert found["new:sandals/1.png"] == ("slippers", "decision")
    neighbours = read_parquet(project.result("new/neighbours.parquet")).to_pylist()
    found_by = {row["image"]: row["similar"] for row in neighbours}
    assert all(f"new:{image}" not in similar for image, similar in found_by.items())
    assert "new:boots/0.png" in found_by["boots/1.png"]
    rows = answers(project)
    assert not any(row["duplicate"] for row in rows.values())
    assert rows["sandals/1.png"]["label"] == "slippers"
    assert_clean(project, tmp_path / "clean")


@pytest.mark.parametrize(
    "settings",
    [{"parts": 3}, {"index": "approximate"}, {"metric": "adapted"}],
    ids=["parts", "approximate", "adapted"],
)
def test_no_kind_of_search_returns_the_query_itself(
    project: Project, settings: dict[str, object]
) -> None:
    project.settle(search=settings)
    wanted = [f"new/{class_}/0.png" for class_ in CLASSES]
    decide(project, *((path, "catalogue", path.split("/")[1]) for path in wanted))
    project.run(*project.answers())
    for row in read_parquet(project.result("new/neighbours.parquet")).to_pylist():
        assert set(row["similar"]) == members(project).keys() - {f"new:{row['image']}"}
    for row in read_parquet(project.result("new/candidates.parquet")).to_pylist():
        assert len(row["similar"]) == 3
        assert f"new:{row['image']}" not in row["similar"]


def test_a_new_query_does_not_merge_a_catalogue_with_decisions_again(project: Project) -> None:
    decide_on_some(project)
    project.run()
    project.image("new/boots/added.png", seed=52)
    jobs = project.run().jobs
    assert jobs == Counter(manifest=1, plan=1, extract=1, merge=1) + SEARCH


def test_a_query_in_the_catalogue_stays_there_when_its_file_is_moved(
    project: Project, tmp_path: Path
) -> None:
    project.image("more/sneakers/0.png", seed=60)
    project.settle(queries={"more": "photos/more"})
    decide(project, ("new/boots/0.png", "catalogue", "boots"))
    project.run(*project.answers())
    shards = project.shards()
    photo = project.photo("new/boots/0.png")

    moved = photo.rename(project.photo("new/renamed.png"))
    project.run(*project.answers())
    assert members(project)["new:renamed.png"] == ("boots", "decision")

    moved = moved.rename(project.photo("more/sneakers/other.png"))
    project.run(*project.answers())
    assert members(project)["more:sneakers/other.png"] == ("boots", "decision")
    row = next(r for r in project.rows("more/predictions.csv") if "other" in r["image"])
    assert (row["label"], row["original_label"]) == ("boots", "sneakers")
    assert "more:sneakers/other.png" not in row.values()

    moved = moved.rename(project.photo("catalogue/sneakers/own.png"))
    project.run()
    found = members(project)
    assert found["sneakers/own.png"] == ("boots", "decision")
    assert not [image for image in found if ":" in image]
    assert project.shards() == shards
    assert_clean(project, tmp_path / "clean")

    moved.unlink()
    run = project.run()
    assert "decisions.csv: ignored 1 decision on the set “new”" in run.console
    assert "'boots/0.png'" in run.console
    assert len(members(project)) == 12
    assert_clean(project, tmp_path / "gone")


def test_decisions_that_are_withdrawn_leave_nothing_behind(project: Project) -> None:
    before = project.predictions()
    shards = project.shards()
    quality = project.json("catalogue/quality.json")
    decide_on_some(project)
    project.run(*project.answers())
    assert project.predictions() != before
    decide(project)
    run = project.run()
    assert run.jobs == OF_CATALOGUE + Counter(merge=1)
    assert "4 decisions of the last run not in the file of decisions any more" in run.console
    assert len(project.rows("plan/decisions-lost.csv")) == 4
    assert project.predictions() == before
    assert project.json("catalogue/quality.json") == quality
    decide_on_some(project)
    project.run(*project.answers())
    project.settle(decisions=None)
    project.run()
    assert project.predictions() == before
    assert project.shards() == shards
    assert not project.run().jobs


def page_data(project: Project, name: str) -> Any:
    """Return the data in a page."""
    text = project.result(f"{name}/report.html").read_text("utf-8")
    data = text.partition('<script type="application/json" id="data">')[2]
    return json.loads(data.partition("</script>")[0])


def test_decisions_that_are_taken_back_on_the_page_leave_nothing_but_their_rows(
    project: Project,
) -> None:
    before = project.predictions()
    quality = project.json("catalogue/quality.json")
    made = [
        ("catalogue/boots/0.png", "wrong", "sandals"),
        ("catalogue/sneakers/1.png", "out", ""),
        ("new/boots/1.png", "out", ""),
        ("new/sandals/0.png", "right", "boots"),
    ]
    decide(project, *made)
    project.run("all", "audit")
    # What was left out has its picture, to be taken back.
    (left_out,) = [card for card in page_data(project, "new")["cards"] if card["decision"] == "out"]
    assert left_out["picture"] == id_of(project, "new/boots/1.png")
    asked = {photo["name"] for photo in page_data(project, "catalogue")["photos"]}
    assert {"boots/0.png", "sneakers/1.png"} <= asked
    thumbnails = project.result("catalogue/report_files").rglob("*.jpg")
    assert id_of(project, "catalogue/sneakers/1.png") in {path.stem for path in thumbnails}

    shutil.move(project.folder / "decisions.csv", project.folder / "earlier.csv")
    back = [(path, "undecided", "") for path, _, _ in made]
    decide(project, *made, *back)  # later than the others
    project.settle(decisions=["decisions.csv", "earlier.csv"])
    run = project.run()
    assert project.predictions() == before
    assert project.json("catalogue/quality.json") == quality
    assert {row["decision"] for row in page_data(project, "new")["decided"]} == {"undecided"}
    assert "not in the file of decisions any more" not in run.console
    assert "csv: ignored" not in run.console
    assert not project.run().jobs


def test_decisions_on_a_set_that_is_not_configured_are_named(project: Project) -> None:
    decide(project, ("new/boots/0.png", "wrong", "sandals"))
    file = project.folder / "decisions.csv"
    file.write_text(file.read_text().replace(",new,", ",sprng,"))
    console = project.run("results/new/predictions.csv").console
    assert (
        "decisions.csv: ignored 1 decision on the set “sprng”, which is not in config.yaml: "
        "'boots/0.png'."
    ) in console


def test_all_kinds_of_decisions_in_several_files_equal_a_clean_rebuild(
    project: Project, tmp_path: Path
) -> None:
    decide_on_some(project)
    project.run(*project.answers())
    shutil.move(project.folder / "decisions.csv", project.folder / "first.csv")
    decide(project, ("new/sneakers/0.png", "catalogue", "sneakers"), ("new/boots/0.png", "out", ""))
    project.settle(decisions=["first.csv", "decisions.csv"])
    assert project.run().jobs["extract"] == 0
    assert {"new:boots/1.png", "new:sneakers/0.png"} < {*members(project)}
    assert_clean(project, tmp_path / "clean")


def test_a_class_of_decisions_alone_and_a_catalogue_of_one_class_are_enough(
    project: Project,
) -> None:
    for class_ in ("sandals", "sneakers"):
        shutil.rmtree(project.photo(f"catalogue/{class_}"))
    decide(project, *((f"new/sandals/{n}.png", "catalogue", "sandals") for n in range(2)))
    project.run(*project.answers())
    assert {label for label, _ in members(project).values()} == {"boots", "sandals"}


def test_a_comparison_uses_the_catalogue_with_its_decisions(project: Project) -> None:
    project.settle(compare={"one": {"search": {"neighbours": 1}}})
    decide_on_some(project)
    project.run("compare")
    entry = project.json("compare/one/results/catalogue/quality.json")
    project.run(*project.answers())
    assert entry["images"] == project.json("catalogue/quality.json")["images"] == 12
    assert not project.run("compare").jobs
    decide(project)
    assert project.run("compare").jobs["compare_entry"] == 1
    assert project.json("compare/one/results/catalogue/quality.json")["images"] == 12


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, ["decisions.csv: there is no such file", "Save the decisions"]),
        ("image,label\n", ["line 1: 'image,label' is not the header"]),
        ("content_id,image,set,decision,label,when,note\nx,,,,,,\n", ["line 2: content_id 'x'"]),
    ],
)
def test_a_bad_file_of_decisions_is_refused_before_any_work(
    project: Project, content: str | None, words: list[str]
) -> None:
    project.image("new/boots/added.png", seed=52)
    if content is not None:
        (project.folder / "decisions.csv").write_text(content)
    project.settle(decisions="decisions.csv")
    run = project.run(fails=True)
    assert not run.jobs
    assert all(word in run.console for word in ["decisions: decisions.csv", *words]), run.console
    assert "Traceback" not in run.console


def test_decisions_on_the_same_bytes_in_two_collections_do_not_touch_each_other(
    project: Project,
) -> None:
    for copy in ("new/sandals/same.png", "more/same.png"):
        project.photo(copy).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(project.photo("catalogue/sandals/0.png"), project.photo(copy))
    project.settle(queries={"more": "photos/more"})
    decide(
        project,
        ("catalogue/sandals/0.png", "wrong", "boots"),
        ("new/sandals/same.png", "right", "sandals"),
        ("more/same.png", "out", ""),
    )
    project.run(*project.answers())
    assert members(project)["sandals/0.png"] == ("boots", "decision")
    same = answers(project)["sandals/same.png"]
    assert (same["label"], same["decision"], same["error"]) == ("sandals", "right", "")
    (left_out,) = project.rows("more/predictions.csv")
    assert left_out["decision"] == "out"


def test_confirming_a_photo_that_was_taken_into_the_catalogue_leaves_it_there(
    project: Project,
) -> None:
    decide(
        project,
        ("new/boots/0.png", "catalogue", "boots"),
        ("new/boots/0.png", "right", "boots"),
        ("new/sandals/0.png", "catalogue", "sandals"),
        ("catalogue/new:sandals/0.png", "out", ""),
    )
    project.run(*project.answers())
    assert members(project)["new:boots/0.png"] == ("boots", "decision")
    assert answers(project)["boots/0.png"]["decision"] == "right"
    assert not [image for image in members(project) if "sandals/0" in image and ":" in image]


def test_a_decision_does_not_apply_to_a_file_that_replaces_the_photo(project: Project) -> None:
    decided = id_of(project, "new/boots/0.png")
    decide(project, ("new/boots/0.png", "catalogue", "boots"))
    project.image("new/boots/0.png", seed=53)
    assert id_of(project, "new/boots/0.png") != decided
    assert "ignored 1 decision on the set “new”" in project.run(*project.answers()).console
    assert len(members(project)) == 12


def test_the_catalogue_with_its_decisions_is_exported_and_no_export_is_overwritten(
    project: Project,
) -> None:
    decide_on_some(project)
    run = project.run("export")
    assert run.jobs == Counter(plan=1, merge=1, export=1)
    folder = project.folder / "export"
    found = {str(path.relative_to(folder)) for path in folder.rglob("*.png")}
    assert len(found) == len(members(project)) == 12
    assert {"boots/1.png", "sandals/0.png"} < found
    # Names that were there already: the boot among the sandals, the query among the boots.
    assert sorted({name.partition("-")[0] for name in found if "-" in name}) == [
        "boots/1",
        "sandals/0",
    ]
    assert "sneakers/1.png" not in found
    assert not any(path.is_symlink() for path in folder.rglob("*.png"))

    run = project.run("export", fails=True)
    assert "export exists, and nothing is written over it" in run.console
    assert "Traceback" not in run.console
    assert {str(path.relative_to(folder)) for path in folder.rglob("*.png")} == found

    project.settle(export={"folder": "training/list", "as": "csv"})
    assert project.run("export").jobs == {"export": 1}
    project.settle(catalogue="training/list/catalogue.csv", decisions=None)
    project.run("results/catalogue/members.csv")
    assert Counter(label for label, _ in members(project).values()) == Counter(
        boots=4, sandals=5, sneakers=3
    )


def test_a_group_of_new_photos_becomes_a_class_and_is_no_group_any_more(
    project: Project, tmp_path: Path
) -> None:
    shutil.rmtree(project.photo("new"))
    # Noise in a colour that no class has.
    names = [project.image(f"new/{n}.png", seed=900 + n).name for n in range(6)]
    project.run()
    assert {row["image"] for row in project.rows("new/groups.csv")} == {*names}
    page = page_data(project, "new")
    assert [sorted(group["images"]) for group in page["groups"]] == [sorted(names)]
    assert project.rebuilt(tmp_path / "clean").rows("new/groups.csv") == project.rows(
        "new/groups.csv"
    )
    decide(project, *((f"new/{name}", "catalogue", "clocks") for name in names))
    project.run()
    assert Counter(label for label, _ in members(project).values())["clocks"] == len(names)
    assert project.rows("new/groups.csv") == []
