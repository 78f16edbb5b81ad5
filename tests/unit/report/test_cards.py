"""Tests of what the cards tell of decisions, with and without the columns for them."""

import re
from pathlib import Path

import pytest

from similar_images.classification.tables import PREDICTIONS
from similar_images.report.cards import (
    File,
    Photo,
    Product,
    QueryCard,
    Similar,
    cards,
    contents,
    products,
)

# By these types the scripts of the pages are checked.
TYPES = (Path(__file__).parents[2] / "report" / "types.d.ts").read_text("utf-8")
PLAIN = dict.fromkeys([*PREDICTIONS.names, "added"], "") | {
    "image": "1.jpg",
    "label": "boots",
    "prediction": "boots",
}
QUERIES = {"1.jpg": File("a" * 64, b"photos/1.jpg")}


def test_a_card_shows_its_decision_its_review_order_and_its_former_prediction() -> None:
    row = PLAIN | {"original_label": "hats", "decision": "wrong"}
    (card,) = cards([row], [], QUERIES, {}, set(), {"1.jpg": 7}, {"1.jpg": ""}, (), {})
    assert (card.decision, card.original_label, card.review_order, card.before) == (
        "wrong",
        "hats",
        7,
        "",
    )


def test_a_card_shows_when_its_photo_was_added() -> None:
    row = PLAIN | {"added": "2026-11-27T11:02:33Z"}
    (card,) = cards([row], [], QUERIES, {}, set(), {}, {}, (), {})
    assert card.added == "2026-11-27T11:02:33Z"


def test_a_photo_that_was_left_out_has_a_picture_and_one_that_cannot_be_read_has_none() -> None:
    left_out = PLAIN | {"error": "left out by a decision", "decision": "out"}
    assert contents([left_out], QUERIES, {}) == {"a" * 64: b"photos/1.jpg"}
    assert contents([PLAIN | {"error": "truncated"}], QUERIES, {}) == {}


def test_the_cards_of_a_named_product_show_how_many_photos_it_has_and_what_it_is() -> None:
    rows = [PLAIN | {"sku": "P1"}, PLAIN | {"image": "2.jpg", "sku": ""}]
    answers = [
        {"product": "2.jpg", "images": "1", "prediction": ""},
        {"product": "P1", "images": "3", "prediction": "hats"},
    ]
    found = products(rows, answers, "sku")
    assert found == {"1.jpg": Product("P1", 3, "hats")}
    (card,) = cards([PLAIN], [], QUERIES, {}, set(), {}, {}, (), found)
    assert card.product == Product("P1", 3, "hats")


def test_a_card_shows_the_other_classes_of_the_set() -> None:
    (card,) = cards(
        [PLAIN | {"likely_classes": "hats|boots"}], [], QUERIES, {}, set(), {}, {}, (), {}
    )
    assert card.others == ["hats"]


@pytest.mark.parametrize("class_", [Photo, Similar, Product, QueryCard])
def test_the_scripts_of_the_report_know_the_fields_of_a_card(class_: type) -> None:
    (body,) = re.findall(rf"^interface {class_.__name__} .*\n([^}}]*)", TYPES, re.MULTILINE)
    assert re.findall(r"^  (\w+): ", body, re.MULTILINE) == list(class_.__annotations__)
