"""The report's page with made-up predictions, in any number and of any kind."""

import logging
import random
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image

from models import HISTOGRAM
from similar_images.curation import catalogue_map
from similar_images.images import thumbnails
from similar_images.report import audit_page, map_page
from similar_images.report.cards import File, QueryCard, Similar
from similar_images.report.confusion import ConfusionMatrix
from similar_images.report.results_page import Catalogue, Report, render


def write_page(
    folder: Path,
    cards: list[QueryCard],
    classes: list[str],
    figures: bool = False,
    metrics: Mapping[str, Any] | None = None,
    **reported: Any,
) -> Path:
    """Write the page of `cards` into `folder`, with figures of each class where that is asked."""
    logging.getLogger("PIL").setLevel(logging.WARNING)
    draw(folder / "report_files", len(cards))
    counts = np.zeros((len(classes), len(classes)), np.int64)
    for card in cards:
        counts[classes.index(card.label), classes.index(card.prediction)] += 1
    right = sum(card.status == "right" for card in cards)
    figure = {"support": 1, "recall": 0.5, "precision": 0.25, "f1": 0.5}
    report = Report(
        name="invented",
        made=datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
        model=replace(
            HISTOGRAM,
            backbone="EfficientNetLite2",
            requested="EfficientNetB3",
            fallback=True,
            fallback_reason="the weights are not available",
            features=1280,
            input_size=260,
            engine="openvino",
            fingerprint="fingerprint",
        ),
        neighbours=10,
        catalogue=Catalogue(13_000, classes),
        metrics={
            **dict.fromkeys(("images", "readable", "labelled"), len(cards)),
            **{"correct": right, "accuracy": right / len(cards)},
            "accuracy_interval_95": [0.7, 0.9],
            "classes": dict.fromkeys(classes, figure) if figures else {},
            "duplicates": {"exact": 0, "near": 0, "mirrored": 0},
            "decided": 0,
            "photo_faults": {},
            "products": None,
            **(metrics or {}),
        },
        quality=invented_quality(),
        cards=cards,
        confusion=ConfusionMatrix(classes, counts, len(classes)),
        **{"rejected": {"invented": [], "catalogue": []}, **reported},
    )
    page = folder / "report.html"
    page.write_text(render(report, folder / "report_files"), "utf-8")
    return page


def invented_quality() -> dict[str, Any]:
    point = {"correct": 80, "accuracy": 0.8, "accuracy_interval_95": [0.7, 0.9]}
    curve = [{"neighbours": n, "majority": point, "weighted": point} for n in (1, 10, 50)]
    configured = {"neighbours": 10, "vote": "majority", "metric": "cosine", "evaluated": 100}
    reported = {"method": "leave-one-out", "curve": curve, "out_of_distribution": {"refused": 0.25}}
    return {**configured, **point, **reported, "choice": None}


def draw(folder: Path, number: int) -> None:
    """Put `number` thumbnails into `folder`, whose content ids are the numbers."""
    sample = folder / "sample.jpg"
    folder.mkdir(parents=True)
    noise = np.random.default_rng(0).integers(0, 255, (60, 45, 3), np.uint8)
    Image.fromarray(noise).resize((180, 240)).save(sample, quality=80)
    thumbnails.folder_of(folder).mkdir()
    for n in range(number):
        shutil.copy(sample, thumbnails.path_of(folder, f"{n:064x}"))


def made_cards(number: int, classes: list[str]) -> list[QueryCard]:
    random_ = random.Random(1)
    pictures = [f"{n:064x}" for n in range(number)]
    return [invented_card(n, random_, classes, pictures) for n in range(number)]


def invented_card(
    number: int, random_: random.Random, classes: list[str], pictures: list[str]
) -> QueryCard:
    label, other = random_.sample(classes, 2)
    right = random_.random() < 0.8
    similar = [
        Similar(f"{label}/{n}.jpg", f"photos/{label}/{n}.jpg", random_.choice(pictures), label, s)
        for n, s in enumerate(sorted((random_.random() for _ in range(3)), reverse=True))
    ]
    return QueryCard(
        *(f"{label}/{number:04}.jpg", f"photos/{label}/{number:04}.jpg", pictures[number]),
        status="right" if right else "wrong",
        label=label,
        prediction=label if right else other,
        others=[other if right else label] if number % 2 else [],
        votes=[(label if right else other, 6), ("class 00", 4)],
        voters=10,
        similar=similar,
        confidence=(number % 100) / 100,
        duplicate="",
        duplicate_of="",
        reason="",
        content=pictures[number],
        decision="",
        original_label=label,
        review_order=None,
        before=None,
        extra_columns=[],
        product=None,
        added="2026-01-02T03:04:05Z",
        row="",
        note="",
        photo_faults=[],
    )


def turned(
    image: str, turn: int, similar: str, *, copy: bool = False, margin: str = "9.00"
) -> dict[str, str]:
    """Return a row of `rotated.csv`, as it is read."""
    values = (image, "boots", str(turn), similar, similar.partition("/")[0], "0.81", "0.5")
    columns = ("image", "label", "turn", "similar", "class", "similarity", "upright_similarity")
    row = dict(zip(columns, values, strict=True))
    return row | {"copy": "true" if copy else "false", "margin": margin}


def write_audit(
    folder: Path,
    same: str = "",
    name: str = "boots/1",
    left_out: bool = False,
    score: str = "0.05",
    doubtful: int = 0,
    weak: int = 0,
    rotated: bool = False,
    **reported: Any,
) -> Path:
    """Write the page of an audit with one finding of most kinds, whose contents are numbers.

    If `rotated` is set, boots/2 and a photo of the set `new` lie on their sides, and hats/3 is a
    rotated copy of shoes/5.

    The photo `same` has the bytes of boots/2, and the first is called `name`. The decided photo
    boots/0, of the content 0, is there if `left_out` is set. The wrong label has a `score`; there
    are `doubtful` more, and then `weak` ones, of contents from 6 on.
    """
    found = [
        ("wrong_label", name, "boots", "hats/3", "hats"),
        ("duplicate_across_classes", "boots/2", "boots", "hats/3", "hats"),
        ("duplicate", "hats/4", "hats", "hats/4 again", "hats"),
        ("outlier", "shoes/5", "shoes", "hats/4", "hats"),
        ("poor_photo", "shoes/5", "shoes", "", ""),
        ("small_class", "shoes/5", "shoes", "", ""),
    ]
    found += [("decided_photo", "boots/0", "boots", "", "")] if left_out else []
    names = ("finding", "image", "label", "other_image", "other_label")
    first = {"rank": "1", "score": "0.5", "photo_faults": "blurred|dark"}
    first["measured"] = "0.75, limit 0.50|0.10, limit 0.15"
    findings = [dict(zip(names, row, strict=True)) | first for row in found]
    findings[0]["score"] = score
    if rotated:
        copy = [turned("hats/3", 180, "shoes/5", copy=True)]
        own, other = turned("boots/2", 90, "hats/4"), turned("1", 270, "hats/4")
        findings += audit_page.rotated_photos({"catalogue": [*copy, own], "new": [other]})
    more = {f"boots/more {n}": 6 + n for n in range(doubtful + weak)}
    scores = ["0.05"] * doubtful + ["0.4"] * weak
    for rank, (image, score_of_it) in enumerate(zip(more, scores, strict=True), 2):
        row = ("wrong_label", image, "boots", "hats/3", "hats")
        findings.append(
            dict(zip(names, row, strict=True)) | {"rank": str(rank), "score": score_of_it}
        )
    numbers = {"boots/0": 0, name: 1, "boots/2": 2, "hats/3": 3, "hats/4": 4, "hats/4 again": 4}
    numbers |= more
    numbers |= {same: 2} if same else {}
    numbers |= {"new:1": 1} if rotated else {}
    files = {
        name: File(f"{number:064x}", name.encode())
        for name, number in (numbers | {"shoes/5": 5}).items()
    }
    draw(folder / "report_files", 6 + min(doubtful, 200))
    classes = [
        {"label": label, "images": "2", "recognised": "0.5", "taken_for": ""}
        for label in ("boots", "hats", "shoes")
    ]
    pictures = {f"{n:064x}" for n in range(6 + min(doubtful, 200))}
    groups = audit_page.groups(findings, files, pictures)
    made = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
    page = folder / "report.html"
    counts = Counter(str(file.content_id) for file in files.values())
    report = audit_page.AuditReport(made, "EfficientNetLite2", classes, groups, counts, **reported)
    page.write_text(audit_page.render(report, folder / "report_files"), "utf-8")
    return page


def write_map(
    folder: Path,
    each: int = 20,
    classes: Sequence[str] = ("boots", "hats", "shoes"),
    pictured: int = 60,
    name: str = "boots/00000",
) -> Path:
    """Write the page with a map: a round cloud for each class, its middle on a larger circle.

    The contents are numbers, and so is each tenth label wrong. The first photo is called `name`.

    Args:
        folder: where.
        each: photos of a class.
        classes: the names.
        pictured: how many photos have pictures.
        name: of the first photo.
    """
    total = each * len(classes)
    random_ = np.random.default_rng(0)
    turn = np.repeat(np.arange(len(classes)), each) * 2 * np.pi / len(classes)
    within = 0.3 / len(classes) * random_.normal(size=(2, total)).clip(-2, 2)
    labels = [label for label in classes for _ in range(each)]
    names = [f"{label}/{n:05}" for n, label in enumerate(labels)]
    names[0] = name
    columns = {
        "image": names,
        "content_id": [f"{n:064x}" for n in range(total)],
        "label": labels,
        "x": (0.5 + 0.3 * np.cos(turn) + within[0]).clip(0, 1),
        "y": (0.5 + 0.3 * np.sin(turn) + within[1]).clip(0, 1),
        "fits": [n % 10 != 0 for n in range(total)],
        "voted": [
            label if n % 10 else classes[(n // each + 1) % len(classes)]
            for n, label in enumerate(labels)
        ],
    }
    contents = columns["content_id"]
    draw(folder / "map_files", min(pictured, total))
    shown = map_page.CatalogueMap(
        made=datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
        backbone="EfficientNetLite2",
        points=pa.table(columns, catalogue_map.TABLE.schema),
        files={n: File(c, f"photos/{n}".encode()) for n, c in zip(names, contents, strict=True)},
        pictures={*contents[:pictured]},
        classes=sorted(classes),
        members=dict.fromkeys(contents, 1),
    )
    page = folder / "map.html"
    page.write_text(map_page.render(shown, folder / "map_files"), "utf-8")
    return page
