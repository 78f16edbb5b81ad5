"""Tests of the class advice, on features whose classes are known."""

import numpy as np
import pytest
from numpy.typing import NDArray

from similar_images.curation import class_advice
from similar_images.curation.findings import Advice
from similar_images.evaluation import leave_one_out
from similar_images.features.feature_table import FeatureTable

EACH = 60


def catalogue(*sizes: int, apart: float = 6.0) -> FeatureTable:
    """Return a cloud for each class, as far `apart` from the others as said, of these sizes."""
    random = np.random.default_rng(1)
    centres = apart * np.eye(len(sizes), 16)
    features = np.vstack(
        [
            centre + random.normal(size=(size, 16))
            for centre, size in zip(centres, sizes, strict=True)
        ]
    )
    labels: list[str | None] = [f"class {n}" for n, size in enumerate(sizes) for _ in range(size)]
    ids = [f"{n:04}" for n in random.permutation(len(labels))]
    return FeatureTable("network", "model", [*ids], labels, ids, features.astype(np.float32))


def advised(
    images: FeatureTable, groups: NDArray[np.intp] | None = None, vote: str = "majority"
) -> list[Advice]:
    group_of = leave_one_out.equal_bytes(images) if groups is None else groups
    return class_advice.advise(class_advice.classify(images, group_of, 10, vote))


def halved(images: FeatureTable, name: str, part: int = 2) -> FeatureTable:
    """Return `images` where one in `part` of a class has another name."""
    rows = [row for row, label in enumerate(images.labels) if label == name]
    for row in rows[::part]:
        images.labels[row] = f"{name} too"
    return images


def test_classes_that_can_be_told_apart_are_not_merged() -> None:
    assert not advised(catalogue(EACH, EACH, EACH))


@pytest.mark.parametrize("size", [3, 4, 5, 8, 10])
def test_small_classes_that_any_other_outvotes_are_not_merged(size: int) -> None:
    assert not advised(catalogue(*[size] * 8))
    assert not advised(catalogue(size, size))


@pytest.mark.parametrize("vote", ["majority", "weighted"])
def test_one_class_under_two_names_is_found_with_its_figures(vote: str) -> None:
    (one,) = advised(halved(catalogue(EACH, EACH, EACH), "class 1"), vote=vote)
    assert (one.advice, one.rank) == ("merge", 1)
    assert (one.label, one.other_label) == ("class 1", "class 1 too")
    assert 0.3 < one.confused / one.photos < 0.8
    assert 0 < one.gain_low < one.gain <= one.gain_high
    assert one.accuracy + one.gain == pytest.approx(1, abs=0.02)
    assert one.statement.startswith(
        f"Merge class 1 and class 1 too: {one.confused} of {one.photos} photos are taken for the "
        f"other; as one class, accuracy rises from {100 * one.accuracy:.0f} to "
    )


def test_the_pair_that_brings_most_comes_first() -> None:
    images = halved(halved(catalogue(3 * EACH, EACH, EACH), "class 0"), "class 1")
    assert [(one.rank, one.label) for one in advised(images)] == [(1, "class 0"), (2, "class 1")]


def test_classes_that_are_often_but_not_mostly_confused_are_not_merged() -> None:
    images = catalogue(EACH, EACH, EACH, apart=1.6)
    found = class_advice.classify(images, leave_one_out.equal_bytes(images), 10, "majority")
    assert 0.6 < (found.predictions(found.labels) == found.own).mean() < 0.95
    assert not class_advice.advise(found)


def test_many_photos_of_few_things_prove_nothing() -> None:
    images = halved(catalogue(EACH, EACH, EACH), "class 1")
    groups = leave_one_out.equal_bytes(images)
    for name in ("class 1", "class 1 too"):
        rows = [row for row, label in enumerate(images.labels) if label == name]
        for thing in range(3):
            groups[rows[thing::3]] = groups[rows[thing]]
    assert not advised(images, groups)


def test_a_rare_name_for_some_of_a_class_proves_nothing() -> None:
    assert not advised(halved(catalogue(EACH, EACH, EACH), "class 1", part=20))


def test_the_same_photos_give_the_same_advice() -> None:
    one, other = (advised(halved(catalogue(EACH, EACH, EACH), "class 1")) for _ in range(2))
    assert one == other


@pytest.mark.parametrize("sizes", [(1,), (5,), (1, 1), (2, 1, 1)])
def test_small_catalogues_get_no_advice(sizes: tuple[int, ...]) -> None:
    assert not advised(catalogue(*sizes))


def test_near_duplicates_count_once_in_an_interval() -> None:
    values = np.array([1.0, 1, 1, 0, 0, 0])
    alone = class_advice.change(values, np.arange(6))
    pairs = class_advice.change(values, np.array([0, 0, 0, 1, 1, 1]))
    assert alone.gain == pairs.gain == 0.5
    assert pairs.low < alone.low < alone.high < pairs.high


def test_the_log_has_the_advice_or_says_that_there_is_none() -> None:
    assert class_advice.summary([]).startswith("class advice: no two classes")
    found = advised(halved(catalogue(EACH, EACH, EACH), "class 1"))
    assert class_advice.summary(found) == f"class advice: {found[0].statement}"
