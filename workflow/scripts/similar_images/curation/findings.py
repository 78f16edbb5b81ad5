"""The findings of an audit: their kinds, and the tables that hold them."""

from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from ..core.tables import Column, CsvTable
from ..decisions.decisions import RIGHT, WRONG
from ..images.columns import IMAGE, LABEL, PHOTO_FAULTS

# The names of the findings, in the order of the page, with what to do about each.
SUGGESTIONS = {
    "wrong_label": "move it to the other class, unless its label is right",
    "duplicate_across_classes": "one picture under two classes: remove it from one of them",
    "duplicate": "one picture twice: remove one of them",
    "mirrored_duplicate": "one picture and its mirror image: remove one, unless both are meant",
    "outlier": "unlike all others: check that it belongs into the catalogue",
    "poor_photo": "take a better photo, or leave it out",
    "confused_classes": "join the two classes, or add photos that show the difference",
    "small_class": "add photos, or join it with another class",
}

FINDINGS = CsvTable(
    "results/catalogue/audit.csv",
    Column("finding", str, "its kind"),
    Column("rank", int, "1 is first"),
    Column("image", str, "path, for a class an example"),
    Column("label", str, "its class"),
    Column("other_image", str, "what it is compared with"),
    Column("other_label", str, "its class"),
    Column("score", float, "decides the rank"),
    Column("suggestion", str, "what to do"),
    PHOTO_FAULTS,
    Column("measured", str, "of each of these, with its limit, such as `0.75, limit 0.50`"),
)
CLASSES = CsvTable(
    "results/catalogue/classes.csv",
    Column("label", str, "the class"),
    Column("images", int, "equal bytes count once"),
    Column("recognised", float, "share that fits it best"),
    Column("taken_for", str, "class that most others fit"),
)
ROTATED = CsvTable(
    "results/<collection>/rotated.csv",
    IMAGE,
    LABEL,
    Column("turn", int, "degrees clockwise that make it upright, or like its copy"),
    Column("similar", str, "the catalogue image that it then resembles most"),
    Column("class", str, "its class"),
    Column("similarity", float, "to it, once the photo is turned"),
    Column("upright_similarity", float, "of the photo as it is to its nearest catalogue image"),
    Column("copy", bool, "whether it is a rotated copy of that image"),
    Column("margin", float, "how much better this fits than upright, in log-probability"),
)
ADVICE = CsvTable(
    "results/catalogue/advice.csv",
    Column("advice", str, "what to do: `merge`"),
    Column("rank", int, "1 is worth most"),
    Column("label", str, "the class"),
    Column("other_label", str, "the one to merge it with"),
    Column("photos", int, "of both that were taken for one of both"),
    Column("confused", int, "how many of them for the wrong one"),
    Column("accuracy", float, "of all photos, now"),
    Column("gain", float, "how much it rises"),
    Column("gain_low", float, "lower end of its 95 % interval"),
    Column("gain_high", float, "upper end"),
    Column("statement", str, "all this in a sentence"),
)


class Finding(NamedTuple):
    """A row of `FINDINGS`; `finding` is one of `SUGGESTIONS`."""

    finding: str
    rank: int
    image: str
    label: str
    other_image: str | None
    other_label: str | None
    score: str
    suggestion: str
    photo_faults: str = ""
    measured: str = ""


class Class(NamedTuple):
    """A row of `CLASSES`."""

    label: str
    images: int
    recognised: str
    taken_for: str | None


class Advice(NamedTuple):
    """A row of `ADVICE`."""

    advice: str
    rank: int
    label: str
    other_label: str
    photos: int
    confused: int
    accuracy: float
    gain: float
    gain_low: float
    gain_high: float
    statement: str


def confirmed(members: pa.Table, name: str = "image") -> set[str]:
    """Return the images of a collection whose class a person has confirmed or corrected.

    Queries that were only moved into the catalogue do not count: many may have been moved at once.

    Args:
        members: its readable images, see `sharded_features.TABLE`.
        name: the column that names them: `image` or `content_id`.
    """
    decided = pc.is_in(members["decision"], pa.array([RIGHT, WRONG]))
    return set(members[name].filter(decided).to_pylist())
