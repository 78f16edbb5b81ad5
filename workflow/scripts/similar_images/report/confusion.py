"""The confusion matrix, as the page and the plot show it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..core.file_formats import csv_lines
from ..core.files import checked

# A larger matrix can be neither drawn nor read.
MOST_CLASSES = 40


@dataclass(frozen=True)
class ConfusionMatrix:
    """How often each label was predicted as each class.

    Attributes:
        classes: sorted.
        counts: (classes, classes); rows are labels, columns are predictions.
        total: classes in the whole matrix, of which this may be a part.
    """

    classes: list[str]
    counts: NDArray[np.int64]
    total: int

    @property
    def shares(self) -> NDArray[np.float64]:
        """The shares of the predictions of each label; zero where a class is never a label."""
        labelled = self.counts.sum(axis=1, keepdims=True)
        shares: NDArray[np.float64] = self.counts / np.maximum(labelled, 1)
        return shares

    @property
    def mistakes(self) -> NDArray[np.int64]:
        """The mistakes of each class: false negatives plus false positives."""
        sums: NDArray[np.int64] = self.counts.sum(axis=0) + self.counts.sum(axis=1)
        return sums - 2 * self.counts.diagonal()

    @property
    def by_mistakes(self) -> list[int]:
        """The rows of the classes, those with the most mistakes first."""
        order: list[int] = np.argsort(-self.mistakes, kind="stable").tolist()
        return order

    def with_most_mistakes(self) -> "ConfusionMatrix":
        """Return the part with the `MOST_CLASSES` classes that have the most mistakes."""
        kept = sorted(self.by_mistakes[:MOST_CLASSES])
        return ConfusionMatrix(
            [self.classes[row] for row in kept], self.counts[np.ix_(kept, kept)], self.total
        )


def read(path: Path) -> ConfusionMatrix:
    """Read a `confusion.csv`.

    Raises:
        DamagedFileError, UserError: as `files.checked`.
    """
    with checked(path):
        (_, *classes), *rows = csv_lines(path)
        counts = np.array([row[1:] for row in rows], np.int64).reshape(len(classes), len(classes))
    return ConfusionMatrix(classes, counts, len(classes))
