"""Tests of the figures about the catalogue."""

from typing import Any

import numpy as np
import pytest

from similar_images.catalogue import quality
from similar_images.features.index import Index


def catalogue_of(*images: tuple[str, float]) -> Index:
    """Return an index of images (class, direction in degrees), each with bytes of its own."""
    angles = np.radians([angle for _, angle in images])
    names = [f"{n:03}" for n in range(len(images))]
    features = 5 * np.column_stack([np.cos(angles), np.sin(angles)]).astype(np.float32)
    return Index("network", "model", names, [label for label, _ in images], names, features)


# Asked against the others: a, b and d find their class nearest, c and e do not.
LINE = [("boots", 0), ("boots", 1), ("sandals", 3), ("sandals", 20), ("boots", 22.0)]


def at(assessment: dict[str, Any], size: int) -> dict[str, Any]:
    return next(point for point in assessment["curve"] if point["neighbours"] == size)


def test_each_image_is_asked_against_the_others_alone() -> None:
    found = quality.assess(catalogue_of(*LINE), 1, "majority", "cosine")
    assert (found["images"], found["asked"], found["correct"]) == (5, 5, 2)
    assert found["accuracy"] == pytest.approx(2 / 5)
    low, high = found["accuracy_interval_95"]
    assert 0 < low < 2 / 5 < high < 1


def test_the_votes_are_counted_or_weighted() -> None:
    # The image at 0 has one near neighbour of its class and two far ones of the other.
    found = quality.assess(
        catalogue_of(("boots", 0), ("boots", 5), ("sandals", 80), ("sandals", 85)),
        3,
        "weighted",
        "cosine",
    )
    assert at(found, 3)["majority"]["correct"] == 0
    assert at(found, 3)["weighted"]["correct"] == found["correct"] == 4


def test_the_curve_has_the_configured_number_of_neighbours() -> None:
    found = quality.assess(catalogue_of(*LINE), 7, "majority", "cosine")
    assert [point["neighbours"] for point in found["curve"]] == [1, 3, 5, 7, 10, 15, 20, 30, 50]
    assert found["accuracy"] == at(found, 7)["majority"]["accuracy"]


def test_a_large_catalogue_is_asked_by_a_sample_and_this_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(quality, "MOST_ASKED", 3)
    found = quality.assess(catalogue_of(*LINE), 1, "majority", "cosine")
    assert (found["images"], found["asked"]) == (5, 3)
    assert found["note"] == "asked is a sample of 3 of the 5 different images"
    assert quality.assess(catalogue_of(*LINE[:3]), 1, "majority", "cosine")["note"] is None


def test_a_catalogue_of_equal_bytes_has_nothing_right() -> None:
    index = catalogue_of(("boots", 0), ("sandals", 0))
    equal = Index("network", "model", index.paths, index.labels, ["x", "x"], index.features)
    assert quality.assess(equal, 10, "majority", "cosine")["correct"] == 0


def test_the_sentence_tells_the_figures() -> None:
    told = quality.sentence(quality.assess(catalogue_of(*LINE), 1, "majority", "cosine"))
    assert told.startswith("2 of 5 catalogue images named rightly by the others: 40.0%")
