"""A collection as a list: a CSV with the columns image and label."""

import csv
import os
from collections.abc import Iterator
from pathlib import Path

from ..base.errors import UserError


def read(path: Path) -> Iterator[tuple[bytes, bytes, str | None]]:
    """Yield the image, the path to open and the label of each line, sorted by image."""
    base = os.fsencode(path.parent)
    for text, label in sorted(_read_csv(path).items()):
        image = os.fsencode(text)
        yield image, os.path.join(base, image), label


def _read_csv(path: Path) -> dict[str, str | None]:
    labels: dict[str, str | None] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            missing = {"image", "label"} - set(reader.fieldnames or ())
            if missing:
                raise UserError(
                    f"{path}: the column {' and '.join(sorted(missing))} is missing. The first "
                    "line must name the columns image and label."
                )
            for row in reader:
                image = row["image"]
                if not image:
                    raise UserError(f"{path}, line {reader.line_num}: the image is empty.")
                if image in labels:
                    raise UserError(
                        f"{path}, line {reader.line_num}: {image} stands in the list already. "
                        "Name each image once."
                    )
                labels[image] = (row["label"] or "").strip() or None
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: not a CSV file in UTF-8 ({error}).") from error
    return labels
