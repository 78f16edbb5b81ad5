"""The nearest images of a query, of each product one."""

from collections.abc import Iterable, Mapping
from itertools import starmap
from typing import Any, NamedTuple

# So many are shown of each query.
SHOWN = 3
# Where products are to vote, so many images are searched for each: with up to so many of any
# product in the catalogue there are always products enough.
PICTURES = 10


class Near(NamedTuple):
    """An image of the catalogue with its class and its similarity to the query."""

    image: str
    label: str
    similarity: float


def images(query: Mapping[str, Any]) -> list[Near]:
    """Return the neighbours of a query, a row of `neighbours.TABLE`."""
    columns = (query[name] for name in ("similar", "class", "similarity"))
    return list(starmap(Near, zip(*columns, strict=True)))


def products(ranked: Iterable[Near], product_of: Mapping[str, str]) -> list[Near]:
    """Return of each product the first of its images.

    Args:
        ranked: the most similar first.
        product_of: the products of images; one without is a product by itself.
    """
    first: dict[str, Near] = {}
    for near in ranked:
        first.setdefault(product_of.get(near.image, near.image), near)
    return list(first.values())
