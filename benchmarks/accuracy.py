"""How good the answers are, on labelled photographs: writes benchmarks/results/accuracy.md.

    PYTHONPATH=workflow/scripts python benchmarks/accuracy.py DATA

DATA has a folder for each set, with the folders catalogue/<class>/ and queries/<class>/ in it.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from textwrap import wrap
from typing import NamedTuple
from unittest.mock import patch

import numpy as np
import pages
import pyarrow as pa
from numpy.typing import NDArray
from pages import table
from sklearn.covariance import ledoit_wolf_shrinkage, oas
from sklearn.linear_model import LogisticRegressionCV
from sklearn.metrics import roc_auc_score

import deciding
from pipeline import lay_out
from similar_images.classification import confidence, conformal, out_of_distribution, vote
from similar_images.curation import active_learning
from similar_images.evaluation import (
    cross_validation,
    held_out_learning,
    leave_one_out,
    metric_comparison,
    near_duplicates,
    quality,
)
from similar_images.evaluation.cross_validation import CrossValidation, Neighbourhood
from similar_images.evaluation.intervals import wilson_interval
from similar_images.evaluation.near_duplicates import Linkage
from similar_images.features import feature_table
from similar_images.features.feature_table import FeatureTable, normalise
from similar_images.features.sharded_features import ShardedFeatures
from similar_images.search import metric_choice, metric_learning, principal_components
from similar_images.search.exact import blocks, nearest
from similar_images.search.neighbours import comparable, first_of_equals

ROOT = Path(__file__).resolve().parents[1]
BACKBONE = "EfficientNetLite2"
VOTERS = 10
METRICS = metric_choice.METRICS
TEMPERATURES = (0.02, 0.05, 0.07, 0.1, 0.2)
DIMENSIONS = (128, 256, 512, 1024)
SHRINKAGES = (0.03, 0.1, 0.3, 1.0, 3.0)
STRETCHES = (0.0, 1.0, 2.0, 4.0)
# Of the classifier, the inverse strengths of its regularisation to choose from.
COSTS = np.logspace(-1, 4, 6)
# Of the series: what is tried in place of `near_duplicates.NARROW`.
RARITIES, FEWEST = (0.95, 0.98, 0.99, 1.0), (1, cross_validation.FOLDS)
# Of the prior of the confidence: penalties, and photos of a class in the catalogues drawn.
PENALTIES, PHOTOS = (0.1, 1.0, 3.0, 10.0, 30.0), (5, 10, 15)
COVERAGES = (0.8, 0.9, 0.95)
# Of the strangers: what is tried in place of `near_duplicates.WIDE`.
WIDTHS = (0.99, 0.95, 0.9, 0.8)
INTERVAL = (0.025, 0.975)
# So often are outcomes, frequencies of classes, and small catalogues drawn.
SIMULATED, DRIFTS, SMALL = 500, 2000, 12
# Classes are held out in this many rounds, each class once.
ROUNDS = 5
# Of the page's lines.
WIDTH = 95
# Of the simulated decisions: how many until the next run, the runs by chance, the catalogues drawn,
# how many photos of each class these have, and how many decisions are simulated on them.
BATCH, CHANCES, DRAWN, KNOWN, MOST = 20, 20, 16, (5, 15), 100


# The features with the levels behind them, by the content of the image.
JOINED: dict[str, NDArray[np.float32]] = {}


class Set(NamedTuple):
    """A set of photographs: the indexes of its catalogue and of its queries."""

    name: str
    catalogue: FeatureTable
    queries: FeatureTable


def extract(data: Path, name: str) -> Set:
    """Return the set called `name`, its features extracted by the pipeline."""
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        queries = {"new": str(data / name / "queries")}
        lay_out(project, BACKBONE, str(data / name / "catalogue"), queries)
        wanted = [f"results/{part}/features.pkl" for part in ("catalogue", "new")]
        command = [sys.executable, "-m", "snakemake", "--cores", "all", "--quiet", "all"]
        subprocess.run([*command, "--", *wanted], cwd=project, check=True)
        catalogue, queries = (feature_table.read(project / path) for path in wanted)
        for path in wanted:
            for part in ShardedFeatures(
                (project / path).with_name("images.parquet"), with_levels=True
            ):
                JOINED.update(zip(part.content_ids, part.features, strict=True))
    for part in (catalogue, queries):
        normalise(part.features)
    return Set(name, catalogue, queries)


def answers(set_: Set, metric: str, catalogue: FeatureTable | None = None) -> list[Neighbourhood]:
    """Return what the queries find in the catalogue of the set, or in another one."""
    known = catalogue or set_.catalogue
    eligible, fitted, queries = first_of_equals(known), None, set_.queries
    if metric != metric_choice.COSINE:
        known, queries = reduced(metric, known, queries)
        fitted = metric_learning.fit(known, eligible)
    asked = comparable(queries, fitted)
    found = nearest(asked, blocks(comparable(known, fitted), eligible), conformal.NEIGHBOURS)
    return [
        Neighbourhood(
            str(label),
            [str(known.labels[row]) for _, row in best],
            [similarity for similarity, _ in best],
        )
        for label, best in zip(set_.queries.labels, found, strict=True)
    ]


def reduced(metric: str, catalogue: FeatureTable, *others: FeatureTable) -> list[FeatureTable]:
    """Return a catalogue, and others, along the principal components of the catalogue."""
    images = [learned_from(metric, one) for one in (catalogue, *others)]
    found = principal_components.fit(sample_of(images[0]), metric == metric_choice.ADAPTED)
    return [principal_components.reduce(found, one) for one in images]


def learn(metric: str, catalogue: FeatureTable) -> held_out_learning.Learn | None:
    """Return the adapted similarity of a catalogue, to be learned without some images."""
    if metric == metric_choice.COSINE:
        return None
    images, with_levels = learned_from(metric, catalogue), metric == metric_choice.ADAPTED
    return held_out_learning.from_all(images, first_of_equals(catalogue), with_levels=with_levels)


def learned_from(metric: str, images: FeatureTable) -> FeatureTable:
    """Return `images` with the features that a similarity learns from."""
    if metric != metric_choice.ADAPTED:
        return images
    return replace(images, features=np.stack([JOINED[id_] for id_ in images.content_ids]))


def sample_of(catalogue: FeatureTable) -> FeatureTable:
    """Return the images that the components are found from."""
    table = pa.table({"image": catalogue.paths, "content_id": catalogue.content_ids})
    paths = set(principal_components.sample(table).to_pylist())
    return catalogue.rows(np.flatnonzero([path in paths for path in catalogue.paths]))


def own_answers(
    catalogue: FeatureTable, metric: str, whole_series: bool = True
) -> list[Neighbourhood]:
    """Return what the images of the catalogue find, as `quality` asks them, or by themselves."""
    everyone, apart = census(catalogue, metric), leave_one_out.equal_bytes(catalogue)
    if whole_series:
        apart = near_duplicates.join(catalogue, everyone.eligible, apart, near_duplicates.NARROW)[
            0
        ].group_of
    return cross_validation.ask(everyone, conformal.NEIGHBOURS, apart)[0]


def census(catalogue: FeatureTable, metric: str) -> CrossValidation:
    """Return a survey of all different images of `catalogue`, however many."""
    eligible = first_of_equals(catalogue)
    return CrossValidation(catalogue, eligible, np.flatnonzero(eligible), learn(metric, catalogue))


def right(
    neighbourhoods: Sequence[Neighbourhood], rule: vote.Vote = vote.majority
) -> NDArray[np.bool_]:
    """Return for each of `neighbourhoods` whether the vote is right."""
    return np.array(
        [quality.is_right(neighbourhood, rule, VOTERS) for neighbourhood in neighbourhoods]
    )


def right_neighbours(neighbourhoods: Sequence[Neighbourhood]) -> float:
    """Return the share of the three nearest images that have the right class."""
    return float(np.mean([label == b.label for b in neighbourhoods for label in b.labels[:3]]))


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
            alone = own_answers(set_.catalogue, metric, whole_series=False)
            for name, rule in vote.VOTES.items():
                rows.append(
                    [
                        *(set_.name, metric, name),
                        *(share(right(new, rule)), f"{right_neighbours(new):.1%}"),
                        *(f"{right(alone, rule).mean():.1%}", share(right(own, rule))),
                    ]
                )
    header = ["set", "metric", "vote", "queries right", "top 3 right", "catalogue, each by itself"]
    yield from ["", *table([*header, "catalogue, series as a whole"], rows)]


def tell_classifier(sets: Sequence[Set]) -> Iterator[str]:
    """Tell how the adapted similarity fares beside a classifier that is trained on the features."""
    rows = []
    for set_ in sets:
        regression = LogisticRegressionCV(
            Cs=COSTS,
            cv=cross_validation.FOLDS,
            l1_ratios=(0,),
            scoring="accuracy",
            max_iter=1000,
            use_legacy_attributes=False,
        )
        trained = regression.fit(set_.catalogue.features, np.array(set_.catalogue.labels))
        theirs = trained.predict(set_.queries.features) == np.array(set_.queries.labels)
        ours = right(answers(set_, metric_choice.ADAPTED))
        gained, lost = int((ours & ~theirs).sum()), int((theirs & ~ours).sum())
        by_chance = metric_comparison.by_chance(gained, gained + lost)
        rows.append([set_.name, share(theirs), share(ours), gained, lost, f"{by_chance:.2f}"])
    header = ["set", "logistic regression", "adapted, majority", "right here alone"]
    yield from ["", *table([*header, "right there alone", "by chance"], rows)]


def tell_series(sets: Sequence[Set]) -> Iterator[str]:
    """Tell what the catalogue's estimate is for other limits of a series."""
    rows = []
    for set_ in sets:
        eligible, apart = first_of_equals(set_.catalogue), leave_one_out.equal_bytes(set_.catalogue)
        surveys = [census(set_.catalogue, metric) for metric in METRICS]
        new = [share(right(answers(set_, metric))) for metric in METRICS]
        for rare, fewest in product(RARITIES, FEWEST):
            (found,) = near_duplicates.join(set_.catalogue, eligible, apart, Linkage(rare, fewest))
            own = [cross_validation.ask(one, VOTERS, found.group_of)[0] for one in surveys]
            rows.append(
                [
                    *(set_.name, f"{rare:.0%}", fewest, f"{found.limit:.3f}"),
                    f"{len(np.unique(found.group_of))} of {len(apart)}",
                    *(f"{right(asked).mean():.1%}" for asked in own),
                    *new,
                ]
            )
    header = ["set", "less similar to others", "fewest groups", "limit", "groups"]
    told = [f"{who}, {metric}" for who in ("catalogue", "queries") for metric in METRICS]
    yield from ["", *table([*header, *told], rows)]


def tell_curve(sets: Sequence[Set]) -> Iterator[str]:
    """Tell the leave-one-out accuracy for numbers of neighbours."""
    rows = []
    for set_ in sets:
        apart = leave_one_out.equal_bytes(set_.catalogue)
        curve = quality.assess(set_.catalogue, apart, VOTERS, "majority", "cosine", 0.9)["curve"]
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
        "dimension": principal_components.DIMENSION,
        "shrinkage": metric_learning.SHRINKAGE,
        "stretch": metric_learning.STRETCH,
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
    catalogue: FeatureTable, dimension: int, shrinkage: float | str, stretch: float
) -> list[Neighbourhood]:
    """Return what the catalogue's images find in the other folds, by a similarity fitted there."""
    eligible, apart = first_of_equals(catalogue), leave_one_out.equal_bytes(catalogue)
    fold_of = cross_validation.folds(catalogue, eligible, apart)
    neighbourhoods = []
    for fold in range(cross_validation.FOLDS):
        others = eligible & (fold_of != fold)
        with patch.object(principal_components, "DIMENSION", dimension):
            along = reduced_without(catalogue, others)
        amount = estimated(along, others, shrinkage) if isinstance(shrinkage, str) else shrinkage
        fitted = metric_learning.fit(along, others, amount, stretch)
        seen = replace(along, features=metric_learning.apply(fitted, along.features))
        asked = np.flatnonzero(eligible & (fold_of == fold))
        found = leave_one_out.ask(seen, asked, VOTERS, others, apart)
        neighbourhoods += [
            cross_validation.neighbourhood_of(answer, catalogue) for (answer,) in found
        ]
    return neighbourhoods


def reduced_without(catalogue: FeatureTable, others: NDArray[np.bool_]) -> FeatureTable:
    """Return a catalogue along the principal components of some rows."""
    images = learned_from(metric_choice.ADAPTED, catalogue)
    found = principal_components.fit(images.rows(np.flatnonzero(others)), with_levels=True)
    return principal_components.reduce(found, images)


def estimated(along: FeatureTable, rows: NDArray[np.bool_], name: str) -> float:
    """Return the shrinkage that Ledoit-Wolf or OAS estimate for the covariance within classes.

    They mix (1 - s) of the covariance with s of the mean variance; but for a factor that is the
    covariance with s / (1 - s) of the mean variance added.
    """
    labels = np.array(along.labels)[rows]
    features = along.features[rows].astype(np.float64)
    for label in set(labels.tolist()):
        features[labels == label] -= features[labels == label].mean(axis=0)
    mixed = (
        oas(features, assume_centered=True)[1]
        if name == "OAS"
        else ledoit_wolf_shrinkage(features, assume_centered=True)
    )
    return float(mixed / (1 - mixed))


def seen(neighbourhoods: Sequence[Neighbourhood]) -> NDArray[np.float64]:
    """Return the evidence of `neighbourhoods`."""
    voting = [(b.labels[:VOTERS], b.similarities[:VOTERS]) for b in neighbourhoods]
    return np.array([confidence.evidence(vote.majority(*votes), *votes) for votes in voting])


def calibrated(own: Sequence[Neighbourhood]) -> confidence.Calibration:
    """Return the calibration that a catalogue's own answers give."""
    own = [neighbourhood for neighbourhood in own if neighbourhood.labels]
    return confidence.fit(seen(own), right(own))


def given(own: Sequence[Neighbourhood], new: Sequence[Neighbourhood]) -> NDArray[np.float64]:
    """Return the confidences of `new` answers, by a catalogue's `own` ones."""
    calibration = calibrated(own)
    return np.array([calibration.probability(row) for row in seen(new).tolist()])


def error_of(probabilities: NDArray[np.float64], hits: NDArray[np.bool_]) -> float:
    """Return the expected calibration error."""
    return confidence.calibration_error(confidence.reliability(probabilities, hits))


def debiased_error(probabilities: NDArray[np.float64], hits: NDArray[np.bool_]) -> float:
    """Return the root mean square calibration error without what chance alone adds to it.

    A. Kumar, P. Liang and T. Ma, "Verified Uncertainty Calibration", NeurIPS 2019, section 5.1.
    """
    squared = [
        bin_["images"]
        * (
            (bin_["confidence"] - bin_["accuracy"]) ** 2
            - bin_["accuracy"] * (1 - bin_["accuracy"]) / (bin_["images"] - 1)
        )
        for bin_ in confidence.reliability(probabilities, hits)
        if bin_["images"] > 1
    ]
    return float(np.sqrt(max(sum(squared) / len(hits), 0)))


def tell_confidence(sets: Sequence[Set]) -> Iterator[str]:
    """Tell how well the confidence is calibrated on the queries."""
    rows, random = [], np.random.default_rng(0)
    for set_ in sets:
        for metric in METRICS:
            own, new = own_answers(set_.catalogue, metric), answers(set_, metric)
            probabilities, hits = given(own, new), right(new)
            low, high = confidence.error_interval(probabilities, hits)
            perfect = [
                error_of(probabilities, random.uniform(size=len(hits)) < probabilities)
                for _ in range(SIMULATED)
            ]
            usual, most = np.quantile(perfect, (0.5, 0.975))
            rows.append(
                [
                    *(set_.name, metric),
                    f"{error_of(probabilities, hits):.1%} ({low:.1%} to {high:.1%})",
                    f"{usual:.1%} (up to {most:.1%})",
                    f"{debiased_error(probabilities, hits):.1%}",
                    f"{probabilities.mean():.1%}",
                    share(hits),
                    f"{roc_auc_score(hits, probabilities):.3f}",
                ]
            )
    header = ["set", "metric", "error", "of perfect probabilities", "debiased error"]
    yield from ["", *table([*header, "mean confidence", "queries right", "AUROC of right"], rows)]


def tell_prior(sets: Sequence[Set]) -> Iterator[str]:
    """Tell what the penalty on the weights does in small catalogues drawn out of the set's own."""
    rows = []
    chosen = confidence.PENALTY
    for set_, photos in product(sets, PHOTOS):
        losses = []
        for seed in range(SMALL):
            shop = deciding.small(set_.catalogue, photos, np.random.default_rng(seed))
            known = set_.catalogue.rows(shop.catalogue)
            rest = set_.catalogue.rows(shop.others)
            own, new = own_answers(known, "cosine"), answers(Set("", known, rest), "cosine")
            hits, by_penalty = right(new), []
            for confidence.PENALTY in PENALTIES:
                chance = np.clip(given(own, new), 1e-6, 1 - 1e-6)
                by_penalty.append(float(-np.log(np.where(hits, chance, 1 - chance)).mean()))
            losses.append(by_penalty)
        rows.append([set_.name, photos, *(f"{loss:.3f}" for loss in np.mean(losses, axis=0))])
    confidence.PENALTY = chosen
    yield from ["", *table(["set", "photos of a class", *map(str, PENALTIES)], rows)]


def tell_sets(sets: Sequence[Set]) -> Iterator[str]:
    """Tell how often the sets of classes have the right one, as it is and in drift of classes."""
    rows, random = [], np.random.default_rng(0)
    for set_, metric, coverage in product(sets, METRICS, COVERAGES):
        fitted = quality.thresholds(own_answers(set_.catalogue, metric), coverage)
        new = answers(set_, metric)
        names, number = np.unique(
            [neighbourhood.label for neighbourhood in new], return_inverse=True
        )
        drifts = random.dirichlet(np.ones(len(names)), DRIFTS)
        for name, tried in (("one", replace(fitted, own={})), ("of each class", fitted)):
            found = [
                conformal.classes(
                    conformal.shares(b.labels, b.similarities),
                    vote.majority(b.labels[:VOTERS], b.similarities[:VOTERS]).label,
                    tried,
                )
                for b in new
            ]
            covered = np.array([b.label in classes for b, classes in zip(new, found, strict=True)])
            by_class = np.bincount(number, covered) / np.bincount(number)
            drifted = drifts @ by_class
            rows.append(
                [
                    *(set_.name, metric, f"{coverage:.0%}", name, share(covered)),
                    f"{np.mean(list(map(len, found))):.2f}",
                    f"{drifted.mean():.1%} ({np.quantile(drifted, 0.05):.1%})",
                ]
            )
    header = ["set", "metric", "asked for", "threshold", "coverage", "classes", "in drift (5 %)"]
    yield from ["", *table(header, rows)]


def scores_of(
    neighbourhoods: Sequence[Neighbourhood], calibration: confidence.Calibration
) -> dict[str, NDArray[np.float64]]:
    """Return scores that are lower for strangers, by name."""
    near = np.array([b.similarities[:VOTERS] for b in neighbourhoods])
    logits = [
        (float(np.log(sum(weights.values()))), float(np.log(max(weights.values()))))
        for weights in map(weights_of, neighbourhoods)
    ]
    energy, logit = np.transpose(logits)
    return {
        "nearest": near[:, 0],
        "fifth nearest": near[:, 4],
        "tenth nearest": near[:, -1],
        "mean of ten": near.mean(axis=1),
        "energy": energy,
        "largest logit": logit,
        "confidence": np.array(
            [calibration.probability(row) for row in seen(neighbourhoods).tolist()]
        ),
    }


def weights_of(neighbourhood: Neighbourhood) -> dict[str, float]:
    """Return the weight that each class has in the weighted vote, by its similarities alone."""
    scale = np.exp(neighbourhood.similarities[0] / vote.TEMPERATURE)
    weighed = vote.sums_by_class(neighbourhood.labels, neighbourhood.similarities)
    return {label: weight * scale for label, weight in weighed.items()}


class Round(NamedTuple):
    """A catalogue without some classes, and what is asked of it.

    Attributes:
        catalogue: what is left.
        own: what its own images find, their series left out.
        new: what the queries of all classes find.
        known: which of these are of classes that are left.
        classifier: judges the answers.
    """

    catalogue: FeatureTable
    own: list[Neighbourhood]
    new: list[Neighbourhood]
    known: NDArray[np.bool_]
    classifier: quality.HeldOutClassifier

    def in_distribution(
        self, metric: str, width: Linkage = near_duplicates.WIDE
    ) -> out_of_distribution.InDistribution:
        """Return how the catalogue's own images fare."""
        everyone, apart = census(self.catalogue, metric), leave_one_out.equal_bytes(self.catalogue)
        (wide,) = near_duplicates.join(self.catalogue, everyone.eligible, apart, width)
        (neighbourhoods,) = cross_validation.ask(everyone, VOTERS, wide.group_of)
        return quality.in_distribution(
            neighbourhoods, self.classifier, wide.group_of[everyone.asked]
        )

    def in_distribution_score(
        self, known: out_of_distribution.InDistribution
    ) -> NDArray[np.float64]:
        """Return the familiarity of each query."""
        return np.array(
            [
                known.in_distribution_score(self.classifier.scores(neighbourhood))
                for neighbourhood in self.new
            ]
        )


# By the name of the set and the similarity.
Rounds = Mapping[tuple[str, str], list[Round]]


def rounds(set_: Set, metric: str) -> list[Round]:
    """Return what is left of a set without each fifth of its classes."""
    found = []
    for number in range(ROUNDS):
        held_out = set(sorted({*map(str, set_.catalogue.labels)})[number::ROUNDS])
        kept = [n for n, c in enumerate(set_.catalogue.labels) if c not in held_out]
        catalogue = set_.catalogue.rows(np.array(kept))
        own, new = own_answers(catalogue, metric), answers(set_, metric, catalogue)
        known = np.array([neighbourhood.label not in held_out for neighbourhood in new])
        classifier = quality.HeldOutClassifier(VOTERS, vote.majority, calibrated(own))
        found.append(Round(catalogue, own, new, known, classifier))
    return found


def rounds_of(sets: Sequence[Set]) -> Rounds:
    """Return the rounds of `sets`."""
    return {(one.name, metric): rounds(one, metric) for one in sets for metric in METRICS}


def tell_scores(asked: Rounds) -> Iterator[str]:
    """Tell how well published scores tell queries of classes that the catalogue lacks."""
    rows = []
    for (name, metric), parts in asked.items():
        told: dict[str, list[list[float]]] = {}
        for one in parts:
            ours, theirs = (scores_of(b, one.classifier.calibration) for b in (one.own, one.new))
            limits = {
                n: float(np.quantile(own, out_of_distribution.REFUSED)) for n, own in ours.items()
            }
            known = one.in_distribution(metric)
            theirs["in_distribution_score"] = one.in_distribution_score(known)
            limits["in_distribution_score"] = known.least_score
            for score, values in theirs.items():
                refused = values < limits[score]
                fair = values < np.quantile(values[one.known], out_of_distribution.REFUSED)
                area = roc_auc_score(one.known, values)
                shares = fair[~one.known], refused[one.known], refused[~one.known]
                told.setdefault(score, []).append([area, *(share.mean() for share in shares)])
        for score, figures in told.items():
            area, *shares = np.mean(figures, axis=0)
            rows.append([name, metric, score, f"{area:.3f}", *(f"{part:.1%}" for part in shares)])
    header = ["set", "metric", "score", "AUROC", "strangers refused where 5 % of the known are"]
    yield from ["", *table([*header, "known refused", "strangers refused"], rows)]


def tell_strangers(asked: Rounds) -> Iterator[str]:
    """Tell what `search.reject: auto` refuses, and how its score fares beside the best one."""
    rows = []
    for (name, metric), parts in asked.items():
        found = [one.in_distribution(metric) for one in parts]
        ours = [one.in_distribution_score(known) for one, known in zip(parts, found, strict=True)]
        single = [scores_of(one.new, one.classifier.calibration) for one in parts]
        areas = {
            score: mean_area(parts, [theirs[score] for theirs in single]) for score in single[0]
        }
        best = max(areas, key=lambda score: areas[score])
        low, high = np.quantile(gains(parts, ours, [theirs[best] for theirs in single]), INTERVAL)
        refused = [values < known.least_score for values, known in zip(ours, found, strict=True)]
        expected = [
            quality.refused(
                census(one.catalogue, metric),
                leave_one_out.equal_bytes(one.catalogue),
                one.classifier,
                known,
            )
            for one, known in zip(parts, found, strict=True)
        ]
        area = mean_area(parts, ours)
        rows.append(
            [
                *(name, metric, f"{area:.3f}", f"{areas[best]:.3f} ({best})"),
                f"{area - areas[best]:+.3f} ({low:+.3f} to {high:+.3f})",
                f"{np.mean([r[p.known].mean() for r, p in zip(refused, parts, strict=True)]):.1%}",
                f"{np.mean([r[~p.known].mean() for r, p in zip(refused, parts, strict=True)]):.1%}",
                f"{np.mean(expected):.1%}",
            ]
        )
    header = ["set", "metric", "AUROC", "best single score", "difference", "known refused"]
    yield from ["", *table([*header, "strangers refused", "expected by the catalogue"], rows)]


def mean_area(
    parts: Sequence[Round],
    scores: Sequence[NDArray[np.float64]],
    drawn: NDArray[np.intp] | slice = slice(None),
) -> float:
    """Return the mean area under the ROC curve, of all queries or of those `drawn`."""
    areas = [
        roc_auc_score(one.known[drawn], values[drawn])
        for one, values in zip(parts, scores, strict=True)
        if 0 < one.known[drawn].mean() < 1
    ]
    return float(np.mean(areas))


def gains(
    parts: Sequence[Round],
    ours: Sequence[NDArray[np.float64]],
    theirs: Sequence[NDArray[np.float64]],
) -> list[float]:
    """Return by how much the area of `ours` is larger, for queries drawn anew (bootstrap)."""
    random, count = np.random.default_rng(0), len(parts[0].known)
    draws = random.integers(0, count, (SIMULATED, count))
    return [mean_area(parts, ours, d) - mean_area(parts, theirs, d) for d in draws]


def tell_widths(asked: Rounds) -> Iterator[str]:
    """Tell what is refused for other widths of the series that are left out."""
    rows = []
    for (name, metric), parts in asked.items():
        cells = []
        for rare in WIDTHS:
            shares = []
            for one in parts:
                known = one.in_distribution(metric, near_duplicates.WIDE._replace(rare=rare))
                refused = one.in_distribution_score(known) < known.least_score
                shares.append([refused[one.known].mean(), refused[~one.known].mean()])
            cells.append(" / ".join(f"{share:.1%}" for share in np.mean(shares, axis=0)))
        rows.append([name, metric, *cells])
    yield from ["", *table(["set", "metric", *(f"{width:.0%}" for width in WIDTHS)], rows)]


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
    """Yield the lines of benchmarks/results/accuracy.md."""
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
    yield "## The similarities and both votes"
    yield ""
    yield from wrap(
        "*adapted* learns from the features and the middle layers of the network, *adapted-top* "
        "from the features alone. "
        "The catalogue's own images are asked by leave-one-out with the cosine, and with the "
        f"adapted similarities by {cross_validation.FOLDS}-fold cross-validation, fitted without "
        "the fold that is asked: each by itself, and without its series (below), as "
        "`quality.json` has it.",
        WIDTH,
    )
    yield from tell_answers(sets)
    yield "## Beside a classifier"
    yield ""
    yield from wrap(
        "Is a look at the nearest images worse than a classifier that is trained on the same "
        "features? scikit-learn's logistic regression on them, scaled to length 1, its "
        f"regularisation chosen by {cross_validation.FOLDS} folds of the catalogue; the queries "
        "that are named rightly by the one and not by the other; and the probability of so many "
        "more by "
        "chance (McNemar's test, one-sided). It must be trained anew for each new image of the "
        "catalogue, and shows no images.",
        WIDTH,
    )
    drawn = extract(ROOT, "data")
    yield from tell_classifier([*sets, drawn])
    yield "The nearest images do worse on none of the sets."
    yield ""
    yield "## Series"
    yield ""
    yield from wrap(
        "A catalogue often has one thing in one place many times. These photos are no copies, but "
        "each is named by the others as no new photo would be. `evaluation/near_duplicates.py` "
        "links images of one class that are more alike than nearly all images (99 %) are to any "
        "of another "
        "class, and asks what is linked as a whole. A class that would fall into fewer groups than "
        f"there are folds ({cross_validation.FOLDS}) is left as it is: its images are all alike, "
        "and no part of them says how a new one would fare. So it is, at 95 %, in the set "
        "*data*, the "
        "drawn shoes that come with this project.",
        WIDTH,
    )
    yield from tell_series([*sets, drawn])
    yield from wrap(
        "At 99 % the estimates lie in the intervals of the queries on both sets. This is no "
        "independent test: linkage, level and the way folds are dealt were settled with both sets, "
        "and their queries, in sight. Clothing alone would leave open 98 % to 100 %, and on the "
        "groceries 98 % and 100 % put the adapted estimate a little above. The fewest groups were "
        "chosen on a thousand drawn shoes, with the groceries in sight. Features alone cannot tell "
        "whether new photos will be of those series or of others: the estimate is for photos of "
        "others. Where queries have been asked, the mean of their confidences (below) is a second "
        "estimate, by how near they are.",
        WIDTH,
    )
    yield ""
    yield "## The number of neighbours"
    yield ""
    yield "Leave-one-out on the catalogue, cosine, series as a whole."
    yield from tell_curve(sets)
    yield "## The temperature of the weighted vote"
    yield ""
    yield "The catalogue's own images. The temperature is"
    yield f"{vote.TEMPERATURE}, as in Wu et al., 2018."
    yield from tell_temperature(sets)
    yield "## The constants of the adapted similarity"
    yield ""
    yield "5-fold cross-validation, each image by itself: share named rightly / share of the three"
    yield "nearest with the right class. One constant is varied, the others are as chosen:"
    yield f"{principal_components.DIMENSION} dimensions, shrinkage {metric_learning.SHRINKAGE} and"
    yield f"stretch {metric_learning.STRETCH:g}."
    yield from tell_adaptation(sets)
    yield "The estimates of Ledoit-Wolf and OAS come to nearly the same as the fixed shrinkage, and"
    yield "would be one more thing to compute. A larger stretch trusts the labels more, and some"
    yield "are wrong in most catalogues."
    yield ""
    yield "## The confidence"
    yield ""
    yield from wrap(
        "On the queries: the expected calibration error (10 bins) with its interval by bootstrap; "
        "the error that perfect probabilities would show with as many images, by simulation "
        f"({SIMULATED} draws: median, and 97.5 %), since bins of few images are never even; and "
        "the root mean square error from which what chance adds is subtracted (A. Kumar, P. Liang "
        "and T. Ma, 2019). And how well the confidence tells right answers from wrong ones.",
        WIDTH,
    )
    yield from tell_confidence(sets)
    yield from wrap(
        "With so few queries perfect probabilities, too, would show an error of 4 to 6 %: whether "
        "the true one is 3 % cannot be seen here. The debiased error squares the distances before "
        "it adds them up, so that one bin far off counts more, and is 0 where they are no larger "
        "than by chance. All four errors are within what perfect ones would show. Yet with the "
        "cosine the mean confidence is five points under the share of right answers on both sets, "
        "together 2.8 standard errors: it is the catalogue's estimate for photos of other series, "
        "and too cautious, perhaps, where queries are of its own. Tried against that, and left: "
        "series that count as one image (better on the groceries with the cosine, not with the "
        "adapted similarity, nor on the clothes), each image by itself, both together, five folds "
        "for the cosine, too, and fewer values as evidence. None helps on both sets.",
        WIDTH,
    )
    yield ""
    yield from wrap(
        "With few images a stronger prior could help. Tried on catalogues drawn out of the sets' "
        f"own ({SMALL} draws, the other photos are asked; cosine): the mean negative "
        "log-likelihood for penalties on the squares of the weights.",
        WIDTH,
    )
    yield from tell_prior(sets)
    yield from wrap(
        f"The penalty is {confidence.PENALTY:g} whatever the number of images: a stronger one "
        "helps the smallest catalogues of one set a little, and harms those of the other.",
        WIDTH,
    )
    yield ""
    yield "## Sets of classes"
    yield ""
    yield from wrap(
        "The classes in the column `classes`, which have the right one with the probability "
        "`search.coverage`: by one threshold for all classes, and by one of each class that has "
        "images enough, as it is done. Told is the share of queries whose set has the right class, "
        "and the mean number of classes; and the mean coverage, and that of the worst "
        f"5 %, where the classes come as often as drawn by lot (Dirichlet, {DRIFTS} draws).",
        WIDTH,
    )
    yield from tell_sets(sets)
    yield from told_of_strangers(sets, drawn)
    yield from decisions(sets)


def told_of_strangers(sets: Sequence[Set], drawn: Set) -> Iterator[str]:
    """Yield the section about strangers."""
    asked = rounds_of(sets)
    exchanged = [Set(f"{one.name}, exchanged", one.queries, one.catalogue) for one in sets]
    others = rounds_of([*exchanged, drawn])
    yield "## Strangers"
    yield ""
    yield from wrap(
        f"In {ROUNDS} rounds a fifth of the classes is taken out of the catalogue; their queries "
        "are strangers. Told is the area under the ROC curve (known against strangers), the share "
        "of strangers refused where 5 % of the known queries are, and what is refused by each "
        "score with the limit that 95 % of the catalogue's own images reach. *Energy*: W. Liu et "
        "al., 2020; *largest logit*: D. Hendrycks et al., 2022, of the logarithm of the weighted "
        "votes; *k-th nearest*: Y. Sun et al., 2022. *Familiarity* is what `search.reject: auto` "
        "goes by: the mean of two ranks among the catalogue's own images, that of the nearest "
        "similarity and that of the confidence.",
        WIDTH,
    )
    yield from tell_scores(asked)
    yield from wrap(
        "Beside the best single score of each case, which nobody knows beforehand (the difference "
        "with its 95 % interval by bootstrap), what `auto` refuses, and what of the strangers the "
        "catalogue expects to refuse, by classes that it leaves out itself, as `quality.json` and "
        "the page tell. *Exchanged*: the queries are the catalogue, which is smaller then, and "
        "the catalogue's images are asked. *Data* are the drawn shoes of this project.",
        WIDTH,
    )
    yield from tell_strangers({**asked, **others})
    yield from wrap(
        "Which single score is the best differs: with the cosine of the clothes the confidence, of "
        "the groceries the nearest image. Familiarity is as good as the better of both or better "
        "in three of the four cases, but for chance, and 0.013 under it in one. No score tells "
        "most strangers: where their classes look like those that are known, the features cannot. "
        "So of all that is refused, look at what the page expects for your own catalogue, which is "
        "no more than a hint: of the clothes more are refused than it says. Tried as well: sums "
        "with the largest logit and with the tenth nearest, which come to about the same; and as "
        "groups that are left out, fifths and tenths of each class by average linkage and by Ward, "
        "with which one of the sets is missed.",
        WIDTH,
    )
    yield ""
    yield from wrap(
        "So many of the known / of the strangers are refused by it for other widths: the share of "
        "images that are less similar to all of other classes than the limit of a series.",
        WIDTH,
    )
    yield from tell_widths({**asked, **others})
    yield from wrap(
        f"{near_duplicates.WIDE.rare:.0%} was chosen with all of this in sight, and the groceries "
        "asked for it: a part of a series that is overlooked makes the catalogue's images seem "
        "nearer than "
        "new photos are, and these would be refused. On the clothes any width will do. 5 ± 2 % of "
        "the known are refused on both sets, and on the groceries exchanged; of the clothes "
        "exchanged, 18 photos of a class, up to 12 % are, with any width. Where classes are tight, "
        "as the drawn shoes are, wide series cost a part of the strangers.",
        WIDTH,
    )
    yield ""


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
    yield "  ranked one after the other (`curation/active_learning.py`)."
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
        f"The constants of *worth*, exponent {active_learning.DENSITY} and discount "
        f"{active_learning.LIKE}, were chosen on such small catalogues of the clothing set: the "
        "clothing rows of the second "
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
    pages.write("accuracy.md", "\n".join(lines))


if __name__ == "__main__":
    main()
