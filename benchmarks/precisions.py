"""What each precision costs and gains: `make precisions DATA=folder`.

    PYTHONPATH=workflow/scripts python benchmarks/precisions.py DATA

DATA has a folder for each set, with the folders catalogue/<class>/ and queries/<class>/ in it. All
of EfficientNetLite2 goes through the pipeline, but for what is no setting; the rates are those of
the engine on pixels of noise, in turn. Puts sections into accuracy.md and performance.md in
benchmarks/results/.
"""

import argparse
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

import machine
import pages
import pipeline
from machine import take_turns
from networks import THREADS, random_b3, run_bare
from similar_images.backbones import building, engines, model, quantisation
from similar_images.backbones.registry import Precision
from similar_images.core.file_formats import read_json
from similar_images.features import feature_table

BACKBONE = "EfficientNetLite2"
NEAREST = 10
ROUNDS, IMAGES = 5, 64

ACCURACY = f"""
Made by `make precisions DATA=folder`, with {BACKBONE}, from the sets above; int8 is quantised
with photos of each catalogue. What it gains in speed is in
[performance.md](performance.md#precisions).
"""
DECIDED = """
Differences of a few queries are chance. float16 gives the same answers as float32. What
EfficientNetB3 loses is not known, since its ImageNet weights could not be had here: try it on your
own catalogue, by `compare`, as `b3-int8: {precision: int8}`.
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
    sets = [photos.name for photos in pipeline.sets(data)]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        there = engines.precisions()
        found = {
            name: {set_: run(folder / name / set_, data / set_, name) for set_ in sets}
            for name in there
        }
        exact = found["float32"]
        projects = {name: folder / name / sets[0] / "results/model" for name in there}
        backbones = {name: project / "backbone" for name, project in projects.items()}
        described = model.read(projects["float32"] / "model.json")
        speed = {BACKBONE: rates(backbones, described.input_size)}
        speed["EfficientNetB3"] = rates(b3(folder / "b3", described, there), 300)
    rows = [[name, *figures_of(outcomes, exact)] for name, outcomes in found.items()]
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
    catalogue = str(photos / "catalogue")
    pipeline.lay_out(project, BACKBONE, catalogue, queries, precision=precision)
    wanted = [f"results/{part}/features.pkl" for part in ("catalogue", "new")]
    pipeline.run(project, *wanted, "results/new/metrics.json")
    return Outcome(
        pipeline.features(project, "catalogue"),
        pipeline.features(project, "new"),
        read_json(project / "results/new/metrics.json")["correct"],
    )


def b3(folder: Path, described: model.Model, there: Sequence[Precision]) -> dict[Precision, Path]:
    """Return EfficientNetB3 with random weights in the precisions `there`.

    Only the fingerprint of `described` is used, and that does not influence the speed.
    """
    folder.mkdir()
    building.export(random_b3(), "openvino", folder / "float32")
    noise = list(np.random.default_rng(0).integers(0, 256, (16, 300, 300, 3), np.uint8))
    shutil.copytree(folder / "float32", folder / "int8")
    quantisation.quantise(folder / "int8", described, noise)
    return {name: folder / ("int8" if name == "int8" else "float32") for name in there}


def rates(backbones: Mapping[Precision, Path], size: int) -> dict[str, float]:
    """Return the images/s of the bare network in each folder, medians of turns."""
    pixels = np.random.default_rng(0).integers(0, 256, (IMAGES, size, size, 3), np.uint8)
    contestants: dict[str, partial[None]] = {}
    for name, folder in backbones.items():
        engine = engines.load("openvino", folder, THREADS, name)
        contestants[name] = partial(run_bare, engine, pixels)
    return {name: IMAGES / taken for name, taken in take_turns(contestants, ROUNDS).items()}


def paces(speed: Mapping[str, Mapping[str, float]], name: str) -> Iterator[str]:
    """Yield what a precision reaches with each network, and against float32."""
    for reached in speed.values():
        measured = name in reached
        yield f"{reached[name]:.1f}" if measured else ""
        yield f"{reached[name] / reached['float32']:.2f}" if measured else ""


def figures_of(outcomes: Mapping[str, Outcome], exact: Mapping[str, Outcome]) -> list[str]:
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
