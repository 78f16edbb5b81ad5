"""The page of the audit: each finding with its photo, and the photo it is compared with."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from ..core.wording import counted
from ..curation.orientation import SURE
from ..decisions.decisions import CATALOGUE, OUT, UNDECIDED, Decision
from ..images import thumbnails
from ..images.photo_faults import WORDS, split
from .cards import File, Photo, Row, photo_fields
from .cards import files as files_of
from .templates import environment, with_scripts

# Of each kind. The browser shows them step by step, but the page has all; so has audit.csv.
MOST_SHOWN = 20_000
# The kinds of rows of `rotated.csv`.
ROTATED, ROTATED_DUPLICATE = "rotated_photo", "rotated_duplicate"
# How a photo lies, by the degrees clockwise that make it upright.
LYING = {
    90: "lies on its left side: turn it clockwise by 90 degrees",
    180: "is upside down: turn it by 180 degrees",
    270: "lies on its right side: turn it anticlockwise by 90 degrees",
}
# Findings about single photos; the others are about classes, and show examples.
DUPLICATES = {
    *("duplicate_across_classes", "duplicate", "mirrored_duplicate"),
    ROTATED_DUPLICATE,
}
# Not a finding, but shown as one.
DECIDED = "decided_photo"
DECIDABLE = {"wrong_label", *DUPLICATES, "outlier", "poor_photo", ROTATED, DECIDED}
# One and several of each kind.
NOUNS = {
    "wrong_label": ("doubtful label", None),
    "duplicate_across_classes": ("picture in two classes", "pictures in two classes"),
    "duplicate": ("duplicate", None),
    "mirrored_duplicate": ("mirror image", None),
    ROTATED_DUPLICATE: ("rotated copy", "rotated copies"),
    ROTATED: ("rotated photo", None),
    "outlier": ("outlier", None),
    "poor_photo": ("bad photo", None),
    "confused_classes": ("pair of confused classes", "pairs of confused classes"),
    "small_class": ("small class", "small classes"),
}
# How likely a label is, by its share of the confidence, which is at most a half.
WEAK = 0.3
DOUBTS = {0.1: "very unlikely to be", WEAK: "unlikely to be", 1.0: "may not be"}


@dataclass(frozen=True)
class Picture(Photo):
    """A picture of a finding.

    Attributes:
        label: its class, or "".
        content: its content id, by which it is decided on.
    """

    label: str
    content: str | None


@dataclass(frozen=True)
class FindingCard:
    """A finding with its picture, and the other picture it is compared with.

    Attributes:
        picture: of the photo that it is about, or an example.
        other: the picture to compare with, if any.
        other_label: the class to compare with.
        words: how sure or how strong it is.
        detail: the number behind these words, or "".
        decidable: whether a decision on the photo can settle it.
        set: the query set of the photo, or "" in the catalogue.
        turn: the degrees clockwise that make a rotated photo upright; 0 for others.
        weak: whether it is less certain than the others of its kind, which come before it.
    """

    picture: Picture
    other: Picture | None
    other_label: str
    words: str
    detail: str
    decidable: bool
    set: str = ""
    turn: int = 0
    weak: bool = False


class Group(NamedTuple):
    """The findings of one kind: how many there are, and the first of them."""

    number: int
    cards: list[FindingCard]


@dataclass(frozen=True)
class AuditReport:
    """All that the page shows.

    Attributes:
        made: when.
        backbone: the network that made the features.
        classes: rows of `classes.csv`.
        groups: the findings by kind.
        files: how many files of the catalogue have the bytes of each content id.
        decided: the decisions that were applied, as rows of decisions.csv.
        advice: sentences on the classes to merge.
    """

    made: datetime
    backbone: str
    classes: Sequence[Row]
    groups: Mapping[str, Group]
    files: Mapping[str, int]
    decided: Sequence[Row] = ()
    advice: Sequence[str] = ()


def decided_photos(
    decided: Iterable[Decision], members: pa.Table, manifest: pa.Table
) -> list[dict[str, str]]:
    """Return rows as in `audit.csv` for the photos that people decided on.

    So these decisions can be taken back. Photos that were left out come first, then the latest.

    Args:
        decided: see `decisions.read`.
        members: of the catalogue, see `sharded_features.TABLE`.
        manifest: of the catalogue, which has what was left out, too.
    """
    made = {
        one.content_id: one
        for one in decided
        if one.set == CATALOGUE and one.decision not in (CATALOGUE, UNDECIDED)
    }
    contents = pa.array(made, pa.string())
    photos: dict[str, tuple[str, str]] = {}
    for table in (members, manifest):
        rows = table.filter(pc.is_in(table["content_id"], contents, skip_nulls=True))
        columns = (rows[name].to_pylist() for name in ("content_id", "image", "label"))
        for content_id, image, label in zip(*columns, strict=True):
            photos.setdefault(content_id, (image, label or ""))

    def order(content_id: str) -> tuple[bool, float]:
        return made[content_id].decision != OUT, -made[content_id].when.timestamp()

    names = ("image", "label", "finding", "rank", "other_image", "other_label", "score")
    return [
        dict(zip(names, (*photos[content_id], DECIDED, str(rank), "", "", "0"), strict=True))
        for rank, content_id in enumerate(sorted(photos, key=order), 1)
    ]


def rotated_photos(sets: Mapping[str, Sequence[Row]]) -> list[dict[str, str]]:
    """Return rows as in `audit.csv` for rotated photos, with their turn and their query set.

    Copies come first, then the clearest of all sets.

    Images of a query set are named as those that are taken into the catalogue: `<set>:<path>`.

    Args:
        sets: the rows of `rotated.csv` of the catalogue and each query set.
    """
    found = [
        {
            "finding": ROTATED_DUPLICATE if row["copy"] == "true" else ROTATED,
            "image": row["image"] if set_ == CATALOGUE else in_set(set_, row["image"]),
            "label": row["label"],
            "other_image": row["similar"],
            "other_label": row["class"],
            "score": row["similarity"] or "0",
            "turn": row["turn"],
            "upright": row["upright_similarity"] or "0",
            "margin": row["margin"],
            "set": "" if set_ == CATALOGUE else set_,
        }
        for set_, rows in sets.items()
        for row in rows
    ]
    found.sort(key=lambda row: (row["finding"] == ROTATED, -float(row["margin"])))
    ranks: Counter[str] = Counter()
    for row in found:
        ranks[row["finding"]] += 1
        row["rank"] = str(ranks[row["finding"]])
    return found


def files_of_set(set_: str, members: pa.Table, images: Iterable[str]) -> dict[str, File]:
    """Return the files of those of `images` that are of a query set, by their names on the page.

    Args:
        set_: the query set.
        members: its readable images, see `sharded_features.TABLE`.
        images: names on the page, of any collection.
    """
    start = in_set(set_, "")
    own = {name.removeprefix(start) for name in images if name.startswith(start)}
    return {in_set(set_, name): file for name, file in files_of(members, own).items()}


def in_set(set_: str, image: str) -> str:
    """Return how the page names an image of a query set."""
    return f"{set_}:{image}"


def shown(findings: Iterable[Row]) -> list[Row]:
    """Return the findings that the page shows."""
    return [row for row in findings if int(row["rank"]) <= MOST_SHOWN]


def images(findings: Iterable[Row]) -> set[str]:
    """Return the images that `findings` are about."""
    return {row[name] for row in findings for name in ("image", "other_image")} - {""}


def groups(
    findings: Sequence[Row], files: Mapping[str, File], pictures: set[str]
) -> dict[str, Group]:
    """Return `findings`, rows of `audit.csv`, by kind.

    Args:
        findings: all of them.
        files: files of the catalogue; at least those that are shown.
        pictures: content ids that have thumbnails.
    """
    numbers = Counter(row["finding"] for row in findings)
    cards: dict[str, list[FindingCard]] = {kind: [] for kind in numbers}

    def picture(name: str, label: str) -> Picture:
        return Picture(*photo_fields(name, files, pictures), label, files[name].content_id)

    for row in shown(findings):
        kind = row["finding"]
        shown_picture = picture(row["image"], row["label"])
        other = picture(row["other_image"], row["other_label"]) if row["other_image"] else None
        # A decision is on a content, so it would leave out both files with equal bytes.
        one = kind == "duplicate" and other is not None and other.content == shown_picture.content
        cards[kind].append(
            FindingCard(
                shown_picture,
                other,
                row["other_label"],
                *_in_words(row),
                decidable=kind in DECIDABLE
                and shown_picture.content is not None
                and not (one or row.get("set")),
                set=row.get("set", ""),
                turn=int(row.get("turn", 0)),
                weak=_is_weak(row),
            )
        )
    return {kind: Group(number, cards[kind]) for kind, number in numbers.items()}


def _is_weak(row: Row) -> bool:
    """Return whether a finding is less certain than others of its kind."""
    if row["finding"] == ROTATED:
        return float(row["margin"]) < SURE
    return row["finding"] == "wrong_label" and float(row["score"]) >= WEAK


def _in_words(row: Row) -> tuple[str, str]:
    """Return what the score of a finding means, and the number behind it unless that is in it."""
    kind, label, score = row["finding"], row["label"], float(row["score"])
    if kind == "wrong_label":
        likely = next(words for limit, words in DOUBTS.items() if score < limit)
        return f"{likely} {label}", f"{score:.0%} of the confidence is in {label}"
    if kind == "outlier":
        detail = f"mean similarity (cosine) of its ten nearest: {score:.3f}"
        return "least similar to the others", detail
    if kind == "poor_photo":
        faults = zip(split(row["photo_faults"]), row["measured"].split("|"), strict=True)
        return ", ".join(f"{WORDS[name]} ({measured})" for name, measured in faults), ""
    if kind == "confused_classes":
        return f"{score:.0%} of their photos look more like the other", ""
    if kind == "small_class":
        return counted(int(score), "photo"), ""
    if kind in (ROTATED, ROTATED_DUPLICATE):
        lies = LYING[int(row["turn"])]
        words = f"the same picture, but it {lies}"
        if kind == ROTATED:
            words = f"perhaps {lies}" if _is_weak(row) else lies
        upright = float(row["upright"])
        return words, f"similarity (cosine): {score:.2f} turned, {upright:.2f} as it is"
    if kind not in DUPLICATES:
        return "", ""
    if score == 0:
        return "the same bytes, or no visible difference", ""
    mirrored = ", mirrored" if kind == "mirrored_duplicate" else ""
    return f"almost the same pixels{mirrored}", f"largest difference: {score:.2f} of the contrast"


def summary(findings: Iterable[Row], page: Path) -> str:
    """Return a line on how many findings there are of each kind, for the end of a run."""
    numbers = Counter(row["finding"] for row in findings)
    counts = [counted(number, *NOUNS[kind]) for kind, number in numbers.items()]
    return f"audit: {', '.join(counts) or 'nothing was found'}. Look at {page}"


def render(report: AuditReport, folder: Path) -> str:
    """Return the page of `report` as HTML.

    Args:
        report: what it shows.
        folder: of the thumbnails, in the folder of the page.
    """
    template = environment().get_template("audit.html.j2")
    data = {
        "groups": [
            (kind, [asdict(card) for card in group.cards]) for kind, group in report.groups.items()
        ],
        "folder": f"{folder.name}/{thumbnails.FOLDER}",
        "photos": _decidable(report.groups, report.files),
        "set": "catalogue",
        "classes": sorted(row["label"] for row in report.classes),
        "decided": list(report.decided),
    }
    scripts = with_scripts("decisions.js", "deciding.js", "saving.js", "large.js", "audit.js")
    return template.render(report=report, data=data, **scripts)


def _decidable(groups: Mapping[str, Group], files: Mapping[str, int]) -> list[dict[str, str | int]]:
    """Return the photos that can be decided, each content once, as the script wants them."""
    photos: dict[str, dict[str, str | int]] = {}
    for kind, group in groups.items():
        for card in group.cards:
            sides = [(card.picture, card.other_label if kind == "wrong_label" else "")]
            if card.other and kind in DUPLICATES:
                sides.append((card.other, ""))
            for picture, suggestion in sides:
                if card.decidable and picture.content:
                    photo: dict[str, str | int] = {
                        "content": picture.content,
                        "files": files[picture.content],
                        "name": picture.name,
                        "label": picture.label,
                        "suggestion": suggestion,
                    }
                    photos.setdefault(picture.content, photo)
    return list(photos.values())
