"""Measure what the audit and the search for duplicates find, for docs/audit.md.

    PYTHONPATH=workflow/scripts python tools/measure_audit.py RESULTS CATALOGUE

takes the folder results/ of a finished run and the folder of its catalogue, and prints tables.
"""

import argparse
import io
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from similar_images.answers.duplicates import BITS, NEAREST, SIMILAR
from similar_images.catalogue.audit import audit
from similar_images.features import index
from similar_images.features.index import Index
from similar_images.networks import engines, model
from similar_images.photos.perceptual import distance, perceptual_hash
from similar_images.photos.preparation import Preparation
from similar_images.search import exact

SEEDS = 10
FLIPPED = 0.05
PICTURES = 40


def flipped_labels(catalogue: Index) -> list[float]:
    """Return for each seed the share of changed labels that the top of the ranking holds."""
    classes = sorted(set(catalogue.labels))
    number = round(FLIPPED * len(catalogue.labels))
    shares = []
    for seed in range(SEEDS):
        chance = np.random.default_rng(seed)
        labels = list(catalogue.labels)
        flipped = chance.choice(len(labels), number, replace=False)
        for row in flipped:
            labels[row] = chance.choice([name for name in classes if name != labels[row]])
        files = dict.fromkeys(catalogue.content_ids, b"")
        findings, _ = audit(replace(catalogue, labels=labels), files, lambda asked: {}, 10)
        top = {f.image for f in findings if f.finding == "wrong_label" and f.rank <= number}
        shares.append(sum(catalogue.paths[row] in top for row in flipped) / number)
    return shares


def copies(image: Image.Image) -> Iterator[tuple[str, Image.Image]]:
    """Yield changed copies of `image`, each with what was done to it."""
    width, height = image.size
    yield "JPEG, quality 90", _as_jpeg(image, 90)
    yield "JPEG, quality 40", _as_jpeg(image, 40)
    yield "half the size", _as_jpeg(image.resize((width // 2, height // 2)), 85)
    yield "a quarter of the size", _as_jpeg(image.resize((width // 4, height // 4)), 85)
    yield "20 % brighter", _as_jpeg(ImageEnhance.Brightness(image).enhance(1.2), 90)
    yield "20 % darker", _as_jpeg(ImageEnhance.Brightness(image).enhance(0.8), 90)
    for percent in (1, 2, 5):
        across, down = width * percent // 100, height * percent // 100
        cut = image.crop((across, down, width - across, height - down))
        yield f"{percent} % cut off every side", _as_jpeg(cut, 90)
    yield "5 % cut off one side", _as_jpeg(image.crop((width // 20, 0, width, height)), 90)


def _as_jpeg(image: Image.Image, quality: int) -> Image.Image:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality)
    return Image.open(stream).convert("RGB")


def features_of(images: list[Image.Image], results: Path) -> NDArray[np.float32]:
    """Return the normalised features of `images`, by the network of the run."""
    made = model.read(results / "model" / "model.json")
    engine = engines.load(made.engine, results / "model" / "backbone", 2)
    prepare = Preparation(made.input_size, made.resample, 10**9)
    prepared = []
    for image in images:
        stream = io.BytesIO()
        image.save(stream, "PNG")
        prepared.append(prepare(stream).image)
    missing = -len(prepared) % engine.batch_size
    padded = np.pad(np.stack(prepared), [(0, missing), (0, 0), (0, 0), (0, 0)])
    batches = range(0, len(padded), engine.batch_size)
    features = np.vstack([engine(padded[n : n + engine.batch_size]) for n in batches])
    found = features[: len(images)]
    exact.normalise(found)
    return found


def print_copies(catalogue: Index, results: Path, folder: Path) -> None:
    """Print what share of changed copies is similar enough, alike enough, and both."""
    found: dict[str, list[tuple[float, int]]] = {}
    for row in random.Random(0).sample(range(len(catalogue.paths)), PICTURES):
        with Image.open(folder / catalogue.paths[row]) as file:
            image = file.convert("RGB")
        names, made = zip(*copies(image), strict=True)
        cosines = features_of(list(made), results) @ catalogue.features[row]
        own = perceptual_hash(image)
        for name, copy, cosine in zip(names, made, cosines, strict=True):
            bits = distance(own, perceptual_hash(copy))
            found.setdefault(name, []).append((float(cosine), bits))
    print("| copy | median cosine | median bits | found |\n| --- | --- | --- | --- |")
    for name, values in found.items():
        cosines, apart = np.transpose(values)
        share = np.mean((cosines >= SIMILAR) & (apart <= BITS))
        print(f"| {name} | {np.median(cosines):.3f} | {np.median(apart):.0f} | {share:.0%} |")


def print_pairs(catalogue: Index, folder: Path) -> None:
    """Print how many pairs of neighbours, different files all of them, are taken for copies."""
    everything = np.ones(len(catalogue.paths), np.bool_)
    rows = exact.blocks(catalogue.features, everything)
    found = exact.nearest(catalogue.features, rows, NEAREST + 1)
    hashes = [perceptual_hash(Image.open(folder / path)) for path in catalogue.paths]
    pairs = {
        (min(one, other), max(one, other))
        for one, nearest in enumerate(found)
        for similarity, other in nearest
        if other != one and similarity >= SIMILAR
    }
    taken = [pair for pair in sorted(pairs) if distance(*(hashes[n] for n in pair)) <= BITS]
    print(f"{len(pairs)} pairs of similar photos, {len(taken)} of them taken for one picture:")
    for one, other in taken:
        print(f"- {catalogue.paths[one]}, {catalogue.paths[other]}")


def main() -> None:
    """Parse the command line and print the tables."""
    parser = argparse.ArgumentParser(description="Measure the audit.")
    parser.add_argument("results", type=Path)
    parser.add_argument("catalogue", type=Path)
    arguments = parser.parse_args()
    catalogue = index.read(arguments.results / "catalogue" / "features.pkl")
    shares = flipped_labels(catalogue)
    print(f"flipped labels found: mean {np.mean(shares):.1%}, ", end="")
    print(f"least {min(shares):.1%}, most {max(shares):.1%}, of {SEEDS} draws\n")
    print_copies(catalogue, arguments.results, arguments.catalogue)
    print()
    print_pairs(catalogue, arguments.catalogue)


if __name__ == "__main__":
    main()
