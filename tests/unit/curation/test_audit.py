"""Tests of the audit, on features whose faults are known."""

from collections.abc import Collection, Mapping

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from similar_images.curation.audit import audit
from similar_images.curation.findings import Finding, confirmed
from similar_images.duplicates.registration import COPY, Likeness, Pair
from similar_images.features import sharded_features
from similar_images.features.feature_table import FeatureTable
from similar_images.images.photo_faults import Found

CLASSES = ("boots", "hats", "sandals")


def index_of(
    features: NDArray[np.float64], labels: list[str], ids: list[str] | None = None
) -> FeatureTable:
    paths = [f"{label}/{n:02}" for n, label in enumerate(labels)]
    return FeatureTable(
        "network", "model", paths, [*labels], ids or paths, features.astype(np.float32)
    )


def clouds(each: int = 12) -> tuple[NDArray[np.float64], list[str]]:
    """Return images in a cloud for each class, far from the others."""
    random = np.random.default_rng(2)
    centres = 10 * np.eye(3, 16)
    features = np.vstack([centre + random.normal(size=(each, 16)) for centre in centres])
    return features, [label for label in CLASSES for _ in range(each)]


def found(
    index: FeatureTable,
    kind: str,
    alike: Mapping[Pair, Likeness] | None = None,
    voters: int = 5,
    confirmed: Collection[str] = (),
) -> list[Finding]:
    files = {content_id: content_id.encode() for content_id in index.content_ids}
    findings, _ = audit(index, files, lambda pairs, files: alike or {}, voters, confirmed)
    return [finding for finding in findings if finding.finding == kind]


def test_a_sound_catalogue_has_no_findings_but_perhaps_outliers() -> None:
    features, labels = clouds()
    index = index_of(features, labels)
    findings, classes = audit(index, dict.fromkeys(index.paths, b""), lambda pairs, files: {}, 5)
    assert {finding.finding for finding in findings} <= {"outlier"}
    assert [(c.label, c.images, c.recognised, c.taken_for) for c in classes] == [
        (label, 12, "1.0000", None) for label in CLASSES
    ]


def test_a_wrong_label_is_found_with_the_class_that_it_should_have() -> None:
    features, labels = clouds()
    labels[3], labels[20] = "sandals", "boots"
    first, second = sorted(found(index_of(features, labels), "wrong_label"), key=lambda f: f.image)
    assert (first.image, first.label, first.other_label) == ("boots/20", "boots", "hats")
    assert (second.image, second.label, second.other_label) == ("sandals/03", "sandals", "boots")
    assert first.other_image is not None
    assert first.other_image.startswith("hats/")
    assert {first.rank, second.rank} == {1, 2}


def test_the_least_likely_label_comes_first() -> None:
    features, labels = clouds()
    features[3] = 10 * np.eye(3, 16)[2]
    features[4] = (10 * np.eye(3, 16)[2] + 9 * np.eye(3, 16)[0]) / 2
    wrong = found(index_of(features, labels), "wrong_label")
    assert [finding.image for finding in wrong] == ["boots/03", "boots/04"]
    assert float(wrong[0].score) < float(wrong[1].score)


@pytest.mark.parametrize(
    ("labels", "kind"),
    [(("boots", "boots"), "duplicate"), (("boots", "hats"), "duplicate_across_classes")],
)
def test_equal_bytes_are_a_duplicate(labels: tuple[str, str], kind: str) -> None:
    features, names = clouds()
    names[1] = labels[1]
    features[1] = features[0]
    ids = ["same", "same", *map(str, range(len(names) - 2))]
    (pair,) = found(index_of(features, names, ids), kind)
    assert (pair.image, pair.other_image) == ("boots/00", f"{labels[1]}/01")
    assert pair.score == "0"


def test_nearly_equal_pixels_are_a_duplicate_and_other_pictures_are_not() -> None:
    features, labels = clouds()
    features[1] = features[0] + 0.01
    features[13] = features[12] + 0.01
    ids = [str(n) for n in range(len(labels))]
    alike = {("0", "1"): Likeness(0.0625), ("12", "13"): Likeness(COPY + 0.01)}
    (pair,) = found(index_of(features, labels, ids), "duplicate", alike)
    assert (pair.image, pair.other_image, pair.score) == ("boots/00", "boots/01", "0.0625")


def test_a_mirrored_duplicate_is_not_listed_as_a_duplicate() -> None:
    features, labels = clouds()
    features[1] = features[0] + 0.01
    index = index_of(features, labels, [str(n) for n in range(len(labels))])
    alike = {("0", "1"): Likeness(0.0625, mirrored=True)}
    (pair,) = found(index, "mirrored_duplicate", alike)
    assert (pair.image, pair.other_image) == ("boots/00", "boots/01")
    assert not found(index, "duplicate", alike)


def test_an_image_far_from_all_others_is_an_outlier() -> None:
    features, labels = clouds()
    features[5] = 10 * np.eye(16)[9]
    outliers = found(index_of(features, labels), "outlier")
    assert (outliers[0].image, outliers[0].rank) == ("boots/05", 1)


def test_a_confirmed_class_is_not_doubted_again() -> None:
    features, labels = clouds()
    labels[3], labels[20] = "sandals", "boots"
    features[5] = 10 * np.eye(16)[9]
    index = index_of(features, labels)
    for kind in ("wrong_label", "outlier"):
        first, *rest = found(index, kind)
        left = found(index, kind, confirmed={first.image})
        assert [finding.image for finding in left] == [finding.image for finding in rest]
        assert [finding.rank for finding in left] == list(range(1, len(rest) + 1))


@pytest.mark.parametrize(
    ("confirmed", "expected"),
    [
        ((), [("boots/00", "hats/01")]),
        (("hats/01",), [("boots/00", "hats/01")]),
        (("boots/00",), [("hats/01", "boots/00")]),
        (("boots/00", "hats/01"), []),
    ],
)
def test_of_a_pair_across_classes_the_unconfirmed_image_is_the_finding(
    confirmed: tuple[str, ...], expected: list[tuple[str, str]]
) -> None:
    features, labels = clouds()
    labels[1], features[1] = "hats", features[0]
    ids = ["same", "same", *map(str, range(len(labels) - 2))]
    pairs = found(index_of(features, labels, ids), "duplicate_across_classes", confirmed=confirmed)
    assert [(pair.image, pair.other_image) for pair in pairs] == expected


def test_a_class_that_a_person_named_is_confirmed_and_a_moved_query_is_not() -> None:
    decisions = [None, "right", "wrong", "catalogue"]
    rows = [
        {"image": f"{n}", "content_id": f"c{n}", "decision": decision}
        for n, decision in enumerate(decisions)
    ]
    members = pa.Table.from_pylist(rows, schema=sharded_features.TABLE.schema)
    assert confirmed(members) == {"1", "2"}
    assert confirmed(members, "content_id") == {"c1", "c2"}


def test_classes_of_similar_images_are_confused() -> None:
    features, labels = clouds()
    features[12:24] -= 10 * np.eye(3, 16)[1] - 10 * np.eye(3, 16)[0]
    (pair,) = found(index_of(features, labels), "confused_classes")
    assert {pair.label, pair.other_label} == {"boots", "hats"}
    assert float(pair.score) >= 0.1


def test_a_class_with_fewer_images_than_vote_is_small() -> None:
    features, labels = clouds()
    small = index_of(features[:28], labels[:28])
    (finding,) = found(small, "small_class")
    assert (finding.label, finding.score) == ("sandals", "4")
    assert not found(small, "small_class", voters=4)


def test_a_class_of_one_image_is_small_and_has_no_other_finding() -> None:
    features, labels = clouds()
    single = index_of(features[:25], labels[:25])
    assert found(single, "wrong_label") == []
    assert [finding.label for finding in found(single, "small_class")] == ["sandals"]


def test_two_images_of_the_same_bytes_are_all_that_there_is() -> None:
    index = index_of(np.ones((2, 16)), ["boots", "hats"], ["x", "x"])
    findings, _ = audit(index, {}, lambda pairs, files: {}, 5)
    assert "duplicate_across_classes" in {finding.finding for finding in findings}


def test_bad_photos_are_listed_those_farthest_beyond_a_limit_first_then_by_name() -> None:
    index = index_of(*clouds())
    files = dict.fromkeys(index.paths, b"")
    dark, blurred = Found("dark", 0.1, 0.4), Found("blurred", 0.75, 0.5)
    faults = {
        "hats/14": [blurred, dark._replace(value=0.3)],
        "hats/13": [blurred],
        "boots/02": [dark],
        "boots/05": [blurred],
    }
    findings, _ = audit(index, files, lambda pairs, files: {}, 5, ["boots/05"], faults)
    bad = [finding for finding in findings if finding.finding == "poor_photo"]
    assert [(one.image, one.score, one.photo_faults) for one in bad] == [
        ("boots/02", "4", "dark"),
        ("hats/13", "1.5", "blurred"),
        ("hats/14", "1.5", "blurred|dark"),
    ]
    assert bad[2].measured == "0.75, limit 0.50|0.30, limit 0.40"
    assert all(one.photo_faults == "" for one in findings if one not in bad)
