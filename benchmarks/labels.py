"""How well wrong labels are found, beside cleanlab: prints tables.

    PYTHONPATH=workflow/scripts python benchmarks/labels.py DATA

DATA has a folder for each set, with the folders catalogue/<class>/ and queries/<class>/ in it.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from accuracy import extract
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores
from numpy.typing import NDArray
from pages import table

from similar_images.curation.audit import audit
from similar_images.evaluation.label_confidence import confidences, fit, gather
from similar_images.features.feature_table import FeatureTable
from similar_images.search.neighbours import first_of_equals

DRAWS = 40
FLIPPED = 0.05
# Where classes are to be of uneven sizes: the parts of their images that they keep in turn.
PARTS = (0.1, 0.2, 1.0)

Rows = NDArray[np.intp]
Values = NDArray[np.float64]


def flipped(catalogue: FeatureTable, seed: int) -> tuple[FeatureTable, Rows]:
    """Return `catalogue` with some labels changed to another by lot, and the rows of these."""
    chance = np.random.default_rng(seed)
    classes = sorted({*map(str, catalogue.labels)})
    labels = list(map(str, catalogue.labels))
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
    images = gather(catalogue, first_of_equals(catalogue))
    given = np.vstack([block for _, block in confidences(images, fit(images))])
    return images.classes, given / given.sum(axis=1, keepdims=True), images.rows


def scored(classes: Rows, shares: Values, method: str, adjusted: bool = False) -> Rows:
    """Return cleanlab's ranking of all images by one of its scores."""
    scores = get_label_quality_scores(classes, shares, method=method, adjust_pred_probs=adjusted)
    return np.argsort(scores, kind="stable")


def listed(classes: Rows, shares: Values, method: str) -> Rows:
    """Return what cleanlab lists as issues by one of its filters, by self-confidence."""
    by = {"filter_by": method, "return_indices_ranked_by": "self_confidence"}
    return np.asarray(find_label_issues(classes, shares, n_jobs=1, **by), np.intp)


CLEANLAB = {
    "self-confidence": partial(scored, method="self_confidence"),
    "self-confidence, adjusted": partial(scored, method="self_confidence", adjusted=True),
    "normalised margin": partial(scored, method="normalized_margin"),
    "normalised margin, adjusted": partial(scored, method="normalized_margin", adjusted=True),
    "confidence-weighted entropy": partial(scored, method="confidence_weighted_entropy"),
    "issues, prune by noise rate": partial(listed, method="prune_by_noise_rate"),
    "issues, prune by class": partial(listed, method="prune_by_class"),
    "issues, both": partial(listed, method="both"),
    "issues, confident learning": partial(listed, method="confident_learning"),
    "issues, predicted is not given": partial(listed, method="predicted_neq_given"),
}


def found(catalogue: FeatureTable, seed: int) -> dict[str, float]:
    """Return which share of the changed labels the top of each ranking holds."""
    changed, rows = flipped(catalogue, seed)
    classes, shares, known = probabilities(changed)
    rankings = {"this audit": ours(changed)}
    rankings |= {name: known[rank(classes, shares)] for name, rank in CLEANLAB.items()}
    return {
        name: len(np.intersect1d(ranked[: len(rows)], rows)) / len(rows)
        for name, ranked in rankings.items()
    }


def tell(drawn: Mapping[str, Sequence[FeatureTable]]) -> Iterator[str]:
    """Tell what each ranking finds in catalogues of some kinds (± standard error)."""
    rows: dict[str, list[str]] = {}
    for catalogues in drawn.values():
        draws = [found(catalogue, seed) for seed, catalogue in enumerate(catalogues)]
        for name in draws[0]:
            shares = 100 * np.array([draw[name] for draw in draws])
            error = shares.std(ddof=1) / np.sqrt(len(shares))
            rows.setdefault(name, []).append(f"{shares.mean():.1f} ± {error:.1f} %")
    yield from table(["ranking", *drawn], [[name, *told] for name, told in rows.items()])


def main() -> None:
    """Parse the command line and print the table."""
    parser = argparse.ArgumentParser(description="Measure how well wrong labels are found.")
    parser.add_argument("data", type=Path, help="a folder with a folder for each set")
    data = parser.parse_args().data.resolve()
    drawn: dict[str, list[FeatureTable]] = {}
    for name in sorted(folder.name for folder in data.iterdir() if (folder / "catalogue").is_dir()):
        catalogue = extract(data, name).catalogue
        drawn[name] = [catalogue] * DRAWS
        drawn[f"{name}, uneven"] = [uneven(catalogue, seed) for seed in range(DRAWS)]
    print("\n".join(tell(drawn)))


if __name__ == "__main__":
    main()
