"""Labels of a query set that the catalogue does not have, or hardly has: a renamed class?"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ..core.names import similar
from ..core.wording import counted

# A class with fewer photos in the catalogue hardly ever wins a vote.
ENOUGH = 3
# So many classes of a query set are named, those with most photos first.
NAMED = 3

Row = Mapping[str, str]  # of `predictions.csv`


class MissingClass(NamedTuple):
    """A class of a query set that the catalogue lacks.

    Attributes:
        label: its name.
        images: the photos with that label.
        in_catalogue: photos in the catalogue, fewer than `ENOUGH`.
        similar: a class of the catalogue with a similar name, if any; only of the first `NAMED`.
        predicted: the class that most of its photos are predicted as, or None.
    """

    label: str
    images: int
    in_catalogue: int
    similar: str | None
    predicted: str | None


def _lacking(images: Mapping[str, int], catalogue: Mapping[str, int]) -> list[MissingClass]:
    """Return which classes of `images` the catalogue lacks, those with most photos first.

    Args:
        images: how many photos of the query set have each label.
        catalogue: how many the catalogue has.
    """
    known = [label for label, count in catalogue.items() if count >= ENOUGH]
    found = [
        MissingClass(label, number, catalogue.get(label, 0), None, None)
        for label, number in images.items()
        if catalogue.get(label, 0) < ENOUGH
    ]
    found.sort(key=lambda one: (-one.images, one.label))
    # Comparing names takes long, and no others are named.
    named = [one._replace(similar=similar(one.label, known)) for one in found[:NAMED]]
    return named + found[NAMED:]


def of_predictions(predictions: Sequence[Row], catalogue: Mapping[str, int]) -> list[MissingClass]:
    """Return the classes that the catalogue lacks and whose photos are mostly not right.

    Files that cannot be used and photos that were left out do not count, nor do refused ones of a
    class that the catalogue has. Neither do labels that only decisions gave: the end of a run lists
    these as new classes.
    """
    answers = defaultdict(list)
    for row in predictions:
        label = row["label"]
        other = row["error"] or (row["refused"] and label in catalogue)
        if label and label == row["original_label"] and not other:
            answers[label].append(row["prediction"])
    wrong = {
        label: len(predicted)
        for label, predicted in answers.items()
        if 2 * predicted.count(label) < len(predicted)
    }
    return [
        one._replace(predicted=_mostly(answers[one.label])) for one in _lacking(wrong, catalogue)
    ]


def sentences(name: str, found: Sequence[MissingClass]) -> list[str]:
    """Return lines for the console about the classes that the catalogue lacks.

    Args:
        name: of the query set.
        found: its classes.
    """
    lines = [f"{name}: {_sentence(one)}" for one in found[:NAMED]]
    if rest := found[NAMED:]:
        photos = counted(sum(one.images for one in rest), "more photo")
        classes = counted(len(rest), "more class", "more classes")
        lines.append(
            f"{name}: {photos} of {classes} that the catalogue lacks or hardly has, such as "
            f"{rest[0].label}"
        )
    return lines


def none_known(name: str, found: Sequence[MissingClass], folder: str | None) -> str:
    """Return a line for a query set of which no label is a class of the catalogue.

    Args:
        name: of the query set.
        found: all its classes.
        folder: the query set's, if its labels are the names of folders there.
    """
    first = found[0].label
    if folder is None:
        return (
            f"{name}: none of its labels, such as {first}, is a class of the catalogue, so "
            "no photo can count as right. If they are not meant as classes, the accuracy means "
            "nothing."
        )
    inner = f"queries.{name}: {folder.rstrip('/')}/{first}"
    if len(found) == 1:
        return (
            f"{name}: its folder {first} counts as a label, but is no class of the catalogue. If "
            f"it is not meant as one, write {inner}"
        )
    return (
        f"{name}: all its folders count as labels, but none, such as {first}, is a class of the "
        "catalogue. If they are not meant as classes, the accuracy means nothing; a setting such "
        f"as {inner} names the photos of one folder without labels."
    )


def read(rows: Sequence[Mapping[str, Any]]) -> list[MissingClass]:
    """Return the classes as metrics.json has them."""
    return [MissingClass(**row) for row in rows]


def _sentence(one: MissingClass) -> str:
    labelled = f"{counted(one.images, 'photo')} {'is' if one.images == 1 else 'are'} labelled"
    there = f"of which the catalogue has only {counted(one.in_catalogue, 'photo')}"
    if not one.in_catalogue:
        there = "which is not in the catalogue"
    text = f"{labelled} {one.label}, {there}"
    rename = "If they are one class, give both the same name (of the folder, or in the list)."
    if one.similar:
        return f"{text}; {one.similar} is{' similar' if one.in_catalogue else ''}. {rename}"
    if one.predicted:
        return f"{text}; most are predicted as {one.predicted}. {rename}"
    they = "it" if one.images == 1 else "they"
    never = "hardly" if one.in_catalogue else "never"
    return (
        f"{text}, so {they} can {never} count as right. Add photos of that class to the catalogue."
    )


def _mostly(predicted: Sequence[str]) -> str | None:
    """Return the class that more than half of some photos, and more than one, are predicted as."""
    ((most, number),) = Counter(predicted).most_common(1)
    return most if most and number > 1 and 2 * number > len(predicted) else None
