"""The neighbours: for each query the images of the catalogue most like it."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from . import search
from .errors import UserError
from .index import Index

# A row for each query; its neighbours are lists, the most similar first.
SCHEMA = pa.schema(
    [
        ("image", pa.string()),
        ("label", pa.string()),
        ("similar", pa.list_(pa.string())),
        ("class", pa.list_(pa.string())),
        ("similarity", pa.list_(pa.float64())),
    ]
)


def find(queries: Index, catalogue: Index, count: int) -> pa.Table:
    """Return the `count` nearest images of the catalogue for each query, by cosine similarity.

    Of equal bytes under one class only the first counts. The features of both indexes are
    normalised in place.

    Raises:
        UserError: the features of queries and catalogue come from different models.
    """
    if queries.fingerprint != catalogue.fingerprint:
        raise UserError(
            "The features of the queries and of the catalogue come from different models "
            f"(fingerprints {queries.fingerprint} and {catalogue.fingerprint}). Run again."
        )
    search.normalise(queries.features)
    search.normalise(catalogue.features)
    rows, similarities = search.nearest(
        queries.features, catalogue.features, count, first_of_equals(catalogue)
    )
    return pa.table(
        {
            "image": queries.paths,
            "label": queries.labels,
            "similar": [[catalogue.paths[row] for row in found] for found in rows],
            "class": [[catalogue.labels[row] for row in found] for found in rows],
            "similarity": list(similarities),
        },
        schema=SCHEMA,
    )


def first_of_equals(index: Index) -> NDArray[np.bool_]:
    """Return for each row of `index` whether it is the first with its bytes and its class."""
    seen = set()
    first = np.empty(len(index.paths), np.bool_)
    for row, key in enumerate(zip(index.content_ids, index.labels, strict=True)):
        first[row] = key not in seen
        seen.add(key)
    return first
