"""Tests of what is learned of how photos lie."""

from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from similar_images.core.errors import DamagedFileError
from similar_images.core.files import write_checked
from similar_images.curation import orientation
from similar_images.curation.orientation import LEAST, SHRINKAGE, Orientation, learn
from similar_images.features.feature_table import Features


def photos(number: int, seed: int = 0, spread: float = 0.4, size: int = 12) -> dict[str, Features]:
    """Return features of photos and their turns: each way of lying has a direction of its own."""
    random = np.random.default_rng(seed)
    found = {}
    for n in range(number):
        views = np.eye(4, size) + random.normal(0, spread, (4, size))
        views /= np.linalg.norm(views, axis=1, keepdims=True)
        found[sha256(f"{seed} {n}".encode()).hexdigest()] = views.astype(np.float32)
    return found


def turned(views: dict[str, Features], quarters: int) -> tuple[list[str], Features]:
    """Return contents and views of photos that lie turned clockwise by some quarters."""
    return list(views), np.stack([np.roll(one, -quarters, axis=0) for one in views.values()])


@pytest.fixture(scope="module")
def learned() -> Orientation:
    return learn("model", photos(200))


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_new_photos_are_seen_to_lie_as_they_do(learned: Orientation, quarters: int) -> None:
    ids, views = turned(photos(100, seed=1), quarters)
    evidence = learned.evidence(ids, views)
    assert (evidence.argmax(axis=1) == quarters).mean() >= 0.98
    rotated = orientation.margins(evidence) > learned.limit
    assert rotated.mean() >= 0.95 if quarters else rotated.mean() <= 0.02


def test_rotated_photos_are_doubtful_and_few_upright_ones_are(learned: Orientation) -> None:
    ids, views = turned(photos(100, seed=1), 0)
    assert learned.doubtful(ids, views[:, 0]).mean() < 0.3
    assert learned.doubtful(ids, views[:, 1]).mean() > 0.8


def test_a_rotated_photo_of_the_catalogue_is_found_although_it_was_learned_from() -> None:
    views = photos(100, spread=0.2)
    odd = next(iter(views))
    views[odd] = np.roll(views[odd], -1, axis=0)
    found = learn("model", views)
    evidence = found.evidence([odd], views[odd][np.newaxis])
    assert evidence.argmax() == 1
    assert orientation.margins(evidence)[0] > found.limit


def test_features_that_do_not_change_by_a_turn_make_nothing_doubtful() -> None:
    views = {id_: np.repeat(one[:1], 4, axis=0) for id_, one in photos(100).items()}
    found = learn("model", views)
    ids, turns = turned(views, 0)
    assert np.isinf(found.limit)
    assert not found.doubtful(ids, turns[:, 0]).any()


def test_equal_features_make_nothing_doubtful() -> None:
    same = np.full((4, 12), 12**-0.5, np.float32)
    assert np.isinf(learn("model", dict.fromkeys(photos(100), same)).limit)


def test_too_few_photos_make_nothing_doubtful() -> None:
    views = photos(LEAST - 1)
    found = learn("model", views)
    ids, turns = turned(views, 1)
    assert not found.doubtful(ids, turns[:, 0]).any()


def test_the_analysis_is_that_of_scikit_learn() -> None:
    views = np.stack(list(photos(60).values()))
    weights, offsets = orientation._fit(views)
    ways = np.tile(np.arange(4), len(views))
    peer = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=SHRINKAGE)
    peer.fit(views.reshape(-1, views.shape[2]).astype(float), ways)
    np.testing.assert_allclose(weights, peer.coef_.T, atol=1e-9)
    np.testing.assert_allclose(offsets - np.log(4), peer.intercept_, atol=1e-9)


def test_what_was_learned_is_read_as_it_was_written(learned: Orientation, tmp_path: Path) -> None:
    path = tmp_path / "orientation.npz"
    orientation.write(path, learned)
    ids, views = turned(photos(10, seed=1), 1)
    found = orientation.read(path)
    np.testing.assert_array_equal(found.evidence(ids, views), learned.evidence(ids, views))
    assert (found.limit, found.fingerprint) == (learned.limit, "model")


def test_another_file_is_no_orientation(tmp_path: Path) -> None:
    path = tmp_path / "orientation.npz"
    with write_checked(path) as temporary, temporary.open("wb") as stream:
        np.savez(stream, weights=np.zeros((2, 3)), offsets=np.zeros(2))
    with pytest.raises(DamagedFileError):
        orientation.read(path)
