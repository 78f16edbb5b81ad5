"""The neighbours: for each query the most similar images of the catalogue."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..core.errors import UserError
from ..core.tables import Column, ParquetTable, Row
from ..features.feature_table import Features, FeatureTable, normalise
from ..images.columns import IMAGE, LABEL
from . import exact
from . import metric_learning as adaptations
from .metric_learning import Adaptation

Image = tuple[str, str | None]  # path and class
# For each query similarities and images, the most similar first.
Nearest = list[list[tuple[float, Image]]]

# The nearest by plain cosine, among which copies of a query are looked for.
CANDIDATES = 3
# Queries in memory at once.
QUERIES = 4096
# The neighbours of a query are lists of equal length, the most similar first.
LISTS = (
    Column("similar", list[str], "catalogue images, most similar first"),
    Column("class", list[str], "their classes"),
    Column("similarity", list[float], "to the query"),
)
TABLE = ParquetTable(
    "results/<set>/neighbours.parquet",
    IMAGE,
    LABEL,
    *LISTS,
)


def find(
    queries: Iterable[FeatureTable],
    catalogue: Iterable[FeatureTable],
    count: int,
    adaptation: Adaptation | None = None,
) -> pa.Table:
    """Return the `count` nearest images of the catalogue for each query, by cosine similarity.

    The similarity is that of the features, or of the features as `adaptation` maps them. Of equal
    bytes under one class only the first counts. The features are normalised in place where there
    is no adaptation.

    Args:
        queries: the images, in parts of any size.
        catalogue: likewise; equal bytes are in one part. It is read once for each `QUERIES`
            queries.
        count: how many; all where there are fewer.
        adaptation: of the features, if any.

    Raises:
        UserError: the features of queries and catalogue come from different models, or the
            adaptation was fitted on those of another one.
    """

    def nearest(features: Features, fingerprint: str) -> Nearest:
        return exact.nearest(features, _searched(catalogue, adaptation, fingerprint), count)

    return answer(queries, adaptation, nearest)


def answer(
    queries: Iterable[FeatureTable],
    adaptation: Adaptation | None,
    nearest: Callable[[Features, str], Nearest],
) -> pa.Table:
    """Return the neighbours of each query, found by `nearest`, exactly or approximately.

    Args:
        queries: the images, in parts of any size.
        adaptation: of the features, if any.
        nearest: gives the neighbours of some queries, from their features (q, d) as they are
            compared, and the fingerprint of these.

    Raises:
        UserError: as `comparable`, or from `nearest`.
    """
    rows = []
    for group in _groups(queries):
        features = np.concatenate([comparable(part, adaptation) for part in group])
        found = nearest(features, group[0].fingerprint)
        images = chain.from_iterable(zip(part.paths, part.labels, strict=True) for part in group)
        rows += [
            {"image": image, "label": label, **_lists(best)}
            for (image, label), best in zip(images, found, strict=True)
        ]
    return _table(rows)


def join_parts(parts: Sequence[pa.Table], count: int) -> pa.Table:
    """Return the `count` nearest images out of those found in each part of the catalogue.

    Raises:
        ValueError: two parts hold the same image, which would then vote twice.
    """
    rows = []
    for answers in zip(*(part.to_pylist() for part in parts), strict=True):
        found = list(chain.from_iterable(map(_found, answers)))
        if len({path for _, (path, _) in found}) < len(found):
            raise ValueError(f"{answers[0]['image']} has the same neighbour in two parts")
        rows.append({**answers[0], **_lists(exact.ranked(found, count))})
    return _table(rows)


def own_members(queries: pa.Table, taken: pa.Table) -> dict[str, set[str]]:
    """Return the queries that were moved into the catalogue, each with its names there.

    If one photo of a product was moved, all of its photos count as moved.

    Args:
        queries: the readable images of the query set, see `sharded_features.TABLE`.
        taken: the members of the catalogue from query sets: `sharded_features.from_queries`.
    """
    own: defaultdict[str, set[str]] = defaultdict(set)
    for column in ("content_id", "product"):
        members = defaultdict(set)
        for key, member in _pairs(taken, column):
            members[key].add(member)
        for key, query in _pairs(queries, column):
            if key in members:
                own[query] |= members[key]
    return dict(own)


def without_own(found: pa.Table, own: Mapping[str, Collection[str]], count: int) -> pa.Table:
    """Return `found` with at most `count` neighbours for each query, none of them its own.

    Args:
        found: `count` neighbours of each query, and as many more as any has of its own.
        own: see `own_members`.
        count: how many.
    """
    rows = []
    for query in found.to_pylist():
        others = [one for one in _found(query) if one[1][0] not in own.get(query["image"], ())]
        rows.append({**query, **_lists(others[:count])})
    return _table(rows)


def first(found: pa.Table, count: int) -> pa.Table:
    """Return `found` with at most the `count` nearest neighbours of each query."""
    lists = {column.name: pc.list_slice(found[column.name], 0, count) for column in LISTS}
    return pa.table({"image": found["image"], "label": found["label"], **lists}, TABLE.schema)


def comparable(table: FeatureTable, adaptation: Adaptation | None) -> Features:
    """Return the features of `table` as rows of length 1, mapped if there is an adaptation.

    Raises:
        UserError: the adaptation was fitted on features of another model.
    """
    if adaptation is None:
        normalise(table.features)
        return table.features
    if adaptation.fingerprint != table.fingerprint:
        raise UserError(
            "The adaptation was fitted on features of another model (fingerprints "
            f"{adaptation.fingerprint} and {table.fingerprint}). Run again."
        )
    return adaptations.apply(adaptation, table.features)


def check_model(queries: str, other: str, name: str) -> None:
    """Compare the fingerprints of the queries' features and of those they are to be compared with.

    Raises:
        UserError: they differ; `name` says what the queries were to be compared with.
    """
    if queries != other:
        raise UserError(
            f"The features of the queries and of the {name} come from different models "
            f"(fingerprints {queries} and {other}). Run again."
        )


def first_of_equals(table: FeatureTable) -> NDArray[np.bool_]:
    """Return for each row of `table` whether it is the first with its bytes and its class."""
    seen = set()
    first = np.empty(len(table.paths), np.bool_)
    for row, key in enumerate(zip(table.content_ids, table.labels, strict=True)):
        first[row] = key not in seen
        seen.add(key)
    return first


def _searched(
    catalogue: Iterable[FeatureTable], adaptation: Adaptation | None, fingerprint: str
) -> Iterator[tuple[list[Image], Features]]:
    """Yield the images that can be found, `ROWS` at a time, with what they are compared by.

    All blocks reuse one array: a new one for each would cost as much as the product.
    """
    images: list[Image] = []
    array = np.empty((0, 0), np.float32)
    for part in catalogue:
        check_model(fingerprint, part.fingerprint, "catalogue")
        features = comparable(part, adaptation)
        if not len(array):
            array = np.empty((exact.ROWS, features.shape[1]), np.float32)
        first = np.flatnonzero(first_of_equals(part))
        while len(first):
            start = len(images)
            taken, first = np.split(first, [exact.ROWS - start])
            images += [(part.paths[row], part.labels[row]) for row in taken]
            # Straight into the array; "clip" spares a copy, and no row is out of bounds.
            features.take(taken, axis=0, out=array[start : len(images)], mode="clip")
            if len(images) == exact.ROWS:
                yield images, array
                images = []
    if images:
        yield images, array[: len(images)]


def _groups(parts: Iterable[FeatureTable]) -> Iterator[list[FeatureTable]]:
    """Yield `parts` in groups of about `QUERIES` images."""
    group: list[FeatureTable] = []
    for part in parts:
        group.append(part)
        if sum(len(part.paths) for part in group) >= QUERIES:
            yield group
            group = []
    if group:
        yield group


def _pairs(images: pa.Table, column: str) -> Iterator[tuple[str, str]]:
    """Yield the values of a column that are not null, each with its image."""
    known = images.filter(pc.is_valid(images[column]))
    yield from zip(known[column].to_pylist(), known["image"].to_pylist(), strict=True)


def _lists(nearest: Sequence[tuple[float, Image]]) -> dict[str, list[Any]]:
    """Return the columns `LISTS` of a query."""
    return {
        "similar": [path for _, (path, _) in nearest],
        "class": [label for _, (_, label) in nearest],
        "similarity": [similarity for similarity, _ in nearest],
    }


def _found(answer: Mapping[str, Any]) -> Iterator[tuple[float, Image]]:
    columns = (answer[name] for name in ("similarity", "similar", "class"))
    for similarity, path, label in zip(*columns, strict=True):
        yield similarity, (path, label)


def _table(rows: Iterable[Row]) -> pa.Table:
    """Return `rows`, sorted by path."""
    by_path: list[Row] = sorted(rows, key=lambda row: str(row["image"]))
    return TABLE.from_rows(by_path)
