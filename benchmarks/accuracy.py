"""How good the answers are, on labelled photographs: writes benchmarks/results/accuracy.md.

    PYTHONPATH=workflow/scripts python benchmarks/accuracy.py DATA

DATA has a folder for each set, with the folders catalogue/<class>/ and queries/<class>/ in it. All
figures but the last two tables come from the results of whole runs.
"""

import argparse
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn.linear_model import LogisticRegressionCV
from sklearn.metrics import roc_auc_score

import deciding
import pages
import pipeline
from pages import table
from similar_images.classification import confidence
from similar_images.core.file_formats import read_csv, read_json

BACKBONE = "EfficientNetLite2"
VOTERS = 10
METRICS = ("cosine", "adapted-top", "adapted")
VOTES = ("majority", "weighted")
RESULTS = ("results/new/metrics.json", "results/catalogue/quality.json")
FEATURES = ("results/catalogue/features.pkl", "results/new/features.pkl")
# Inverse strengths of the regularisation that the trained classifier chooses from.
COSTS = np.logspace(-1, 4, 6)
# Each class is left out of the catalogue in one of so many rounds.
ROUNDS = 5
# Simulated decisions: how many until the next run, and how many runs in random order.
BATCH, RANDOM_RUNS = 20, 20


class Answers(NamedTuple):
    """The results of one run: metrics, quality and the rows of predictions.csv."""

    metrics: dict[str, Any]
    quality: dict[str, Any]
    rows: list[dict[str, str]]

    @property
    def correct(self) -> NDArray[np.bool_]:
        """Return for each query whether its prediction is correct."""
        return np.array([row["correct"] == "true" for row in self.rows])


def answer(project: Path, photos: Path, catalogue: str | None = None, **search: Any) -> Answers:
    """Run the workflow on a set of photos, with these settings of `search`.

    Args:
        project: a folder that keeps the features for the next run.
        photos: the folder of the set.
        catalogue: a list to use in place of the catalogue's folder.
        search: settings of `search`.
    """
    queries = {"new": str(photos / "queries")}
    catalogue = catalogue or str(photos / "catalogue")
    pipeline.configure(
        project, BACKBONE, catalogue, queries, search={"neighbours": VOTERS} | search
    )
    pipeline.run(project, *RESULTS, *FEATURES)
    metrics, quality = (read_json(project / path) for path in RESULTS)
    return Answers(metrics, quality, list(read_csv(project / "results/new/predictions.csv")))


def share(hits: int, count: int) -> str:
    """Return a share with its 95 % interval."""
    interval = binomtest(hits, count).proportion_ci(method="wilson")
    return f"{hits / count:.1%} ({interval.low:.1%} to {interval.high:.1%})"


def accuracy_row(name: str, metric: str, vote: str, found: Answers) -> list[str]:
    """Return the row of the table of metrics and votes."""
    new, own = found.metrics, found.quality
    return [
        *(name, metric, vote, share(new["correct"], new["labelled"])),
        f"{new['precision_top_3']:.1%}",
        share(own["correct"], own["evaluated"]),
    ]


def confidence_row(name: str, metric: str, found: Answers) -> list[str]:
    """Return the row of the table of confidences and likely classes."""
    given = np.array([float(row["confidence"]) for row in found.rows])
    error = confidence.calibration_error(confidence.reliability(given, found.correct))
    low, high = confidence.error_interval(given, found.correct)
    return [
        *(name, metric, f"{error:.1%} ({low:.1%} to {high:.1%})", f"{given.mean():.1%}"),
        f"{found.correct.mean():.1%}",
        f"{roc_auc_score(found.correct, given):.3f}",
        f"{found.metrics['coverage']:.1%}",
        f"{found.metrics['mean_classes']:.2f}",
    ]


def classifier_row(name: str, project: Path, found: Answers) -> list[str]:
    """Return the row of the table of the trained classifier, beside the adapted metric."""
    catalogue, queries = (pipeline.features(project, part) for part in ("catalogue", "new"))
    regression = LogisticRegressionCV(
        Cs=COSTS,
        cv=5,
        l1_ratios=(0,),
        scoring="accuracy",
        max_iter=1000,
        use_legacy_attributes=False,
    )
    trained = regression.fit(catalogue.features, np.array(catalogue.labels))
    theirs = trained.predict(queries.features) == np.array(queries.labels)
    correct = {row["image"]: row["correct"] == "true" for row in found.rows}
    ours = np.array([correct[path] for path in queries.paths])
    gained, lost = int((ours & ~theirs).sum()), int((theirs & ~ours).sum())
    by_chance = binomtest(gained, gained + lost, alternative="greater").pvalue
    return [
        *(name, share(int(theirs.sum()), len(theirs)), share(int(ours.sum()), len(ours))),
        *(str(gained), str(lost), f"{by_chance:.2f}"),
    ]


def out_of_distribution_row(name: str, project: Path, photos: Path) -> list[str]:
    """Return what `search.reject: auto` refuses while a part of the classes is left out."""
    classes = sorted(folder.name for folder in (photos / "catalogue").iterdir() if folder.is_dir())
    figures = []
    for number in range(ROUNDS):
        left_out = set(classes[number::ROUNDS])
        catalogue = project / f"catalogue_{number}"
        for class_ in sorted(set(classes) - left_out):
            shutil.copytree(photos / "catalogue" / class_, catalogue / class_)
        found = answer(project, photos, str(catalogue), metric="adapted", reject="auto")
        unknown = np.array([row["label"] in left_out for row in found.rows])
        refused = np.array([bool(row["refused"]) for row in found.rows])
        expected = found.quality["out_of_distribution"]["refused"]
        figures.append((refused[~unknown].mean(), refused[unknown].mean(), expected))
    return [name, *(f"{value:.1%}" for value in np.mean(figures, axis=0))]


def review_rows(name: str, project: Path) -> Iterator[list[str]]:
    """Yield how the queries fare while they are decided, in both orders."""
    catalogue, queries = (pipeline.features(project, part) for part in ("catalogue", "new"))
    photos = deciding.join(catalogue, queries)
    for order, runs in (("random", RANDOM_RUNS), ("review order", 1)):
        curves = [list(deciding.decide(photos, order, BATCH, VOTERS, seed)) for seed in range(runs)]
        means = [deciding.State(*np.mean(states, axis=0)) for states in zip(*curves, strict=True)]
        needed = (deciding.needed(means, share) for share in (0.9, 0.95))
        yield [name, order, f"{means[0].correct:.1%}", *(f"{number:.0f}" for number in needed)]


def page(data: Path, folder: Path) -> Iterator[str]:
    """Yield the lines of benchmarks/results/accuracy.md.

    Args:
        data: the folder with the sets.
        folder: where the projects are made.
    """
    tables: list[list[Sequence[object]]] = [[] for _ in range(6)]
    sizes, metrics, confidences, trained, unknown, review = tables
    for photos in pipeline.sets(data):
        name, project = photos.name, folder / photos.name
        project.mkdir()
        pipeline.link(project)
        for metric in METRICS:
            for vote in VOTES:
                found = answer(project, photos, metric=metric, vote=vote)
                metrics.append(accuracy_row(name, metric, vote, found))
                if vote == "majority":
                    confidences.append(confidence_row(name, metric, found))
                    majority = found
        own = majority.quality["images"]
        sizes.append([name, own, len(majority.rows), len(majority.metrics["classes"])])
        trained.append(classifier_row(name, project, majority))
        review += review_rows(name, project)
        unknown.append(out_of_distribution_row(name, project, photos))
    yield from write(sizes, metrics, confidences, trained, unknown, review)


def write(
    sizes: Sequence[Sequence[object]],
    metrics: Sequence[Sequence[object]],
    confidences: Sequence[Sequence[object]],
    trained: Sequence[Sequence[object]],
    unknown: Sequence[Sequence[object]],
    review: Sequence[Sequence[object]],
) -> Iterator[str]:
    """Yield the lines of the page, given the rows of its tables."""
    yield from (
        "# Accuracy",
        "",
        f"Written by `make accuracy DATA=folder`, with {BACKBONE} and {VOTERS} neighbours.",
        "No query is in its catalogue. Intervals are 95 % intervals.",
        "",
        *table(["set", "catalogue", "queries", "classes"], sizes),
        "## Metrics and votes",
        "",
        "Catalogue photos are classified without their near-duplicate groups: by leave-one-out",
        "with the cosine, by 5-fold cross-validation with adapted metrics.",
        "",
    )
    header = ["set", "metric", "vote", "queries correct", "top 3 correct", "catalogue correct"]
    yield from (
        *table(header, metrics),
        "## Confidence and likely classes",
        "",
        "On the queries, by majority vote: calibration error (10 bins, bootstrap interval), how",
        "well the confidence separates correct from wrong predictions (AUROC), and how often the",
        "likely classes contain the true one, with `coverage: 0.9`.",
        "",
    )
    header = ["set", "metric", "calibration error", "mean confidence", "queries correct", "AUROC"]
    yield from (
        *table([*header, "coverage", "classes on average"], confidences),
        "## A trained classifier",
        "",
        "scikit-learn's logistic regression on the features, scaled to length 1, its",
        "regularisation chosen by 5 folds of the catalogue. The last columns: queries that only",
        "one of both classifies correctly, and the p-value (McNemar's test, one-sided).",
        "",
    )
    header = ["set", "logistic regression", "adapted, majority", "only adapted", "only regression"]
    yield from (
        *table([*header, "p"], trained),
        "## Out-of-distribution queries",
        "",
        f"In {ROUNDS} rounds a fifth of the classes is left out of the catalogue: what",
        "`search.reject: auto` refuses (adapted), and what `quality.json` expects.",
        "",
        *table(["set", "others refused", "out-of-distribution refused", "expected"], unknown),
        "## Review order",
        "",
        f"Queries are decided and join the catalogue, {BATCH} at a time, by their true labels",
        "(cosine, majority). How many decisions it takes until so many queries have the right",
        f"class, decided or predicted. Random order is the mean of {RANDOM_RUNS} runs.",
        "",
        *table(["set", "order", "correct before", "for 90 %", "for 95 %"], review),
    )


def main() -> None:
    """Parse the command line and write the page."""
    parser = argparse.ArgumentParser(description="Measure the accuracy on sets of photographs.")
    parser.add_argument("data", type=Path, help="a folder with a folder for each set")
    data = parser.parse_args().data.resolve()
    with tempfile.TemporaryDirectory() as folder:
        pages.write("accuracy.md", "\n".join(page(data, Path(folder))))


if __name__ == "__main__":
    main()
