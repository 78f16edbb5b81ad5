"""Rotated photos, and rotated copies of photos of the catalogue."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from ..duplicates.query_duplicates import SIMILAR
from ..duplicates.registration import Likeness
from ..duplicates.turned_copies import TurnedPair
from ..features.feature_table import Features, FeatureTable
from ..search import exact
from ..search.neighbours import first_of_equals
from .orientation import Orientation, margins

# Of equal bytes under several classes each can be found, and none of them counts.
NEAREST = 3

Compare = Callable[[Collection[TurnedPair], Mapping[str, bytes]], Mapping[TurnedPair, Likeness]]
Neighbour = tuple[float, int]  # similarity, and row of the catalogue


class Rotated(NamedTuple):
    """A content that lies rotated, or is a rotated copy.

    Attributes:
        content_id: of the photo.
        quarters: clockwise, that make it upright or like its copy.
        neighbour: the catalogue image that it then resembles most, if any.
        upright: the similarity of the photo as it is to its nearest catalogue image, if any.
        margin: by how much this way of lying fits better than upright.
        difference: to the image that it is a copy of; None where it is no copy.
    """

    content_id: str
    quarters: int
    neighbour: Neighbour | None
    upright: float | None
    margin: float
    difference: float | None


def find(
    views: Mapping[str, Features],
    orientation: Orientation,
    catalogue: FeatureTable,
    files: Mapping[str, bytes],
    compare: Compare,
    confirmed: Collection[str] = (),
) -> list[Rotated]:
    """Return the contents that lie rotated, copies first, then the clearest.

    A content that was `confirmed` is only listed as a copy.

    Args:
        views: the doubtful contents, each with its normalised features (4, d), turned clockwise by
            0 to 3 quarters.
        orientation: how photos of the catalogue lie.
        catalogue: all its readable images, with normalised features.
        files: the path to open of each content id.
        compare: compares pairs of contents, see `turned_copies.compare_all`.
        confirmed: contents whose class a person has confirmed or corrected.
    """
    ids = sorted(views)
    if not ids:
        compare([], files)
        return []
    turned = np.stack([views[content_id] for content_id in ids])
    evidence = orientation.evidence(ids, turned)
    neighbours = _neighbours(ids, turned, catalogue)
    copies = _copies(ids, neighbours, catalogue, files, compare)
    found = []
    for content_id, fits, margin, near in zip(
        ids, evidence, margins(evidence).tolist(), neighbours, strict=True
    ):
        upright = near[0][0] if near[0] else None
        if content_id in copies:
            quarters, difference = copies[content_id]
        elif margin > orientation.limit and content_id not in confirmed:
            quarters, difference = int(4 - fits.argmax()), None
        else:
            continue
        found.append(Rotated(content_id, quarters, near[quarters], upright, margin, difference))
    return sorted(_each_pair_once(found, catalogue), key=_order)


def rows(
    found: Sequence[Rotated], members: pa.Table, catalogue: FeatureTable
) -> list[dict[str, object]]:
    """Return the rows of `findings.ROTATED`: one for each image that has a content in `found`.

    Args:
        found: see `find`.
        members: the readable images of the collection, see `sharded_features.TABLE`.
        catalogue: as in `find`.
    """
    columns = (members[name].to_pylist() for name in ("content_id", "image", "label"))
    images: dict[str, list[tuple[str, str | None]]] = {}
    for content_id, image, label in zip(*columns, strict=True):
        images.setdefault(content_id, []).append((image, label))
    return [
        {
            "image": image,
            "label": label,
            "turn": 90 * one.quarters,
            "similar": catalogue.paths[one.neighbour[1]] if one.neighbour else None,
            "class": catalogue.labels[one.neighbour[1]] if one.neighbour else None,
            "similarity": f"{one.neighbour[0]:.4f}" if one.neighbour else None,
            "upright_similarity": None if one.upright is None else f"{one.upright:.4f}",
            "copy": "true" if one.difference is not None else "false",
            "margin": f"{one.margin:.2f}",
        }
        for one in found
        for image, label in images[one.content_id]
    ]


def _neighbours(
    ids: Sequence[str], views: Features, catalogue: FeatureTable
) -> list[list[Neighbour | None]]:
    """Return for each photo and each of its views the nearest image with other bytes."""
    flat = np.ascontiguousarray(views.reshape(-1, views.shape[2]))
    blocks = exact.blocks(catalogue.features, first_of_equals(catalogue))
    found = exact.nearest(flat, blocks, NEAREST)

    def other(content_id: str, near: Sequence[Neighbour]) -> Neighbour | None:
        others = (one for one in near if catalogue.content_ids[one[1]] != content_id)
        return next(others, None)

    return [
        [other(content_id, found[4 * n + turned]) for turned in range(4)]
        for n, content_id in enumerate(ids)
    ]


def _copies(
    ids: Sequence[str],
    neighbours: Sequence[Sequence[Neighbour | None]],
    catalogue: FeatureTable,
    files: Mapping[str, bytes],
    compare: Compare,
) -> dict[str, tuple[int, float]]:
    """Return the contents that are rotated copies, with their quarters and difference.

    Compared is what a photo resembles more when it is turned than as it is.
    """
    pairs = [
        TurnedPair(content_id, quarters, catalogue.content_ids[near[1]])
        for content_id, found in zip(ids, neighbours, strict=True)
        for quarters, near in enumerate(found)
        if quarters and near and near[0] >= max(SIMILAR, found[0][0] if found[0] else 0)
    ]
    copies: dict[str, tuple[int, float]] = {}
    for pair, likeness in compare(pairs, files).items():
        best = copies.get(pair.one)
        if likeness.is_copy and (best is None or likeness.difference < best[1]):
            copies[pair.one] = pair.quarters, likeness.difference
    return copies


def _each_pair_once(found: Sequence[Rotated], catalogue: FeatureTable) -> list[Rotated]:
    """Return `found` with each pair of copies once, by the photo that is more likely rotated."""
    kept: dict[frozenset[str], Rotated] = {}
    others = []
    for one in sorted(found, key=lambda one: (-one.margin, one.content_id)):
        if one.difference is None or one.neighbour is None:
            others.append(one)
        else:
            pair = frozenset({one.content_id, catalogue.content_ids[one.neighbour[1]]})
            kept.setdefault(pair, one)
    return [*kept.values(), *others]


def _order(one: Rotated) -> tuple[bool, float, str]:
    return one.difference is None, -one.margin, one.content_id
