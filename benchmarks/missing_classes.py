"""How well photos of classes that the catalogue lacks are grouped.

    PYTHONPATH=workflow/scripts python benchmarks/missing_classes.py DATA

Writes benchmarks/results/missing_classes.md. DATA has a folder for each set, with the folders
catalogue/<class>/ and queries/<class>/ in it.
"""

import argparse
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from pathlib import Path
from textwrap import wrap

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import HDBSCAN, AgglomerativeClustering, KMeans
from threadpoolctl import threadpool_limits

import pages
import pipeline
from pages import table
from similar_images.classification import groups, out_of_distribution
from similar_images.classification.groups import Candidate
from similar_images.classification.predictions import Classifier
from similar_images.evaluation import held_out_learning, leave_one_out, quality
from similar_images.features import feature_table, sharded_features
from similar_images.features.feature_table import FeatureTable, normalise
from similar_images.report.groups import LIKELY
from similar_images.search import metric_learning, principal_components
from similar_images.search.neighbours import first_of_equals

BACKBONE = "EfficientNetLite2"
# Of its last layer; those of the levels follow them.
FEATURES = 1280
# Each class is absent in one of so many rounds of a draw.
ROUNDS = 5
# How classes are put into rounds, by lot. How photos are joined was chosen on the first.
CHOSEN_ON, FRESH = 0, (1, 2, 3)
VOTERS = 10
# A class is found if a group has half of its photos, and eight of ten are of this class.
HALF, PURE = 0.5, 0.8
# Photos with a lower in-distribution score, where methods get only these.
LOW = 0.3
# Groups that the page folds away are counted under this score and above it.
LESS_LIKELY = 0.5
NEAREST = 3
WIDTH = 95

Rows = NDArray[np.intp]


@dataclass(frozen=True)
class Round:
    """New photos, some of classes that are absent from the catalogue.

    Attributes:
        photos: with features of length 1, sorted by path.
        absent: the classes.
        candidates: of the photos, in their order.
    """

    photos: FeatureTable
    absent: list[str]
    candidates: list[Candidate]

    @property
    def scores(self) -> NDArray[np.float64]:
        """Return the in-distribution scores."""
        return np.array([one.score for one in self.candidates])

    @property
    def labels(self) -> NDArray[np.str_]:
        """Return the classes of the photos."""
        return np.array(list(map(str, self.photos.labels)))

    def of_queries(self) -> "Round":
        """Return the same without the photos of the catalogue."""
        rows = np.array([n for n, path in enumerate(self.photos.paths) if path.startswith("new:")])
        return replace(
            self, photos=self.photos.rows(rows), candidates=[self.candidates[n] for n in rows]
        )


Method = Callable[[Round], list[Rows]]


def collect(photos: Path) -> tuple[FeatureTable, FeatureTable]:
    """Return catalogue and queries of a set, with the features that the workflow extracts."""
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        queries = {"new": str(photos / "queries")}
        pipeline.lay_out(project, BACKBONE, str(photos / "catalogue"), queries)
        images = [f"results/{name}/images.parquet" for name in ("catalogue", "new")]
        pipeline.run(project, *images)
        catalogue, new = (
            sharded_features.collect(project / path, with_levels=True) for path in images
        )
        return catalogue, replace(new, paths=[f"new:{path}" for path in new.paths])


def rounds(catalogue: FeatureTable, new: FeatureTable, draw: int) -> Iterator[Round]:
    """Yield the rounds of a draw."""
    names = sorted({*map(str, catalogue.labels)})
    order = np.random.default_rng(draw).permutation(len(names))
    for number in range(ROUNDS):
        yield round_of(catalogue, new, sorted(names[n] for n in order[number::ROUNDS]))


def round_of(catalogue: FeatureTable, new: FeatureTable, absent: list[str]) -> Round:
    """Return the round without these classes in the catalogue, as the workflow would search it.

    The similarity is adapted to the remaining classes.
    """
    is_absent = np.isin(list(map(str, catalogue.labels)), absent)
    known = catalogue.rows(np.flatnonzero(~is_absent))
    asked = feature_table.join([new, catalogue.rows(np.flatnonzero(is_absent))])
    asked = asked.rows(np.argsort(asked.paths, kind="stable"))
    eligible = first_of_equals(known)
    components = principal_components.fit(known, with_levels=True)
    along = principal_components.reduce(components, known)
    fitted = metric_learning.fit(along, eligible)
    adapted = metric_learning.apply(fitted, along.features)
    reduced = principal_components.apply(components, asked.features)
    similarities = metric_learning.apply(fitted, reduced) @ adapted.T
    plain, photos = top(known), top(asked)
    assessed = quality.assess(
        replace(plain, features=plain.features.copy()),
        leave_one_out.groups(plain, {}),
        VOTERS,
        "majority",
        "adapted",
        0.9,
        held_out_learning.from_all(known, eligible, with_levels=True),
    )
    classifier = Classifier.of(assessed, VOTERS, "majority", None)
    cosine = -np.sort(-(photos.features @ plain.features.T), axis=1)[:, :NEAREST]
    candidates = []
    for path, own, near in zip(photos.paths, similarities, cosine.tolist(), strict=True):
        first = np.argsort(-own, kind="stable")[:VOTERS]
        labels = [str(known.labels[row]) for row in first]
        nearest = own[first].tolist()
        confidence = classifier.confidence(classifier.vote(labels, nearest), labels, nearest)
        scores = out_of_distribution.scores(nearest, confidence or 0.0)
        score = classifier.known.in_distribution_score(scores)
        candidates.append(Candidate(path, near, labels[0], score, path))
    return Round(photos, absent, candidates)


def new_range(catalogue: FeatureTable, queries: FeatureTable) -> Round:
    """Return a round in which the photos of one set are classified by the catalogue of another."""
    return replace(
        round_of(catalogue, queries, []), absent=sorted({str(label) for label in queries.labels})
    )


def top(images: FeatureTable) -> FeatureTable:
    """Return `images` with the features of the last layer alone, scaled to length 1."""
    features = images.features[:, :FEATURES].copy()
    normalise(features)
    return replace(images, features=features)


def ours(given: Round) -> list[Rows]:
    """Return the groups of the workflow."""
    row_of = {path: row for row, path in enumerate(given.photos.paths)}

    def features(_: object) -> FeatureTable:
        return replace(given.photos, features=given.photos.features.copy())

    found: dict[object, list[int]] = {}
    for row in groups.find(given.candidates, features):
        found.setdefault(row["group"], []).append(row_of[str(row["image"])])
    return [np.array(rows) for rows in found.values()]


def grouped(labels: NDArray[np.intp]) -> list[Rows]:
    """Return the rows of each cluster that is large enough."""
    rows = [np.flatnonzero(labels == number) for number in np.unique(labels) if number >= 0]
    return [some for some in rows if len(some) >= groups.SMALLEST]


def without_catalogue(given: Round) -> list[Rows]:
    """Return as many groups as ours by average linkage that does not look at the catalogue."""
    made = AgglomerativeClustering(
        n_clusters=max(2 * len(ours(given)), 2), metric="cosine", linkage="average"
    )
    return grouped(made.fit_predict(given.photos.features))


def hdbscan(samples: int, selection: str, low: bool) -> Method:
    """Return HDBSCAN of all photos, or of those of low score."""

    def method(given: Round) -> list[Rows]:
        rows = candidates_of(given, low)
        made = HDBSCAN(
            min_cluster_size=groups.SMALLEST,
            min_samples=samples,
            cluster_selection_method=selection,
            copy=True,
        )
        return [rows[some] for some in grouped(made.fit_predict(given.photos.features[rows]))]

    return method


def hdbscan_beside_catalogue(samples: int, selection: str) -> Method:
    """Return HDBSCAN with the distances of the workflow, which look at the catalogue."""

    def method(given: Round) -> list[Rows]:
        to_catalogue = np.array([np.mean(one.similarities) for one in given.candidates])
        similarities = given.photos.features @ given.photos.features.T
        distances = 2 - (similarities - (to_catalogue[:, np.newaxis] + to_catalogue) / 2)
        np.fill_diagonal(distances, 0)
        made = HDBSCAN(
            min_cluster_size=groups.SMALLEST,
            min_samples=samples,
            cluster_selection_method=selection,
            metric="precomputed",
            copy=True,
        )
        return grouped(made.fit_predict(distances))

    return method


def k_means(low: bool) -> Method:
    """Return k-means with the true number of absent classes."""

    def method(given: Round) -> list[Rows]:
        rows = candidates_of(given, low)
        made = KMeans(max(len(given.absent), 1), n_init=10, random_state=0)
        return [rows[some] for some in grouped(made.fit_predict(given.photos.features[rows]))]

    return method


def candidates_of(given: Round, low: bool) -> Rows:
    """Return the rows of all photos, or of those of low score."""
    return np.flatnonzero(given.scores < LOW) if low else np.arange(len(given.scores))


METHODS: Mapping[str, Method] = {
    "this workflow": ours,
    "average linkage without the catalogue": without_catalogue,
    **{
        f"HDBSCAN, {selection}, {samples} samples, {which}": hdbscan(samples, selection, low)
        for low, which in ((False, "all"), (True, f"score under {LOW}"))
        for selection in ("eom", "leaf")
        for samples in (1, 3, 5)
    },
    **{
        f"HDBSCAN, {selection}, {samples} samples, distances of this workflow": (
            hdbscan_beside_catalogue(samples, selection)
        )
        for selection in ("eom", "leaf")
        for samples in (1, 3)
    },
    "k-means, number given, all": k_means(False),
    f"k-means, number given, score under {LOW}": k_means(True),
}


def is_found(class_: str, given: Round, found: Sequence[Rows]) -> bool:
    """Return whether a group is of this class, see `HALF` and `PURE`."""
    own = given.labels == class_
    return any(own[rows].sum() >= HALF * own.sum() and own[rows].mean() >= PURE for rows in found)


def method_row(name: str, method: Method, made: Mapping[str, Sequence[Round]]) -> list[str]:
    """Return what a method finds in the rounds of each set."""
    cells, hits, count = [], 0, 0
    for given in made.values():
        found = [(one, method(one)) for one in given]
        right = [is_found(class_, one, some) for one, some in found for class_ in one.absent]
        cells.append(f"{sum(right)} of {len(right)} ({sum(len(some) for _, some in found)})")
        hits, count = hits + sum(right), count + len(right)
    return [name, *cells, f"{hits / count:.0%}"]


def range_row(name: str, given: Round) -> list[str]:
    """Return what is found in a new range of products."""
    found = ours(given)
    right = sum(is_found(class_, given, found) for class_ in given.absent)
    largest = max(map(len, found), default=0)
    return [name, f"{right} of {len(given.absent)}", str(len(found)), str(largest)]


def band_rows(made: Mapping[str, Sequence[Round]], known: Sequence[Round]) -> Iterator[list[str]]:
    """Yield for each range of scores how many groups are mostly of absent classes.

    Args:
        made: rounds with absent classes.
        known: those without.
    """

    def new_in(given: Round, low: float, high: float) -> list[bool]:
        return [
            bool(np.isin(given.labels[rows], given.absent).mean() >= HALF)
            for rows in ours(given)
            if low <= given.scores[rows].mean() < high
        ]

    for low, high in ((0, LIKELY), (LIKELY, LESS_LIKELY), (LESS_LIKELY, groups.MOST_KNOWN)):
        new = [one for some in made.values() for given in some for one in new_in(given, low, high)]
        alarms = sum(len(new_in(given, low, high)) for given in known)
        yield [f"{low} to {high}", str(len(new)), f"{np.mean(new):.0%}", str(alarms)]


def page(data: Path) -> Iterator[str]:
    """Yield the lines of benchmarks/results/missing_classes.md."""
    made: dict[str, list[Round]] = {}
    chosen_on: dict[str, list[Round]] = {}
    known = []
    sets = {photos.name: collect(photos) for photos in pipeline.sets(data)}
    for name, collected in sets.items():
        known.append(round_of(*collected, []))
        fresh = [one for draw in FRESH for one in rounds(*collected, draw)]
        for kept, given in ((made, fresh), (chosen_on, [*rounds(*collected, CHOSEN_ON)])):
            kept[f"{name}, all photos"] = given
            kept[f"{name}, queries only"] = [one.of_queries() for one in given]
    yield from ("# Missing classes", "")
    yield from wrap(
        "Made by `PYTHONPATH=workflow/scripts python benchmarks/missing_classes.py DATA`, with "
        f"{BACKBONE}. In {ROUNDS} rounds a fifth of the classes is absent from the catalogue, so "
        f"that each is absent once; this is repeated for {len(FRESH)} draws of the fifths. New "
        "photos, all without a label: the queries of all classes, and in *all photos* also those "
        "that the catalogue has of the absent classes. The similarity is adapted to the other "
        "classes.",
        WIDTH,
    )
    yield ""
    yield from wrap(
        f"A class is found if one group has at least {HALF:.0%} of its photos, and at least "
        f"{PURE:.0%} of the group are of this class. In brackets: how many groups there are.",
        WIDTH,
    )
    yield ""
    yield from wrap(
        "How photos are joined was chosen among more than 300 variants (features, linkage, numbers "
        "of neighbours, limits) by what they found with another draw, whose figures come last. The "
        "photos and classes are the same, so the figures of the workflow are optimistic. The "
        "other methods were given the variants in the table, and k-means the true number of "
        "absent classes.",
        WIDTH,
    )
    yield ""
    rows = [method_row(name, method, made) for name, method in METHODS.items()]
    rows.append(method_row("this workflow, where it was chosen", ours, chosen_on))
    yield from table(["method", *made, "found"], rows)
    yield from wrap(
        "How the mean in-distribution score of a group says whether it is new: how many of the "
        "groups of the fresh draws are mostly of absent classes, and how many groups there are in "
        "the queries where no class is absent.",
        WIDTH,
    )
    yield ""
    header = ["score", "groups", "of absent classes", "groups where none is absent"]
    yield from table(header, band_rows(made, known))
    yield from wrap(
        "A whole new range of products: the queries of one set, classified by the catalogue of "
        "another. A limit of this workflow was chosen on these, too.",
        WIDTH,
    )
    yield ""
    yield from table(
        ["new photos", "found", "groups", "photos of the largest"],
        (
            range_row(f"{new}, catalogue of {old}", new_range(sets[old][0], sets[new][1]))
            for old, new in permutations(sets, 2)
        ),
    )


def main() -> None:
    """Parse the command line and write the page."""
    parser = argparse.ArgumentParser(description="Measure how missing classes are found.")
    parser.add_argument("data", type=Path, help="a folder with a folder for each set")
    with threadpool_limits(1):
        text = "\n".join(page(parser.parse_args().data)).rstrip()
    (pages.DOCS / "missing_classes.md").write_text(f"{text}\n", "utf-8")


if __name__ == "__main__":
    main()
