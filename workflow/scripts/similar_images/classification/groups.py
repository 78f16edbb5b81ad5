"""Groups of new photos that belong together and to no known class.

Photos are joined by average linkage (R. R. Sokal and C. D. Michener, 1958), which starts from no
number of groups. What counts is how much more similar two photos are to each other than to the
catalogue (local scaling of similarities: A. Conneau, G. Lample, M. Ranzato, L. Denoyer and
H. Jegou, "Word Translation Without Parallel Data", ICLR 2018). So photos of a known class stay
apart: the catalogue has photos that are as similar to them. Nor may two photos be much less similar
to each other than to the nearest new ones, so that new classes stay apart.
benchmarks/results/missing_classes.md compares this with HDBSCAN and k-means.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import zip_longest
from statistics import fmean
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..core.tables import Row
from ..core.wording import counted
from ..features.feature_table import FeatureTable, normalise
from . import out_of_distribution
from .out_of_distribution import InDistribution

logger = logging.getLogger(__name__)

# A group has at least so many different photos.
SMALLEST = 5
# Grouping takes time and memory of the square of the number of photos.
MOST = 2000
# Two groups are joined if their photos are, on average, at most this much less similar to each
# other than to the nearest photos of the catalogue, and of the candidates. Without the latter, all
# photos of a new range of products, which the catalogue has nothing like, would be one group.
# Chosen, as the linkage was, with the two sets of the benchmark.
LESS_THAN_CATALOGUE, LESS_THAN_CANDIDATES = 0.05, 0.2
# Candidates that are more similar show the same picture, in another size for example. They are not
# among those nearest: beside them, all other photos of a class would be much less similar. But as
# many as a group needs are a class by themselves, such as a product on all sides.
SAME_PICTURE = 0.9
# Of 37 groups with a higher mean in-distribution score, none was of a missing class.
MOST_KNOWN = 0.7

Matrix = NDArray[np.float32]
Numbers = NDArray[np.intp]


class Candidate(NamedTuple):
    """A photo that may be of a class that the catalogue lacks.

    Attributes:
        image: its path.
        similarities: of the nearest catalogue images, by plain cosine.
        class_: of the nearest catalogue image.
        score: its in-distribution score.
        content_id: of its bytes.
    """

    image: str
    similarities: Sequence[float]
    class_: str
    score: float
    content_id: str


def candidates(
    predictions: Iterable[Mapping[str, str]],
    nearest: Mapping[str, Sequence[float]],
    contents: Mapping[str, str],
    known: InDistribution,
) -> list[Candidate]:
    """Return the photos that are refused or have no label, sorted by path.

    Without those that are decided or in the catalogue already, and of equal bytes only the first.

    Args:
        predictions: rows of `predictions.csv`.
        nearest: the similarities of the nearest catalogue images to each readable query, by plain
            cosine.
        contents: the content id of each readable query.
        known: gives the in-distribution score.
    """
    found: dict[str, Candidate] = {}
    for row in sorted(predictions, key=lambda row: row["image"]):
        open_ = row["refused"] or not (row["label"] or row["error"])
        if not open_ or row["decision"] or row["duplicate"] or not row["confidence"]:
            continue
        scores = out_of_distribution.scores([float(row["similarity_1"])], float(row["confidence"]))
        score = known.in_distribution_score(scores)
        image, content_id = row["image"], contents[row["image"]]
        one = Candidate(image, nearest[image], row["class_1"], score, content_id)
        found.setdefault(content_id, one)
    return list(found.values())


def find(
    found: Sequence[Candidate], features: Callable[[pa.ChunkedArray], FeatureTable]
) -> list[Row]:
    """Return the rows of `tables.GROUPS`: the group least like the catalogue first.

    Args:
        found: the candidates, each with other bytes. Of more than `MOST`, those that resemble the
            catalogue least are compared.
        features: returns those of the images with these paths.
    """
    if len(found) < SMALLEST:
        return []
    if len(found) > MOST:
        logger.info(
            "Groups are looked for among the %s of %s that resemble the catalogue least",
            f"{MOST:,}",
            counted(len(found), "photo"),
        )
        found = sorted(found, key=lambda one: (one.score, one.image))[:MOST]
    table = features(pa.chunked_array([[one.image for one in found]]))
    table = table.rows(np.argsort(table.paths, kind="stable"))
    by_image = {one.image: one for one in found}
    photos = [by_image[image] for image in table.paths]
    normalise(table.features)
    similarities = table.features @ table.features.T
    np.fill_diagonal(similarities, -1)
    groups = [_Group.of(rows, photos, similarities) for rows in _joined(similarities, photos)]
    shown = sorted(group for group in groups if group.score <= MOST_KNOWN)
    return [row for number, group in enumerate(shown, 1) for row in group.rows(number)]


def _joined(similarities: Matrix, photos: Sequence[Candidate]) -> list[Numbers]:
    """Return the rows of each group."""
    to_catalogue = np.array([fmean(one.similarities) for one in photos], np.float32)
    count = max(len(one.similarities) for one in photos)
    to_candidates = _nearest(similarities, count).mean(axis=1)
    apart = np.maximum(
        _less_similar(similarities, to_catalogue) - LESS_THAN_CATALOGUE,
        _less_similar(similarities, to_candidates) - LESS_THAN_CANDIDATES,
    )
    # Rounded, so that the last bits of a product join no other photos.
    group_of = average_linkage(np.round(apart, 5), 0)
    rows = [np.flatnonzero(group_of == number) for number in np.unique(group_of)]
    return [some for some in rows if len(some) >= SMALLEST]


def _nearest(similarities: Matrix, count: int) -> Matrix:
    """Return the similarities of each photo to the `count` others that are nearest.

    The same picture comes after all others, see `SAME_PICTURE`.
    """
    same = similarities > SAME_PICTURE
    same &= same.sum(axis=1, keepdims=True) < SMALLEST - 1
    others = np.where(same, similarities - 2, similarities)
    nearest: Matrix = -np.partition(-others, count - 1)[:, :count]
    nearest[nearest < -1] += 2
    return nearest


def _less_similar(similarities: Matrix, to_others: NDArray[np.float32]) -> NDArray[np.floating]:
    """Return how much less similar photos are to each other than, on average, to others."""
    return (to_others[:, np.newaxis] + to_others) / 2 - similarities


def average_linkage(distances: NDArray[np.floating], most: float) -> Numbers:
    """Return a number for the cluster of each row, which are joined up to a distance.

    By chains of nearest neighbours (F. Murtagh, "A Survey of Recent Advances in Hierarchical
    Clustering Algorithms", The Computer Journal 26, 1983), in time that grows with the square of
    the rows. SciPy has the same, but takes longer to import than this takes.

    Args:
        distances: (n, n), between the rows; may be negative.
        most: the largest mean distance between the rows of two clusters that are joined.
    """
    apart = distances.astype(np.float64)
    np.fill_diagonal(apart, np.inf)
    sizes = np.ones(len(apart))
    cluster_of = np.arange(len(apart))
    chain: list[int] = []
    left = [*range(len(apart))][::-1]
    while chain or left:
        if not chain:
            chain.append(left.pop())
        last = chain[-1]
        nearest = int(apart[last].argmin())
        if apart[last, nearest] > most:
            # It is at the start of its chain, and no cluster will ever be nearer.
            chain.pop()
        elif len(chain) > 1 and apart[last, chain[-2]] <= apart[last, nearest]:
            one, other = chain.pop(), chain.pop()
            _join(one, other, apart, sizes)
            cluster_of[cluster_of == other] = one
            left.append(one)
        else:
            chain.append(nearest)
    return cluster_of


def _join(one: int, other: int, apart: NDArray[np.float64], sizes: NDArray[np.float64]) -> None:
    """Join the cluster `other` to `one`."""
    total = sizes[one] + sizes[other]
    apart[one] = (sizes[one] * apart[one] + sizes[other] * apart[other]) / total
    apart[one, one] = np.inf
    apart[:, one] = apart[one]
    apart[other] = apart[:, other] = np.inf
    sizes[one] = total


class _Group(NamedTuple):
    """A group of photos.

    Attributes:
        score: the mean in-distribution score of its photos.
        images: their paths, the most typical first.
        typical: the mean similarity of each to the others.
        cohesion: see `tables.GROUPS`.
        class_: likewise.
    """

    score: float
    images: list[str]
    typical: list[float]
    cohesion: float
    class_: str

    @classmethod
    def of(cls, rows: Numbers, photos: Sequence[Candidate], similarities: Matrix) -> "_Group":
        """Return the group of some rows of the photos."""
        own = [photos[row] for row in rows]
        inner = similarities[np.ix_(rows, rows)].astype(np.float64)
        typical = (inner.sum(axis=1) + 1) / (len(rows) - 1)  # on its diagonal is -1
        order = sorted(range(len(rows)), key=lambda n: (-round(typical[n], 4), own[n].image))
        classes = Counter(one.class_ for one in own)
        return cls(
            float(np.mean([one.score for one in own])),
            [own[n].image for n in order],
            [float(typical[n]) for n in order],
            _cohesion(rows, photos, similarities),
            min(classes, key=lambda name: (-classes[name], name)),
        )

    def rows(self, number: int) -> list[Row]:
        """Return its rows of `tables.GROUPS`, as the group of this number."""
        return [
            {
                "group": number,
                "image": image,
                "typicality": f"{typical:.4f}",
                "photos": len(self.images),
                "cohesion": f"{self.cohesion:.4f}",
                "score": f"{self.score:.4f}",
                "nearest_class": self.class_,
            }
            for image, typical in zip(self.images, self.typical, strict=True)
        ]


def _cohesion(rows: Numbers, photos: Sequence[Candidate], similarities: Matrix) -> float:
    """Return the mean share of the images most similar to a photo of the group that are in it, too.

    As many are looked at as there are nearest images of the catalogue, which are among them.
    """
    nearest = (photos[row].similarities for row in rows)
    # An approximate search may find fewer for some.
    to_catalogue = np.array([*zip_longest(*nearest, fillvalue=-1)]).T
    count = to_catalogue.shape[1]
    to_all = np.hstack([similarities[rows], to_catalogue])
    least = -np.partition(-to_all, count - 1)[:, count - 1 : count]
    more, as_much = to_all > least, to_all[:, rows] == least
    # Of equals, those in the group are first.
    inside = more[:, rows].sum(axis=1)
    inside += np.minimum(as_much.sum(axis=1), count - more.sum(axis=1))
    return float(inside.mean() / count)
