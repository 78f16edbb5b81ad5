"""Tests of the nearest images, of each product one."""

from similar_images.classification.nearest import Near, images, products

QUERY = {"similar": ["a", "b", "c", "d"], "class": list("xyxy"), "similarity": [0.9, 0.8, 0.8, 0.1]}


def test_the_most_similar_image_of_each_product_is_kept() -> None:
    found = products(images(QUERY), {"a": "P1", "b": "P1", "d": "P1"})
    assert found == [Near("a", "x", 0.9), Near("c", "x", 0.8)]


def test_an_image_without_a_product_is_one_by_itself() -> None:
    assert products(images(QUERY), {}) == images(QUERY)
