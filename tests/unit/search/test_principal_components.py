"""Tests of the principal components."""

from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.decomposition import PCA

from similar_images.core.errors import UserError
from similar_images.features.feature_table import FeatureTable
from similar_images.search import principal_components


def index_of(images: int, dimension: int, seed: int = 0) -> FeatureTable:
    random = np.random.default_rng(seed)
    features = random.normal(0, 1, (images, dimension)) * np.linspace(1, 3, dimension) + 1
    names = [sha256(str(n).encode()).hexdigest() for n in range(images)]
    return FeatureTable(
        "network", "model", names, ["a"] * images, names, features.astype(np.float32)
    )


@pytest.mark.parametrize(("images", "dimension"), [(40, 90), (90, 40), (700, 600)])
def test_the_reduced_features_are_those_of_scikit_learn(images: int, dimension: int) -> None:
    index = index_of(images, dimension)
    found = principal_components.fit(index, False)
    rows = index.features.astype(float)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    kept = min(dimension, images - 1, principal_components.DIMENSION)
    expected = PCA(kept, svd_solver="full").fit_transform(rows)
    reduced = principal_components.apply(found, index.features)
    assert reduced.shape == (images, kept)
    # Up to the sign of each direction.
    assert_allclose(np.abs(reduced[:, :20]), np.abs(expected[:, :20]), atol=1e-5)
    assert_allclose(reduced @ reduced.T, expected @ expected.T, atol=1e-5)


def test_the_order_and_the_length_of_the_features_do_not_matter() -> None:
    index = index_of(50, 30)
    mixed = index.rows(np.random.default_rng(1).permutation(50))
    one, other = principal_components.fit(index, False), principal_components.fit(mixed, False)
    assert_array_equal(one.directions, other.directions)
    longer = replace(index, features=7 * index.features)
    assert_allclose(principal_components.fit(longer, False).directions, one.directions, atol=1e-5)
    assert_allclose(
        principal_components.apply(one, longer.features),
        principal_components.apply(one, index.features),
        atol=1e-6,
    )


def test_a_row_does_not_depend_on_those_beside_it() -> None:
    index = index_of(50, 30)
    found = principal_components.fit(index, False)
    together = principal_components.apply(found, index.features)
    alone = np.vstack(
        [principal_components.apply(found, index.features[n : n + 1]) for n in range(50)]
    )
    assert_array_equal(together, alone)


def test_the_sample_is_of_different_contents_and_stays_the_same_when_images_are_added() -> None:
    ids = [f"{n:03}" for n in range(50)]
    images = pa.table({"image": [f"{id_}.jpg" for id_ in ids], "content_id": ids})
    copies = pa.table({"image": ["copy of 049.jpg", "later.jpg"], "content_id": ["049", "0000"]})
    expected = [f"{id_}.jpg" for id_ in ids[-5:]]
    assert sorted(principal_components.sample(images, 5).to_pylist()) == expected
    added = pa.concat_tables([images, copies])
    assert sorted(principal_components.sample(added, 5).to_pylist()) == expected
    assert len(principal_components.sample(added, 1000)) == 51


@pytest.mark.parametrize("features", [np.ones((4, 8)), np.zeros((3, 5)), np.ones((1, 9))])
def test_where_nothing_varies_one_number_is_left(features: np.ndarray) -> None:
    names = [str(n) for n in range(len(features))]
    rows = features.astype(np.float32)
    index = FeatureTable("network", "model", names, ["a"] * len(names), names, rows)
    reduced = principal_components.apply(principal_components.fit(index, False), index.features)
    assert reduced.shape == (len(names), 1)
    assert_allclose(reduced, 0, atol=1e-7)


def test_they_are_written_and_read_as_they_are(tmp_path: Path) -> None:
    found = principal_components.fit(index_of(20, 10), True)
    principal_components.write(tmp_path / "c.npz", found)
    read = principal_components.read(tmp_path / "c.npz")
    assert (read.fingerprint, read.with_levels) == ("model", True)
    assert_array_equal(read.centre, found.centre)
    assert_array_equal(read.directions, found.directions)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "components.npz"
    path.write_bytes(b"no zip")
    with pytest.raises(UserError, match=r"components\.npz is damaged"):
        principal_components.read(path)
