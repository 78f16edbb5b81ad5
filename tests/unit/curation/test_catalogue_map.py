"""Tests of the map of the catalogue, on features whose neighbours are known."""

from typing import Any

import numpy as np
import pytest

from similar_images.curation import catalogue_map
from similar_images.evaluation import leave_one_out
from similar_images.features.feature_table import FeatureTable


def clouds(each: int = 30, classes: tuple[str, ...] = ("boots", "hats", "sandals")) -> FeatureTable:
    """Return photos in a cloud for each class, far from the others."""
    random = np.random.default_rng(2)
    features = np.vstack(
        [10 * np.eye(16)[n] + random.normal(size=(each, 16)) for n in range(len(classes))]
    )
    labels: list[str | None] = [label for label in classes for _ in range(each)]
    paths = [f"{label}/{n:03}" for n, label in enumerate(labels)]
    ids = [f"{n * 7919 % 100_003:064x}" for n in range(len(paths))]
    return FeatureTable("network", "model", paths, labels, ids, features.astype(np.float32))


def drawn(catalogue: FeatureTable, voters: int = 5) -> dict[str, list[Any]]:
    groups = leave_one_out.equal_bytes(catalogue)
    columns: dict[str, list[Any]] = catalogue_map.draw(
        catalogue, groups, voters, "majority"
    ).to_pydict()
    return columns


def test_photos_of_a_class_are_near_each_other() -> None:
    columns = drawn(clouds())
    places = np.column_stack([columns["x"], columns["y"]]).astype(float)
    labels = np.array(columns["label"])
    distances = np.linalg.norm(places[:, np.newaxis] - places, axis=2)
    np.fill_diagonal(distances, np.inf)
    assert (labels[distances.argmin(axis=1)] == labels).all()


def test_the_map_fills_a_square_without_distortion() -> None:
    columns = drawn(clouds())
    places = np.column_stack([columns["x"], columns["y"]]).astype(float)
    assert places.min() == 0
    assert places.max() == 1


def test_the_same_catalogue_has_the_same_map_bit_for_bit() -> None:
    assert drawn(clouds()) == drawn(clouds())


def test_a_label_fits_if_the_neighbours_of_the_photo_give_it() -> None:
    catalogue = clouds()
    assert catalogue.labels[3] == "boots"
    catalogue.labels[3] = "hats"
    columns = drawn(catalogue)
    assert [n for n, fits in enumerate(columns["fits"]) if not fits] == [3]
    assert columns["voted"][3] == "boots"


def test_files_of_equal_bytes_in_one_class_are_one_point() -> None:
    catalogue = clouds()
    catalogue.content_ids[1] = catalogue.content_ids[0]
    catalogue.content_ids[40] = catalogue.content_ids[0]
    columns = drawn(catalogue)
    assert columns["image"] == [path for n, path in enumerate(catalogue.paths) if n != 1]


def test_a_large_catalogue_shows_those_with_the_smallest_content_ids(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(catalogue_map, "MOST", 20)
    catalogue = clouds()
    columns = drawn(catalogue)
    assert sorted(map(str, columns["content_id"])) == sorted(catalogue.content_ids)[:20]
    # All photos vote, also those that are not shown.
    assert all(columns["fits"])


@pytest.mark.parametrize("number", [1, 2, 3, 4, 7])
def test_a_catalogue_of_few_photos_has_a_map(number: int) -> None:
    columns = drawn(clouds(number, ("boots",)))
    assert len(columns["x"]) == number
    assert np.isfinite(np.array([columns["x"], columns["y"]], float)).all()


def test_photos_without_any_difference_have_a_map() -> None:
    catalogue = clouds(10)
    catalogue.features[:] = 1
    columns = drawn(catalogue)
    assert np.isfinite(np.array([columns["x"], columns["y"]], float)).all()


def test_it_is_unknown_whether_the_label_of_a_single_photo_fits() -> None:
    columns = drawn(clouds(1, ("boots",)))
    assert (columns["fits"], columns["voted"]) == ([None], [None])
