"""How good the answers are, on labelled photographs: writes docs/accuracy.md.

    PYTHONPATH=workflow/scripts python benchmarks/accuracy.py DATA

DATA has a folder for each set, with the folders catalogue/<class>/ and queries/<class>/ in it.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from textwrap import wrap
from typing import NamedTuple

import numpy as np
import yaml
from numpy.typing import NDArray
from pages import table
from sklearn.covariance import ledoit_wolf_shrinkage, oas
from sklearn.metrics import roc_auc_score

import deciding
from similar_images.answers import confidence, vote, worth
from similar_images.answers.intervals import wilson_interval
from similar_images.catalogue import leave_one_out, metric_comparison, quality
from similar_images.catalogue.quality import Ballot
from similar_images.features import index
from similar_images.features.index import Index
from similar_images.search import adaptation
from similar_images.search.exact import blocks, nearest, normalise
from similar_images.search.neighbours import comparable, first_of_equals

ROOT = Path(__file__).resolve().parents[1]
BACKBONE = "EfficientNetLite2"
VOTERS = 10
METRICS = ("cosine", "adapted")
TEMPERATURES = (0.02, 0.05, 0.07, 0.1, 0.2)
DIMENSIONS = (64, 128, 256, 512)
SHRINKAGES = (0.03, 0.1, 0.3, 1.0, 3.0)
STRETCHES = (0.0, 1.0, 2.0, 4.0)
# Classes are held out in this many rounds, each class once.
ROUNDS = 5
# Of the page's lines.
WIDTH = 95
# Of the simulated decisions: how many until the next run, the runs by chance, the catalogues drawn,
# how many photos of each class these have, and how many decisions are simulated on them.
BATCH, CHANCES, DRAWN, KNOWN, MOST = 20, 20, 16, (5, 15), 100


class Set(NamedTuple):
    """A set of photographs: the indexes of its catalogue and of its queries."""

    name: str
    catalogue: Index
    queries: Index


def extract(data: Path, name: str) -> Set:
    """Return the set called `name`, its features extracted by the pipeline."""
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        for part in ("Snakefile", "workflow", "profiles"):
            (project / part).symlink_to(ROOT / part)
        config = yaml.safe_load((ROOT / "config.yaml").read_text("utf-8"))
        config |= {
            "catalogue": str(data / name / "catalogue"),
            "queries": {"new": str(data / name / "queries")},
            "backbone": BACKBONE,
        }
        (project / "config.yaml").write_text(yaml.safe_dump(config), "utf-8")
        wanted = [f"results/{part}/features.pkl" for part in ("catalogue", "new")]
        command = [sys.executable, "-m", "snakemake", "--cores", "all", "--quiet", "all"]
        subprocess.run([*command, "--", *wanted], cwd=project, check=True)
        catalogue, queries = (index.read(project / path) for path in wanted)
    for part in (catalogue, queries):
        normalise(part.features)
    return Set(name, catalogue, queries)


def answers(set_: Set, metric: str, catalogue: Index | None = None) -> list[Ballot]:
    """Return what the queries find in the catalogue of the set, or in another one."""
    known = catalogue or set_.catalogue
    eligible = first_of_equals(known)
    fitted = adaptation.fit(known, eligible) if metric == "adapted" else None
    queries = comparable(set_.queries, fitted)
    found = nearest(queries, blocks(comparable(known, fitted), eligible), VOTERS)
    return [
        Ballot(
            str(label),
            [str(known.labels[row]) for _, row in best],
            [similarity for similarity, _ in best],
        )
        for label, best in zip(set_.queries.labels, found, strict=True)
    ]


def own_answers(catalogue: Index, metric: str) -> list[Ballot]:
    """Return what the images of the catalogue find, as `quality` asks them."""
    return quality.ask(catalogue, np.flatnonzero(first_of_equals(catalogue)), VOTERS, metric)


def right(ballots: Sequence[Ballot], rule: vote.Vote = vote.majority) -> NDArray[np.bool_]:
    """Return for each of `ballots` whether the vote is right."""
    return np.array([rule(b.labels, b.similarities).label == b.label for b in ballots])


def right_neighbours(ballots: Sequence[Ballot]) -> float:
    """Return the share of the three nearest images that have the right class."""
    return float(np.mean([[label == b.label for label in b.labels[:3]] for b in ballots]))


def share(hits: NDArray[np.bool_]) -> str:
    """Return a share with its 95 % interval."""
    low, high = wilson_interval(int(hits.sum()), len(hits)) or (0, 1)
    return f"{hits.mean():.1%} ({low:.1%} to {high:.1%})"


def tell_answers(sets: Sequence[Set]) -> Iterator[str]:
    """Tell how often queries, and the catalogue's own images, are named rightly."""
    rows = []
    for set_ in sets:
        for metric in METRICS:
            new, own = answers(set_, metric), own_answers(set_.catalogue, metric)
            for name, rule in vote.VOTES.items():
                rows.append(
                    [
                        *(set_.name, metric, name),
                        *(share(right(new, rule)), f"{right_neighbours(new):.1%}"),
                        share(right(own, rule)),
                    ]
                )
    header = ["set", "metric", "vote", "queries right", "top 3 right", "catalogue right"]
    yield from ["", *table(header, rows)]


def tell_curve(sets: Sequence[Set]) -> Iterator[str]:
    """Tell the leave-one-out accuracy for numbers of neighbours."""
    rows = []
    for set_ in sets:
        curve = quality.assess(set_.catalogue, VOTERS, "majority", "cosine")["curve"]
        for name in vote.VOTES:
            shares = [f"{point[name]['accuracy']:.1%}" for point in curve]
            rows.append([set_.name, name, *shares])
    yield from ["", *table(["set", "vote", *map(str, quality.SIZES)], rows)]


def tell_temperature(sets: Sequence[Set]) -> Iterator[str]:
    """Tell the accuracy of the weighted vote for temperatures."""
    rows = []
    chosen = vote.TEMPERATURE
    for set_ in sets:
        for metric in METRICS:
            own = own_answers(set_.catalogue, metric)
            shares = []
            for temperature in TEMPERATURES:
                vote.TEMPERATURE = temperature
                shares.append(f"{right(own, vote.weighted).mean():.1%}")
            rows.append([set_.name, metric, f"{right(own).mean():.1%}", *shares])
    vote.TEMPERATURE = chosen
    yield from ["", *table(["set", "metric", "majority", *map(str, TEMPERATURES)], rows)]


def tell_adaptation(sets: Sequence[Set]) -> Iterator[str]:
    """Tell what each constant of the adapted similarity does, with the others as they are."""
    chosen = {
        "dimension": adaptation.DIMENSION,
        "shrinkage": adaptation.SHRINKAGE,
        "stretch": adaptation.STRETCH,
    }
    tried: dict[str, Sequence[float | str]] = {
        "dimension": DIMENSIONS,
        "shrinkage": (*SHRINKAGES, "Ledoit-Wolf", "OAS"),
        "stretch": STRETCHES,
    }
    rows = []
    for name, values in tried.items():
        for value in values:
            cells = []
            for set_ in sets:
                own = cross_validated(set_.catalogue, **(chosen | {name: value}))  # type: ignore[arg-type]
                cells.append(f"{right(own).mean():.1%} / {right_neighbours(own):.1%}")
            rows.append([name, value, *cells])
    yield from ["", *table(["constant", "value", *(set_.name for set_ in sets)], rows)]


def cross_validated(
    catalogue: Index, dimension: int, shrinkage: float | str, stretch: float
) -> list[Ballot]:
    """Return what the catalogue's images find in the other folds, by a similarity fitted there."""
    eligible = first_of_equals(catalogue)
    fold_of = quality.folds(catalogue, eligible)
    ballots = []
    for fold in range(quality.FOLDS):
        others = eligible & (fold_of != fold)
        amount = (
            estimated(catalogue, others, dimension, shrinkage)
            if isinstance(shrinkage, str)
            else shrinkage
        )
        fitted = adaptation.fit(catalogue, others, dimension, amount, stretch)
        seen = replace(catalogue, features=adaptation.apply(fitted, catalogue.features))
        asked = np.flatnonzero(eligible & (fold_of == fold))
        found = leave_one_out.ask(seen, asked, VOTERS, others)
        ballots += [quality.ballot_of(answer, catalogue) for answer in found]
    return ballots


def estimated(catalogue: Index, rows: NDArray[np.bool_], dimension: int, name: str) -> float:
    """Return the shrinkage that Ledoit-Wolf or OAS estimate for the covariance within classes.

    They mix (1 - s) of the covariance with s of the mean variance; but for a factor that is the
    covariance with s / (1 - s) of the mean variance added.
    """
    labels = np.array(catalogue.labels)[rows]
    features = catalogue.features[rows].astype(np.float64)
    features -= features.mean(axis=0)
    components = np.linalg.svd(features, full_matrices=False)[2][:dimension].T
    reduced = features @ components
    for label in set(labels.tolist()):
        reduced[labels == label] -= reduced[labels == label].mean(axis=0)
    mixed = (
        oas(reduced, assume_centered=True)[1]
        if name == "OAS"
        else ledoit_wolf_shrinkage(reduced, assume_centered=True)
    )
    return float(mixed / (1 - mixed))


def seen(ballots: Sequence[Ballot]) -> NDArray[np.float64]:
    """Return the evidence of `ballots`."""
    return np.array(
        [
            confidence.evidence(vote.majority(b.labels, b.similarities), b.labels, b.similarities)
            for b in ballots
        ]
    )


def tell_confidence(sets: Sequence[Set]) -> Iterator[str]:
    """Tell how well the confidence is calibrated, on the catalogue and on the queries."""
    rows = []
    for set_ in sets:
        for metric in METRICS:
            own, new = own_answers(set_.catalogue, metric), answers(set_, metric)
            assessed = confidence.assess(seen(own), right(own), quality.FOLDS)
            calibration = confidence.read(assessed)
            given = np.array([calibration.probability(row) for row in seen(new).tolist()])
            error = confidence.calibration_error(confidence.reliability(given, right(new)))
            rows.append(
                [
                    *(set_.name, metric),
                    f"{assessed['expected_calibration_error']:.1%}",
                    f"{error:.1%}",
                    f"{given.mean():.1%}",
                    f"{right(new).mean():.1%}",
                    f"{roc_auc_score(right(new), given):.3f}",
                ]
            )
    header = ["set", "metric", "error, catalogue", "error, queries"]
    yield from ["", *table([*header, "mean confidence", "queries right", "AUROC of right"], rows)]


def tell_strangers(sets: Sequence[Set]) -> Iterator[str]:
    """Tell how well queries of classes that the catalogue lacks are told from the others."""
    rows = []
    for set_ in sets:
        for metric in METRICS:
            areas: dict[str, list[float]] = {"confidence": [], "nearest similarity": []}
            refused: dict[str, list[float]] = {name: [] for name in areas}
            auto: list[tuple[float, float]] = []
            for number in range(ROUNDS):
                held_out = set(sorted({*map(str, set_.catalogue.labels)})[number::ROUNDS])
                kept = [n for n, c in enumerate(set_.catalogue.labels) if c not in held_out]
                catalogue = metric_comparison.part_of(set_.catalogue, np.array(kept))
                own = own_answers(catalogue, metric)
                calibration = confidence.fit(seen(own), right(own))
                new = answers(set_, metric, catalogue)
                known = np.array([ballot.label not in held_out for ballot in new])
                evidence = seen(new)
                scores = {
                    "confidence": np.array(
                        [calibration.probability(row) for row in evidence.tolist()]
                    ),
                    "nearest similarity": evidence[:, 1],
                }
                for name, score in scores.items():
                    areas[name].append(roc_auc_score(known, score))
                    limit = np.quantile(score[known], 0.05)
                    refused[name].append(float((score[~known] < limit).mean()))
                low = evidence[:, 1] < calibration.least_similarity
                auto.append((float(low[known].mean()), float(low[~known].mean())))
            for name in areas:
                by_auto = [f"{x:.1%}" for x in np.mean(auto, axis=0)]
                rows.append(
                    [
                        *(set_.name, metric, name),
                        *(f"{np.mean(areas[name]):.3f}", f"{np.mean(refused[name]):.1%}"),
                        *(by_auto if name == "nearest similarity" else ["", ""]),
                    ]
                )
    header = ["set", "metric", "score", "AUROC", "strangers refused"]
    yield from ["", *table([*header, "known refused by auto", "strangers refused by auto"], rows)]


def tell_decisions(sets: Sequence[Set]) -> Iterator[str]:
    """Tell how the answers to the queries become better as these are decided, for each order."""
    rows, shares = [], (0.9, 0.95)
    steps = range(0, 161, BATCH)
    for set_ in sets:
        shop = deciding.whole(set_.catalogue, set_.queries)
        by_chance: list[float] = []
        for name, order in deciding.ORDERS.items():
            runs = [
                list(deciding.decide(shop, order, BATCH, len(shop.queries), VOTERS, seed))
                for seed in range(CHANCES if name == "by chance" else 1)
            ]
            means = [deciding.State(*np.mean(states, axis=0)) for states in zip(*runs, strict=True)]
            needed = [deciding.needed(means, share) for share in shares]
            by_chance = by_chance or needed
            rows.append(
                [
                    *(set_.name, name),
                    *(f"{means[step // BATCH].queries:.1%}" for step in steps),
                    *(f"{n:.0f} ({n / c:.0%})" for n, c in zip(needed, by_chance, strict=True)),
                ]
            )
    header = ["set", "order", *map(str, steps), *(f"for {share:.0%}" for share in shares)]
    yield from ["", *table(header, rows)]


def tell_growth(sets: Sequence[Set]) -> Iterator[str]:
    """Tell how photos that are never decided fare while a small catalogue grows by decisions."""
    rows = []
    steps = range(0, MOST + 1, BATCH)
    for set_, known in product(sets, KNOWN):
        shops = [
            deciding.small(set_.catalogue, known, np.random.default_rng(seed))
            for seed in range(DRAWN)
        ]
        by_chance: NDArray[np.float64] | None = None
        for name, order in deciding.ORDERS.items():
            runs = [
                list(deciding.decide(shop, order, BATCH, MOST, VOTERS, seed))
                for seed, shop in enumerate(shops)
            ]
            others = np.array([[state.others for state in states] for states in runs])
            by_chance = others if by_chance is None else by_chance
            gain = 100 * (others - by_chance).mean(axis=1)
            error = gain.std(ddof=1) / np.sqrt(DRAWN)
            rows.append(
                [
                    *(set_.name, known, name),
                    *(f"{others[:, step // BATCH].mean():.1%}" for step in steps),
                    f"{gain.mean():+.1f} ± {error:.1f}" if gain.any() else "",
                ]
            )
    header = ["set", "photos of a class", "order", *map(str, steps), "more than by chance"]
    yield from ["", *table(header, rows)]


def page(sets: Sequence[Set]) -> Iterator[str]:
    """Yield the lines of docs/accuracy.md."""
    yield "# Accuracy"
    yield ""
    yield "Made by `make accuracy DATA=folder` from the sets of photographs in that folder, with"
    yield f"{BACKBONE} and {VOTERS} neighbours. No image of a set's queries is in its catalogue."
    rows = [
        [
            set_.name,
            len(set_.catalogue.paths),
            len(set_.queries.paths),
            len(set(set_.catalogue.labels)),
        ]
        for set_ in sets
    ]
    yield from ["", *table(["set", "catalogue", "queries", "classes"], rows)]
    yield "Shares in brackets are 95 % intervals (Wilson)."
    yield ""
    yield "## Both similarities and both votes"
    yield ""
    yield "The catalogue's own images are asked by leave-one-out with the cosine, and with the"
    yield "adapted similarity by 5-fold cross-validation, fitted without the fold that is asked."
    yield "Where a catalogue has almost equal photos of one thing, these fare better than queries."
    yield from tell_answers(sets)
    yield "## The number of neighbours"
    yield ""
    yield "Leave-one-out on the catalogue, cosine."
    yield from tell_curve(sets)
    yield "## The temperature of the weighted vote"
    yield ""
    yield "The catalogue's own images. The temperature is"
    yield f"{vote.TEMPERATURE}, as in Wu et al., 2018."
    yield from tell_temperature(sets)
    yield "## The constants of the adapted similarity"
    yield ""
    yield "5-fold cross-validation on the catalogue: share named rightly / share of the three"
    yield "nearest with the right class. One constant is varied, the others are as chosen:"
    yield f"{adaptation.DIMENSION} dimensions, shrinkage {adaptation.SHRINKAGE} and"
    yield f"stretch {adaptation.STRETCH:g}."
    yield from tell_adaptation(sets)
    yield "The estimates of Ledoit-Wolf and OAS come to nearly the same as the fixed shrinkage, and"
    yield "would be one more thing to compute. A larger stretch trusts the labels more, and some"
    yield "are wrong in most catalogues."
    yield ""
    yield "## The confidence"
    yield ""
    yield "Expected calibration error, on the catalogue's images that the regression was not fitted"
    yield "on, and on the queries; and how well the confidence tells right answers from wrong ones."
    yield from tell_confidence(sets)
    yield "## Strangers"
    yield ""
    yield f"In {ROUNDS} rounds a fifth of the classes is taken out of the catalogue; their queries"
    yield "are strangers. Told is the area under the ROC curve (known against strangers), the share"
    yield "of strangers refused where 5 % of the known queries are, and what `search.reject: auto`"
    yield "refuses (by nearest similarity; its limit comes from the catalogue alone, and is high"
    yield "where the catalogue has almost equal photos of one thing)."
    yield from tell_strangers(sets)
    yield from decisions(sets)


def decisions(sets: Sequence[Set]) -> Iterator[str]:
    """Yield the section about simulated decisions."""
    yield "## What to look at next"
    yield ""
    yield from wrap(
        f"Simulated decisions: {BATCH} queries are decided, as their true labels say, and join the "
        "catalogue; the others are asked again (cosine, majority), and so on. Told is the share of "
        "all queries that have the right class, decided or predicted, after so many decisions; how "
        "many are needed for 90% and 95%; and which part that is of those needed by chance.",
        WIDTH,
    )
    yield ""
    yield f"- *By chance*: the mean of {CHANCES} runs."
    yield "- *Least sure*: by confidence alone (D. Lewis and W. Gale, 1994)."
    yield "- *Information density*: the doubt times the mean cosine to the other undecided queries"
    yield "  (B. Settles and M. Craven, 2008)."
    yield "- *Worth*: the order of the report, the doubt times a density by shared neighbours, and"
    yield "  ranked one after the other (`answers/worth.py`)."
    yield from tell_decisions(sets)
    yield from wrap(
        "Most of what a decision is worth is the query itself: its own answer is right from then "
        f"on. To tell the rest, small catalogues are drawn out of the set's own ({DRAWN} draws). "
        "Of the photos left half can be decided; told is the share of the other half, which never "
        "is, that is named rightly after so many decisions, and how many percentage points that "
        "is more than by chance, on the mean of all steps (± standard error).",
        WIDTH,
    )
    yield from tell_growth(sets)
    yield from wrap(
        "The three that go by doubt are nearly level: *worth* is ahead on the smallest catalogues "
        "of clothing alone. "
        f"The constants of *worth*, exponent {worth.DENSITY} and discount {worth.LIKE}, were "
        "chosen on such small catalogues of the clothing set: the clothing rows of the second "
        "table are not independent of them. The queries, and the grocery set, had no part in it.",
        WIDTH,
    )


def main() -> None:
    """Parse the command line and write the page."""
    parser = argparse.ArgumentParser(description="Measure the accuracy on sets of photographs.")
    parser.add_argument("data", type=Path, help="a folder with a folder for each set")
    data = parser.parse_args().data.resolve()
    names = sorted(folder.name for folder in data.iterdir() if (folder / "catalogue").is_dir())
    lines = page([extract(data, name) for name in names])
    (ROOT / "docs" / "accuracy.md").write_text("\n".join(lines).rstrip() + "\n", "utf-8")


if __name__ == "__main__":
    main()
