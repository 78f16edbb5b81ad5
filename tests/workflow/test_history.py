"""The history of runs, and the summary at the end of a run."""

import re

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
        r"1 files left out\. Look at results/new/report\.html\n"
        r"catalogue: 1 files left out\. Look at results/catalogue/rejected\.csv\n"
        r"\n",
        end,
    )
    assert "Reason: " not in console
    assert max(map(len, console.splitlines())) < 160


def test_without_a_report_the_summary_does_not_mention_one(project: Project) -> None:
    project.result("new/predictions.csv").unlink()
    console = project.run("results/new/predictions.csv").console
    assert "Look at" not in console
