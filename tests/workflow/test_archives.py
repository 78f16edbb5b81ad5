"""A zip as a catalogue, and a folder of a NAS as a query set."""

import shutil
from pathlib import Path
from zipfile import ZipFile

import pytest

from project import CLASSES, Project, lay_out


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that has run: a zip as Finder makes it, and a query folder of a Synology."""
    project = lay_out(tmp_path_factory.mktemp("archives") / "project")
    for number, class_ in enumerate(CLASSES):
        for n in range(4):
            project.image(f"shoes/{class_}/{n}.png", seed=10 * number + n)
        project.image(f"new/{class_}/0.png", seed=100 + number)
        thumbnail = project.image(f"new/{class_}/@eaDir/0.png/SYNOPHOTO_THUMB_M.png", seed=number)
        shutil.copy(thumbnail, project.photo(f"new/{class_}/._0.png"))
        project.photo(f"new/{class_}/0.png.xmp").write_text("<x/>")
    project.photo("new/boots/film.mp4").write_bytes(b"\0\0\0\x18ftypmp42")
    shutil.copytree(project.photo("new/boots"), project.photo("new/#recycle"))
    project.photo("new/Thumbs.db").write_bytes(b"data")
    pack(project)
    project.settle(catalogue="photos/shoes.zip", queries={"new": "photos/new"})
    run = project.run()
    assert "skipped 11 files and folders of systems and programs" in run.console
    assert "images.ignore, such as #recycle" in run.console
    assert "skipped 13 files" not in run.console
    return project


def pack(project: Project) -> None:
    """Pack the folder of the catalogue, and remove it."""
    folder = project.photo("shoes")
    with ZipFile(project.photo("shoes.zip"), "w") as archive:
        for path in sorted(folder.rglob("*.png")):
            name = path.relative_to(folder.parent)
            archive.write(path, name)
            archive.writestr(f"__MACOSX/{name.parent}/._{name.name}", b"data")
    shutil.rmtree(folder)


def test_a_zip_gives_the_results_of_its_folder_and_system_files_have_no_rows(
    ran: Project, tmp_path: Path
) -> None:
    rows = ran.rows("new/predictions.csv")
    assert [row["image"] for row in rows] == [f"{class_}/0.png" for class_ in CLASSES]
    assert {row["similar_1"].partition("/")[0] for row in rows} == {*CLASSES}
    assert not any(row["error"] for row in rows)
    assert [row["image"] for row in ran.rows("new/rejected.csv")] == ["boots/film.mp4"]
    assert ran.rows("catalogue/rejected.csv") == []
    unpacked = ran.copy(tmp_path / "unpacked")
    with ZipFile(unpacked.photo("shoes.zip")) as archive:
        archive.extractall(unpacked.photo("all"))
    unpacked.settle(catalogue="photos/all/shoes")
    assert not unpacked.run().jobs["extract"]
    assert unpacked.predictions() == ran.predictions()


def test_an_unchanged_zip_runs_nothing_and_a_new_system_file_neither(ran: Project) -> None:
    assert not ran.run().jobs
    ran.photo("new/boots/.DS_Store").write_bytes(b"data")
    assert not ran.run().jobs


def test_the_page_the_export_and_a_comparison_read_the_zip_in_place(
    ran: Project, tmp_path: Path
) -> None:
    project = ran.copy(tmp_path / "project")
    thumbnails = list(project.result("new/report_files").glob("*/*.jpg"))
    assert len(thumbnails) >= len(CLASSES) + 3
    project.run("export")
    exported = {str(path.relative_to(project.folder)) for path in project.folder.glob("export/*/*")}
    assert exported == {f"export/{class_}/{n}.png" for class_ in CLASSES for n in range(4)}
    project.settle(compare={"weighted": {"search": {"vote": "weighted"}}})
    project.run("compare")
    assert len(project.rows("compare.csv")) == 2
    assert not project.photo("shoes").exists()


def test_a_zip_with_a_new_photo_extracts_only_that(ran: Project, tmp_path: Path) -> None:
    project = ran.copy(tmp_path / "project")
    new = project.image("boots/new.png", seed=77)
    with ZipFile(project.photo("shoes.zip"), "a") as archive:
        archive.write(new, "shoes/boots/new.png")
    run = project.run()
    assert "catalogue: 1 photo added" in run.console
    assert run.jobs["extract"] == 1
    assert len(project.rows("catalogue/members.csv")) == 13


def test_a_broken_zip_stops_the_run_before_any_job(ran: Project, tmp_path: Path) -> None:
    project = ran.copy(tmp_path / "project")
    project.photo("shoes.zip").write_bytes(b"PK\x03\x04")
    console = project.run(fails=True).console
    assert "Error in the configuration: catalogue: photos/shoes.zip: not a zip archive" in console
    assert "Traceback" not in console
