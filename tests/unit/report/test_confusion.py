"""Tests of the confusion matrix as page and plot show it."""

from pathlib import Path

import pytest

from similar_images.core.file_formats import write_csv
from similar_images.report import confusion
from similar_images.report.confusion import MOST_CLASSES


@pytest.mark.parametrize("classes", [[], ["label"], ["a,b", 'say "c"', "label"]])
def test_the_matrix_is_read_whatever_the_classes_are_called(
    tmp_path: Path, classes: list[str]
) -> None:
    path = tmp_path / "confusion.csv"
    rows = [[name, *range(n, n + len(classes))] for n, name in enumerate(classes)]
    write_csv(path, ["label", *classes], rows)
    matrix = confusion.read(path)
    assert matrix.classes == classes
    assert matrix.counts.tolist() == [row[1:] for row in rows]


def test_of_very_many_classes_those_with_the_most_mistakes_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "confusion.csv"
    classes = [f"{n:03}" for n in range(100)]
    counts = [[int(row == column) for column in range(100)] for row in range(100)]
    counts[90][95] = 7
    write_csv(path, ["label", *classes], [[c, *n] for c, n in zip(classes, counts, strict=True)])
    part = confusion.read(path).with_most_mistakes()
    assert (len(part.classes), part.total) == (MOST_CLASSES, 100)
    row, column = part.classes.index("090"), part.classes.index("095")
    assert part.counts[row, column] == 7
    assert part.classes == sorted(part.classes)


def test_the_shares_are_of_the_labels(tmp_path: Path) -> None:
    path = tmp_path / "confusion.csv"
    write_csv(path, ["label", "a", "b"], [["a", 1, 3], ["b", 0, 0]])
    assert confusion.read(path).shares.tolist() == [[0.25, 0.75], [0, 0]]


def test_the_classes_with_the_most_mistakes_come_first(tmp_path: Path) -> None:
    path = tmp_path / "confusion.csv"
    rows = [["a", 9, 0, 0], ["b", 0, 0, 1], ["c", 0, 2, 0]]
    write_csv(path, ["label", "a", "b", "c"], rows)
    matrix = confusion.read(path)
    assert matrix.by_mistakes == [1, 2, 0]
    assert matrix.mistakes.tolist() == [0, 3, 3]
