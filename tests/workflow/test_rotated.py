"""Rotated photos, which the audit looks for."""

import re
from pathlib import Path

import pytest
from PIL import Image

import user_networks
from changes import decide
from project import Project, lay_out

EXIF_ORIENTATION = 0x0112


@pytest.fixture
def landscapes(tmp_path: Path) -> Project:
    """A project whose photos are brighter above, and whose network sees that; two are rotated."""
    project = lay_out(tmp_path / "project")
    for n in range(80):
        class_ = ("hills", "seas")[n % 2]
        project.landscape(f"catalogue/{class_}/{n:02}.png", seed=n)
    project.landscape("catalogue/hills/left.png", seed=200, turn=270)
    for n in range(4):
        project.landscape(f"new/hills/{n}.png", seed=300 + n)
    project.landscape("new/hills/over.png", seed=400, turn=180)
    user_networks.grid(project.folder / "grid.onnx")
    card = {"file": "grid.onnx", "family": "torchvision", "size": user_networks.SIZE}
    project.settle(backbone=card, search={"metric": "cosine"})
    project.age()
    return project


def rotated(project: Project, collection: str) -> dict[str, dict[str, str]]:
    return {row["image"]: row for row in project.rows(f"{collection}/rotated.csv")}


def test_the_audit_finds_rotated_photos_and_tells_how_to_turn_them(landscapes: Project) -> None:
    run = landscapes.run("audit")
    assert re.search(r"audit: .*2 rotated photos", run.console)
    (left,) = rotated(landscapes, "catalogue").values()
    assert (left["image"], left["turn"], left["copy"]) == ("hills/left.png", "90", "false")
    assert float(left["similarity"]) > float(left["upright_similarity"])
    (over,) = rotated(landscapes, "new").values()
    assert (over["image"], over["turn"]) == ("hills/over.png", "180")
    page = landscapes.result("catalogue/report.html").read_text("utf-8")
    assert "lies on its left side: turn it clockwise by 90 degrees" in page
    assert "new:hills/over.png" in page
    assert not landscapes.run("audit").jobs


def test_a_rotated_copy_of_a_catalogue_photo_is_told_apart(landscapes: Project) -> None:
    blots = landscapes.blots("catalogue/seas/blots.png", seed=1)
    with Image.open(blots) as picture:
        upright = Image.blend(
            picture, Image.linear_gradient("L").rotate(180).resize(picture.size).convert("RGB"), 0.5
        )
    upright.save(blots)
    upright.rotate(90, expand=True).resize((200, 250)).save(
        landscapes.photo("catalogue/seas/copy.jpg"), quality=90
    )
    upright.rotate(180).save(landscapes.photo("new/hills/copy.png"))
    landscapes.run("audit")
    copy = rotated(landscapes, "catalogue")["seas/copy.jpg"]
    assert (copy["copy"], copy["similar"], copy["turn"]) == ("true", "seas/blots.png", "90")
    assert rotated(landscapes, "new")["hills/copy.png"]["copy"] == "true"
    page = landscapes.result("catalogue/report.html").read_text("utf-8")
    assert "the same picture, but it lies on its left side" in page


def test_a_photo_that_its_exif_data_turn_upright_is_not_rotated(landscapes: Project) -> None:
    file = landscapes.landscape("new/hills/phone.jpg", seed=500, turn=270)
    with Image.open(file) as picture:
        exif = picture.getexif()
        exif[EXIF_ORIENTATION] = 6  # to be turned clockwise by 90 degrees
        picture.save(file, exif=exif)
    landscapes.run("audit")
    assert rotated(landscapes, "new").keys() == {"hills/over.png"}


def test_the_next_audit_turns_new_photos_alone(landscapes: Project) -> None:
    landscapes.run("audit")
    landscapes.landscape("new/hills/again.png", seed=600, turn=90)
    landscapes.landscape("new/hills/upright.png", seed=601)
    run = landscapes.run("audit")
    assert run.jobs["find_rotated"] == 1, run.console
    assert re.findall(r"of (\d+) turned photos", run.console) == ["3"]
    assert rotated(landscapes, "new").keys() == {"hills/over.png", "hills/again.png"}


def test_a_photo_whose_class_was_confirmed_is_not_rotated(landscapes: Project) -> None:
    right = [
        ("catalogue/hills/left.png", "right", "hills"),
        ("new/hills/over.png", "right", "hills"),
    ]
    decide(landscapes, *right)
    landscapes.run("audit")
    assert not rotated(landscapes, "catalogue") | rotated(landscapes, "new")


def test_a_rotated_query_that_is_in_the_catalogue_is_listed_there_alone(
    landscapes: Project,
) -> None:
    decide(landscapes, ("new/hills/over.png", "catalogue", "hills"))
    landscapes.run("audit")
    assert "new:hills/over.png" in rotated(landscapes, "catalogue")
    assert not rotated(landscapes, "new")


def test_nothing_is_turned_where_the_network_does_not_see_how_photos_lie(
    landscapes: Project,
) -> None:
    landscapes.settle(backbone="ColourHistogram")
    run = landscapes.run("audit")
    assert "this network does not see how photos lie" in run.console
    assert not rotated(landscapes, "catalogue") | rotated(landscapes, "new")


def test_a_small_catalogue_is_too_little_to_learn_from(project: Project) -> None:
    run = project.run("audit")
    assert "12 photos are too few to learn from; 50 are needed" in run.console
    assert not rotated(project, "catalogue")
