"""Tests of the groups of new photos that fit no class."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pytest
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import pdist, squareform

from similar_images.classification import groups
from similar_images.classification.groups import Candidate
from similar_images.classification.out_of_distribution import InDistribution
from similar_images.core.tables import Row
from similar_images.features.feature_table import FeatureTable

KNOWN = InDistribution([[0.5, 0.6, 0.7, 0.8], [0.9, 0.9, 0.9, 0.9]], 0.3)
ROW = dict.fromkeys(("label", "error", "refused", "decision", "duplicate"), "")
ROW |= {"image": "a.jpg", "confidence": "0.5", "similarity_1": "0.55", "class_1": "boots"}

# In single precision.
HALF = float(np.float32(0.5**0.5) ** 2)


class Photos:
    """Made-up photos: each is near one of some axes, and its bytes are its name."""

    def __init__(self, axes: Mapping[str, int], contents: Mapping[str, str] | None = None) -> None:
        chance = np.random.default_rng(0)
        self.features = {
            name: np.eye(8, dtype=np.float32)[axis] + chance.normal(0, 0.1, 8).astype(np.float32)
            for name, axis in axes.items()
        }
        self.contents = contents or {}
        self.asked: list[str] = []

    def read(self, images: pa.ChunkedArray) -> FeatureTable:
        names = images.to_pylist()
        self.asked += names
        contents = [self.contents.get(name, name) for name in names]
        features = np.array([self.features[name] for name in names])
        return FeatureTable("net", "f", names, [None] * len(names), contents, features)


def candidate(image: str, similarity: float = 0.3, score: float = 0.1) -> Candidate:
    return Candidate(image, [similarity] * 3, "boots", score, f"id of {image}")


def found(photos: Photos, candidates: Sequence[Candidate]) -> list[Row]:
    return groups.find(sorted(candidates), photos.read)


def named(prefix: str, number: int) -> list[str]:
    return [f"{prefix}{n}.jpg" for n in range(number)]


def members(rows: Sequence[Row]) -> dict[object, set[object]]:
    numbers = {row["group"] for row in rows}
    return {n: {row["image"] for row in rows if row["group"] == n} for n in numbers}


def test_photos_that_resemble_each_other_but_not_the_catalogue_are_a_group() -> None:
    hats, bags, alone = named("hat", 6), named("bag", 5), ["clock.jpg"]
    photos = Photos({**dict.fromkeys(hats, 0), **dict.fromkeys(bags, 1), **dict.fromkeys(alone, 2)})
    scores = [candidate(hat, score=0.2) for hat in hats]
    scores += [candidate(bag, score=0.1) for bag in [*bags, *alone]]
    assert members(found(photos, scores)) == {1: {*bags}, 2: {*hats}}


def test_photos_that_the_catalogue_has_more_like_are_no_group() -> None:
    hats = named("hat", 8)
    photos = Photos(dict.fromkeys(hats, 0))
    assert found(photos, [candidate(hat, 0.3) for hat in hats])
    assert not found(photos, [candidate(hat, 0.999) for hat in hats])


def test_classes_that_are_all_unlike_the_catalogue_are_a_group_each() -> None:
    hats, bags = named("hat", 8), named("bag", 6)
    photos = Photos({**dict.fromkeys(hats, 0), **dict.fromkeys(bags, 1)})
    rows = found(photos, [candidate(name, similarity=0.1) for name in [*hats, *bags]])
    assert [*members(rows).values()] in ([{*hats}, {*bags}], [{*bags}, {*hats}])


def test_photos_in_several_sizes_are_grouped_as_one_of_each_would_be() -> None:
    hats = named("hat", 6)
    photos = Photos({f"{size} {hat}": 0 for hat in hats for size in ("large", "small", "tiny")})
    for name, features in photos.features.items():
        # Different hats have a cosine of 0.6, and copies of one nearly 1.
        features[:] = 0.001 * features
        features[[0, hats.index(name.split()[1]) + 1]] = 0.6**0.5, 0.4**0.5
    rows = found(photos, [candidate(name) for name in photos.features])
    assert members(rows) == {1: {*photos.features}}


@pytest.mark.parametrize("shots", [3, 5, 8])
def test_products_on_nearly_equal_photos_are_not_mixed_if_they_can_be_a_group(shots: int) -> None:
    products = {name: axis for axis in (1, 2, 3, 4, 5) for name in named(f"product {axis} ", shots)}
    photos = Photos(products)
    for name, features in photos.features.items():
        # Products have a cosine of 0.6, and photos of one nearly 1.
        features[:] = 0.01 * features
        features[[0, products[name]]] += 0.6**0.5, 0.4**0.5
    rows = found(photos, [candidate(name, 0.3) for name in products])
    grouped = [sorted(products[str(name)] for name in group) for group in members(rows).values()]
    if shots >= groups.SMALLEST:
        assert sorted(grouped) == [[axis] * shots for axis in (1, 2, 3, 4, 5)]
    else:
        assert grouped == [sorted(products.values())]


def test_a_group_that_is_as_the_catalogue_is_not_shown() -> None:
    hats = named("hat", 8)
    photos = Photos(dict.fromkeys(hats, 0))
    assert not found(photos, [candidate(hat, score=0.71) for hat in hats])


def test_nothing_is_read_for_fewer_photos_than_a_group_has() -> None:
    hats = named("hat", groups.SMALLEST - 1)
    photos = Photos(dict.fromkeys(hats, 0))
    assert not found(photos, [candidate(hat) for hat in hats])
    assert not photos.asked


def test_of_photos_with_the_same_bytes_the_first_counts() -> None:
    hats = named("hat", 8)
    rows = [ROW | {"image": hat} for hat in reversed(hats)]
    contents = dict.fromkeys(hats, "the same bytes") | {hats[3]: "others"}
    made = groups.candidates(rows, {hat: [0.4] for hat in hats}, contents, KNOWN)
    assert [one.image for one in made] == [hats[0], hats[3]]


def test_the_groups_do_not_depend_on_the_order_in_which_photos_are_read() -> None:
    names = [*named("hat", 7), *named("bag", 9)]
    photos = Photos({name: int(name.startswith("bag")) for name in names})
    rows = found(photos, [candidate(name) for name in names])

    def reversed_(images: pa.ChunkedArray) -> FeatureTable:
        return photos.read(images).rows(np.arange(len(images))[::-1])

    assert groups.find(sorted(map(candidate, names)), reversed_) == rows


def test_a_group_says_how_it_hangs_together() -> None:
    hats = named("hat", 6)
    photos = Photos(dict.fromkeys(hats, 0))
    near = [candidate(hat, 0.3) for hat in hats[1:]]
    rows = found(photos, [candidate(hats[0], 0.9999), *near])
    assert {row["photos"] for row in rows} == {6}
    # The catalogue has photos that are more like the first one.
    assert {row["cohesion"] for row in rows} == {f"{5 / 6:.4f}"}
    assert {row["nearest_class"] for row in rows} == {"boots"}
    typicality = [float(str(row["typicality"])) for row in rows]
    assert typicality == sorted(typicality, reverse=True)
    assert all(0.9 < value < 1 for value in typicality)


def test_photos_with_fewer_neighbours_than_others_are_grouped_like_these() -> None:
    hats = named("hat", 6)
    few = Candidate(hats[0], [0.3], "boots", 0.1, "id")
    none_missing = [candidate(hat) for hat in hats]
    photos = Photos(dict.fromkeys(hats, 0))
    assert found(photos, [few, *none_missing[1:]]) == found(photos, none_missing)


@pytest.mark.parametrize(
    ("near", "share"),
    [
        ([0.4, 0.3, 0.2], "1.0000"),  # the others of the group are nearer
        ([0.6, 0.3, 0.2], "0.6667"),
        ([0.6, 0.55, 0.2], "0.3333"),  # one of many equals has a place
        ([HALF, HALF, HALF], "1.0000"),  # of equals, those of the group are first
    ],
)
def test_equally_similar_photos_take_no_more_places_than_there_are(
    near: list[float], share: str
) -> None:
    hats = named("hat", 7)
    photos = Photos(dict.fromkeys(hats, 0))
    for number, features in enumerate(photos.features.values()):
        features[:] = 0
        features[[0, number + 1]] = 1  # each two have a cosine of HALF
    rows = found(photos, [Candidate(hat, near, "boots", 0.1, hat) for hat in hats])
    assert {row["cohesion"] for row in rows} == {share}


@pytest.mark.parametrize(
    ("values", "counts"),
    [
        ({}, True),
        ({"label": "hats"}, False),
        ({"label": "hats", "refused": "perhaps none of the classes"}, True),
        ({"refused": "perhaps none of the classes"}, True),
        ({"error": "damaged", "confidence": ""}, False),
        ({"decision": "out"}, False),
        ({"refused": "perhaps none of the classes", "decision": "wrong"}, False),
        ({"duplicate": "near"}, False),
        ({"confidence": ""}, False),
    ],
)
def test_refused_and_unlabelled_photos_count_unless_they_are_decided(
    values: dict[str, str], counts: bool
) -> None:
    made = groups.candidates([ROW | values], {"a.jpg": [0.4, 0.3]}, {"a.jpg": "id"}, KNOWN)
    assert made == ([Candidate("a.jpg", [0.4, 0.3], "boots", 0.125, "id")] if counts else [])


def test_of_many_photos_those_least_like_the_catalogue_are_compared(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(groups, "MOST", 6)
    caplog.set_level("INFO")
    hats, bags = named("hat", 7), named("bag", 5)
    photos = Photos({**dict.fromkeys(hats, 0), **dict.fromkeys(bags, 1)})
    likely = [candidate(bag, score=0.1) for bag in bags]
    rows = found(photos, [*likely, *(candidate(hat, score=0.5) for hat in hats)])
    assert members(rows) == {1: {*bags}}
    assert sorted(photos.asked) == [*bags, hats[0]]
    assert "among the 6 of 12 photos that resemble the catalogue least" in caplog.text


@pytest.mark.parametrize("most", [0.0, 0.3, 0.6, 1.0, 3.0])
@pytest.mark.parametrize("seed", range(5))
def test_average_linkage_is_that_of_scipy(seed: int, most: float) -> None:
    distances = pdist(np.random.default_rng(seed).normal(size=(60, 3)))
    theirs = fcluster(linkage(distances, "average"), most, "distance")
    ours = groups.average_linkage(squareform(distances), most)
    assert len({*zip(ours, theirs, strict=True)}) == len({*ours}) == len({*theirs})


def test_rows_at_equal_distances_are_one_cluster() -> None:
    distances = np.full((groups.MOST, groups.MOST), 0.01)
    assert len({*groups.average_linkage(distances, 0.05).tolist()}) == 1
