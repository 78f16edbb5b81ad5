"""Whole runs on lists that name the product of each photo."""

import csv
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from changes import decide
from project import CLASSES, Project, lay_out_shoes
from similar_images.core.file_formats import read_csv, read_parquet


@pytest.fixture
def shop(tmp_path: Path) -> Project:
    """A project of lists, in which each product of the catalogue has two photos."""
    project = lay_out_shoes(tmp_path / "shop")
    project.image("new/sandals/odd.png", seed=900).rename(project.photo("new/boots/odd.png"))
    project.image("new/sandals/empty.png").write_bytes(b"")
    write_list(
        project,
        "catalogue",
        [(f"{c}/{n}.png", c, f"{c}-{n // 2}") for c in CLASSES for n in range(4)],
    )
    write_list(
        project,
        "new",
        [
            *((f"boots/{name}.png", "boots", "P1") for name in ("0", "1", "odd")),
            *((f"sandals/{name}.png", "sandals", "P2") for name in ("0", "empty")),
            ("sandals/1.png", "sandals", ""),
        ],
    )
    project.settle(
        catalogue="catalogue.csv",
        queries={"new": "new.csv"},
        product="sku",
        search={"neighbours": 2},
    )
    return project


def write_list(project: Project, name: str, rows: list[tuple[str, str, str]]) -> None:
    with (project.folder / f"{name}.csv").open("w", newline="") as stream:
        lines = [(f"photos/{name}/{image}", *rest) for image, *rest in rows]
        csv.writer(stream).writerows([("image", "label", "sku"), *lines])


def test_all_photos_of_a_product_together_outvote_a_wrong_one(
    shop: Project,
) -> None:
    run = shop.run()
    rows = shop.rows("new/predictions.csv")
    images = {row["image"].removeprefix("photos/new/"): row for row in rows}
    assert (images["boots/odd.png"]["prediction"], images["boots/odd.png"]["correct"]) == (
        "sandals",
        "false",
    )
    assert images["boots/odd.png"]["sku"] == "P1"
    shown = [Path(images["boots/0.png"][f"similar_{n}"]) for n in (1, 2, 3)]
    assert len({(image.parent, int(image.stem) // 2) for image in shown}) == 3
    first, second, single = shop.rows("new/products.csv")
    assert (first["product"], first["prediction"], first["correct"]) == ("P1", "boots", "true")
    assert (first["images"], first["votes"], first["voters"]) == ("3", "4", "6")
    assert (
        len(
            {first[f"product_{n}"] for n in (1, 2, 3)}
            & {f"{c}-{n}" for c in CLASSES for n in (0, 1)}
        )
        == 3
    )
    assert (second["product"], second["images"], second["used"]) == ("P2", "2", "1")
    assert single["product"] == "photos/new/sandals/1.png"
    metrics = shop.json("new/metrics.json")
    assert (metrics["labelled"], metrics["correct"]) == (5, 4)
    assert (metrics["products"]["products"], metrics["products"]["accuracy"]) == (3, 1)
    assert "3 of 3 labelled products correct: 100.0%" in run.console
    assert "3 of 3 labelled products are right" in " ".join(
        shop.result("new/report.html").read_text().split()
    )
    assert shop.json("catalogue/quality.json")["groups"] == 6
    assert shop.run().jobs == {}

    # A photo of a product that was taken into the catalogue answers for none of the product.
    decide(shop, ("new/boots/0.png", "catalogue", "boots"))
    shop.run("results/new/neighbours.parquet")
    found = read_parquet(shop.result("new/neighbours.parquet"))
    taken = "new:photos/new/boots/0.png"
    asked = [row["image"] for row in found.to_pylist() if taken in row["similar"]]
    assert asked == ["photos/new/sandals/0.png", "photos/new/sandals/1.png"]

    shop.settle(product="gtin")
    console = shop.run(fails=True).console
    assert "catalogue: catalogue.csv: the column gtin is missing" in console


def test_long_texts_dates_and_numbers_of_a_parquet_list_come_into_the_predictions(
    shop: Project,
) -> None:
    listed = shop.folder / "new.parquet"
    with (shop.folder / "new.csv").open() as stream:
        images = [row["image"] for row in csv.DictReader(stream)]
    table = {
        "image": images,
        "label": [Path(image).parent.name.encode() for image in images],
        "sku": [4711.0, 4711.0, None, 5.0, 5.0, 5.0],  # as pandas stores integers with a gap
        "body": ["x" * 144_000] * 6,
        "seen": pa.array([1_700_000_000_123_456_789] * 6, pa.timestamp("ns", "Europe/Berlin")),
    }
    pq.write_table(pa.table(table), listed)
    shop.settle(queries={"new": listed.name}, columns=["body", "seen"])
    shop.run()
    rows = read_csv(shop.result("new/predictions.csv"))
    assert {row["label"] for row in rows} == {"boots", "sandals"}
    assert {len(row["body"]) for row in rows} == {144_000}
    assert {row["seen"] for row in rows} == {"2023-11-14T23:13:20.123456789+01:00"}
    products = [row["product"] for row in read_csv(shop.result("new/products.csv"))]
    assert products == ["4711", "5", images[2]]
