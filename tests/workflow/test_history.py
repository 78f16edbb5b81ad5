"""What is kept from run to run, and what a run tells at its end."""

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


def test_what_turned_is_told_until_something_turns_again_and_is_no_part_of_the_answers(
    project: Project,
) -> None:
    assert project.rows("new/changed.csv") == []
    project.photo("catalogue/boots").rename(project.photo("catalogue/bottines"))
    project.run(PAGE)
    turned = project.rows("new/changed.csv")
    assert [(row["image"], row["before"], row["now"]) for row in turned] == [
        ("boots/0.png", "boots", "bottines"),
        ("boots/1.png", "boots", "bottines"),
    ]
    assert project.run(PAGE, "--forcerun", "report").jobs == {"report": 1}
    assert project.rows("new/changed.csv") == turned
    predictions = project.predictions()
    for name in ("history.csv", "changed.csv", "answers.parquet"):
        project.result(f"new/{name}").unlink()
    project.run(PAGE, "--forcerun", "predict")
    assert project.predictions() == predictions
    assert project.rows("new/changed.csv") == []


def test_a_damaged_history_is_told_and_kept_under_another_name(project: Project) -> None:
    project.result("new/history.csv").write_bytes(b"\0")
    run = project.run(PAGE, "--forcerun", "report")
    assert "results/new/history.csv is damaged" in run.console
    assert "it is now results/new/history.damaged-1.csv" in run.console
    assert project.result("new/history.damaged-1.csv").read_bytes() == b"\0"
    assert len(project.rows("new/history.csv")) == 1


def test_the_console_ends_with_what_came_out_and_lists_no_files(project: Project) -> None:
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


def test_where_no_report_was_made_nothing_is_told_of_it(project: Project) -> None:
    project.result("new/predictions.csv").unlink()
    console = project.run("results/new/predictions.csv").console
    assert "Look at" not in console
