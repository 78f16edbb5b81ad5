"""How well copies are found, and other pictures are not: writes benchmarks/results/copies.md.

    PYTHONPATH=workflow/scripts:tools python benchmarks/copies.py DATA

DATA has a folder for each set, with the folders catalogue/<class>/ and queries/<class>/ in it. All
goes through the pipeline: queries are copies made of photos of the catalogue, and photos of which
none is a copy.
"""

import argparse
import math
import random
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from textwrap import wrap
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageOps

import draw_studio
from pages import table
from pipeline import lay_out
from similar_images.core.file_formats import read_csv, read_parquet
from similar_images.core.files import digest
from similar_images.duplicates.query_duplicates import SIMILAR
from similar_images.duplicates.registration import COPY
from similar_images.search.neighbours import CANDIDATES

ROOT = Path(__file__).resolve().parents[1]
BACKBONE = "EfficientNetLite2"
# Photos that copies are made of, and of the drawn studio photos.
PHOTOS = 30
WIDTH = 95
SHOES = "sneakers"
PREDICTIONS = "predictions.csv"
# On the sheet: pairs in a row, the side of a picture, and what is between them.
ACROSS, SIDE, GAP, CAPTION = 4, 120, 12, 16

Change = Callable[[Image.Image, random.Random], Image.Image]


def _scaled(factor: float, image: Image.Image, _: random.Random) -> Image.Image:
    size = (round(image.width * factor), round(image.height * factor))
    return image.resize(size, Image.Resampling.BICUBIC)


def _brighter(factor: float, image: Image.Image, _: random.Random) -> Image.Image:
    return ImageEnhance.Brightness(image).enhance(factor)


def _cut(shares: Sequence[float], image: Image.Image) -> Image.Image:
    left, top, right, bottom = shares
    width, height = image.size
    corner = round(width * left), round(height * top)
    return image.crop((*corner, round(width * (1 - right)), round(height * (1 - bottom))))


def _cut_evenly(share: float, image: Image.Image, _: random.Random) -> Image.Image:
    return _cut([share] * 4, image)


def _cut_anyhow(image: Image.Image, chance: random.Random) -> Image.Image:
    return _cut([chance.uniform(0, 0.05) for _ in range(4)], image)


def _stretched(image: Image.Image, chance: random.Random) -> Image.Image:
    return _cut_anyhow(image, chance).resize(image.size, Image.Resampling.BICUBIC)


def _bordered(share: float, colour: str, image: Image.Image, _: random.Random) -> Image.Image:
    return ImageOps.expand(image, round(share * max(image.size)), colour)


def _padded(image: Image.Image, _: random.Random) -> Image.Image:
    return ImageOps.pad(image, (max(image.size),) * 2, color="white")


def _small(image: Image.Image, _: random.Random) -> Image.Image:
    return ImageOps.contain(image, (130, 130))


def _mixed(image: Image.Image, chance: random.Random) -> Image.Image:
    scaled = _scaled(chance.uniform(0.4, 1), _cut_anyhow(image, chance), chance)
    return _brighter(chance.uniform(0.85, 1.15), scaled, chance)


# What is done to a photo, and the JPEG quality in which it is then saved.
CHANGES: dict[str, tuple[Change, int]] = {
    **{f"JPEG, quality {q}": (lambda image, _: image, q) for q in (40, 60, 95)},
    **{f"{factor:.0%} of the size": (partial(_scaled, factor), 85) for factor in (0.4, 0.6)},
    **{f"brightness x {f}": (partial(_brighter, f), 90) for f in (0.8, 0.9, 1.1, 1.2)},
    **{
        f"{share:.0%} cut off every side": (partial(_cut_evenly, share), 90)
        for share in (0.02, 0.05)
    },
    "up to 5 % cut off each side": (_cut_anyhow, 90),
    "the same, then stretched to its size": (_stretched, 90),
    "white border of 5 %": (partial(_bordered, 0.05, "white"), 90),
    "white border of 10 %": (partial(_bordered, 0.1, "white"), 90),
    "black border of 2 %": (partial(_bordered, 0.02, "black"), 90),
    "white added up to a square": (_padded, 90),
    "130 pixels": (_small, 90),
    "cut, scaled, brightness and quality by chance": (_mixed, 60),
}


class Kind(NamedTuple):
    """What was done to a photo: one of `CHANGES`, and whether it was mirrored, too."""

    change: str
    mirrored: bool


KINDS = [Kind(change, mirrored) for mirrored in (False, True) for change in CHANGES]


class Pair(NamedTuple):
    """Two pictures that were compared: by how much they differ, and their files."""

    difference: float
    query: Path
    image: Path


class Outcome(NamedTuple):
    """What was found in a set.

    Attributes:
        found: for each kind of copy whether each one was found.
        taken: for each query that is no copy whether it was taken for one.
        taken_mirrored: the same for these queries in a mirror.
        copies, others: the pairs of pictures that were compared, of copies and of others, the
            most alike first.
    """

    found: Mapping[Kind, Sequence[bool]]
    taken: Sequence[bool]
    taken_mirrored: Sequence[bool]
    copies: list[Pair]
    others: list[Pair]


def make_copies(photos: Sequence[Path], folder: Path) -> dict[str, str]:
    """Write changed copies of `photos`; return for each, as query, the name of the photo."""
    chance = random.Random(0)
    made = {}
    for number, photo in enumerate(chance.sample(sorted(photos), PHOTOS)):
        with Image.open(photo) as file:
            image = file.convert("RGB")
        for place, kind in enumerate(KINDS):
            change, quality = CHANGES[kind.change]
            name = f"{place:02}/{number:02}.jpg"
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            picture = ImageOps.mirror(image) if kind.mirrored else image
            change(picture, chance).save(folder / name, quality=quality)
            made[name] = photo.name
    return made


def kind_of(name: str) -> Kind:
    """Return the kind of the copy with this name."""
    return KINDS[int(name.partition("/")[0])]


def mirror(photos: Path, folder: Path) -> None:
    """Write the mirror images of all `photos`."""
    for photo in photos.rglob("*.jpg"):
        target = folder / photo.relative_to(photos)
        target.parent.mkdir(parents=True, exist_ok=True)
        with Image.open(photo) as image:
            ImageOps.mirror(ImageOps.exif_transpose(image).convert("RGB")).save(target, quality=95)


def measure(project: Path, catalogue: Path, others: Path) -> Outcome:
    """Return what is found of copies of photos in `catalogue`, and of `others`, that are none."""
    project.mkdir(parents=True, exist_ok=True)
    made = make_copies(list(catalogue.rglob("*.jpg")), project / "copies")
    mirror(others, project / "mirrored")
    run(project, catalogue, others)
    found = defaultdict(list)
    for row in read_csv(project / "results/copies" / PREDICTIONS):
        kind = kind_of(row["image"])
        result = row["duplicate"], Path(row["duplicate_of"]).name
        found[kind].append(result == ("mirrored" if kind.mirrored else "near", made[row["image"]]))
    compared = pairs(project / "results/copies", project / "copies", catalogue)
    plain = {project / "copies" / name for name in made if not kind_of(name).mirrored}
    taken, taken_mirrored = (
        [bool(row["duplicate"]) for row in read_csv(project / "results" / asked / PREDICTIONS)]
        for asked in ("others", "mirrored")
    )
    return Outcome(
        found,
        taken,
        taken_mirrored,
        [
            p
            for p in compared
            if p.query in plain and made["/".join(p.query.parts[-2:])] == p.image.name
        ],
        pairs(project / "results/others", others, catalogue),
    )


def run(project: Path, catalogue: Path, others: Path) -> None:
    """Run the pipeline on the copies in `project`, and on `others`."""
    queries = {"copies": "copies", "others": str(others), "mirrored": "mirrored"}
    lay_out(project, BACKBONE, str(catalogue), queries)
    wanted = [f"results/{name}/{PREDICTIONS}" for name in queries]
    command = [sys.executable, "-m", "snakemake", "--cores", "all", "--quiet", "all"]
    subprocess.run([*command, "--", *wanted], cwd=project, check=True)


def pairs(results: Path, queries: Path, catalogue: Path) -> list[Pair]:
    """Return the pairs of pictures that were compared for a query set, most alike first."""
    files = {
        digest(file): file for folder in (queries, catalogue) for file in folder.rglob("*.jpg")
    }
    table = read_parquet(results / "differences.parquet")
    columns = (table[name].to_pylist() for name in ("difference", "one", "other"))
    return sorted(
        Pair(apart, files[one], files[other]) for apart, one, other in zip(*columns, strict=True)
    )


def studio(folder: Path) -> tuple[Path, Path]:
    """Draw shoes on white; return a catalogue with half of them, and queries: the other half.

    Each query differs from one in the catalogue by a step of its heel alone.
    """
    draw_studio.write(SHOES, folder / "drawn")
    for number, file in enumerate(sorted((folder / "drawn").glob("*.jpg"))):
        place = folder / ("catalogue", "queries")[number % 2] / file.stem.split("_")[1] / file.name
        place.parent.mkdir(parents=True, exist_ok=True)
        file.rename(place)
    return folder / "catalogue", folder / "queries"


def draw_sheet(outcome: Outcome) -> Image.Image:
    """Return the pairs nearest to the limit: of copies the least alike, of others the most."""
    likest = [*outcome.copies[::-1][: 2 * ACROSS], *outcome.others[: 2 * ACROSS]]
    height = SIDE + CAPTION
    sheet = Image.new("RGB", (ACROSS * (2 * SIDE + GAP) - GAP, 4 * height), "white")
    draw = ImageDraw.Draw(sheet)
    for number, pair in enumerate(likest):
        row, column = divmod(number, ACROSS)
        left, top = column * (2 * SIDE + GAP), row * height
        for n, file in enumerate((pair.query, pair.image)):
            with Image.open(file) as image:
                shown = ImageOps.pad(image.convert("RGB"), (SIDE, SIDE), color="#ddd")
                sheet.paste(shown, (left + n * SIDE, top))
        verdict = "a copy" if pair.difference <= COPY else "no copy"
        draw.text((left + 4, top + SIDE), f"{pair.difference:.2f}, {verdict}", fill="black")
    return sheet


def shares(outcome: Outcome, changes: Iterable[str]) -> str:
    """Return the shares of copies with these `changes` that were found, as they are / mirrored."""
    both = [
        list(chain.from_iterable(outcome.found[Kind(change, mirrored)] for change in changes))
        for mirrored in (False, True)
    ]
    return " / ".join(f"{np.mean(found):.1%}" for found in both)


def page(outcomes: Mapping[str, Outcome]) -> Iterator[str]:
    """Yield the lines of benchmarks/results/copies.md."""
    yield "# Copies"
    yield ""
    yield from wrap(
        "Made by `make copies DATA=folder`, with EfficientNetLite2. All goes through the pipeline: "
        f"{PHOTOS} photos of each catalogue are changed in {len(CHANGES)} ways and asked, as they "
        "are and mirrored, and so are photos of which the catalogue has no copy. *Studio* are "
        "drawn sneakers on white, all "
        "in one pose; each one asked differs from one in the catalogue by a step of its heel "
        "alone, and from others in its colour or its shaft alone.",
        WIDTH,
    )
    yield ""
    yield from wrap(
        f"A pair is looked at where the cosine of its features is at least {SIMILAR}, for the "
        f"{CANDIDATES} nearest images of each query, and is a copy where the two differ by at most "
        f"{COPY} of their contrast in the place where they differ most "
        "(`duplicates/registration.py`). The second limit was chosen on drawn boots and on the "
        "catalogues, with other copies; the queries had no part in it, and the sneakers none but "
        "that what is compared was chosen on both kinds of shoes. The first one only spares work.",
        WIDTH,
    )
    yield ""
    yield from wrap(
        "Most pairs are rejected by their sketches (`duplicates/sketches.py`) or by a registration "
        "of small pictures; the others are registered in full.",
        WIDTH,
    )
    yield ""
    yield from wrap(
        "The share of copies found, unmirrored / mirrored. Mirrored copies count only if they are "
        "reported as mirrored. The limit from which a mirror image is tried was chosen on other "
        "copies of these photos.",
        WIDTH,
    )
    yield ""
    rows = [
        [change, *(shares(outcome, [change]) for outcome in outcomes.values())]
        for change in CHANGES
    ]
    rows.append(["all copies", *(shares(outcome, CHANGES) for outcome in outcomes.values())])
    yield from table(["copies found", *outcomes], rows)
    yield from table(
        ["", *outcomes],
        [
            ["queries without a copy", *(len(o.taken) for o in outcomes.values())],
            ["taken for a copy", *(sum(o.taken) for o in outcomes.values())],
            ["the same mirrored", *(sum(o.taken_mirrored) for o in outcomes.values())],
            ["pairs compared for these", *(len(o.others) for o in outcomes.values())],
            [
                "registered in full",
                *(sum(math.isfinite(p.difference) for p in o.others) for o in outcomes.values()),
            ],
            [
                "taken for one picture",
                *(sum(p.difference <= COPY for p in o.others) for o in outcomes.values()),
            ],
        ],
    )
    yield "The drawn pairs nearest to the limit, each with its difference: copies, the least alike"
    yield "first, and other shoes, the most alike first."
    yield ""
    yield "![Pairs of pictures, each with its difference](copies.jpg)"


def main() -> None:
    """Parse the command line and write the page and its picture."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, help="a folder with a folder for each set")
    write(parser.parse_args().data.resolve())


def write(data: Path) -> None:
    """Measure all sets in `data`, and the studio, and write the page and its picture."""
    names = sorted(folder.name for folder in data.iterdir() if (folder / "catalogue").is_dir())
    with tempfile.TemporaryDirectory() as folder:
        drawn = studio(Path(folder, "photos"))
        sets = {"studio": drawn}
        sets |= {name: (data / name / "catalogue", data / name / "queries") for name in names}
        outcomes = {name: measure(Path(folder, name), *set_) for name, set_ in sets.items()}
        sheet = draw_sheet(outcomes["studio"])
    sheet.save(ROOT / "benchmarks/results/copies.jpg", quality=80)
    (ROOT / "benchmarks/results/copies.md").write_text(
        "\n".join(page(outcomes)).rstrip() + "\n", "utf-8"
    )


if __name__ == "__main__":
    main()
