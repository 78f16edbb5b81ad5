"""Tests of rotated photos and rotated copies."""

from collections.abc import Collection, Mapping

import numpy as np
import pyarrow as pa
import pytest

from similar_images.curation import rotated
from similar_images.curation.orientation import Orientation
from similar_images.duplicates.registration import Likeness
from similar_images.duplicates.turned_copies import TurnedPair
from similar_images.features.feature_table import Features, FeatureTable

# A way of lying and a motif each have a direction; the network sees both.
MOTIFS = 3


def view(turned: int, motif: int) -> Features:
    features = np.zeros(4 + MOTIFS, np.float32)
    features[turned % 4] = features[4 + motif] = 0.5**0.5
    return features


def views(lies: int, motif: int) -> Features:
    """Return the views of a photo that lies turned clockwise by some quarters."""
    return np.stack([view(lies + turned, motif) for turned in range(4)])


def catalogue(*photos: tuple[str, str, int, int]) -> FeatureTable:
    """Return a catalogue of photos: content id, class, how it lies, motif."""
    ids, labels, lies, motifs = zip(*photos, strict=True)
    features = np.stack([view(*one) for one in zip(lies, motifs, strict=True)])
    paths = [f"{label}/{id_}" for id_, label in zip(ids, labels, strict=True)]
    return FeatureTable("network", "model", paths, list(labels), list(ids), features)


@pytest.fixture
def lies() -> Orientation:
    weights = np.zeros((6, 4 + MOTIFS, 4))
    weights[:, :4] = 10 * np.eye(4)
    return Orientation("model", np.array([], np.str_), weights, np.zeros((6, 4)), 1.0)


class Comparing:
    """Compares nothing, but knows the likeness of some pairs."""

    def __init__(self, known: Mapping[TurnedPair, float] | None = None) -> None:
        self.known = known or {}
        self.asked: set[TurnedPair] = set()

    def __call__(
        self, pairs: Collection[TurnedPair], files: Mapping[str, bytes]
    ) -> Mapping[TurnedPair, Likeness]:
        self.asked = set(pairs)
        return {pair: Likeness(self.known.get(pair, 9.0)) for pair in pairs}


SHOP = catalogue(("a", "boots", 0, 0), ("b", "hats", 0, 1))


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_rotated_photo_is_turned_back_and_compared_so(lies: Orientation, quarters: int) -> None:
    (found,) = rotated.find({"q": views(quarters, 1)}, lies, SHOP, {}, Comparing())
    assert (found.quarters, found.difference) == (4 - quarters, None)
    assert found.neighbour is not None
    similarity, row = found.neighbour
    assert (round(similarity, 4), row) == (1, 1)
    assert found.upright == pytest.approx(0.5)


def test_an_upright_photo_is_no_finding(lies: Orientation) -> None:
    assert not rotated.find({"q": views(0, 1)}, lies, SHOP, {}, Comparing())


def test_a_confirmed_photo_is_not_listed_as_rotated_but_as_a_copy(lies: Orientation) -> None:
    comparing = Comparing({TurnedPair("p", 2, "a"): 0.05})
    photos = {"q": views(1, 1), "p": views(2, 0)}
    (found,) = rotated.find(photos, lies, SHOP, {}, comparing, {"q", "p"})
    assert (found.content_id, found.difference) == ("p", 0.05)


def test_nothing_doubtful_forgets_the_comparisons_of_earlier_runs(lies: Orientation) -> None:
    comparing = Comparing()
    comparing.asked = {TurnedPair("x", 1, "a")}
    assert not rotated.find({}, lies, SHOP, {}, comparing)
    assert not comparing.asked


def test_a_photo_is_not_compared_with_its_own_bytes(lies: Orientation) -> None:
    shop = catalogue(("a", "boots", 1, 0), ("a", "hats", 1, 0), ("b", "hats", 0, 1))
    (found,) = rotated.find({"a": views(1, 0)}, lies, shop, {}, Comparing())
    assert found.neighbour is not None
    assert shop.content_ids[found.neighbour[1]] == "b"


def test_a_rotated_copy_is_told_by_its_pixels_and_comes_first(lies: Orientation) -> None:
    comparing = Comparing({TurnedPair("p", 2, "a"): 0.05})
    photos = {"q": views(1, 1), "p": views(2, 0)}
    found = rotated.find(photos, lies, SHOP, {}, comparing)
    assert [(one.content_id, one.quarters, one.difference) for one in found] == [
        ("p", 2, 0.05),
        ("q", 3, None),
    ]


def test_two_copies_of_each_other_are_one_finding_on_the_rotated_one(lies: Orientation) -> None:
    shop = catalogue(("a", "boots", 0, 0), ("c", "boots", 1, 0))
    comparing = Comparing({TurnedPair("a", 1, "c"): 0.05, TurnedPair("c", 3, "a"): 0.05})
    photos = {"a": views(0, 0), "c": views(1, 0)}
    (found,) = rotated.find(photos, lies, shop, {}, comparing)
    assert (found.content_id, found.quarters) == ("c", 3)


def test_each_image_with_the_bytes_is_a_row(lies: Orientation) -> None:
    found = rotated.find({"q": views(1, 1)}, lies, SHOP, {}, Comparing())
    members = pa.table(
        {"content_id": ["q", "x", "q"], "image": ["1", "2", "3"], "label": ["hats", None, None]}
    )
    rows = rotated.rows(found, members, SHOP)
    assert [(row["image"], row["label"], row["turn"]) for row in rows] == [
        ("1", "hats", 270),
        ("3", None, 270),
    ]
    assert (rows[0]["similar"], rows[0]["class"], rows[0]["copy"]) == ("hats/b", "hats", "false")
    assert (rows[0]["similarity"], rows[0]["upright_similarity"]) == ("1.0000", "0.5000")
    assert float(str(rows[0]["margin"])) == pytest.approx(found[0].margin, abs=0.005)
