"""The history of runs, and the summary at the end of a run."""

import os
import re

from changes import decide
from project import Project

PAGE = "results/new/report.html"


def test_the_history_gets_a_line_for_each_run_whose_figures_changed(project: Project) -> None:
    (first,) = project.rows("new/history.csv")
    assert (first["set"], first["catalogue"], first["accuracy"]) == ("new", "12", "1.0000")
    assert first["model"] == project.json("model/model.json")["fingerprint"]
    assert project.run(PAGE, "--forcerun", "report").jobs == {"report": 1}
    assert project.rows("new/history.csv") == [first]
    project.image("catalogue/boots/more.png", seed=70)
    project.run(PAGE)
    assert [row["catalogue"] for row in project.rows("new/history.csv")] == ["12", "13"]
    assert project.rows("history.csv") == project.rows("new/history.csv")


def test_changed_predictions_are_listed_until_the_next_change_and_do_not_affect_predictions(
    project: Project,
) -> None:
    assert project.rows("new/changed.csv") == []
    project.photo("catalogue/boots").rename(project.photo("catalogue/bottines"))
    project.run(PAGE)
    changed = project.rows("new/changed.csv")
    assert [(row["image"], row["before"], row["now"]) for row in changed] == [
        ("boots/0.png", "boots", "bottines"),
        ("boots/1.png", "boots", "bottines"),
    ]
    assert project.run(PAGE, "--forcerun", "report").jobs == {"report": 1}
    assert project.rows("new/changed.csv") == changed
    predictions = project.predictions()
    for name in ("history.csv", "changed.csv", "answers.parquet"):
        project.result(f"new/{name}").unlink()
    project.run(PAGE, "--forcerun", "predict")
    assert project.predictions() == predictions
    assert project.rows("new/changed.csv") == []


def test_a_damaged_history_is_reported_and_kept_under_another_name(project: Project) -> None:
    project.result("new/history.csv").write_bytes(b"\0")
    run = project.run(PAGE, "--forcerun", "report")
    assert "results/new/history.csv is damaged" in run.console
    assert "it is now results/new/history.damaged-1.csv" in run.console
    assert project.result("new/history.damaged-1.csv").read_bytes() == b"\0"
    assert len(project.rows("new/history.csv")) == 1


def test_the_console_ends_with_a_summary_and_lists_no_files(project: Project) -> None:
    (project.photo("new/boots") / "empty.jpg").touch()
    (project.photo("catalogue/boots") / "empty.jpg").touch()
    console = project.run().console
    end = console.partition("steps (100%) done\n")[2]
    assert re.match(
        r"\n"
        r"new: 6 of 6 labelled images correct: 100\.0% \(95 % interval 61\.0% to 100\.0%\), "
        r"1 file left out\. Look at results/new/report\.html\n"
        r"catalogue: 1 file left out\. Look at results/catalogue/rejected\.csv\n"
        r"\n",
        end,
    )
    assert "Reason: " not in console
    assert max(map(len, console.splitlines())) < 160


def summary(console: str) -> list[str]:
    """Return the lines at the end of a run, without the figures of the query set."""
    end = console.partition("steps (100%) done\n")[2].partition("Complete log")[0]
    return [line for line in end.splitlines() if line and "Look at" not in line]


def test_a_run_tells_what_has_changed_and_each_photo_keeps_its_time(project: Project) -> None:
    before = {row["image"]: row["added"] for row in project.rows("new/predictions.csv")}
    (first,) = {*before.values()}
    os.utime(project.photo("new/boots/0.png"))
    assert summary(project.run().console) == []
    assert project.rows("new/predictions.csv")[0]["added"] == first
    assert not project.run().jobs

    project.photo("catalogue/boots").rename(project.photo("catalogue/bootes"))
    project.photo("catalogue/sandals/0.png").unlink()
    project.photo("new/boots/0.png").rename(project.photo("new/boots/renamed.png"))
    project.image("new/sneakers/0.png", seed=500)
    project.image("new/sneakers/added.png", seed=501)
    console = project.run().console
    assert console.count("labelled boots, which is not in the catalogue") == 1
    told = summary(console)
    assert told[:2] == [
        "catalogue: 1 photo removed (sandals/0.png), 4 moved from boots to bootes; "
        "no photo is left in boots",
        "new: 1 photo added, 1 changed (sneakers/0.png), 1 renamed",
    ]
    assert told[2].startswith(
        "new: 2 photos are labelled boots, which is not in the catalogue; bootes is. "
    )
    assert len(told) == 3
    later = {row["image"]: row["added"] for row in project.rows("new/predictions.csv")}
    new = {"sneakers/0.png", "sneakers/added.png"}
    assert {image for image, added in later.items() if added != first} == new
    assert not project.run().jobs


def test_a_decision_changes_no_time_and_its_new_class_is_told(project: Project) -> None:
    before = [row["added"] for row in project.rows("new/predictions.csv")]
    decide(
        project,
        ("new/sneakers/0.png", "wrong", "sneaker"),
        ("new/boots/1.png", "catalogue", "boots"),
    )
    console = project.run().console
    assert summary(console) == ["new classes by decisions: sneaker (1 photo); similar: sneakers"]
    assert ", 80.0% without the one that is in the catalogue by now, 2 decided. " in console
    assert [row["added"] for row in project.rows("new/predictions.csv")] == before


def test_a_damaged_listing_begins_again(project: Project) -> None:
    project.result("new/listing.parquet").write_bytes(b"nonsense")
    project.photo("new/boots/0.png").unlink()
    run = project.run("results/new/predictions.csv")
    assert "results/new/listing.parquet is damaged" in run.console
    assert summary(run.console) == []
    project.photo("new/sandals/1.png").unlink()
    run = project.run("results/new/predictions.csv")
    assert summary(run.console) == ["new: 1 photo removed (sandals/1.png)"]


def test_without_a_report_the_summary_does_not_mention_one(project: Project) -> None:
    project.result("new/predictions.csv").unlink()
    console = project.run("results/new/predictions.csv").console
    assert "Look at" not in console
