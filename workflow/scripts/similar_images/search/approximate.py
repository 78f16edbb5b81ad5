"""The approximate search: a query is compared with the part of the catalogue that is near it.

Images are divided into lists, each of those nearest to one centre of a clustering, and a query is
compared with the lists of the nearest centres alone (an inverted file: H. Jégou, M. Douze and
C. Schmid, "Product Quantization for Nearest Neighbor Search", IEEE TPAMI 33(1), 2011). FAISS does
it, and keeps the features as float16.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import Any, NamedTuple

import faiss
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..core.file_formats import read_json, write_json
from ..core.files import checked, write_checked
from ..core.wording import counted
from ..features import sharded_features
from ..features.feature_table import Features, FeatureTable
from . import exact, neighbours
from .metric_learning import Adaptation
from .neighbours import Image, Nearest, comparable, first_of_equals

# Chosen by measurement: see docs/design.md.
LISTS = 2  # times the square root of the number of images
PROBES = 16
# With a smaller recall, more lists are probed.
RECALL = 0.95
# Images of the catalogue with which recall is measured.
SAMPLED = 256
# Images to cluster each list from; with fewer FAISS warns.
POINTS = 39
# The largest error of a similarity by float16.
ROUNDING = 1e-4


@dataclass(frozen=True)
class Approximate:
    """An index for the approximate search, and its recall.

    Attributes:
        index: FAISS' inverted file; it knows an image by its row in the table of the images.
        fingerprint: of the features.
        neighbours: of each sampled image, for the recall.
        sampled: images with which recall was measured.
        recall: the share of their nearest images that was found.
    """

    index: Any
    fingerprint: str
    neighbours: int
    sampled: int
    recall: float


class _Images(NamedTuple):
    """Images that can be found.

    Attributes:
        rows: (k,), of the table of the images.
        content_ids: (k,).
        features: (k, d), rows of length 1, as they are compared.
    """

    rows: NDArray[np.intp]
    content_ids: NDArray[np.str_]
    features: Features


def build(
    catalogue: Iterable[FeatureTable],
    table: pa.Table,
    count: int,
    adaptation: Adaptation | None = None,
) -> Approximate:
    """Return an index of `catalogue`, measured against the exact search.

    Recall is measured with the `count` nearest others of a sample. Contents decide which images are
    in the sample and which ones the lists are clustered from, so the shards do not matter.

    Args:
        catalogue: the images in parts, equal bytes in one part; it is gone through three times.
        table: of the images, two at least, in the same order.
        count: how many neighbours.
        adaptation: of the features, if any.

    Raises:
        UserError: the adaptation was fitted on features of another model.
    """
    findable = len(table.group_by(["content_id", "label"]).aggregate([]))
    lists = LISTS * sqrt(findable)
    sample = _sample(catalogue, adaptation, POINTS * lists / findable)
    index = _clustered(sample.features, max(1, min(int(lists), len(sample.rows) // POINTS)))
    for part in _findable(catalogue, adaptation):
        index.add_with_ids(part.features, part.rows)
    spread = np.unique(np.linspace(0, len(sample.rows) - 1, SAMPLED, dtype=int))
    sampled = _some(sample, spread)
    recall = _tune(index, sampled, _exact(sampled, _findable(catalogue, adaptation), count))
    _, fingerprint, _ = sharded_features.model_of(table.schema)
    return Approximate(index, fingerprint, count, len(sampled.rows), recall)


def find(
    queries: Iterable[FeatureTable],
    approximate: Approximate,
    table: pa.Table,
    count: int,
    adaptation: Adaptation | None = None,
    only: pa.ChunkedArray | None = None,
) -> pa.Table:
    """Return `count` of the nearest images of the catalogue for each query, as far as found.

    As `neighbours.find`, with similarities that float16 rounds by some 1e-5.

    Args:
        queries: the images, in parts of any size.
        approximate: made of the catalogue.
        table: of the catalogue's images.
        count: how many; fewer where the lists that are probed hold fewer.
        adaptation: of the features, if any.
        only: the paths of the images to search among, or None for all.

    Raises:
        UserError: the features of queries and index come from different models, or the adaptation
            was fitted on those of another one.
    """
    paths, labels = (table[name].combine_chunks() for name in ("image", "label"))
    rows = None if only is None else np.flatnonzero(pc.is_in(paths, only.combine_chunks()))

    def image(row: int) -> Image:
        return paths[row].as_py(), labels[row].as_py()

    def nearest(features: Features, fingerprint: str) -> Nearest:
        neighbours.check_model(fingerprint, approximate.fingerprint, "approximate index")
        return [
            exact.ranked(((similarity, image(row)) for similarity, row in found), count)
            for found in _nearest(approximate.index, features, count, rows)
        ]

    return neighbours.answer(queries, adaptation, nearest)


def write(index: Path, description: Path, approximate: Approximate) -> None:
    """Write the index as FAISS has it, and its description as JSON."""
    with write_checked(index) as temporary:
        faiss.write_index(approximate.index, str(temporary))
    inverted = approximate.index
    content = {
        "images": inverted.ntotal,
        "lists": inverted.nlist,
        "probes": inverted.nprobe,
        "neighbours": approximate.neighbours,
        "sampled": approximate.sampled,
        "recall": approximate.recall,
        "fingerprint": approximate.fingerprint,
    }
    write_json(description, content)


def read(index: Path, description: Path) -> Approximate:
    """Read what `write` wrote; the lists stay on the disk until they are probed.

    Raises:
        DamagedFileError: a file is damaged.
        UserError: the system does not let it be read.
    """
    described = read_json(description)
    with checked(index):
        inverted = faiss.read_index(str(index), faiss.IO_FLAG_MMAP | faiss.IO_FLAG_READ_ONLY)
    return Approximate(
        inverted,
        described["fingerprint"],
        described["neighbours"],
        described["sampled"],
        described["recall"],
    )


def sentence(approximate: Approximate) -> str:
    """Return a sentence on the index."""
    inverted = approximate.index
    return (
        f"The approximate search finds {approximate.recall:.1%} of the "
        f"{counted(approximate.neighbours, 'nearest image')} (measured with "
        f"{approximate.sampled:,} of {counted(inverted.ntotal, 'image')}, "
        f"{inverted.nprobe:,} of {counted(inverted.nlist, 'list')} searched)"
    )


def _findable(
    catalogue: Iterable[FeatureTable], adaptation: Adaptation | None
) -> Iterator[_Images]:
    """Yield for each part the images that can be found."""
    start = 0
    for part in catalogue:
        rows = np.arange(start, start + len(part.paths))
        everything = _Images(rows, np.array(part.content_ids), comparable(part, adaptation))
        yield _some(everything, np.flatnonzero(first_of_equals(part)))
        start += len(rows)


def _some(found: _Images, positions: NDArray[np.intp]) -> _Images:
    return _Images(found.rows[positions], found.content_ids[positions], found.features[positions])


def _sample(
    catalogue: Iterable[FeatureTable], adaptation: Adaptation | None, share: float
) -> _Images:
    """Return about a `share` of the images that can be found, sorted by content.

    Content ids are hashes: images whose ids are small are as good as drawn by lot.
    """
    drawn = []
    for part in _findable(catalogue, adaptation):
        numbers = np.array([int(content_id[:8], 16) for content_id in part.content_ids])
        drawn.append(_some(part, np.flatnonzero(numbers < share * 16**8)))
    sample = _Images(*map(np.concatenate, zip(*drawn, strict=True)))
    return _some(sample, np.argsort(sample.content_ids, kind="stable"))


def _clustered(points: Features, lists: int) -> Any:
    """Return an inverted file without images, its `lists` clustered from `points` (k, d)."""
    dimension, kind = points.shape[1], f"IVF{lists},SQfp16"
    index: Any = faiss.index_factory(dimension, kind, faiss.METRIC_INNER_PRODUCT)
    index.nprobe = min(PROBES, lists)
    index.train(points)
    return index


def _exact(sampled: _Images, catalogue: Iterable[_Images], count: int) -> list[list[float]]:
    """Return how similar the `count` images nearest to each of `sampled` are, without itself."""
    blocks = ((part.rows.tolist(), part.features) for part in catalogue)
    return _similarities(sampled, exact.nearest(sampled.features, blocks, count + 1), count)


def _tune(index: Any, sampled: _Images, exact: Sequence[Sequence[float]]) -> float:
    """Let `index` probe as many lists as `RECALL` takes, and return its recall."""
    while (recall := _recall(index, sampled, exact)) < RECALL and index.nprobe < index.nlist:
        index.nprobe = min(2 * index.nprobe, index.nlist)
    return recall


def _recall(index: Any, sampled: _Images, exact: Sequence[Sequence[float]]) -> float:
    """Return the share of the nearest images that is found, given how similar they are.

    One that is as similar as the last of them counts, too (M. Aumüller, E. Bernhardsson and
    A. Faithfull, "ANN-Benchmarks", Information Systems 87, 2020): which of equals is found is
    chance.
    """
    count = len(exact[0])
    found = _similarities(sampled, _nearest(index, sampled.features, count + 1), count)
    right = sum(
        similarity >= nearest[-1] - ROUNDING
        for similarities, nearest in zip(found, exact, strict=True)
        for similarity in similarities
    )
    return right / sum(map(len, exact))


def _nearest(
    index: Any, queries: Features, count: int, among: NDArray[np.intp] | None = None
) -> Iterator[list[tuple[float, int]]]:
    """Yield for each of `queries` (q, d) similarities and rows, the most similar first.

    Rows as similar as the last of `count` are all there, since which of equals FAISS returns
    depends on the order in which they were added.

    Args:
        index: see `Approximate`.
        queries: (q, d), rows of length 1.
        count: how many; fewer where the lists that are probed hold fewer.
        among: the rows that may be returned, or None for all.
    """
    options = faiss.SearchParametersIVF()
    options.nprobe = index.nprobe
    if among is not None:
        chosen = faiss.IDSelectorBatch(among)  # kept here: the options only point to it
        options.sel = chosen
    with _without_blas():
        found = index.search(queries, count + 1, params=options)
    for query, similarities, rows in zip(queries, *found, strict=True):
        last = similarities[count - 1]
        if rows[count] >= 0 and similarities[count] == last:
            radius = float(last) - ROUNDING
            with _without_blas():
                _, similarities, rows = index.range_search(
                    query[np.newaxis], radius, params=options
                )
        there = rows >= 0  # there is no row where the lists held too few
        pairs = zip(similarities[there].tolist(), rows[there].tolist(), strict=True)
        yield sorted(pairs, reverse=True)


@contextmanager
def _without_blas() -> Iterator[None]:
    """Let FAISS compare queries with the centres one by one.

    With one thread and 20 queries or more, it would multiply matrices. The last digits of a query's
    similarities would then depend on the queries beside it, and on the number of threads.
    """
    threshold = faiss.cvar.distance_compute_blas_threshold
    faiss.cvar.distance_compute_blas_threshold = 2**31 - 1
    try:
        yield
    finally:
        faiss.cvar.distance_compute_blas_threshold = threshold


def _similarities(
    sampled: _Images, found: Iterable[Iterable[tuple[float, int]]], count: int
) -> list[list[float]]:
    """Return for each of `sampled` the first `count` similarities but the one to itself."""
    return [
        [similarity for similarity, row in nearest if row != own][:count]
        for own, nearest in zip(sampled.rows.tolist(), found, strict=True)
    ]
