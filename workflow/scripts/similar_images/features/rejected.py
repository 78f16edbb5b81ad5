"""The files and rows of a collection that are no usable photos, and how they are counted."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from ..core.tables import Column, CsvTable
from ..core.wording import counted
from ..images.columns import DECISION, IMAGE, LABEL, ORIGINAL_LABEL
from ..images.folders import OWN
from ..lists.lists import NO_IMAGE, NO_PHOTO, PRODUCT_HAS_IMAGE, SHARED_IMAGE
from ..storage.skipping import is_other_kind

# Nothing is missing where files or rows are rejected for reasons that begin so.
NO_LOSS = (OWN, PRODUCT_HAS_IMAGE, SHARED_IMAGE)

REJECTED = CsvTable(
    "results/<collection>/rejected.csv",
    IMAGE,
    LABEL,
    Column("reason", str, "why it cannot be used"),
    ORIGINAL_LABEL,
    DECISION,
)


class Rejected(NamedTuple):
    """A row of `REJECTED`."""

    image: str
    label: str | None
    reason: str
    original_label: str | None = None
    decision: str | None = None

    def is_query(self, is_listed: bool) -> bool:
        """Whether it gets a row of `predictions.csv`.

        A list names its files on purpose. In a folder, files of other kinds lie beside photos, but
        what people decided about is a photo.
        """
        if is_listed:
            return not self.reason.startswith(NO_PHOTO)
        return self.reason != OWN and (self.decision is not None or not is_other_kind(self.image))

    @property
    def is_loss(self) -> bool:
        """Whether people can miss something: they do not of a variant of a product with photos."""
        return not self.reason.startswith(NO_LOSS)


def read_rejected(path: Path) -> list[Rejected]:
    """Read a `rejected.csv`.

    Raises:
        DamagedFileError, UserError: as `CsvTable.read`.
    """
    return [
        Rejected(
            image=row["image"],
            label=row["label"] or None,
            reason=row["reason"],
            original_label=row["original_label"] or None,
            decision=row["decision"] or None,
        )
        for row in REJECTED.read(path)
    ]


def in_words(rejected: Iterable[Rejected]) -> str:
    """Return how many files were left out: "2 files left out, 1 file of another kind", or "".

    Only what may be a photo was left out. Films and texts beside photos are counted apart, as are
    rows of a list without an image. What is no loss is not counted.
    """
    rows = [one for one in rejected if one.is_loss]
    no_image = sum(one.reason == NO_IMAGE for one in rows)
    photos = sum(one.is_query(is_listed=False) for one in rows) - no_image
    others = len(rows) - no_image - photos
    counts = [
        (photos, f"{counted(photos, 'file')} left out"),
        (others, counted(others, "file of another kind", "files of other kinds")),
        (no_image, counted(no_image, "row without an image", "rows without an image")),
    ]
    return ", ".join(text for number, text in counts if number)
