"""The workbook in runs: decisions that LibreOffice saves in it count in the next one."""

import shutil
import time
from collections import Counter

import openpyxl

from changes import decide, id_of
from project import Project
from spreadsheet import edit

WORKBOOK = "new/predictions.xlsx"


def answers(project: Project) -> dict[str, dict[str, str]]:
    return {row["image"]: row for row in project.rows("new/predictions.csv")}


def test_decisions_made_in_libreoffice_count_in_the_next_run(project: Project) -> None:
    project.image("new/sandals/=1+1 ü.png", seed=60)
    broken = project.photo("new/boots/broken.png")
    broken.write_text("no image")
    decide(project, ("new/boots/1.png", "wrong", "sneakers"))
    run = project.run("workbook")
    assert "new: the workbook is results/new/predictions.xlsx" in run.console
    mine = project.folder / "mine.xlsx"
    shutil.copy(project.result(WORKBOOK), mine)

    # Rows: boots/0, boots/1, broken, sandals/0, sandals/1, =1+1, sneakers/0, sneakers/1.
    changes = {"G2": "wrong", "H2": "00123", "I2": "é, “seen”", "G5": "out", "G8": "catalogue"}
    found = edit(mine, changes, sorted_by=1)
    header, *table = found["table"]
    rows = [dict(zip(header, row, strict=True)) for row in table]
    assert [row["Image"] for row in rows][:2] == ["sneakers/1.png", "sneakers/0.png"]
    assert "sandals/=1+1 ü.png" in [row["Image"] for row in rows]
    assert found["choices"] == '"right";"wrong";"out";"catalogue"'
    assert found["link"].endswith("/photos/new/sneakers/1.png")
    # Pictures move with their rows.
    place = next(n for n, row in enumerate(rows, 1) if row["State"] == "Rejected")
    assert found["photos"] == [n for n in range(1, 9) if n != place]

    project.settle(decisions=["decisions.csv", "mine.xlsx"])
    project.run()
    now = answers(project)
    assert (now["boots/0.png"]["label"], now["boots/0.png"]["decision"]) == ("00123", "wrong")
    assert (now["boots/1.png"]["label"], now["boots/1.png"]["decision"]) == ("sneakers", "wrong")
    assert now["sandals/0.png"]["error"] == "left out by a decision"
    members = {row["image"] for row in project.rows("catalogue/members.csv")}
    assert "new:sneakers/0.png" in members
    applied = {row["content_id"]: row for row in project.rows("plan/decisions-applied.csv")}
    assert len(applied) == 4
    assert applied[id_of(project, "new/boots/0.png")]["note"] == "é, “seen”"
    assert applied[id_of(project, "new/boots/1.png")]["when"] == "2026-11-24T12:00:00+00:00"
    assert not project.run().jobs


def test_a_fault_in_a_workbook_stops_the_run_with_its_cell(project: Project) -> None:
    project.run("workbook")
    book = openpyxl.load_workbook(project.result(WORKBOOK))
    book.worksheets[0]["G3"] = "maybe"
    book.save(project.folder / "mine.xlsx")
    project.settle(decisions="mine.xlsx")
    run = project.run(fails=True)
    assert "Error in the configuration: decisions: mine.xlsx" in run.console
    assert "cell G3: decision 'maybe'; allowed: right, wrong, out, catalogue" in run.console
    assert "Traceback" not in run.console
    project.settle(decisions="results/new/predictions.xlsx")
    assert "later runs replace results/new/predictions.xlsx" in project.run(fails=True).console


def test_a_workbook_that_someone_has_changed_is_kept_when_a_new_one_is_written(
    project: Project,
) -> None:
    project.run("workbook")
    time.sleep(1)  # a workbook has times in seconds
    book = openpyxl.load_workbook(project.result(WORKBOOK))
    book.worksheets[0]["G3"] = "out"
    book.save(project.result(WORKBOOK))
    project.settle(search={"vote": "weighted"})
    said = "results/new/predictions.xlsx is of an earlier run"
    assert said in project.run().console
    assert openpyxl.load_workbook(project.result(WORKBOOK)).worksheets[0]["G3"].value == "out"
    run = project.run("workbook")
    assert said not in run.console
    assert (
        "changed after it was written, and is now results/new/predictions.edited-1" in run.console
    )
    kept = openpyxl.load_workbook(project.result("new/predictions.edited-1.xlsx"))
    assert kept.worksheets[0]["G3"].value == "out"
    assert openpyxl.load_workbook(project.result(WORKBOOK)).worksheets[0]["G3"].value is None


def test_a_setting_makes_the_workbook_in_every_run(project: Project) -> None:
    project.settle(workbook=True)
    assert project.run().jobs == Counter(report_workbook=1)
    assert not project.run().jobs
    project.image("new/boots/added.png", seed=52)
    assert project.run().jobs["report_workbook"] == 1
    rows = openpyxl.load_workbook(project.result(WORKBOOK)).worksheets[0].values
    assert [row[1] for row in rows][1:4] == ["boots/0.png", "boots/1.png", "boots/added.png"]
