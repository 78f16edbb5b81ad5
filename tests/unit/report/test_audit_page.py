"""Tests of the audit's page."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from report_factory import turned
from similar_images.curation.findings import Finding
from similar_images.decisions.decisions import Decision
from similar_images.report.audit_page import (
    MOST_SHOWN,
    AuditReport,
    decided_photos,
    files_of_set,
    groups,
    images,
    render,
    rotated_photos,
    shown,
    summary,
)
from similar_images.report.cards import File
from similar_images.report.portable import AFTER, BEFORE


def rows(number: int) -> list[dict[str, str]]:
    """Return so many findings as `audit.csv` holds them."""
    found = [
        Finding("outlier", rank, "boots/1", "boots", "hats/1", "hats", "0.1", "look")
        for rank in range(1, number + 1)
    ]
    return [{name: str(value) for name, value in f._asdict().items()} for f in found]


FILES = {"boots/1": File("x", b"photos/boots/1"), "hats/1": File("y", b"photos/hats/1")}


def test_a_picture_without_a_thumbnail_leaves_its_place_empty() -> None:
    found = groups(rows(1), FILES, {"y"})
    made = AuditReport(datetime(2026, 1, 2, tzinfo=UTC), "network", [], found, {"x": 1, "y": 1})
    page = render(made, Path("results/catalogue/report_files"))
    data = json.loads(page.split(BEFORE)[1].split(AFTER)[0])
    ((_, (card,)),) = data["groups"]
    assert data["folder"] == "report_files/560-srgb"
    assert (card["picture"]["picture"], card["other"]["picture"]) == (None, "y")
    assert card["picture"]["content"] == "x"


def test_the_page_says_how_to_make_the_map_and_leads_to_it() -> None:
    made = AuditReport(datetime(2026, 1, 2, tzinfo=UTC), "network", [], {}, {})
    page = render(made, Path("results/catalogue/report_files"))
    assert "<code>snakemake --cores 8 map</code> draws the catalogue as a map: then open <a" in page


def test_only_the_first_of_many_findings_are_shown() -> None:
    many = rows(MOST_SHOWN + 5)
    group = groups(many, FILES, set())["outlier"]
    assert (group.number, len(group.cards)) == (MOST_SHOWN + 5, MOST_SHOWN)
    assert images(shown(many)) == {"boots/1", "hats/1"}


@pytest.mark.parametrize(
    ("kind", "score", "words"),
    [
        ("wrong_label", 0.04, "very unlikely to be boots"),
        ("wrong_label", 0.1, "unlikely to be boots"),
        ("wrong_label", 0.4, "may not be boots"),
        ("outlier", 0.21, "least similar to the others"),
        ("confused_classes", 0.25, "25% of their photos look more like the other"),
        ("small_class", 1, "1 photo"),
        ("small_class", 3, "3 photos"),
        ("duplicate", 0, "the same bytes, or no visible difference"),
        ("duplicate_across_classes", 0.05, "almost the same pixels"),
        ("mirrored_duplicate", 0.05, "almost the same pixels, mirrored"),
    ],
)
def test_a_score_is_told_in_words(kind: str, score: float, words: str) -> None:
    (row,) = rows(1)
    (card,) = groups([row | {"finding": kind, "score": str(score)}], FILES, set())[kind].cards
    assert card.words == words


def test_a_bad_photo_is_told_in_words_and_can_be_decided() -> None:
    (row,) = rows(1)
    bad = {"finding": "poor_photo", "photo_faults": "blurred|touches_edge", "other_image": ""}
    bad["measured"] = "0.75, limit 0.50|0.40, limit 0.25"
    (card,) = groups([row | bad], FILES, set())["poor_photo"].cards
    assert card.words == "blurred (0.75, limit 0.50), touches the edge (0.40, limit 0.25)"
    assert (card.other, card.decidable) == (None, True)


@pytest.mark.parametrize(
    ("turn", "copy", "words"),
    [
        (90, "false", "lies on its left side: turn it clockwise by 90 degrees"),
        (180, "false", "is upside down: turn it by 180 degrees"),
        (270, "false", "lies on its right side: turn it anticlockwise by 90 degrees"),
        (180, "true", "the same picture, but it is upside down: turn it by 180 degrees"),
    ],
)
def test_how_a_rotated_photo_lies_is_told_in_words(turn: int, copy: str, words: str) -> None:
    found = rotated_photos(
        {"catalogue": [turned("boots/1", turn, "hats/1", copy=copy == "true", margin="5.00")]}
    )
    ((kind, group),) = groups(found, FILES, set()).items()
    (card,) = group.cards
    assert kind == ("rotated_duplicate" if copy == "true" else "rotated_photo")
    assert (card.words, card.turn, card.decidable, card.set) == (words, turn, True, "")
    assert card.detail == "similarity (cosine): 0.81 turned, 0.50 as it is"


def test_photos_that_are_perhaps_rotated_come_last_and_are_weak() -> None:
    sets = {
        "catalogue": [turned("boots/1", 90, "hats/1", margin="4.99")],
        "new": [turned("a", 180, "hats/1")],
    }
    found = rotated_photos(sets)
    cards = groups(found, FILES | {"new:a": File("z", b"in/a")}, set())["rotated_photo"].cards
    assert [(card.picture.name, card.weak) for card in cards] == [
        ("new:a", False),
        ("boots/1", True),
    ]
    assert cards[1].words == "perhaps lies on its left side: turn it clockwise by 90 degrees"


def test_the_clearest_rotated_photos_of_all_sets_come_first() -> None:
    sets = {
        "catalogue": [
            turned("boots/1", 90, "hats/1", margin=margin) for margin in ("7.00", "6.00", "1.00")
        ],
        "new": [turned("a", 180, "hats/1", margin=margin) for margin in ("20.00", "6.50", "3.00")],
    }
    found = rotated_photos(sets)
    margins = ["20.00", "7.00", "6.50", "6.00", "3.00", "1.00"]
    assert [row["margin"] for row in found] == margins
    assert [row["rank"] for row in found] == ["1", "2", "3", "4", "5", "6"]


def test_a_rotated_copy_is_never_weak() -> None:
    found = rotated_photos(
        {"catalogue": [turned("boots/1", 90, "hats/1", copy=True, margin="0.10")]}
    )
    (card,) = groups(found, FILES, set())["rotated_duplicate"].cards
    assert not card.weak


def test_a_rotated_photo_of_a_query_set_names_it_and_cannot_be_decided() -> None:
    sets = {
        "catalogue": [turned("boots/1", 90, "hats/1")],
        "new": [turned("a", 180, "hats/1"), turned("b", 90, "hats/1")],
    }
    found = rotated_photos(sets)
    assert [(row["image"], row["rank"]) for row in found] == [
        ("boots/1", "1"),
        ("new:a", "2"),
        ("new:b", "3"),
    ]
    files = FILES | {"new:a": File("z", b"in/a"), "new:b": File("z", b"in/b")}
    _, card, _ = groups(found, files, set())["rotated_photo"].cards
    assert (card.set, card.decidable, card.picture.path) == ("new", False, "in/a")


def test_the_files_of_a_set_are_those_that_the_page_names() -> None:
    members = pa.table({"image": ["a", "b"], "content_id": ["x", "y"], "file": [b"in/a", b"in/b"]})
    found = files_of_set("new", members, {"new:a", "old:b", "boots/1"})
    assert found == {"new:a": File("x", b"in/a")}


def test_the_number_behind_the_words_is_known() -> None:
    (row,) = rows(1)
    (card,) = groups([row | {"finding": "wrong_label", "score": "0.04"}], FILES, set())[
        "wrong_label"
    ].cards
    assert card.detail == "4% of the confidence is in boots"


def listing(*rows: tuple[str, str, str | None]) -> pa.Table:
    names = ("content_id", "image", "label")
    return pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows])


def decide(content_id: str, decision: str, hour: int, set_: str = "catalogue") -> Decision:
    label = None if decision in ("out", "undecided") else "hats"
    when = datetime(2026, 1, 2, hour, tzinfo=UTC)
    return Decision(content_id, "old name", set_, decision, label, when, "")


def test_photos_that_were_decided_on_are_shown_those_left_out_first_then_the_latest() -> None:
    manifest = listing(("a", "boots/1", "boots"), ("b", "boots/2", "boots"), ("c", "3", "hats"))
    members = listing(("a", "boots/1", "hats"), ("c", "3", "hats"), ("d", "new:4", "hats"))
    decided = [
        *(decide("a", "wrong", 1), decide("b", "out", 0), decide("c", "undecided", 2)),
        *(decide("d", "right", 3), decide("gone", "out", 4), decide("a", "right", 5, "new")),
    ]
    found = [(row["image"], row["label"]) for row in decided_photos(decided, members, manifest)]
    assert found == [("boots/2", "boots"), ("new:4", "hats"), ("boots/1", "hats")]


def test_a_run_ends_with_how_much_was_found() -> None:
    found = [*rows(2), {"finding": "confused_classes"}]
    found += [{"finding": "wrong_label"} for _ in range(1200)]
    assert summary(found, Path("results/catalogue/report.html")) == (
        "audit: 2 outliers, 1 pair of confused classes, 1,200 doubtful labels. "
        "Look at results/catalogue/report.html"
    )
    assert summary([], Path("page")) == "audit: nothing was found. Look at page"
