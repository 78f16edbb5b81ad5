"""The audit: wrong labels, duplicates, outliers and hard classes, found by the features."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..duplicates.query_duplicates import SIMILAR, Compare
from ..duplicates.registration import Likeness
from ..evaluation.label_confidence import Images, confidences, fit, prepare
from ..features.feature_table import FeatureTable, normalise
from ..images.photo_faults import Found
from ..search.neighbours import CANDIDATES, first_of_equals
from .findings import SUGGESTIONS, Class, Finding

# Outliers are found by the mean similarity of so many nearest images.
NEAREST = 10
# Classes are confused where at least this share of their images looks more like the other class.
CONFUSED = 0.1


class Evidence(NamedTuple):
    """A finding by row numbers of the catalogue.

    Attributes:
        score: decides the rank.
        image, label: its row and class.
        other, other_label: row and class of what it is compared with, or None.
        faults: of it as a photo.
    """

    score: float
    image: int
    label: str
    other: int | None = None
    other_label: str | None = None
    faults: Sequence[Found] = ()


class Copies(NamedTuple):
    """Pairs of images that show one picture, the most similar first.

    Attributes:
        within, across: not mirrored, in one class and in two.
        mirrored: one of them is mirrored, in one class or in two.
    """

    within: list[Evidence]
    across: list[Evidence]
    mirrored: list[Evidence]

    def of(self, likeness: Likeness, labels: tuple[str, str]) -> list[Evidence]:
        """Return the list for a pair with this likeness and these labels."""
        if likeness.mirrored:
            return self.mirrored
        return self.within if labels[0] == labels[1] else self.across


def audit(
    catalogue: FeatureTable,
    files: Mapping[str, bytes],
    compare: Compare,
    voters: int,
    confirmed: Collection[str] = (),
    photo_faults: Mapping[str, Sequence[Found]] | None = None,
) -> tuple[list[Finding], list[Class]]:
    """Return the findings on the `catalogue`, and a summary of its classes.

    The class of an image that was `confirmed` is not doubted again.

    Args:
        catalogue: all its readable images; the features are normalised in place.
        files: the path to open of each content id.
        compare: compares pairs of contents, see `registration.compare_all`.
        voters: how many images vote on a class.
        confirmed: images whose class a person has confirmed or corrected.
        photo_faults: the faults of images as photos.
    """
    normalise(catalogue.features)
    images = prepare(catalogue, first_of_equals(catalogue))
    fits = label_confidences(images)
    mistaken = fits[fits["other"] > fits["own"]]
    copies = _duplicates(catalogue, images, files, compare)
    known = np.array([path in confirmed for path in catalogue.paths], np.bool_)
    found = {
        "wrong_label": _unconfirmed(_wrong_labels(images, mistaken), known),
        "duplicate_across_classes": _unconfirmed(
            map(partial(_doubtful_first, known=known), copies.across), known
        ),
        "duplicate": copies.within,
        "mirrored_duplicate": copies.mirrored,
        "outlier": _unconfirmed(_outliers(images), known),
        "poor_photo": _unconfirmed(_poor_photos(catalogue, photo_faults or {}), known),
        "confused_classes": _confused_classes(images, mistaken),
        "small_class": _small_classes(images, voters),
    }
    findings = [
        _finding(catalogue, kind, rank, evidence)
        for kind in SUGGESTIONS
        for rank, evidence in enumerate(found[kind], 1)
    ]
    return findings, _classes(images, mistaken)


def _unconfirmed(found: Iterable[Evidence], known: NDArray[np.bool_]) -> list[Evidence]:
    """Return what was `found` on images whose class is not `known`."""
    return [evidence for evidence in found if not known[evidence.image]]


def _doubtful_first(pair: Evidence, known: NDArray[np.bool_]) -> Evidence:
    """Return the finding on the other image of a pair where the class of the first is known."""
    if pair.other is None or not known[pair.image]:
        return pair
    return Evidence(pair.score, pair.other, str(pair.other_label), pair.image, pair.label)


def label_confidences(images: Images) -> pd.DataFrame:
    """Return a row for each image with its confidences, relative to the mean of a class.

    `own` is that in its own class, `other` that in the best `other_class`; `label` is its class.
    """
    n = len(images.rows)
    ridge = fit(images)
    own = np.empty(n)
    for part, confidence in confidences(images, ridge):
        own[part] = confidence[np.arange(len(confidence)), images.classes[part]]
    usual = _usual(own, images)
    other, other_class = np.empty(n), np.empty(n, np.intp)
    for part, confidence in confidences(images, ridge):
        relative = confidence / usual
        relative[np.arange(len(relative)), images.classes[part]] = -1
        other[part], other_class[part] = relative.max(axis=1), relative.argmax(axis=1)
    columns = {"label": images.classes, "own": own / usual[images.classes]}
    return pd.DataFrame({**columns, "other": other, "other_class": other_class})


def _usual(own: NDArray[np.float64], images: Images) -> NDArray[np.float64]:
    """Return for each class the mean confidence of its images in it.

    Each class has one average image added, so that it is not 0 for a class of a single image.
    """
    sums = np.bincount(images.classes, own, minlength=len(images.names))
    usual: NDArray[np.float64] = (sums + max(own.mean(), 1e-9)) / (images.sizes + 1)
    return usual


def _wrong_labels(images: Images, mistaken: pd.DataFrame) -> list[Evidence]:
    """Return the images whose label may be wrong, the least likely of the labels first.

    Confidences are divided by the mean confidence of their class (its threshold in C. G. Northcutt,
    L. Jiang and I. L. Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels", JAIR
    70, 2021). The score is the confidence in the label, as a share of that in both classes.
    """
    # Nothing is known about an image that is alone in its class.
    found = mistaken[images.sizes[mistaken["label"]] > 1]
    # The other class has the larger confidence, so there is no division by 0.
    score = found["own"] / (found["own"] + found["other"])
    ranked = score.sort_values(kind="stable")
    others = found["other_class"][ranked.index]
    return [_looks_like(images, *found) for found in zip(ranked.index, others, ranked, strict=True)]


def _looks_like(images: Images, n: int, other: int, score: float) -> Evidence:
    """Return the evidence that image `n` fits another class: the nearest image of that class."""
    neighbours = images.neighbours[n][images.neighbours[n] >= 0]
    nearest = neighbours[images.classes[neighbours] == other]
    row = int(images.rows[nearest[0]]) if len(nearest) else None
    label = images.names[images.classes[n]]
    return Evidence(score, int(images.rows[n]), label, row, images.names[other])


def _duplicates(
    catalogue: FeatureTable, images: Images, files: Mapping[str, bytes], compare: Compare
) -> Copies:
    """Return the pairs of images that show one picture."""
    ids = catalogue.content_ids
    pairs = {pair: (ids[pair[0]], ids[pair[1]]) for pair in _similar_pairs(images)}
    known = compare(set(pairs.values()), files)
    alike = {pair: known[contents] for pair, contents in pairs.items() if contents in known}
    alike |= dict.fromkeys(_equal_pairs(ids), Likeness(0.0))
    copies = Copies([], [], [])
    for (one, other), likeness in sorted(alike.items(), key=lambda pair: (pair[1], pair[0])):
        if likeness.is_copy:
            labels = str(catalogue.labels[one]), str(catalogue.labels[other])
            evidence = Evidence(likeness.difference, one, labels[0], other, labels[1])
            copies.of(likeness, labels).append(evidence)
    return copies


def _equal_pairs(content_ids: Sequence[str]) -> list[tuple[int, int]]:
    """Return the rows with the same bytes: the first of them with each of the others."""
    rows = pd.Series(range(len(content_ids)))
    first = rows.groupby(list(content_ids)).transform("min")
    return [pair for pair in zip(first, rows, strict=True) if pair[0] != pair[1]]


def _similar_pairs(images: Images) -> list[tuple[int, int]]:
    """Return the rows of images that are similar enough to show one picture, each pair once."""
    similar = images.similarities[:, :CANDIDATES] >= SIMILAR
    one, rank = np.nonzero(similar)
    rows = np.column_stack([images.rows[one], images.rows[images.neighbours[one, rank]]])
    return [(int(a), int(b)) for a, b in np.unique(np.sort(rows, axis=1), axis=0)]


def _outliers(images: Images) -> list[Evidence]:
    """Return the images far from all others, the farthest first.

    The score is the mean similarity of the nearest images (S. Ramaswamy, R. Rastogi and K. Shim,
    "Efficient Algorithms for Mining Outliers from Large Data Sets", SIGMOD 2000); J. W. Tukey's
    fence, 1.5 times the range between the quartiles below the lower one, is the limit.
    """
    found = images.neighbours[:, :NEAREST] >= 0
    nearest_similarities = np.where(found, images.similarities[:, :NEAREST], 0)
    similarity = nearest_similarities.sum(axis=1) / np.maximum(found.sum(axis=1), 1)
    lower, upper = np.quantile(similarity, [0.25, 0.75])
    far = np.flatnonzero(similarity < lower - 1.5 * (upper - lower))
    evidence = []
    for n in far:
        image, nearest = int(images.rows[n]), images.neighbours[n, 0]
        label, other_label = (images.names[images.classes[m]] for m in (n, nearest))
        other = int(images.rows[nearest])
        evidence.append(Evidence(float(similarity[n]), image, label, other, other_label))
    return sorted(evidence, key=lambda found: found[:2])


def _poor_photos(
    catalogue: FeatureTable, photo_faults: Mapping[str, Sequence[Found]]
) -> list[Evidence]:
    """Return the images that have faults as photos, those farthest beyond a limit first.

    The score is the largest excess of their faults; equal ones are sorted by name.
    """
    found = [
        Evidence(
            max(fault.excess for fault in faults), row, str(catalogue.labels[row]), faults=faults
        )
        for row, path in enumerate(catalogue.paths)
        if (faults := photo_faults.get(path, ()))
    ]
    return sorted(found, key=lambda one: (-one.score, catalogue.paths[one.image]))


def _confused_classes(images: Images, mistaken: pd.DataFrame) -> list[Evidence]:
    """Return the pairs of classes that are often confused, the most confused first.

    The score is the share of their images that fit the other class of the pair better. The example
    is the image that does so most.
    """
    sizes, margin = images.sizes, mistaken["own"] - mistaken["other"]
    pairs = np.sort(mistaken[["label", "other_class"]])
    confused = []
    for _, margins in margin.groupby([pairs[:, 0], pairs[:, 1]]):
        example = int(margins.index.to_numpy()[margins.argmin()])
        one, other = images.classes[example], int(mistaken["other_class"][example])
        share = len(margins) / (sizes[one] + sizes[other])
        if len(margins) > 1 and share >= CONFUSED:
            confused.append(_looks_like(images, example, other, share))
    return sorted(confused, key=lambda found: (-found.score, found.label))


def _small_classes(images: Images, voters: int) -> list[Evidence]:
    """Return the classes that have fewer images than vote, the smallest first."""
    sizes, first = images.sizes, np.unique(images.classes, return_index=True)[1]
    return sorted(
        Evidence(int(sizes[class_]), int(images.rows[first[class_]]), images.names[class_])
        for class_ in np.flatnonzero(sizes < voters).tolist()
    )


def _classes(images: Images, mistaken: pd.DataFrame) -> list[Class]:
    by_label = mistaken.groupby("label")["other_class"]
    number = by_label.size().reindex(range(len(images.names)), fill_value=0)
    taken_for = by_label.agg(lambda others: others.mode()[0])
    return [
        Class(
            label=name,
            images=int(size),
            recognised=f"{1 - number[class_] / size:.4f}",
            taken_for=images.names[taken_for[class_]] if number[class_] else None,
        )
        for class_, (name, size) in enumerate(zip(images.names, images.sizes, strict=True))
    ]


def _finding(catalogue: FeatureTable, kind: str, rank: int, evidence: Evidence) -> Finding:
    return Finding(
        finding=kind,
        rank=rank,
        image=catalogue.paths[evidence.image],
        label=evidence.label,
        other_image=None if evidence.other is None else catalogue.paths[evidence.other],
        other_label=evidence.other_label,
        score=f"{evidence.score:.4f}".rstrip("0").rstrip("."),
        suggestion=SUGGESTIONS[kind],
        photo_faults="|".join(fault.fault for fault in evidence.faults),
        measured="|".join(fault.measured for fault in evidence.faults),
    )
