"""Tests of the answers for products, against votes counted by hand."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from similar_images.classification.products import answers
from similar_images.classification.tables import PREDICTIONS, PRODUCTS
from similar_images.classification.vote import VOTES
from similar_images.search import neighbours


def query(image: str, product: str = "", label: str = "", **columns: str) -> dict[str, str]:
    """Return a row of predictions.csv; what matters of the prediction is whether there is one."""
    row = dict.fromkeys(PREDICTIONS.names, "") | {
        "image": image,
        "label": label,
        "prediction": "boots",
    }
    return row | {"sku": product} | columns


def table(found: Mapping[str, list[tuple[str, float]]]) -> pa.Table:
    """Return neighbours.parquet, of pairs (image, similarity) for each query."""
    rows = [
        {
            "image": image,
            "label": None,
            "similar": [name for name, _ in near],
            "class": [name.rstrip("0123456789") for name, _ in near],
            "similarity": [similarity for _, similarity in near],
        }
        for image, near in found.items()
    ]
    return pa.Table.from_pylist(rows, schema=neighbours.TABLE.schema)


def answered(
    queries: list[dict[str, str]],
    found: Mapping[str, list[tuple[str, float]]],
    known: Mapping[str, str] | None = None,
    voters: int = 3,
    vote: str = "majority",
) -> list[dict[str, Any]]:
    rows = answers(queries, table(found), "sku", known or {}, voters, VOTES[vote])
    return [dict(row) for row in rows]


BOOTS = [("boots1", 0.9), ("boots2", 0.8), ("boots3", 0.7)]
HATS = [("hats1", 0.6), ("hats2", 0.5), ("boots1", 0.4)]


def test_the_votes_of_all_photos_are_counted_together() -> None:
    queries = [query(image, "P1", "boots") for image in "abc"]
    (row,) = answered(queries, {"a": BOOTS, "b": HATS, "c": BOOTS})
    assert row == {
        "product": "P1",
        "label": "boots",
        "conflict": "false",
        "prediction": "boots",
        "correct": "true",
        "images": 3,
        "used": 3,
        "votes": 7,
        "voters": 9,
        "share": "0.7778",
        **{"product_1": "boots1", "similar_1": "boots1", "class_1": "boots"},
        **{"product_2": "boots2", "similar_2": "boots2", "class_2": "boots"},
        **{"product_3": "boots3", "similar_3": "boots3", "class_3": "boots"},
        **{f"similarity_{n}": row[f"similarity_{n}"] for n in (1, 2, 3)},
    }
    assert [str(row[f"similarity_{n}"]) for n in (1, 2, 3)] == ["0.900000", "0.800000", "0.700000"]


def test_a_product_may_be_written_in_two_unicode_forms() -> None:
    queries = [query("a", "\u00e9"), query("b", " e\u0301 ")]
    (row,) = answered(queries, {"a": BOOTS, "b": BOOTS})
    assert (row["product"], row["images"]) == ("\u00e9", 2)


def test_a_product_of_the_catalogue_votes_once_for_a_photo_however_many_photos_it_has() -> None:
    known = dict.fromkeys(("boots1", "boots2", "boots3"), "K1")
    near = [*BOOTS, ("hats1", 0.6), ("hats2", 0.5), ("boots4", 0.4)]
    (row,) = answered([query("a", "P1"), query("b", "P1")], {"a": near, "b": near}, known)
    assert (row["prediction"], row["votes"], row["voters"]) == ("hats", 4, 6)
    shown = [(row[f"product_{n}"], row[f"similar_{n}"]) for n in (1, 2, 3)]
    assert shown == [("K1", "boots1"), ("hats1", "hats1"), ("hats2", "hats2")]


def test_a_product_is_shown_with_its_image_that_is_most_like_any_photo() -> None:
    known = {"boots1": "K1", "boots2": "K1"}
    found = {"a": [("boots1", 0.5), ("hats1", 0.4)], "b": [("boots2", 0.9), ("hats1", 0.3)]}
    (row,) = answered([query("a", "P1"), query("b", "P1")], found, known)
    assert (row["similar_1"], row["similar_2"], row["similar_3"]) == ("boots2", "hats1", None)
    assert str(row["similarity_2"]) == "0.400000"


def test_fewer_products_than_vote_are_fewer_voters() -> None:
    known = dict.fromkeys(("boots1", "boots2", "boots3"), "K1")
    (row,) = answered([query("a", "P1")], {"a": BOOTS}, known, voters=3)
    assert (row["votes"], row["voters"], row["share"]) == (1, 1, "1.0000")


def test_a_tie_goes_to_the_larger_summed_similarity_and_then_to_the_nearer() -> None:
    queries = [query("a", "P1"), query("b", "P1")]
    tie = {"a": [("boots1", 0.9)], "b": [("hats1", 0.8)]}
    assert answered(queries, tie)[0]["prediction"] == "boots"
    even = {
        "a": [("boots1", 0.75), ("boots2", 0.25)],
        "b": [("hats1", 0.5), ("hats2", 0.5)],
    }
    assert answered(queries, even)[0]["prediction"] == "boots"


def test_the_weighted_vote_is_that_of_all_photos_together() -> None:
    queries = [query("a", "P1"), query("b", "P1")]
    found = {"a": [("boots1", 0.9)], "b": [("hats1", 0.4), ("hats2", 0.4)]}
    assert answered(queries, found)[0]["prediction"] == "hats"
    assert answered(queries, found, vote="weighted")[0]["prediction"] == "boots"


def test_photos_that_were_rejected_or_refused_do_not_vote_and_are_counted() -> None:
    queries = [
        query("a", "P1", "boots"),
        query("b", "P1", "hats", prediction="", error="empty file"),
        query("c", "P1", "boots", prediction="", refused="not trusted"),
        query("d", "P2", "hats", prediction="", refused="not trusted"),
    ]
    first, second = answered(queries, {"a": BOOTS, "c": HATS, "d": HATS})
    assert (first["images"], first["used"], first["votes"], first["voters"]) == (3, 1, 3, 3)
    assert (first["label"], first["conflict"], first["correct"]) == ("boots", "false", "true")
    assert (second["label"], second["images"], second["used"]) == ("hats", 1, 0)
    assert {second[name] for name in ("prediction", "correct", *PRODUCTS.names[7:])} == {None}


def test_photos_without_a_product_are_products_by_themselves() -> None:
    queries = [query("a"), query("b", "  "), query("c", " P1 "), query("d", "P1")]
    rows = answered(queries, dict.fromkeys("abcd", BOOTS))
    assert [(row["product"], row["images"]) for row in rows] == [("P1", 2), ("a", 1), ("b", 1)]
    del queries[0]["sku"]
    assert [row["product"] for row in answered(queries[:1], {"a": BOOTS})] == ["a"]


def test_a_product_whose_photos_have_different_labels_has_none() -> None:
    queries = [query("a", "P1", "boots"), query("b", "P1", "hats"), query("c", "P2", "hats")]
    queries.append(query("d", "P2"))
    first, second = answered(queries, dict.fromkeys("abcd", BOOTS))
    assert (first["label"], first["conflict"], first["correct"]) == (None, "true", None)
    assert (second["label"], second["conflict"], second["correct"]) == ("hats", "false", "false")
