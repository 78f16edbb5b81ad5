"""Tests of the page with the map."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from similar_images.curation import catalogue_map
from similar_images.report.cards import File
from similar_images.report.map_page import CatalogueMap, render
from similar_images.report.portable import AFTER, BEFORE

FOLDER = Path("results/catalogue/map_files")
POINTS = pa.table(
    {
        "image": ["boots/1", "hats/1"],
        "content_id": ["x", "y"],
        "label": ["boots", "hats"],
        "x": [0.0, 1.0],
        "y": [0.12345, 0.5],
        "fits": [True, None],
        "voted": ["boots", None],
    },
    catalogue_map.TABLE.schema,
)
MAP = CatalogueMap(
    made=datetime(2026, 1, 2, tzinfo=UTC),
    backbone="network",
    points=POINTS,
    files={"boots/1": File("x", b"photos/boots/1"), "hats/1": File("y", b"photos/hats/1")},
    pictures={"y"},
    classes=["boots", "caps", "hats"],
    members={"x": 2, "y": 1},
)


def data_of(page: str) -> Any:
    return json.loads(page.split(BEFORE)[1].split(AFTER)[0])


def test_the_points_are_columns_with_classes_as_numbers_and_whole_coordinates() -> None:
    data = data_of(render(MAP, FOLDER))
    assert data["points"] == {
        "names": ["boots/1", "hats/1"],
        "paths": ["photos/boots/1", "photos/hats/1"],
        "contents": ["x", "y"],
        "pictured": [0, 1],
        "files": [2, 1],
        "labels": [0, 2],
        "fits": [True, None],
        "voted": [0, None],
        "x": [0, 100_000],
        "y": [12_345, 50_000],
    }
    assert data["folder"] == "map_files/560-srgb"
    assert data["set"] == "catalogue"


def test_a_sample_says_how_many_photos_there_are() -> None:
    assert "as good as a random sample" not in render(MAP, FOLDER)
    page = render(replace(MAP, members={"x": 1, "y": 1, "z": 1}), FOLDER)
    assert re.search(r"shows 2 of 3 different photos, as good as a random sample", page)


def test_the_page_says_how_to_make_the_audit_and_leads_to_it() -> None:
    page = render(MAP, FOLDER)
    assert (
        "<code>snakemake --cores 8 audit</code> looks for faults in the catalogue: then open <a"
        in page
    )
