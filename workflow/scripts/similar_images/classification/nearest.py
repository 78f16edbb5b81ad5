"""The nearest images of a query, one of each product."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from itertools import starmap
from typing import Any, NamedTuple

# So many are shown of each query, and so many on a card that is opened.
SHOWN = 3
OPENED = 20
# Where products vote, so many images are searched for each. If no product has more images in the
# catalogue, enough products are always found.
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


def rounded(similarity: float) -> Decimal:
    """Return a similarity as the CSV files have it."""
    return Decimal(f"{similarity:.6f}")


def products(ranked: Iterable[Near], product_of: Mapping[str, str]) -> list[Near]:
    """Return the first image of each product.

    Args:
        ranked: the most similar first.
        product_of: the products of images; one without is a product by itself.
    """
    first: dict[str, Near] = {}
    for near in ranked:
        first.setdefault(product_of.get(near.image, near.image), near)
    return list(first.values())
