"""The rows of neighbours.csv: each query with its most similar images, of each product one."""

from collections.abc import Iterator, Mapping

import pyarrow as pa

from ..core.tables import Row
from . import nearest
from .tables import NEIGHBOURS


def listed(
    found: pa.Table,
    product_of: Mapping[str, str],
    most: int,
    least_similarity: float,
    metric: str,
) -> Iterator[Row]:
    """Yield a row of `NEIGHBOURS` for each neighbour, those of a query with the nearest first.

    Args:
        found: of the readable queries, see `neighbours.TABLE`.
        product_of: the products of the catalogue's images that have one.
        most: so many of a query are listed if there are enough.
        least_similarity: only these are listed, by the similarity that the row has.
        metric: how it was measured.
    """
    for query in found.to_pylist():
        near = nearest.products(nearest.images(query), product_of)[:most]
        for rank, (image, class_, similarity) in enumerate(near, 1):
            shown = nearest.rounded(similarity)
            if float(shown) >= least_similarity:
                yield NEIGHBOURS.row(
                    image=query["image"],
                    label=query["label"],
                    rank=rank,
                    similar=image,
                    similarity=shown,
                    metric=metric,
                    **{"class": class_},
                )
