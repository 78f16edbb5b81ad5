"""The audit of the catalogue, asked for by name."""

import re
import shutil

from PIL import Image, ImageOps

from project import CLASSES, Project


def test_the_audit_is_made_on_request_alone(project: Project) -> None:
    assert not project.result("catalogue/audit.csv").exists()
    assert project.run("audit").jobs == {
        "audit_catalogue": 1,
        "learn_orientation": 1,
        "find_rotated": 2,
        "class_advice": 1,
        "audit_report": 1,
        "audit": 1,
    }
    assert not project.run("audit").jobs


def test_the_audit_finds_what_is_wrong_with_a_catalogue(project: Project) -> None:
    for n in range(4, 12):
        for class_ in CLASSES:
            project.image(f"catalogue/{class_}/{n}.png", seed=1000 + n)
    moved = project.photo("catalogue/sandals/moved.png")
    project.photo("catalogue/boots/5.png").rename(moved)
    shutil.copy(project.photo("catalogue/boots/6.png"), project.photo("catalogue/sneakers/b.png"))
    with Image.open(project.blots("catalogue/boots/blots.png", seed=1)) as blots:
        blots.resize((150, 120)).save(project.photo("catalogue/boots/smaller.jpg"))
    with Image.open(project.blots("catalogue/boots/others.png", seed=2)) as others:
        ImageOps.mirror(others).save(project.photo("catalogue/boots/mirrored.png"))
    project.image("catalogue/tiny/boots-like.png", seed=7)
    run = project.run("audit")
    assert "wrong_label: " in run.console
    assert re.search(
        r"audit: \d+ doubtful labels?, .* Look at results/catalogue/report.html", run.console
    )
    findings = {(row["finding"], row["image"]): row for row in project.rows("catalogue/audit.csv")}
    wrong = findings["wrong_label", "sandals/moved.png"]
    assert (wrong["label"], wrong["other_label"]) == ("sandals", "boots")
    across = findings["duplicate_across_classes", "boots/6.png"]
    assert (across["other_image"], across["other_label"]) == ("sneakers/b.png", "sneakers")
    assert findings["duplicate", "boots/blots.png"]["other_image"] == "boots/smaller.jpg"
    assert ("mirrored_duplicate", "boots/mirrored.png") in findings
    assert ("small_class", "tiny/boots-like.png") in findings
    assert {row["label"] for row in project.rows("catalogue/classes.csv")} == {*CLASSES, "tiny"}
    page = project.result("catalogue/report.html").read_text("utf-8")
    assert "sandals/moved.png" in page


def test_the_audit_advises_to_merge_two_classes_that_cannot_be_told_apart(project: Project) -> None:
    for n in range(4, 44):
        for class_ in CLASSES:
            project.image(f"catalogue/{class_}/{n}.png", seed=1000 + n)
    project.photo("catalogue/ankle boots").mkdir()
    for n in range(1, 44, 2):
        moved = project.photo(f"catalogue/ankle boots/{n}.png")
        project.photo(f"catalogue/boots/{n}.png").rename(moved)
    run = project.run("audit")
    (row,) = project.rows("catalogue/advice.csv")
    assert (row["advice"], row["label"], row["other_label"]) == ("merge", "ankle boots", "boots")
    assert float(row["gain_low"]) > 0
    assert f"class advice: {row['statement']}" in run.console
    assert row["statement"] in project.result("catalogue/report.html").read_text("utf-8")
