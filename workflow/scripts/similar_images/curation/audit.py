"""The audit: what in the catalogue deserves a look, by the features of its images."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..decisions.decisions import RIGHT, WRONG
from ..duplicates.query_duplicates import SIMILAR, Compare
from ..duplicates.registration import Likeness
from ..evaluation.label_confidence import Images, confidences, fit, gather
from ..features.feature_table import FeatureTable, normalise
from ..search.neighbours import CANDIDATES, first_of_equals

# The nearest images, whose mean similarity shows how far an image is from all others.
CROWD = 10
# Classes are confused where at least this share of their images looks more like the other class.
CONFUSED = 0.1

# The names of the findings, in the order of the page, with what to do about each.
SUGGESTIONS = {
    "wrong_label": "move it to the other class, unless its label is right",
    "duplicate_across_classes": "one picture under two classes: remove it from one of them",
    "duplicate": "one picture twice: remove one of them",
    "mirrored_duplicate": "one picture and its mirror image: remove one, unless both are meant",
    "outlier": "unlike all others: check that it belongs into the catalogue",
    "confused_classes": "join the two classes, or add photos that show the difference",
    "small_class": "add photos, or join it with another class",
}


class Finding(NamedTuple):
    """Something that deserves a look.

    Attributes:
        finding: its kind, one of `SUGGESTIONS`.
        rank: 1 for the first of its kind to look at.
        image, label: path and class; of a class as a whole the image is an example.
        other_image, other_label: what it is compared with, or None.
        score: what the ranking of its kind goes by.
        suggestion: what to do about it.
    """

    finding: str
    rank: int
    image: str
    label: str
    other_image: str | None
    other_label: str | None
    score: str
    suggestion: str


class Class(NamedTuple):
    """A class at a glance.

    Attributes:
        label: its name.
        images: how many images it has, each content once.
        recognised: the share of them that looks most like their own class.
        taken_for: the class that the others are taken for most, or None.
    """

    label: str
    images: int
    recognised: str
    taken_for: str | None


class Evidence(NamedTuple):
    """A finding by row numbers of the catalogue.

    Attributes:
        score: what the ranking goes by.
        image, label: its row and class.
        other, other_label: row and class of what it is compared with, or None.
    """

    score: float
    image: int
    label: str
    other: int | None = None
    other_label: str | None = None


class Copies(NamedTuple):
    """Pairs of images that show one picture, the most alike first.

    Attributes:
        within, across: as it is, in one class and in two.
        mirrored: one of them mirrored, in one class or in two.
    """

    within: list[Evidence]
    across: list[Evidence]
    mirrored: list[Evidence]

    def of(self, likeness: Likeness, labels: tuple[str, str]) -> list[Evidence]:
        """Return the pairs among which one with these belongs."""
        if likeness.mirrored:
            return self.mirrored
        return self.within if labels[0] == labels[1] else self.across


@dataclass(frozen=True)
class Verdicts:
    """What the confidences say of each image, as shares of what is usual for a class.

    Attributes:
        own: (n,), confidence in its own class.
        other: (n,), confidence in the class that it looks like most of all others.
        other_class: (n,), which class that is.
    """

    own: NDArray[np.float64]
    other: NDArray[np.float64]
    other_class: NDArray[np.intp]

    @property
    def doubtful(self) -> NDArray[np.intp]:
        """The images that look more like another class than like their own."""
        return np.flatnonzero(self.other > self.own)


def confirmed(members: pa.Table) -> set[str]:
    """Return the images of the catalogue whose class a person has looked at.

    What was only taken into it may have been taken with many others.

    Args:
        members: its readable images, see `sharded_features.SCHEMA`.
    """
    looked_at = pc.is_in(members["decision"], pa.array([RIGHT, WRONG]))
    return set(members["image"].filter(looked_at).to_pylist())


def audit(
    catalogue: FeatureTable,
    files: Mapping[str, bytes],
    compare: Compare,
    voters: int,
    confirmed: Collection[str] = (),
) -> tuple[list[Finding], list[Class]]:
    """Return what in the `catalogue` deserves a look, and its classes at a glance.

    Nobody is asked again for the class of an image that was `confirmed`.

    Args:
        catalogue: all its readable images; the features are normalised in place.
        files: the path to open of each content id.
        compare: compares pairs of contents, see `registration.compare_all`.
        voters: how many images vote on a class.
        confirmed: images whose class a person has looked at.
    """
    normalise(catalogue.features)
    images = gather(catalogue, first_of_equals(catalogue))
    verdicts = judge(images)
    copies = _duplicates(catalogue, images, files, compare)
    known = np.array([path in confirmed for path in catalogue.paths], np.bool_)
    found = {
        "wrong_label": _open(_wrong_labels(images, verdicts), known),
        "duplicate_across_classes": _open(map(partial(_turned, known=known), copies.across), known),
        "duplicate": copies.within,
        "mirrored_duplicate": copies.mirrored,
        "outlier": _open(_outliers(images), known),
        "confused_classes": _confused_classes(images, verdicts),
        "small_class": _small_classes(images, voters),
    }
    findings = [
        _finding(catalogue, kind, rank, evidence)
        for kind in SUGGESTIONS
        for rank, evidence in enumerate(found[kind], 1)
    ]
    return findings, _classes(images, verdicts)


def _open(found: Iterable[Evidence], known: NDArray[np.bool_]) -> list[Evidence]:
    """Return what was `found` of images whose class is not `known`."""
    return [evidence for evidence in found if not known[evidence.image]]


def _turned(pair: Evidence, known: NDArray[np.bool_]) -> Evidence:
    """Return the finding of a pair about the other image, where the class of the one is known."""
    if pair.other is None or not known[pair.image]:
        return pair
    return Evidence(pair.score, pair.other, str(pair.other_label), pair.image, pair.label)


def judge(images: Images) -> Verdicts:
    """Compare for each image its own class with the others."""
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
    return Verdicts(own / usual[images.classes], other, other_class)


def _usual(own: NDArray[np.float64], images: Images) -> NDArray[np.float64]:
    """Return for each class the mean confidence of its images in it.

    Each class counts one average image more, so that it is not 0 for a class of a single image.
    """
    numbers = np.bincount(images.classes, minlength=images.count)
    sums = np.bincount(images.classes, own, minlength=images.count)
    usual: NDArray[np.float64] = (sums + max(own.mean(), 1e-9)) / (numbers + 1)
    return usual


def _wrong_labels(images: Images, verdicts: Verdicts) -> list[Evidence]:
    """Return the images whose label may be wrong, the least likely of the labels first.

    Confidences count as shares of what is usual for a class (its threshold in C. G. Northcutt,
    L. Jiang and I. L. Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels", JAIR
    70, 2021). The score is the one in the label, as a share of both: in it and in the other class.
    """
    # Nothing can be said of an image that is alone in its class.
    alone = np.bincount(images.classes, minlength=images.count)[images.classes] == 1
    found = [n for n in verdicts.doubtful.tolist() if not alone[n]]
    # In doubt the other class has more than 0, so that there is no division by 0.
    score = verdicts.own[found] / (verdicts.own[found] + verdicts.other[found])
    ranked = sorted(zip(score.tolist(), found, strict=True))
    return [_looks_like(images, verdicts, n, least) for least, n in ranked]


def _looks_like(images: Images, verdicts: Verdicts, n: int, score: float) -> Evidence:
    """Return the evidence that image `n` looks like another class: the nearest image of that."""
    other = int(verdicts.other_class[n])
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


def _equal_pairs(content_ids: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield the rows with the same bytes: the first of them with each of the others."""
    first: dict[str, int] = {}
    for row, content_id in enumerate(content_ids):
        if content_id in first:
            yield first[content_id], row
        first.setdefault(content_id, row)


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
    found = images.neighbours[:, :CROWD] >= 0
    crowd = np.where(found, images.similarities[:, :CROWD], 0)
    similarity = crowd.sum(axis=1) / np.maximum(found.sum(axis=1), 1)
    lower, upper = np.quantile(similarity, [0.25, 0.75])
    far = np.flatnonzero(similarity < lower - 1.5 * (upper - lower))
    evidence = []
    for n in far:
        image, nearest = int(images.rows[n]), images.neighbours[n, 0]
        label, other_label = (images.names[images.classes[m]] for m in (n, nearest))
        other = int(images.rows[nearest])
        evidence.append(Evidence(float(similarity[n]), image, label, other, other_label))
    return sorted(evidence, key=lambda found: found[:2])


def _confused_classes(images: Images, verdicts: Verdicts) -> list[Evidence]:
    """Return the pairs of classes that are often confused, the most confused first.

    The score is the share of their images that look more like the other one of the two. The
    example is the image of either that does so most.
    """
    numbers = np.bincount(images.classes, minlength=images.count)
    taken: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    for n in verdicts.doubtful.tolist():
        pair = sorted((int(images.classes[n]), int(verdicts.other_class[n])))
        taken[pair[0], pair[1]].append(n)
    confused = []
    for (one, other), members in taken.items():
        share = len(members) / (numbers[one] + numbers[other])
        if len(members) > 1 and share >= CONFUSED:
            example = min(members, key=lambda n: verdicts.own[n] - verdicts.other[n])
            confused.append(_looks_like(images, verdicts, example, share))
    return sorted(confused, key=lambda found: (-found.score, found.label))


def _small_classes(images: Images, voters: int) -> list[Evidence]:
    """Return the classes that have fewer images than vote, the smallest first."""
    numbers = np.bincount(images.classes, minlength=images.count)
    first = {int(class_): int(n) for n, class_ in reversed(list(enumerate(images.classes)))}
    return sorted(
        Evidence(int(numbers[class_]), int(images.rows[first[class_]]), images.names[class_])
        for class_ in np.flatnonzero(numbers < voters).tolist()
    )


def _classes(images: Images, verdicts: Verdicts) -> list[Class]:
    taken: defaultdict[int, Counter[int]] = defaultdict(Counter)
    for n in verdicts.doubtful.tolist():
        taken[int(images.classes[n])][int(verdicts.other_class[n])] += 1
    numbers = np.bincount(images.classes, minlength=images.count)
    return [
        Class(
            name,
            int(numbers[class_]),
            f"{1 - taken[class_].total() / numbers[class_]:.4f}",
            images.names[taken[class_].most_common(1)[0][0]] if taken[class_] else None,
        )
        for class_, name in enumerate(images.names)
    ]


def _finding(catalogue: FeatureTable, kind: str, rank: int, evidence: Evidence) -> Finding:
    return Finding(
        kind,
        rank,
        catalogue.paths[evidence.image],
        evidence.label,
        None if evidence.other is None else catalogue.paths[evidence.other],
        evidence.other_label,
        f"{evidence.score:.4f}".rstrip("0").rstrip("."),
        SUGGESTIONS[kind],
    )
