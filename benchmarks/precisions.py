"""What each precision costs and gains: `make precisions DATA=folder`.

    PYTHONPATH=workflow/scripts python benchmarks/precisions.py DATA

DATA has a folder for each set, with the folders catalogue/<class>/ and queries/<class>/ in it. All
of EfficientNetLite2 goes through the pipeline, but for what is no setting; the rates are those of
the engine on pixels of noise, in turn. Puts sections into accuracy.md and performance.md in
benchmarks/results/.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import accuracy
import nncf
import numpy as np
import pages
from numpy.typing import NDArray

import machine
from machine import take_turns
from networks import THREADS, prepared, random_b3, run_bare
from pipeline import lay_out
from similar_images.backbones import building, engines, model, quantisation, validation
from similar_images.core.formats import read_json, read_parquet
from similar_images.features import feature_table
from similar_images.images import manifest, quantisation_sample
from similar_images.images.preprocessing import Preprocessor
from similar_images.search.exact import normalise

BACKBONE = "EfficientNetLite2"
NEAREST = 10
ROUNDS, IMAGES = 5, 64
# What is left in float32 besides, to see whether that gives back what int8 loses.
KEPT = "int8, depthwise in float32"
LEFT = nncf.IgnoredScope(types=["GroupConvolution"])

ACCURACY = f"""
Made by `make precisions DATA=folder`, with {BACKBONE}, from the sets above; int8 is quantised
with photos of each catalogue. What it gains in speed stands in
[performance.md](performance.md#precisions).
"""
DECIDED = """
Where one precision names a few queries more or fewer rightly than another, that is chance: the
largest difference is 4 of 240. float16 gives the same answers as float32. The last row leaves the
convolutions of single channels in float32: the features come nearer to those of float32, and a
part of the speed is lost. Leaving the first and the last convolution made no difference. It is no
setting.

What EfficientNetB3 loses is not known: its weights for ImageNet could not be had where this was
measured. It has squeeze layers and swish, which EfficientNetLite2 has not, and they are known to
suffer: try it on your own catalogue, by `compare`, as `b3-int8: {precision: int8}`.
"""
PERFORMANCE = f"""
Made by `make precisions DATA=folder`: the bare network with {THREADS} threads, in turn. The
processor is {{processor}}, matrix kernels {{matrix_kernels}}. The weights of
EfficientNetB3 are random, which does not change the time. Only the precisions that the processor
has are in the table: bfloat16 is fast where it has AMX, and int8 gains less where it has no VNNI.
What a precision costs in accuracy is in [accuracy.md](accuracy.md#precisions).
"""


class Outcome(NamedTuple):
    """What a precision gives: features of catalogue and queries, and the queries' right answers."""

    catalogue: feature_table.FeatureTable
    queries: feature_table.FeatureTable
    right: int


def main() -> None:
    """Parse the command line, measure, and write the sections."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, help="a folder with a folder for each set")
    data = parser.parse_args().data.resolve()
    sets = sorted(folder.name for folder in data.iterdir() if (folder / "catalogue").is_dir())
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        there = engines.precisions()
        found = {
            name: {set_: run(folder / name / set_, data / set_, name) for set_ in sets}
            for name in there
        }
        exact, first = found["float32"], folder / "float32"
        found[KEPT] = {set_: keep(first / set_, data / set_, exact[set_]) for set_ in sets}
        backbones = {name: folder / name / sets[0] / "results/model/backbone" for name in there}
        backbones[KEPT] = first / sets[0] / KEPT
        described = model.read(first / sets[0] / "results/model/model.json")
        speed = {BACKBONE: rates(backbones, described.input_size)}
        speed["EfficientNetB3"] = rates(b3(folder / "b3", described, there), 300)
    rows = [[name, *told(outcomes, exact)] for name, outcomes in found.items()]
    figures = ("cosine to float32", "of the ten nearest the same", "queries right")
    header = ["", *(f"{set_}: {figure}" for set_ in sets for figure in figures)]
    put("accuracy.md", ACCURACY, pages.table(header, rows), DECIDED)
    header = ["images/s", *(column for network in speed for column in (network, "times as fast"))]
    rows = [[name, *paces(speed, name)] for name in found]
    put("performance.md", PERFORMANCE.format_map(machine.describe()), pages.table(header, rows), "")


def put(page: str, before: str, table: Sequence[str], after: str) -> None:
    """Put the section into a page."""
    pages.put(page, "Precisions", [*before.strip().splitlines(), "", *table, after.strip()])


def run(project: Path, photos: Path, precision: str) -> Outcome:
    """Run the pipeline on a set of photos."""
    project.mkdir(parents=True)
    queries = {"new": str(photos / "queries")}
    lay_out(project, BACKBONE, str(photos / "catalogue"), queries, precision=precision)
    wanted = [f"results/{part}" for part in ("catalogue/features.pkl", "new/features.pkl")]
    command = [sys.executable, "-m", "snakemake", "--cores", "all", "--quiet", "all", "--"]
    subprocess.run([*command, *wanted, "results/new/metrics.json"], cwd=project, check=True)
    catalogue, asked = (feature_table.read(project / path) for path in wanted)
    for part in (catalogue, asked):
        normalise(part.features)
    return Outcome(catalogue, asked, read_json(project / "results/new/metrics.json")["correct"])


def keep(project: Path, photos: Path, exact: Outcome) -> Outcome:
    """Return what int8 gives with the convolutions of single channels left in float32."""
    made = model.read(project / "results/model/model.json")
    prepare = Preprocessor(made.input_size, "bicubic", 10**8)
    members = manifest.files_by_content(
        read_parquet(project / "results/catalogue/manifest.parquet")
    )
    quantise(
        project / "results/model/backbone",
        project / KEPT,
        made,
        quantisation_sample.pictures(members, prepare, quantisation.PICTURES),
        LEFT,
    )
    engine = engines.load("openvino", project / KEPT, THREADS)

    def again(part: feature_table.FeatureTable, folder: Path) -> feature_table.FeatureTable:
        pixels = np.stack([prepared(prepare, folder / path) for path in part.paths])
        missing = -len(pixels) % engine.batch_size
        padded = np.pad(pixels, [(0, missing), (0, 0), (0, 0), (0, 0)])
        features = validation.features_of(engine, padded)[: len(pixels), : made.features]
        normalise(features)
        return replace(part, features=features)

    catalogue = again(exact.catalogue, photos / "catalogue")
    queries = again(exact.queries, photos / "queries")
    asked = accuracy.answers(accuracy.Set(photos.name, catalogue, queries), "cosine")
    return Outcome(catalogue, queries, int(accuracy.right(asked).sum()))


def quantise(
    network: Path,
    folder: Path,
    described: model.Model,
    pictures: Sequence[NDArray[np.uint8]],
    left: nncf.IgnoredScope | None = None,
) -> Path:
    """Write the network in the folder `network` to `folder`, in int8 but for the layers `left`."""
    folder.mkdir()
    for file in network.glob(f"{Path(engines.OPENVINO_FILE).stem}.*"):
        (folder / file.name).write_bytes(file.read_bytes())
    with patch("nncf.quantize", partial(nncf.quantize, ignored_scope=left)):
        quantisation.quantise(folder, described, pictures)
    return folder


def b3(folder: Path, described: model.Model, there: Sequence[engines.Precision]) -> dict[str, Path]:
    """Return EfficientNetB3 of random weights in the precisions `there`, and with layers left.

    Of `described` only the fingerprint is used, and that has no part in the speed.
    """
    folder.mkdir()
    building.export(random_b3(), "openvino", folder / "float32")
    noise = list(np.random.default_rng(0).integers(0, 256, (16, 300, 300, 3), np.uint8))
    return {
        **{name: folder / "float32" for name in there if name != "int8"},
        "int8": quantise(folder / "float32", folder / "int8", described, noise),
        KEPT: quantise(folder / "float32", folder / "kept", described, noise, LEFT),
    }


def rates(backbones: Mapping[str, Path], size: int) -> dict[str, float]:
    """Return the images/s of the bare network in each folder, medians of turns."""
    pixels = np.random.default_rng(0).integers(0, 256, (IMAGES, size, size, 3), np.uint8)
    contestants = {}
    for name, folder in backbones.items():
        precision: Any = name if name in engines.HINTS else "int8"
        engine = engines.load("openvino", folder, THREADS, precision)
        contestants[name] = partial(run_bare, engine, pixels)
    return {name: IMAGES / taken for name, taken in take_turns(contestants, ROUNDS).items()}


def paces(speed: Mapping[str, Mapping[str, float]], name: str) -> Iterator[str]:
    """Yield what a precision reaches with each network, and against float32."""
    for reached in speed.values():
        measured = name in reached
        yield f"{reached[name]:.1f}" if measured else ""
        yield f"{reached[name] / reached['float32']:.2f}" if measured else ""


def told(outcomes: Mapping[str, Outcome], exact: Mapping[str, Outcome]) -> list[str]:
    """Return the figures of a precision on each set, beside those of float32."""
    return [figure for set_ in outcomes for figure in _figures(outcomes[set_], exact[set_])]


def _figures(outcome: Outcome, exact: Outcome) -> Sequence[str]:
    cosine = (outcome.queries.features * exact.queries.features).sum(axis=1).mean()
    pairs = zip(_nearest(outcome), _nearest(exact), strict=True)
    same = np.mean([len(np.intersect1d(*pair)) for pair in pairs]) / NEAREST
    return f"{cosine:.4f}", f"{same:.0%}", f"{outcome.right} of {len(outcome.queries.paths)}"


def _nearest(outcome: Outcome) -> NDArray[np.intp]:
    similarities = outcome.queries.features @ outcome.catalogue.features.T
    return np.argsort(-similarities, axis=1, kind="stable")[:, :NEAREST]


if __name__ == "__main__":
    main()
