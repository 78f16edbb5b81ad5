"""The page with the map of the catalogue: each photo as a point near those that look like it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from ..decisions.decisions import CATALOGUE
from ..images import thumbnails
from .cards import File, Row, photo_fields
from .templates import environment, with_scripts

# Coordinates are whole numbers up to this one: short, and exact enough for each zoom.
SIDE = 100_000


@dataclass(frozen=True)
class CatalogueMap:
    """All that the page shows.

    Attributes:
        made: when.
        backbone: the network that made the features.
        points: see `catalogue_map.TABLE`.
        files: of the images in `points`.
        pictures: content ids that have thumbnails.
        classes: all of the catalogue.
        members: how many files of the catalogue have the bytes of each content id.
        decided: the decisions that were applied, as rows of decisions.csv.
    """

    made: datetime
    backbone: str
    points: pa.Table
    files: Mapping[str, File]
    pictures: set[str]
    classes: Sequence[str]
    members: Mapping[str, int]
    decided: Sequence[Row] = ()


def render(shown: CatalogueMap, folder: Path) -> str:
    """Return the page as HTML.

    Args:
        shown: what it shows.
        folder: of the thumbnails, in the folder of the page.
    """
    template = environment().get_template("map.html.j2")
    data = {
        "points": _columns(shown),
        "side": SIDE,
        "folder": f"{folder.name}/{thumbnails.FOLDER}",
        "set": CATALOGUE,
        "classes": list(shown.classes),
        "decided": list(shown.decided),
    }
    shared = ("decisions.js", "deciding.js", "saving.js", "large.js")
    scripts = with_scripts(*shared, "map_canvas.js", "map.js")
    return template.render(shown=shown, data=data, **scripts)


def _columns(shown: CatalogueMap) -> dict[str, list[Any]]:
    """Return the points as columns: for thousands of them, rows would be twice as long."""
    points = shown.points
    number = {label: n for n, label in enumerate(shown.classes)}
    photos = [photo_fields(name, shown.files, shown.pictures) for name in _column(points, "image")]
    contents = _column(points, "content_id")
    return {
        "names": [name for name, _, _ in photos],
        "paths": [path for _, path, _ in photos],
        "contents": contents,
        "pictured": [int(picture is not None) for _, _, picture in photos],
        "files": [shown.members[content] for content in contents],
        "labels": [number[label] for label in _column(points, "label")],
        "fits": _column(points, "fits"),
        "voted": [None if label is None else number[label] for label in _column(points, "voted")],
        "x": _scaled(points["x"]),
        "y": _scaled(points["y"]),
    }


def _scaled(coordinates: pa.ChunkedArray) -> list[int]:
    return [round(SIDE * coordinate) for coordinate in coordinates.to_pylist()]


def _column(table: pa.Table, name: str) -> list[Any]:
    values: list[Any] = table[name].to_pylist()
    return values
