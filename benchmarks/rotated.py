"""How many rotated photos are found, and how many upright ones are reported.

    PYTHONPATH=workflow/scripts python benchmarks/rotated.py PROJECT...

writes benchmarks/results/rotated.md. Each PROJECT is a folder with finished results: a catalogue
and a query set `new`. Every photo is judged as it is and turned by 90, 180 and 270 degrees. A
turned photo counts as found if it is reported with the turn that makes it upright.
"""

import argparse
from collections.abc import Mapping, Sequence
from functools import partial
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from pages import table
from similar_images.backbones import engines, model
from similar_images.core.timing import Timing
from similar_images.curation import orientation, rotated
from similar_images.curation.orientation import Orientation, margins
from similar_images.duplicates import turned_copies
from similar_images.features import extraction, feature_table, sharded_features, turned
from similar_images.features.feature_table import Features, FeatureTable
from similar_images.images import manifest

PAGE = Path(__file__).parent / "results" / "rotated.md"
THREADS = 2
MOST_PIXELS = 10**9
# Photos that rotated copies are made of, in each set.
COPIED = 20
# The nearest catalogue photos whose mean similarity the simple rule compares.
NEAREST = 3
FALSE = 0.005


class Photos(NamedTuple):
    """The photos of a collection: contents, classes and views (n, 4, d), turned clockwise."""

    ids: list[str]
    labels: list[str]
    views: Features


class Judged(NamedTuple):
    """What is said of photos that lie turned by some quarters, each (n,).

    Attributes:
        quarters: how they seem to lie, turned clockwise by so many quarters.
        rotated: whether they are reported, if every photo is turned.
        sure: whether they are reported without "perhaps".
        tried: whether they are turned and looked at.
    """

    quarters: NDArray[np.intp]
    rotated: NDArray[np.bool_]
    sure: NDArray[np.bool_]
    tried: NDArray[np.bool_]


def views_of(results: Path, collection: str, cache: Path) -> Photos:
    """Return the photos of a collection with the features of all their turns."""
    path = results / collection / "images.parquet"
    images = sharded_features.collect(path)
    files = manifest.files_by_content(sharded_features.TABLE.read(path))
    backbone = model.read(results / "model" / "model.json")
    folder = results / "model" / "backbone"
    found = turned.features(files.keys(), files, cache, backbone, folder, MOST_PIXELS, THREADS)
    views = turned.views(images.content_ids, images.features, found)
    ids = sorted(views)
    labels = dict(zip(images.content_ids, map(str, images.labels), strict=True))
    return Photos(ids, [labels[id_] for id_ in ids], np.stack([views[id_] for id_ in ids]))


def judge(learned: Orientation, photos: Photos, quarters: int) -> Judged:
    """Return what is said of photos that lie turned clockwise by some quarters."""
    views = np.roll(photos.views, -quarters, axis=1)
    evidence = learned.evidence(photos.ids, views)
    apart = margins(evidence)
    reported = apart > learned.limit
    return Judged(
        evidence.argmax(axis=1),
        reported,
        reported & (apart >= orientation.SURE),
        learned.doubtful(photos.ids, views[:, 0]),
    )


def by_neighbours(photos: Photos, catalogue: Photos) -> tuple[float, float]:
    """Return the shares that the similarity to the nearest photos alone would report.

    Its threshold is the one with which at most `FALSE` of the upright photos are reported.

    Returns:
        Of upright photos, and of rotated ones with the right turn.
    """
    products = np.einsum("nrd,md->nrm", photos.views, catalogue.views[:, 0])
    own = np.array(photos.ids)[:, np.newaxis] == np.array(catalogue.ids)
    products[np.broadcast_to(own[:, np.newaxis], products.shape)] = -1
    near = np.sort(products, axis=2)[:, :, -NEAREST:].mean(axis=2)
    apart = near[:, 1:].max(axis=1) - near[:, 0]
    limit = max(float(np.quantile(apart, 1 - FALSE, method="higher")), 0)
    upright = near.argmax(axis=1) == 0
    found = [upright & (near[:, 0] - near[:, turn] > limit) for turn in (1, 2, 3)]
    return float((apart > limit).mean()), float(np.mean(found))


def percent(share: float) -> str:
    """Return a share as text."""
    return f"{share:.1%}"


def rotations(name: str, photos: Photos, learned: Orientation, catalogue: Photos) -> list[str]:
    """Return a row on the photos of a set."""
    upright, *others = (judge(learned, photos, quarters) for quarters in range(4))
    found, sure, unfiltered = [], [], []
    for quarters, said in enumerate(others, 1):
        right = said.rotated & (said.quarters == quarters)
        unfiltered.append(right.mean())
        found.append((right & said.tried).mean())
        sure.append((right & said.tried & said.sure).mean())
    false, simple = by_neighbours(photos, catalogue)
    return [
        *(name, str(len(photos.ids))),
        *map(percent, found),
        percent(float(np.mean(found))),
        percent(float((upright.rotated & upright.tried).mean())),
        percent(float(np.mean(sure))),
        percent(float((upright.sure & upright.tried).mean())),
        percent(float(np.mean(unfiltered))),
        percent(float(upright.rotated.mean())),
        f"{3 * upright.tried.mean():.2f}",
        f"{percent(simple)} / {percent(false)}",
    ]


def classes(photos: Photos, learned: Orientation) -> list[list[str]]:
    """Return a row for each class with its shares of found photos and of false reports."""
    upright, *others = (judge(learned, photos, quarters) for quarters in range(4))
    labels = np.array(photos.labels)
    rows = []
    for label in sorted({*photos.labels}):
        own = labels == label
        found = [
            (said.rotated & said.tried & (said.quarters == quarters))[own].mean()
            for quarters, said in enumerate(others, 1)
        ]
        false = (upright.rotated & upright.tried)[own].mean()
        rows.append([label, str(own.sum()), percent(float(np.mean(found))), percent(float(false))])
    return rows


def copies(results: Path, learned: Orientation, folder: Path) -> list[str]:
    """Return how many rotated copies of catalogue photos are found, by degrees."""
    path = results / "catalogue" / "images.parquet"
    catalogue = sharded_features.collect(path)
    feature_table.normalise(catalogue.features)
    files = manifest.files_by_content(sharded_features.TABLE.read(path))
    chosen = sorted(files)[:: max(1, len(files) // COPIED)][:COPIED]
    shares = []
    for quarters in (1, 2, 3):
        made = {}
        for content_id in chosen:
            file = folder / f"{content_id}-{quarters}.jpg"
            with Image.open(files[content_id][0]) as picture:
                small = ImageOps.scale(ImageOps.exif_transpose(picture).convert("RGB"), 0.8)
                small.rotate(-90 * quarters, expand=True).save(file, quality=85)
            made[sha256(file.read_bytes()).hexdigest()] = (content_id, bytes(file))
        lying = found_copies(results, learned, catalogue, made, files, folder)
        right = [
            one
            for one in lying
            if one.difference is not None
            and one.neighbour is not None
            and catalogue.content_ids[one.neighbour[1]] == made[one.content_id][0]
        ]
        shares.append(f"{len(right)} of {len(made)}")
    return shares


def found_copies(
    results: Path,
    learned: Orientation,
    catalogue: FeatureTable,
    made: Mapping[str, tuple[str, bytes]],
    files: Mapping[str, Sequence[bytes]],
    folder: Path,
) -> list[rotated.Rotated]:
    """Return what is found among the copies `made`, as the workflow would find it."""
    backbone = model.read(results / "model" / "model.json")
    members = {content_id: [file] for content_id, (_, file) in made.items()}
    export = results / "model" / "backbone"
    shard = extraction.extract(
        members,
        extraction.preprocessor(backbone, MOST_PIXELS),
        engines.load_model(backbone, export, THREADS),
        dimension=backbone.features,
        channels=backbone.levels,
        fingerprint=backbone.fingerprint,
        threads=THREADS,
        timing=Timing(),
        progress=lambda done: None,
    )
    feature_table.normalise(shard.features)
    doubtful = learned.doubtful(shard.content_ids, shard.features).nonzero()[0]
    ids = [shard.content_ids[row] for row in doubtful]
    cache = folder / turned.NAME
    found = turned.features(ids, members, cache, backbone, export, MOST_PIXELS, THREADS)
    views = turned.views(ids, shard.features[doubtful], found)
    first = {content_id: paths[0] for content_id, paths in ({**files, **members}).items()}

    compare = partial(
        turned_copies.compare_all,
        cache=folder / turned_copies.NAME,
        threads=THREADS,
        progress_of=lambda number: lambda done: None,
    )
    return rotated.find(views, learned, catalogue, first, compare)


def main() -> None:
    """Measure all projects, and write the page."""
    parser = argparse.ArgumentParser(description="Measure how many rotated photos are found.")
    parser.add_argument("projects", nargs="+", type=Path)
    parser.add_argument("--views", type=Path, help="keeps the features of turned photos here")
    arguments = parser.parse_args()
    measured, by_class, copied = [], [], []
    backbone = ""
    with TemporaryDirectory() as temporary:
        for project in arguments.projects:
            results, name = project / "results", project.name
            kept = arguments.views or Path(temporary)
            sets = {
                collection: views_of(results, collection, kept / f"{name}-{collection}.parquet")
                for collection in ("catalogue", "new")
            }
            catalogue = sets["catalogue"]
            known = dict(zip(catalogue.ids, catalogue.views, strict=True))
            sample = sorted(known)[-orientation.MOST :]
            described = model.read(results / "model" / "model.json")
            backbone = described.backbone
            learned = orientation.learn(
                described.fingerprint, {content_id: known[content_id] for content_id in sample}
            )
            for collection, photos in sets.items():
                row = rotations(f"{name}, {collection}", photos, learned, catalogue)
                measured.append(row)
            by_class += [[name, *row] for row in classes(sets["new"], learned)]
            copied.append([name, *copies(results, learned, Path(temporary))])
    PAGE.write_text(page(backbone, measured, by_class, copied), "utf-8")


def page(
    backbone: str,
    measured: Sequence[Sequence[str]],
    by_class: Sequence[Sequence[str]],
    copied: Sequence[Sequence[str]],
) -> str:
    """Return the page of all figures."""
    header = [
        *("photos of", "number", "90° found", "180° found", "270° found", "found", "false"),
        *("found, sure", "false, sure"),
        *("found, all turned", "false, all turned", "passes per photo", "nearest photos alone"),
    ]
    return "\n\n".join(
        [
            "# Rotated photos",
            "Written by `benchmarks/rotated.py`, see there for the command, with "
            f"{backbone}. The target was 95 % found and 0.5 % false.",
            "\n".join(table(header, measured)).rstrip(),
            "- found: rotated photos that are reported with the turn that makes them upright\n"
            "- false: upright photos that are reported\n"
            "- sure: without those that are shown as perhaps rotated\n"
            "- all turned: if every photo were turned, and not only the doubtful ones\n"
            "- passes per photo: further runs of the network for each upright photo, of 3\n"
            "- nearest photos alone: found and false, if the mean similarity to the "
            f"{NEAREST} nearest\n  catalogue photos decided, with the threshold that suits these "
            "photos best",
            "Photos of the catalogue are judged by what was learned without their fifth of it.",
            "## Rotated copies",
            f"Of {COPIED} catalogue photos in each set, in 80 % of the size and as JPEG of quality "
            "85: reported as a\ncopy of their original.",
            "\n".join(table(["set", "90°", "180°", "270°"], copied)).rstrip(),
            "## Query photos by class",
            "Fruit, vegetables and shoes that are seen from above have no upright: photos of these "
            "classes make the\nerrors.",
            "\n".join(table(["set", "class", "photos", "found", "false"], by_class)).rstrip(),
            "",
        ]
    )


if __name__ == "__main__":
    main()
