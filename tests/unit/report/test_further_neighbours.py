"""Tests of the further neighbours, which an opened card shows."""

import random

import pyarrow as pa
import pytest

from similar_images.classification import nearest
from similar_images.classification.nearest import OPENED, SHOWN
from similar_images.features import sharded_features
from similar_images.report.further_neighbours import CatalogueImage, find
from similar_images.search import neighbours

IMAGES = [f"boots/{n:02}.jpg" for n in range(60)]
CATALOGUE = sharded_features.TABLE.from_rows(
    [
        {"image": image, "label": "boots", "content_id": f"{n:064x}", "file": f"p/{image}".encode()}
        for n, image in enumerate(IMAGES)
    ]
)


def made_neighbours(*lengths: int) -> pa.Table:
    chance = random.Random(1)
    rows = []
    for n, length in enumerate(lengths):
        similarities = sorted((chance.random() for _ in range(length)), reverse=True)
        row = (f"{n}.jpg", None, chance.sample(IMAGES, length), ["boots"] * length, similarities)
        rows.append(dict(zip(neighbours.TABLE.names, row, strict=True)))
    return neighbours.TABLE.from_rows(rows)


@pytest.mark.parametrize(
    "product_of", [{}, {image: f"P{n // 2}" for n, image in enumerate(IMAGES)}]
)
def test_they_go_on_where_the_first_end_and_each_is_of_another_product(
    product_of: dict[str, str],
) -> None:
    found = made_neighbours(50, 5, 3, 0, 50, 1)
    further = find(found, product_of, CATALOGUE, set())
    for query in found.to_pylist():
        numbers, similarities = further.of[query["image"]]
        expected = nearest.products(nearest.images(query), product_of)[SHOWN:OPENED]
        assert [further.images[n].name for n in numbers] == [near.image for near in expected]
        assert similarities == [float(nearest.rounded(near.similarity)) for near in expected]
    assert len({image.name for image in further.images}) == len(further.images)


def test_an_image_has_its_path_its_class_and_its_content_and_perhaps_a_picture() -> None:
    row = ("1.jpg", None, IMAGES[:5], ["boots"] * 5, [0.9, 0.8, 0.7, 0.6, 0.5])
    found = neighbours.TABLE.from_rows([dict(zip(neighbours.TABLE.names, row, strict=True))])
    assert find(found, {}, CATALOGUE, {f"{4:064x}"}).images == [
        CatalogueImage("boots/03.jpg", "p/boots/03.jpg", "boots", f"{3:064x}", picture=False),
        CatalogueImage("boots/04.jpg", "p/boots/04.jpg", "boots", f"{4:064x}", picture=True),
    ]


def test_without_queries_there_are_none() -> None:
    assert find(made_neighbours(), {}, CATALOGUE, set()) == ([], {})
    assert find(made_neighbours(), {"a": "P"}, CATALOGUE, set()) == ([], {})
