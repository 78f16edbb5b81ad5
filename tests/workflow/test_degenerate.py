"""Whole runs on catalogues whose images cannot be asked against each other."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from project import CLASSES, Project, lay_out_shoes

SETTINGS: dict[str, dict[str, Any]] = {
    "default": {},
    "chosen": {"metric": "auto", "index": "approximate", "vote": "weighted", "reject": "auto"},
}


def make_one_product(project: Project) -> None:
    images = [f"photos/catalogue/{class_}/{n}.png,{class_},P" for class_ in CLASSES for n in (0, 1)]
    (project.folder / "catalogue.csv").write_text("\n".join(["image,label,sku", *images, ""]))
    project.settle(catalogue="catalogue.csv", product="sku")


def make_one_content(project: Project) -> None:
    shutil.rmtree(project.photo("catalogue/sneakers"))
    for n in range(4):
        for class_ in ("boots", "sandals"):
            shutil.copy(
                project.photo("new/boots/0.png"), project.photo(f"catalogue/{class_}/{n}.png")
            )


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("make", [make_one_product, make_one_content])
def test_queries_are_classified_and_unknown_figures_are_called_unknown(
    tmp_path: Path, make: Any, settings: str
) -> None:
    project = lay_out_shoes(tmp_path / "project")
    make(project)
    project.settle(search=SETTINGS[settings])
    run = project.run("all", "audit")
    assert (
        "classified correctly by the others is not known: all images show one product"
        in run.console
    )
    rows = project.rows("new/predictions.csv")
    assert all(row["prediction"] and row["confidence"] == "" for row in rows)
    assert {row["metric"] for row in rows} == {"cosine"}
    quality, metrics = (
        project.json(f"catalogue/{name}.json") for name in ("quality", "metric_comparison")
    )
    assert (quality["evaluated"], quality["accuracy"]) == (0, None)
    assert (metrics["adapted"]["gain"], metrics["adapted"]["better"]) == (None, False)
    page = project.result("new/report.html").read_text("utf-8")
    assert "the others classify correctly is not known" in page
    if settings == "chosen":
        assert run.console.count("auto takes cosine: all images show one product") == 2
