"""How good the class advice is: writes benchmarks/results/class_advice.md.

    PYTHONPATH=workflow/scripts python benchmarks/advice.py DATA

DATA has a folder for each set, with the folders catalogue/<class>/ and queries/<class>/ in it.
"""

import argparse
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from math import log
from pathlib import Path
from textwrap import wrap
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans

import pipeline
from pages import table
from similar_images.classification.vote import majority
from similar_images.curation import class_advice
from similar_images.curation.class_advice import Change, Classified
from similar_images.curation.findings import Advice
from similar_images.evaluation import leave_one_out, near_duplicates
from similar_images.evaluation.leave_one_out import Neighbours
from similar_images.features.feature_table import FeatureTable, normalise
from similar_images.search.neighbours import first_of_equals

ROOT = Path(__file__).resolve().parents[1]
BACKBONE = "EfficientNetLite2"
WIDTH = 95
VOTERS, VOTE = 10, "majority"
# Draws of the halves of a class, of uneven catalogues, and of the photos that are given back.
SPLITS, UNEVEN, GIVEN = 3, 10, 5
# The part of its photos that a class keeps in an uneven catalogue.
KEPT = (0.25, 0.8)
# Photos that are left out of a class to see what they are worth: at most so many, at most this
# share of the class, and the mean of so many draws. Fewer than FEWEST say nothing.
LEFT_OUT, PART, DRAWS, FEWEST = 10, 0.25, 10, 3
# A class is named if more photos raise its recall by so much.
WORTH = 0.02
# Two classes that at most this share of the queries can tell apart are rightly merged.
ALIKE = 0.75

Labels = NDArray[np.str_]
Flags = NDArray[np.bool_]


class Photos(NamedTuple):
    """A catalogue with its near-duplicate groups, and queries with their classes."""

    catalogue: FeatureTable
    groups: NDArray[np.intp]
    queries: FeatureTable


class Gain(NamedTuple):
    """What photos of a class bring.

    Attributes:
        predicted: in recall, or 0 where nothing was said.
        recall: of the class, on the queries.
        accuracy: of all queries.
    """

    predicted: float
    recall: float
    accuracy: float


def extract(photos: Path) -> Photos:
    """Return a set, with the features that the workflow extracts."""
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        queries = {"new": str(photos / "queries")}
        pipeline.lay_out(project, BACKBONE, str(photos / "catalogue"), queries)
        made = [f"results/{name}/features.pkl" for name in ("catalogue", "new")]
        pipeline.run(project, *made)
        return prepared(pipeline.features(project, "catalogue"), pipeline.features(project, "new"))


def prepared(catalogue: FeatureTable, queries: FeatureTable) -> Photos:
    """Return a set without photos that are there twice."""
    for features in (catalogue, queries):
        normalise(features.features)
    catalogue = catalogue.rows(np.flatnonzero(first_of_equals(catalogue)))
    every = np.ones(len(catalogue.paths), np.bool_)
    alone = leave_one_out.equal_bytes(catalogue)
    (narrow,) = near_duplicates.join(catalogue, every, alone, near_duplicates.NARROW)
    return Photos(catalogue, narrow.group_of, queries)


def labelled(catalogue: FeatureTable, labels: Labels) -> FeatureTable:
    """Return `catalogue` with other labels."""
    return replace(catalogue, labels=labels.tolist())


def classified(catalogue: FeatureTable, groups: NDArray[np.intp]) -> Classified:
    """Return the photos of `catalogue`, as the advice classifies them."""
    return class_advice.classify(catalogue, groups, VOTERS, VOTE)


def advice(photos: Photos, labels: Labels) -> list[Advice]:
    """Return the advice on a catalogue by other labels."""
    return class_advice.advise(classified(labelled(photos.catalogue, labels), photos.groups))


def answers(photos: Photos, labels: Labels, kept: Flags | None = None) -> Labels:
    """Return the predictions of the queries by a part of a catalogue, by other labels."""
    rows = np.arange(len(labels)) if kept is None else np.flatnonzero(kept)
    similarities = photos.queries.features @ photos.catalogue.features[rows].T
    nearest = np.argsort(-similarities, axis=1, kind="stable")[:, :VOTERS]
    votes = [
        majority(labels[rows[near]].tolist(), found[near].tolist()).label
        for near, found in zip(nearest, similarities, strict=True)
    ]
    return np.array(votes)


def labels_of(images: FeatureTable) -> Labels:
    """Return the classes of `images`."""
    return np.array([str(label) for label in images.labels])


def split(labels: Labels, name: str, seed: int) -> Labels:
    """Return `labels` with half of a class, drawn by lot, as a class of its own."""
    rows = np.random.default_rng(seed).permutation(np.flatnonzero(labels == name))
    changed = labels.astype(object)
    changed[rows[: len(rows) // 2]] = f"{name} (2)"
    return changed.astype(str)


def told_apart(photos: Photos, one: str, other: str) -> float:
    """Return the share of the queries of two classes that gets the right one of the two."""
    own = labels_of(photos.queries)
    predicted = answers(photos, labels_of(photos.catalogue))
    both = np.isin(own, (one, other)) & np.isin(predicted, (one, other))
    return float((own == predicted)[both].mean())


def mergers(photos: Photos) -> list[object]:
    """Return a row on how well mergers are found."""
    labels = labels_of(photos.catalogue)
    classes = np.unique(labels).tolist()
    found, others, real = 0, [], []
    for name in classes:
        for seed in range(SPLITS):
            halved = split(labels, name, seed)
            for one in advice(photos, halved):
                pair = {one.label, str(one.other_label)}
                if pair == {name, f"{name} (2)"}:
                    found += 1
                    real.append((one.gain, _merged(photos, halved, name, seed)))
                else:
                    others.append({label.removesuffix(" (2)") for label in pair})
    wrong = [pair for pair in others if told_apart(photos, *sorted(pair)) > ALIKE]
    made = [f"{one.label} + {one.other_label}" for one in advice(photos, labels)]
    said, true = np.array(real).mean(axis=0) if real else (0.0, 0.0)
    runs = len(classes) * SPLITS
    pairs = runs * (len(classes) * (len(classes) + 1) // 2 - 1)
    return [
        f"{found} of {runs}",
        f"{100 * said:.1f} / {100 * true:.1f}",
        f"{len(wrong)} of {pairs:,}",
        f"{len(others) - len(wrong)}",
        ", ".join(made) or "none",
    ]


def _merged(photos: Photos, halved: Labels, name: str, seed: int) -> float:
    """Return by how much the accuracy on queries rises as the halves of a class are one again."""
    own = split(labels_of(photos.queries), name, seed)
    parted = answers(photos, halved) == own
    joined = answers(photos, labels_of(photos.catalogue)) == labels_of(photos.queries)
    return float(joined.mean() - parted.mean())


def uneven(labels: Labels, seed: int) -> Flags:
    """Return which photos are left if each class keeps a part of its own, drawn by lot."""
    chance = np.random.default_rng(seed)
    kept = np.zeros(len(labels), np.bool_)
    for name in np.unique(labels):
        rows = chance.permutation(np.flatnonzero(labels == name))
        kept[rows[: round(chance.uniform(*KEPT) * len(rows))]] = True
    return kept


def left_out(labels: Labels, name: str) -> int:
    """Return how many photos of a class are left out."""
    return min(LEFT_OUT, int(PART * (labels == name).sum()))


def last_brought(found: Classified, name: str) -> NDArray[np.float64]:
    """Return for each photo by how much more often it is right with the last photos of a class."""
    rows = np.flatnonzero(found.labels == name)
    share = np.zeros(len(found.neighbours))
    for draw in range(DRAWS):
        order = np.random.default_rng(draw).permutation(rows)
        without = np.isin(np.arange(len(found.labels)), order[: left_out(found.labels, name)])
        fewer = [_voting(one, without) for one in found.neighbours]
        predicted = replace(found, neighbours=fewer).predictions(found.labels)
        share += (predicted == found.own) / DRAWS
    last: NDArray[np.float64] = (predictions(found) == found.own) - share
    return last


def predictions(found: Classified) -> Labels:
    """Return the predictions by the votes of all."""
    every = np.zeros(len(found.labels), np.bool_)
    voting = [_voting(one, every) for one in found.neighbours]
    return replace(found, neighbours=voting).predictions(found.labels)


def _voting(found: Neighbours, without: Flags) -> Neighbours:
    kept = np.flatnonzero(~without[found.rows])[:VOTERS]
    return Neighbours(found.row, found.rows[kept], found.similarities[kept])


def expected(found: Classified, name: str, last: NDArray[np.float64], own: Flags) -> Change:
    """Return by how much more photos raise the recall of a class, judged by its `own` photos.

    The share that is wrong falls as a power of the number of photos (C. Cortes et al., "Learning
    Curves: Asymptotic Values and Rate of Convergence", NIPS 1993).
    """
    wrong = 1 - float((predictions(found) == found.own)[own].mean())
    number, total = left_out(found.labels, name), int((found.labels == name).sum())
    power = log((total + number) / total) / log(total / (total - number))

    def falls(by: float) -> float:
        return wrong * (1 - (wrong / (wrong + by)) ** power) if wrong + by > 0 else 0.0

    return Change(*map(falls, class_advice.change(last[own], found.groups[own])))


def worth_adding(photos: Photos, kept: Flags) -> dict[str, float]:
    """Return by how much more photos raise the recall of the classes that are named.

    As with mergers, one half of the photos suggests and the other one confirms: both for a class
    that others do not lose as much by, and the second with a 95 % interval above 0.
    """
    rows = np.flatnonzero(kept)
    catalogue, groups = photos.catalogue.rows(rows), photos.groups[rows]
    found = class_advice.classify(catalogue, groups, VOTERS + LEFT_OUT, VOTE)
    named = {}
    for name in np.unique(found.labels).tolist():
        if left_out(found.labels, name) < FEWEST:
            continue
        last, own = last_brought(found, name), found.own == name
        halves = found.suggesting, ~found.suggesting
        if not all((own & half).any() for half in halves):
            continue
        net = min(last[half].sum() for half in halves)
        one, other = (expected(found, name, last, own & half) for half in halves)
        if net > 0 and min(one.gain, other.gain) >= WORTH and other.low > 0:
            named[name] = other.gain
    return named


def gains(photos: Photos) -> tuple[list[Gain], list[Gain]]:
    """Return what photos bring to classes of uneven catalogues: to those named, and to others."""
    labels, own = labels_of(photos.catalogue), labels_of(photos.queries)
    named: list[Gain] = []
    others: list[Gain] = []
    for seed in range(UNEVEN):
        kept = uneven(labels, seed)
        said = worth_adding(photos, kept)
        before = answers(photos, labels, kept) == own
        for name in np.unique(labels).tolist():
            number = left_out(labels[kept], name)
            if number < FEWEST:
                continue
            change = _given_back(photos, kept, name, number) - before
            (named if name in said else others).append(
                Gain(said.get(name, 0.0), float(change[own == name].mean()), float(change.mean()))
            )
    return named, others


def _given_back(photos: Photos, kept: Flags, name: str, number: int) -> NDArray[np.float64]:
    """Return how often each query is right if so many photos of a class are given back."""
    labels, own = labels_of(photos.catalogue), labels_of(photos.queries)
    left = np.flatnonzero((labels == name) & ~kept)
    right = np.zeros(len(own))
    for draw in range(GIVEN):
        more = kept.copy()
        more[np.random.default_rng(draw).permutation(left)[:number]] = True
        right += (answers(photos, labels, more) == own) / GIVEN
    return right


def additions(photos: Photos) -> list[object]:
    """Return a row on what more photos bring."""
    named, others = gains(photos)

    def mean(found: Sequence[Gain], value: str) -> str:
        values = 100 * np.array([getattr(gain, value) for gain in found])
        error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
        return f"{values.mean():.1f} ± {error:.1f}" if len(values) else "none"

    return [
        f"{len(named)} of {len(named) + len(others)}",
        mean(named, "predicted"),
        mean(named, "recall"),
        mean(others, "recall"),
        mean(named, "accuracy"),
        mean(others, "accuracy"),
    ]


def in_two(photos: Photos, labels: Labels, name: str) -> tuple[float, float]:
    """Return what a split by 2-means brings to the accuracy, and the lower end of its interval."""
    rows = np.flatnonzero(labels == name)
    part = KMeans(2, n_init=10, random_state=0).fit_predict(photos.catalogue.features[rows])
    halved = labels.astype(object)
    halved[rows[part == 1]] = f"{name} (2)"
    found = classified(labelled(photos.catalogue, labels), photos.groups)
    mapped = np.char.replace(found.predictions(halved.astype(str)), " (2)", "")
    right = found.predictions(labels) == found.own
    rises = (mapped == found.own).astype(float) - right
    gain = class_advice.change(rises, found.groups)
    return gain.gain, gain.low


def splits(photos: Photos) -> list[object]:
    """Return a row on what splitting brings to real classes, and to two that were merged."""
    labels = labels_of(photos.catalogue)
    classes = np.unique(labels).tolist()
    real = [in_two(photos, labels, name) for name in classes]
    merged = [
        in_two(photos, np.where(labels == other, one, labels), one)
        for one, other in combinations(classes, 2)
    ]
    cells: list[object] = []
    for found in (real, merged):
        values = np.array(found)
        cells += [
            f"{100 * values[:, 0].mean():+.2f}",
            f"{100 * values[:, 0].max():+.1f}",
            f"{(values[:, 1] > 0).sum()} of {len(values)}",
        ]
    return cells


def paragraph(*texts: str) -> Iterator[str]:
    """Yield lines of a paragraph."""
    yield from wrap(" ".join(texts), WIDTH)
    yield ""


def page(sets: Mapping[str, Photos]) -> Iterator[str]:
    """Yield the lines of benchmarks/results/class_advice.md."""
    yield from ["# Class advice", ""]
    yield from paragraph(
        "Made by `PYTHONPATH=workflow/scripts python benchmarks/advice.py DATA`, with",
        f"{BACKBONE}, the cosine similarity and {VOTERS} votes. What is said is found on the",
        "catalogue alone; what is real is measured on the queries.",
        "The limits were chosen while looking at these sets, queries included, so the figures may",
        "flatter. The adapted similarity was not measured.",
    )
    yield from ["## Merge", ""]
    yield from paragraph(
        f"Each class is split in two by lot, {SPLITS} times: the halves should be found. Any other",
        "pair that is named counts as wrong if more than",
        f"{ALIKE:.0%} of the queries of both get the right one of the two. Gains are in points of",
        "accuracy.",
    )
    heads = ["halves found", "gain said / real", "wrong", "other pairs, rightly", "without a split"]
    yield from table(["set", *heads], [[n, *mergers(photos)] for n, photos in sets.items()])
    yield from ["## More photos", ""]
    yield from paragraph(
        f"Each class keeps {KEPT[0]:.0%} to {KEPT[1]:.0%} of its photos, by lot, {UNEVEN} times.",
        "Then every class in turn gets back as many photos as are left out to predict their worth.",
        "Mean gains in",
        "points of classes that were named and of all others, ± standard error as if the draws",
        "were independent. Even where the recall rises as said, the accuracy does not: the other",
        "classes lose as much. So no photos are asked for.",
    )
    heads = [
        "named",
        "recall, said",
        "recall, real",
        "recall, not named",
        "accuracy, real",
        "accuracy, not named",
    ]
    yield from table(["set", *heads], [[n, *additions(photos)] for n, photos in sets.items()])
    yield from ["## Split", ""]
    yield from paragraph(
        "Each class, and each pair of classes that was merged before, is split by 2-means in its",
        "features; predictions are mapped back. Change of the cross-validated accuracy in points:",
        "the mean, the largest, and how many gain by more than chance (95 % interval; about 2.5 %",
        "would without any effect). It is not worth it, so splits are not proposed.",
    )
    heads = ["classes: mean", "largest", "certain", "merged pairs: mean", "largest", "certain"]
    yield from table(["set", *heads], [[n, *splits(photos)] for n, photos in sets.items()])


def main() -> None:
    """Parse the command line and write the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, help="a folder with a folder for each set")
    data = parser.parse_args().data.resolve()
    sets = {photos.name: extract(photos) for photos in pipeline.sets(data)}
    text = "\n".join(page(sets)).rstrip() + "\n"
    (ROOT / "benchmarks/results/class_advice.md").write_text(text, "utf-8")


if __name__ == "__main__":
    main()
