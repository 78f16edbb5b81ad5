"""The results of one run, as answers need them. They do not change while they are used."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from ..backbones import model
from ..backbones.model import Model
from ..classification.predictions import Classifier
from ..core.file_formats import read_json
from ..features import sharded_features
from ..images.photos import Photos
from ..search import metric_choice, neighbours
from . import description
from .asked_photos import ProjectPhotos
from .description import IMAGES, MODEL, QUALITY, Description
from .searching import Learned, Search, exact_search, read_learned


@dataclass(frozen=True)
class Snapshot:
    """What answers are made from.

    Attributes:
        results: their folder.
        project: the folder that the paths of photos are relative to.
        description: of the results.
        model: what makes features.
        images: of the catalogue, sorted by path, see `sharded_features.TABLE`.
        learned: the adapted similarity, or None.
        search: finds the neighbours that vote.
        cosine_search: finds candidates for copies, by plain cosine.
        classifier: makes predictions of neighbours.
        product_of: the products of the catalogue's images that have one.
        own: for contents that were taken into the catalogue, their names there.
        photos: opens the catalogue's.
    """

    results: Path
    project: Path
    description: Description
    model: Model
    images: pa.Table
    learned: Learned | None
    search: Search
    cosine_search: Search
    classifier: Classifier
    product_of: Mapping[str, str]
    own: Mapping[str, set[str]]
    photos: Photos

    def row_of(self, image: str) -> int | None:
        """Return the row of an image of the catalogue, or None if there is no such image."""
        paths = self.images["image"]
        row = bisect_left(range(len(paths)), image, key=lambda row: str(paths[row].as_py()))
        return row if row < len(paths) and paths[row].as_py() == image else None

    def content_id_of(self, image: str) -> str:
        """Return the content id of an image of the catalogue.

        Raises:
            KeyError: there is no such image.
        """
        row = self.row_of(image)
        if row is None:
            raise KeyError(image)
        return str(self.images["content_id"][row].as_py())


def read(results: Path) -> Snapshot:
    """Read the results of the last run.

    Raises:
        UserError: they are not complete, of another version, or cannot be read.
        DamagedFileError: a file is damaged.
    """
    described = description.read(results)
    description.check_files(results, described)
    made_by = model.read(results / MODEL)
    quality = read_json(results / QUALITY)
    # In one piece: rows of several pieces are slow to look up.
    table = sharded_features.TABLE.read(results / IMAGES).combine_chunks()
    images = table.sort_by("image").combine_chunks()
    learned = None if quality["metric"] == metric_choice.COSINE else read_learned(results)
    project = (results.resolve() / described.project).resolve()
    snapshot = Snapshot(
        results=results,
        project=project,
        description=described,
        model=made_by,
        images=images,
        learned=learned,
        **_searches(results, described, table, images, learned),
        classifier=Classifier.of(quality, described.voters, described.vote, described.reject),
        product_of=sharded_features.products(images),
        own=_own_members(results, own_files(results, described)),
        photos=ProjectPhotos(project, results),
    )
    # A run may have written some of the files in between.
    description.check_files(results, described)
    return snapshot


def _searches(
    results: Path,
    described: Description,
    table: pa.Table,
    images: pa.Table,
    learned: Learned | None,
) -> dict[str, Search]:
    """Return the search for neighbours, and that for candidates for copies, as the rule does it."""
    found: Search
    if described.approximate:
        from .approximate_searching import approximate_search

        found = approximate_search(results, table, learned)
    else:
        found = exact_search(results, described, images, learned)
    cosine = exact_search(results, described, images, None) if learned else found
    return {"search": found, "cosine_search": cosine}


def own_files(results: Path, described: Description) -> list[Path]:
    """Return the files with the products of queries, of which one may be in the catalogue."""
    names = described.queries if described.products else []
    return [results / name / IMAGES.name for name in names]


def _own_members(results: Path, queries: Sequence[Path]) -> dict[str, set[str]]:
    """Return for each content that was taken into the catalogue, or whose product was, its names.

    A query is not compared with itself: see `neighbours.own_members`.
    """
    taken = sharded_features.from_queries(results / IMAGES)
    if not len(taken):
        return {}
    own: defaultdict[str, set[str]] = defaultdict(set)
    columns = ["image", "content_id", "product"]
    # A set may have no results yet.
    there = (sharded_features.TABLE.read(path, columns) for path in queries if path.exists())
    for table in (taken, *there):
        content_of = dict(_pairs(table))
        for image, members in neighbours.own_members(table, taken).items():
            own[content_of[image]] |= members
    return dict(own)


def _pairs(table: pa.Table) -> Iterable[tuple[str, str]]:
    return zip(table["image"].to_pylist(), table["content_id"].to_pylist(), strict=True)
