"""The neighbours: for each query the images of the catalogue most like it."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from . import adaptation as adaptations
from . import search
from .adaptation import Adaptation
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


def find(
    queries: Index, catalogue: Index, count: int, adaptation: Adaptation | None = None
) -> pa.Table:
    """Return the `count` nearest images of the catalogue for each query, by cosine similarity.

    The similarity is that of the features, or of the features as `adaptation` maps them. Of equal
    bytes under one class only the first counts. The features of both indexes are normalised in
    place where there is no adaptation.

    Raises:
        UserError: the features of queries and catalogue come from different models, or the
            adaptation was fitted on those of another one.
    """
    if queries.fingerprint != catalogue.fingerprint:
        raise UserError(
            "The features of the queries and of the catalogue come from different models "
            f"(fingerprints {queries.fingerprint} and {catalogue.fingerprint}). Run again."
        )
    rows, similarities = search.nearest(
        comparable(queries, adaptation),
        comparable(catalogue, adaptation),
        count,
        first_of_equals(catalogue),
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


def comparable(index: Index, adaptation: Adaptation | None) -> search.Features:
    """Return the features of `index` as rows of length 1, mapped if there is an adaptation.

    Raises:
        UserError: the adaptation was fitted on features of another model.
    """
    if adaptation is None:
        search.normalise(index.features)
        return index.features
    if adaptation.fingerprint != index.fingerprint:
        raise UserError(
            "The adaptation was fitted on features of another model (fingerprints "
            f"{adaptation.fingerprint} and {index.fingerprint}). Run again."
        )
    return adaptations.apply(adaptation, index.features)


def first_of_equals(index: Index) -> NDArray[np.bool_]:
    """Return for each row of `index` whether it is the first with its bytes and its class."""
    seen = set()
    first = np.empty(len(index.paths), np.bool_)
    for row, key in enumerate(zip(index.content_ids, index.labels, strict=True)):
        first[row] = key not in seen
        seen.add(key)
    return first
