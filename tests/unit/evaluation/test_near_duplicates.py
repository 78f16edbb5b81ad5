"""Tests of near-duplicate groups, on images whose similarity is the angle between them."""

import numpy as np
import pytest
from numpy.typing import NDArray

from catalogues import of_directions
from similar_images.evaluation import near_duplicates


def joined(*images: tuple[str, float], fewest: int = 2) -> near_duplicates.Groups:
    count = len(images)
    catalogue, width = of_directions(*images), near_duplicates.Linkage(0.99, fewest)
    return near_duplicates.join(catalogue, np.ones(count, np.bool_), np.arange(count), width)[0]


def as_sets(groups: NDArray[np.intp]) -> list[list[int]]:
    return sorted(np.flatnonzero(groups == group).tolist() for group in np.unique(groups))


# The nearest of different classes are 5 degrees apart.
OTHERS = [("b", 45.0), ("b", 60.0), ("b", 75.0)]


def test_images_of_a_class_that_are_nearer_than_classes_are_form_a_group() -> None:
    found = joined(("a", 0), ("a", 3), ("a", 6), ("a", 20), ("a", 40), *OTHERS)
    assert as_sets(found.group_of) == [[0, 1, 2], [3], [4], [5], [6], [7]]
    assert found.limit == pytest.approx(np.cos(np.radians(5)), abs=1e-3)


def test_a_group_is_wider_where_more_images_may_be_as_near_to_other_classes() -> None:
    images = [("a", 0), ("a", 12), ("a", 40), *OTHERS]
    count = len(images)
    widths = [near_duplicates.Linkage(rare, 2) for rare in (0.99, 0.5)]
    catalogue = of_directions(*images)
    found = near_duplicates.join(catalogue, np.ones(count, np.bool_), np.arange(count), *widths)
    assert [len(as_sets(groups.group_of)) for groups in found] == [6, 5]


def test_a_class_that_would_be_one_group_stays_as_it_is() -> None:
    images = [("a", 0), ("a", 3), ("a", 6), ("a", 40), *OTHERS]
    assert as_sets(joined(*images, fewest=3).group_of) == [[n] for n in range(7)]
    assert len(as_sets(joined(*images, fewest=2).group_of)) == 5


def test_known_groups_stay_and_join_a_near_duplicate_group_as_a_whole() -> None:
    catalogue = of_directions(("a", 0), ("a", 20), ("a", 23), ("a", 40), *OTHERS)
    known = np.array([0, 0, 1, 2, 3, 4, 5])
    (found,) = near_duplicates.join(
        catalogue, np.ones(7, np.bool_), known, near_duplicates.Linkage(0.99, 2)
    )
    assert as_sets(found.group_of) == [[0, 1, 2], [3], [4], [5], [6]]


def test_all_of_a_known_group_join_the_near_duplicates_of_one_of_them() -> None:
    catalogue = of_directions(("a", 0), ("a", 3), ("a", 20), ("a", 40), *OTHERS)
    known = np.array([0, 1, 1, 2, 3, 4, 5])
    (found,) = near_duplicates.join(
        catalogue, np.ones(7, np.bool_), known, near_duplicates.Linkage(0.99, 2)
    )
    assert as_sets(found.group_of) == [[0, 1, 2], [3], [4], [5], [6]]


def test_with_one_class_there_are_no_near_duplicate_groups() -> None:
    found = joined(("a", 0), ("a", 0.1), ("a", 40))
    assert as_sets(found.group_of) == [[0], [1], [2]]
    assert found.limit is None


def test_a_long_chain_is_linked_from_end_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(near_duplicates, "ROWS", 7)
    found = joined(*(("a", 0.5 * n) for n in range(60)), ("a", 70), ("b", 100), ("b", 120))
    assert len(np.unique(found.group_of[:60])) == 1
    assert len(np.unique(found.group_of)) == 4
