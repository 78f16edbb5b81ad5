"""Catalogues that are allowed but say little.

Every stage gets through, the queries are answered, and what cannot be known is null.
"""

import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pytest

from catalogues import learned
from models import HISTOGRAM
from similar_images.classification import (
    confidence,
    conformal,
    out_of_distribution,
    predictions,
    products,
)
from similar_images.classification.tables import PREDICTIONS, PRODUCTS
from similar_images.classification.vote import VOTES
from similar_images.core.file_formats import read_csv, read_json, write_json
from similar_images.core.tables import Row
from similar_images.curation import active_learning, audit
from similar_images.evaluation import leave_one_out, metric_comparison, metrics, quality
from similar_images.features import sharded_features
from similar_images.features.feature_table import FeatureTable
from similar_images.report import cards, confusion, plots, results_page
from similar_images.search import (
    approximate,
    metric_choice,
    metric_learning,
    neighbours,
    principal_components,
)

DIMENSION = 4
MODEL = replace(
    HISTOGRAM,
    backbone="network",
    requested="network",
    features=DIMENSION,
    input_size=8,
    engine="openvino",
    fingerprint="model",
)
ONE_PRODUCT = {f"{n:02}": "P" for n in range(12)}
RANDOM = np.random.default_rng(0).normal(size=(12, DIMENSION))


class Few(NamedTuple):
    """A catalogue that says little.

    Attributes:
        labels: of its images.
        features: a row for each.
        contents: numbers that tell which images have equal bytes.
        product_of: their products, of those that have one.
    """

    labels: str
    features: Any
    contents: str
    product_of: dict[str, str]

    def loaded(self) -> FeatureTable:
        """Return the catalogue as it is loaded: every stage normalises one of its own."""
        names = [f"{n:02}" for n in range(len(self.labels))]
        ids = [f"{ord(content):064x}" for content in self.contents]
        features = np.array(self.features, np.float32)
        return FeatureTable("network", "model", names, list(self.labels), ids, features)

    def table(self) -> pa.Table:
        index = self.loaded()
        columns = zip(index.paths, index.labels, index.content_ids, strict=True)
        rows = [
            {"image": name, "label": label, "content_id": content, "shard": "0", "file": b"x"}
            for name, label, content in columns
        ]
        return pa.Table.from_pylist(rows, sharded_features.schema("network", "model", DIMENSION))


def few(labels: str, **given: Any) -> Few:
    count = len(labels)
    usual: dict[str, Any] = {
        "features": RANDOM[:count],
        "contents": "abcdefghijkl"[:count],
        "product_of": {},
    }
    return Few(labels, **usual | given)


NOTHING_TO_ASK = {
    "one product": few("aaaabbbbcccc", product_of=ONE_PRODUCT),
    "one content in two classes": few("ab", features=RANDOM[[0, 0]], contents="aa"),
    "all contents equal": few("aaabbb", features=RANDOM[[0] * 6], contents="a" * 6),
    "two images of one product": few("ab", product_of=ONE_PRODUCT),
}
SOMETHING_TO_ASK = {
    "two images": few("ab"),
    "a class of one image": few("aaab"),
    "fewer images than folds": few("aabb"),
    "each class a product": few(
        "aaabbb", product_of={f"{n:02}": "P" if n < 3 else "Q" for n in range(6)}
    ),
    "one other product": few("aaabbb", product_of={f"{n:02}": "P" for n in range(5)}),
    "each image a class": few("abcdefghijkl"),
    "features of zero": few("aaabbb", features=np.zeros((6, DIMENSION))),
    "constant features": few("aaabbb", features=np.full((6, DIMENSION), 0.3)),
    "features of one direction": few("aaabbb", features=np.outer(range(1, 7), [1, 2, 3, 4])),
}
FEW = NOTHING_TO_ASK | SOMETHING_TO_ASK


def asked(of: Few, metric: str, vote: str = "majority", voters: int = 5) -> dict[str, Any]:
    catalogue = of.loaded()
    group_of = leave_one_out.groups(catalogue, of.product_of)
    learn = learned(of.loaded()) if metric == "adapted" else None
    return quality.assess(catalogue, group_of, voters, vote, metric, 0.9, learn)


def compared(of: Few, metric: str, vote: str = "majority") -> dict[str, Any]:
    catalogue = of.loaded()
    rows = np.flatnonzero(neighbours.first_of_equals(catalogue))
    group_of = leave_one_out.groups(catalogue, of.product_of)[rows]
    sample = catalogue.rows(rows)
    adapted = {name: learned(sample) for name in (metric_choice.ADAPTED_TOP, metric_choice.ADAPTED)}
    return metric_comparison.compare(sample, adapted, group_of, 5, vote, metric)


def values(content: Any) -> Iterator[object]:
    """Yield every value in JSON."""
    if isinstance(content, dict):
        content = list(content.values())
    if isinstance(content, list):
        for one in content:
            yield from values(one)
    else:
        yield content


def assert_in_json(content: dict[str, Any], folder: Path) -> dict[str, Any]:
    """See that no number of `content` is NaN or infinite, and return it as it is read."""
    write_json(folder / "figures.json", content)
    read = read_json(folder / "figures.json")
    assert all(math.isfinite(value) for value in values(read) if isinstance(value, float))
    return read


@pytest.mark.parametrize("vote", VOTES)
@pytest.mark.parametrize("metric", ["cosine", "adapted"])
@pytest.mark.parametrize("name", FEW)
def test_the_catalogue_is_assessed_and_both_similarities_are_compared(
    tmp_path: Path, name: str, metric: str, vote: str
) -> None:
    of = FEW[name]
    for setting in (metric, "auto"):
        assert_in_json(compared(of, setting, vote), tmp_path)
    assessment = assert_in_json(asked(of, metric, vote), tmp_path)
    assert assessment["evaluated"] == (0 if name in NOTHING_TO_ASK else different(of))


@pytest.mark.parametrize("name", FEW)
def test_the_figures_of_the_catalogue_are_drawn(tmp_path: Path, name: str) -> None:
    assessment = asked(FEW[name], "cosine")
    figures = plots.quality(assessment), plots.reliability(assessment["confidence"])
    for figure in figures:
        plots.write(figure, tmp_path / "figure.svg")
        drawn = (tmp_path / "figure.svg").read_text("utf-8")
        assert (plots.NOT_KNOWN in drawn) == (name in NOTHING_TO_ASK)


@pytest.mark.parametrize("metric", ["cosine", "adapted"])
@pytest.mark.parametrize("name", NOTHING_TO_ASK)
def test_where_no_image_can_be_asked_the_figures_are_null_and_it_is_said_why(
    name: str, metric: str
) -> None:
    of = NOTHING_TO_ASK[name]
    assessment, comparison = asked(of, metric), compared(of, "auto")
    for share in (
        assessment,
        *(point[vote] for point in assessment["curve"] for vote in VOTES),
        *(comparison[name] for name in metric_choice.METRICS),
    ):
        assert (share["correct"], share["accuracy"]) == (0, None)
        assert share["accuracy_interval_95"] is None
    assert assessment["confidence"]["weights"] is None
    assert assessment["confidence"]["expected_calibration_error"] is None
    assert assessment["out_of_distribution"]["refused"] is None
    assert "is not known: all images show one product" in quality.sentence(assessment)
    assert comparison["adapted"]["gain"] is None
    assert metric_choice.chosen("auto", comparison) == "cosine"
    assert "auto takes cosine: all images show one product" in comparison["choice"]
    assert compared(of, "cosine")["advice"] is None


@pytest.mark.parametrize("name", FEW)
def test_the_catalogue_is_audited(name: str) -> None:
    of = FEW[name]
    files = dict.fromkeys(of.loaded().content_ids, b"")
    findings, classes = audit.audit(of.loaded(), files, lambda pairs, files: {}, 5)
    assert sum(one.images for one in classes) == different(of)
    assert all(math.isfinite(float(one.score)) for one in findings)


@pytest.mark.parametrize("index", ["exact", "approximate"])
@pytest.mark.parametrize("metric", ["cosine", "adapted"])
@pytest.mark.parametrize("name", FEW)
def test_the_queries_are_answered_and_shown(
    tmp_path: Path, name: str, metric: str, index: str
) -> None:
    of = FEW[name]
    assessment = assert_in_json(asked(of, metric) | {"choice": None}, tmp_path)
    found = searched(of, metric, index, tmp_path)
    unknown = name in NOTHING_TO_ASK
    for reject in (None, "auto"):
        predicted = predicted_by(of, found, assessment, metric, reject)
        PREDICTIONS.write(tmp_path / "rows", predicted.rows)
        (row,) = rows = read_csv(tmp_path / "rows")
        assert row["prediction"] in {*of.labels} or (row["refused"] and not unknown)
        assert (row["confidence"] == "") == unknown
        assert active_learning.order(rows, found, 5) == {"q": 1}
        page = shown(of, rows, found, predicted.votes, assessment, tmp_path)
        assert ("the others classify correctly is not known" in page) == unknown


def different(of: Few) -> int:
    return len({*zip(of.labels, of.contents, strict=True)})


def searched(of: Few, metric: str, index: str, folder: Path) -> pa.Table:
    """Return what one query finds, with whatever goes by files in between."""
    fitted, catalogue = None, of.loaded()
    query = FeatureTable(
        "network", "model", ["q"], ["a"], ["q" * 64], RANDOM[-1:].astype(np.float32)
    )
    if metric == "adapted":
        principal_components.write(
            folder / "components", principal_components.fit(catalogue, False)
        )
        along = principal_components.read(folder / "components")
        catalogue, query = (principal_components.reduce(along, one) for one in (catalogue, query))
        fit = metric_learning.fit(catalogue, neighbours.first_of_equals(catalogue))
        metric_learning.write(folder / "map", fit)
        fitted = metric_learning.read(folder / "map")
    if index == "exact":
        return neighbours.find([query], [catalogue], 50, fitted)
    made = approximate.build([catalogue], of.table(), 50, fitted)
    assert approximate.sentence(made)
    approximate.write(folder / "index", folder / "reported", made)
    made = approximate.read(folder / "index", folder / "reported")
    return approximate.find([query], made, of.table(), 50, fitted)


def predicted_by(
    of: Few, found: pa.Table, assessment: dict[str, Any], metric: str, reject: str | None
) -> predictions.Predictions:
    classifier = predictions.Classifier(
        5,
        VOTES["majority"],
        metric,
        confidence.read(assessment["confidence"]),
        conformal.Thresholds(**assessment["sets"]),
        out_of_distribution.read(assessment["out_of_distribution"]),
        reject,
    )
    known = {"q": predictions.Known("a", None, None)}
    return predictions.predict(found, [], {}, known, classifier, of.product_of)


def shown(
    of: Few,
    rows: list[dict[str, str]],
    found: pa.Table,
    votes: list[Row],
    assessment: dict[str, Any],
    folder: Path,
) -> str:
    """Return the page of the answers, with the products that they show."""
    answers = products.answers(rows, found, "sku", of.product_of, 5, VOTES["majority"])
    PRODUCTS.write(folder / "products", answers)
    evaluation = metrics.evaluate(rows, MODEL, read_csv(folder / "products"))
    assert metrics.sentence(assert_in_json(evaluation, folder))
    counted = [{name: str(value) for name, value in row.items()} for row in votes]
    similar = cards.files(of.table(), of.loaded().paths)
    queries = {"q": cards.File("q" * 64, b"q")}
    made = cards.cards(rows, counted, queries, similar, set(), {}, {}, (), {})
    classes, counts = metrics.confusion(rows)
    page = results_page.Report(
        name="new",
        made=datetime(2026, 1, 2, tzinfo=UTC),
        model=MODEL,
        neighbours=5,
        catalogue=results_page.catalogue(of.table()),
        metrics=evaluation,
        quality=assessment,
        cards=made,
        confusion=confusion.ConfusionMatrix(classes, counts, len(classes)),
        rejected={},
    )
    return results_page.render(page, folder)
