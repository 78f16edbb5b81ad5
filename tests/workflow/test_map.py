"""The map of the catalogue, asked for by name."""

import json

from project import Project
from similar_images.curation import catalogue_map
from similar_images.report.portable import AFTER, BEFORE


def test_the_map_is_made_on_request_alone_and_each_time_the_same(project: Project) -> None:
    assert not project.result("catalogue/map.parquet").exists()
    run = project.run("map")
    assert run.jobs == {"map_catalogue": 1, "map_page": 1, "map": 1}
    assert "map: look at results/catalogue/map.html" in run.console
    assert not project.run("map").jobs
    first = project.result("catalogue/map.parquet").read_bytes()
    again = project.run("map", "--forcerun", "map_catalogue")
    assert again.jobs["map_catalogue"] == 1
    assert project.result("catalogue/map.parquet").read_bytes() == first


def test_the_map_has_a_place_and_a_picture_for_each_photo(project: Project) -> None:
    project.run("map")
    table = catalogue_map.TABLE.read(project.result("catalogue/map.parquet")).to_pydict()
    page = project.result("catalogue/map.html").read_text("utf-8")
    data = json.loads(page.split(BEFORE)[1].split(AFTER)[0])
    members = {row["image"] for row in project.rows("catalogue/members.csv")}
    assert {*table["image"]} <= members
    assert data["points"]["names"] == table["image"]
    for content in table["content_id"]:
        assert project.result(f"catalogue/{data['folder']}/{content}.jpg").is_file()


def test_a_new_photo_renews_the_map(project: Project) -> None:
    project.run("map")
    project.image("catalogue/boots/added.png", seed=77)
    run = project.run("map")
    assert (run.jobs["map_catalogue"], run.jobs["map_page"]) == (1, 1)
    table = catalogue_map.TABLE.read(project.result("catalogue/map.parquet")).to_pydict()
    assert "boots/added.png" in table["image"]
    assert not project.run("map").jobs


def test_a_decision_renews_the_page(project: Project) -> None:
    project.run("map")
    before = catalogue_map.TABLE.read(project.result("catalogue/map.parquet")).to_pylist()
    row = before[0]
    decision = f"{row['content_id']},{row['image']},catalogue,out,,2026-11-24T17:03:12Z,"
    (project.folder / "decisions.csv").write_text(
        f"content_id,image,set,decision,label,when,note\n{decision}\n"
    )
    project.settle(decisions="decisions.csv")
    project.run("map")
    table = catalogue_map.TABLE.read(project.result("catalogue/map.parquet")).to_pydict()
    assert row["image"] not in table["image"]
    assert '"decision": "out"' in project.result("catalogue/map.html").read_text("utf-8")
