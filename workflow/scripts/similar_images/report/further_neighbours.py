"""The further neighbours of queries, which a card of the report shows once it is opened.

Thumbnails are made of the nearest neighbours alone. Of the others, the page has the paths.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..classification.nearest import OPENED, SHOWN
from ..core.names import as_text

# Of a query: the numbers of its images in `FurtherNeighbours.images`, and their similarities.
Numbered = tuple[list[int], list[float]]


class CatalogueImage(NamedTuple):
    """An image of the catalogue; `picture` says whether there is a thumbnail of its content."""

    name: str
    path: str
    label: str
    content: str
    picture: bool


class FurtherNeighbours(NamedTuple):
    """The images that any query has, each once, and those of each query, the nearest first."""

    images: list[CatalogueImage]
    of: dict[str, Numbered]


NONE = FurtherNeighbours([], {})


def find(
    neighbours: pa.Table, product_of: Mapping[str, str], catalogue: pa.Table, pictures: set[str]
) -> FurtherNeighbours:
    """Return the neighbours of each query that follow the first, up to `OPENED` in all.

    Like those, each is of another product.

    Args:
        neighbours: of the readable queries, see `neighbours.TABLE`.
        product_of: the products of the catalogue's images that have one.
        catalogue: its images, see `sharded_features.TABLE`.
        pictures: content ids that have thumbnails.
    """
    queries = np.repeat(
        np.arange(len(neighbours)), pc.list_value_length(neighbours["similar"]).to_numpy()
    )
    similar = pc.list_flatten(neighbours["similar"]).combine_chunks()
    similarities = pc.list_flatten(neighbours["similarity"]).to_numpy()
    if product_of:
        first = _first_of_products(queries, similar, product_of)
        queries, similar, similarities = queries[first], similar.take(first), similarities[first]
    place = np.arange(len(queries)) - np.searchsorted(queries, queries)
    further = np.flatnonzero((place >= SHOWN) & (place < OPENED))
    coded = similar.take(further).dictionary_encode()
    numbers = coded.indices.to_pylist()
    rounded = similarities[further].round(6).tolist()
    bounds = np.searchsorted(queries[further], np.arange(len(neighbours) + 1)).tolist()
    of = {
        image: (numbers[start:end], rounded[start:end])
        for image, (start, end) in zip(
            neighbours["image"].to_pylist(), pairwise(bounds), strict=True
        )
    }
    return FurtherNeighbours(_images(coded.dictionary, catalogue, pictures), of)


def _first_of_products(
    queries: NDArray[np.int64], similar: pa.Array, product_of: Mapping[str, str]
) -> NDArray[np.int64]:
    """Return the places of the first image of each product in the neighbours of each query."""
    coded = similar.dictionary_encode()
    names = [product_of.get(image, image) for image in coded.dictionary.to_pylist()]
    product = pa.array(names, pa.string()).dictionary_encode().indices.to_numpy()
    pairs = queries * len(names) + product[coded.indices.to_numpy()]
    return np.sort(np.unique(pairs, return_index=True)[1])


def _images(names: pa.Array, catalogue: pa.Table, pictures: set[str]) -> list[CatalogueImage]:
    rows = catalogue.take(pc.index_in(names, catalogue["image"].combine_chunks()))
    columns = (rows[name].to_pylist() for name in ("image", "file", "label", "content_id"))
    return [
        CatalogueImage(name, as_text(file), label, content, content in pictures)
        for name, file, label, content in zip(*columns, strict=True)
    ]
