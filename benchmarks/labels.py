"""How well wrong labels are found, beside cleanlab: prints tables.

    PYTHONPATH=workflow/scripts python benchmarks/labels.py DATA

DATA has a folder for each set, with the folders catalogue/<class>/ and queries/<class>/ in it.
"""

import argparse
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from cleanlab.rank import get_label_quality_scores
from numpy.typing import NDArray

import pipeline
from pages import table
from similar_images.curation.audit import audit
from similar_images.evaluation.label_confidence import confidences, fit, prepare
from similar_images.features.feature_table import FeatureTable
from similar_images.search.neighbours import first_of_equals

BACKBONE = "EfficientNetLite2"
DRAWS = 40
FLIPPED = 0.05
# Where classes are to be of uneven sizes: the parts of their images that they keep in turn.
PARTS = (0.1, 0.2, 1.0)

Rows = NDArray[np.intp]
Values = NDArray[np.float64]


def extract(photos: Path) -> FeatureTable:
    """Return the catalogue of a set, with the features that the workflow extracts."""
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        queries = {"new": str(photos / "queries")}
        pipeline.lay_out(project, BACKBONE, str(photos / "catalogue"), queries)
        pipeline.run(project, "results/catalogue/features.pkl")
        return pipeline.features(project, "catalogue")


def flipped(catalogue: FeatureTable, seed: int) -> tuple[FeatureTable, Rows]:
    """Return `catalogue` with some labels changed to another by lot, and the rows of these."""
    chance = np.random.default_rng(seed)
    classes = sorted({*map(str, catalogue.labels)})
    labels = list(catalogue.labels)
    rows = chance.choice(len(labels), round(FLIPPED * len(labels)), replace=False)
    for row in rows:
        labels[row] = chance.choice([name for name in classes if name != labels[row]])
    return replace(catalogue, labels=labels), rows


def uneven(catalogue: FeatureTable, seed: int) -> FeatureTable:
    """Return `catalogue` with a part of the images of most classes, drawn by lot."""
    chance = np.random.default_rng(seed)
    labels = np.array(catalogue.labels)
    kept = []
    for number, name in enumerate(np.unique(labels)):
        rows = np.flatnonzero(labels == name)
        size = round(PARTS[number % len(PARTS)] * len(rows))
        kept.append(chance.choice(rows, size, replace=False))
    return catalogue.rows(np.sort(np.concatenate(kept)))


def ours(catalogue: FeatureTable) -> Rows:
    """Return the rows that the audit lists as wrong labels, the first to be looked at first."""
    row_of = {path: row for row, path in enumerate(catalogue.paths)}
    files = dict.fromkeys(catalogue.content_ids, b"")
    findings, _ = audit(catalogue, files, lambda pairs, files: {}, voters=10)
    return np.array([row_of[f.image] for f in findings if f.finding == "wrong_label"], np.intp)


def probabilities(catalogue: FeatureTable) -> tuple[Rows, Values, Rows]:
    """Return the classes and the audit's out-of-sample confidences, as shares, of some rows."""
    images = prepare(catalogue, first_of_equals(catalogue))
    given = np.vstack([block for _, block in confidences(images, fit(images))])
    return images.classes, given / given.sum(axis=1, keepdims=True), images.rows


def by_self_confidence(classes: Rows, shares: Values) -> Rows:
    """Return cleanlab's ranking of all images."""
    scores = get_label_quality_scores(classes, shares, method="self_confidence")
    return np.argsort(scores, kind="stable")


def found(catalogue: FeatureTable, seed: int) -> dict[str, float]:
    """Return which share of the changed labels the top of each ranking holds."""
    changed, rows = flipped(catalogue, seed)
    classes, shares, known = probabilities(changed)
    rankings = {
        "this audit": ours(changed),
        "cleanlab, self-confidence": known[by_self_confidence(classes, shares)],
    }
    return {
        name: len(np.intersect1d(ranked[: len(rows)], rows)) / len(rows)
        for name, ranked in rankings.items()
    }


def lines(drawn: Mapping[str, Sequence[FeatureTable]]) -> Iterator[str]:
    """Yield what each ranking finds in catalogues of some kinds (± standard error)."""
    rows: dict[str, list[str]] = {}
    for catalogues in drawn.values():
        draws = [found(catalogue, seed) for seed, catalogue in enumerate(catalogues)]
        for name in draws[0]:
            shares = 100 * np.array([draw[name] for draw in draws])
            error = shares.std(ddof=1) / np.sqrt(len(shares))
            rows.setdefault(name, []).append(f"{shares.mean():.1f} ± {error:.1f} %")
    yield from table(["ranking", *drawn], [[name, *cells] for name, cells in rows.items()])


def main() -> None:
    """Parse the command line and print the table."""
    parser = argparse.ArgumentParser(description="Measure how well wrong labels are found.")
    parser.add_argument("data", type=Path, help="a folder with a folder for each set")
    data = parser.parse_args().data.resolve()
    drawn: dict[str, list[FeatureTable]] = {}
    for photos in pipeline.sets(data):
        name, catalogue = photos.name, extract(photos)
        drawn[name] = [catalogue] * DRAWS
        drawn[f"{name}, uneven"] = [uneven(catalogue, seed) for seed in range(DRAWS)]
    print("\n".join(lines(drawn)))


if __name__ == "__main__":
    main()
