"""Tests of the rows of neighbours.csv."""

from typing import Any

from similar_images.classification.neighbour_rows import listed
from similar_images.search import neighbours

QUERIES: list[tuple[str, str | None, list[str], list[str], list[float]]] = [
    ("1.jpg", "boots", ["a", "b", "c"], ["boots", "boots", "hats"], [0.87654321, 0.8, 0.3]),
    ("2.jpg", None, ["c"], ["hats"], [-0.2]),
    ("3.jpg", None, [], [], []),
]
FOUND = neighbours.TABLE.from_rows(
    [dict(zip(neighbours.TABLE.names, query, strict=True)) for query in QUERIES]
)


def rows(most: int = 20, least: float = -1, **product_of: str) -> list[tuple[Any, ...]]:
    made = listed(FOUND, product_of, most, least, "adapted")
    return [tuple(str(value) for value in row.values()) for row in made]


def test_each_neighbour_has_a_row_with_its_rank_and_a_query_without_any_has_none() -> None:
    assert rows() == [
        ("1.jpg", "boots", "1", "a", "boots", "0.876543", "adapted"),
        ("1.jpg", "boots", "2", "b", "boots", "0.800000", "adapted"),
        ("1.jpg", "boots", "3", "c", "hats", "0.300000", "adapted"),
        ("2.jpg", "None", "1", "c", "hats", "-0.200000", "adapted"),
    ]


def test_at_most_so_many_are_listed_that_are_similar_enough() -> None:
    assert [row[3] for row in rows(most=1)] == ["a", "c"]
    assert [row[3] for row in rows(least=0.8)] == ["a", "b"]


def test_of_each_product_the_most_similar_image_is_listed() -> None:
    assert [row[2:4] for row in rows(most=2, a="P1", b="P1")][:2] == [("1", "a"), ("2", "c")]
