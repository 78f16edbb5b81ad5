"""`snakemake neighbours`: neighbours.csv lists what neighbours.parquet and predictions.csv have."""

import csv
import json
import os
import subprocess
import sys
from io import StringIO

import pyarrow.parquet as pq

from project import CLASSES, ROOT, Project

NEIGHBOURS = "new/neighbours.csv"
ONLY = {"list_neighbours": 1, "neighbours": 1}


def by_query(project: Project, name: str = NEIGHBOURS) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = {}
    for row in project.rows(name):
        found.setdefault(row["image"], []).append(row)
    return found


def test_the_rows_are_those_of_the_search_the_predictions_and_single_questions(
    project: Project,
) -> None:
    run = project.run("neighbours")
    assert run.jobs == ONLY
    assert "new: the table of neighbours is results/new/neighbours.csv" in run.console
    listed = by_query(project)
    searched = pq.read_table(project.result("new/neighbours.parquet")).to_pylist()
    assert [*listed] == [query["image"] for query in searched]
    for query in searched:
        rows = listed[query["image"]]
        assert [row["similar"] for row in rows] == query["similar"]
        assert [row["class"] for row in rows] == query["class"]
        assert [row["similarity"] for row in rows] == [f"{s:.6f}" for s in query["similarity"]]
        assert [row["rank"] for row in rows] == [str(n) for n in range(1, 13)]
        assert {row["label"] for row in rows} == {query["label"]}
    for row in project.rows("new/predictions.csv"):
        rows = listed[row["image"]]
        for n in (1, 2, 3):
            shown = [rows[n - 1][name] for name in ("similar", "class", "similarity")]
            assert shown == [row[f"{name}_{n}"] for name in ("similar", "class", "similarity")]
        assert rows[0]["metric"] == row["metric"] == "cosine"
    photo = "photos/new/boots/0.png"
    command = [sys.executable, "-m", "similar_images", "ask", photo, "--neighbours", "20", "--json"]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "workflow/scripts")}
    asked = subprocess.run(
        command, cwd=project.folder, env=environment, capture_output=True, check=True
    )
    answered = json.loads(asked.stdout)["neighbours"]
    assert [(one["image"], f"{one['similarity']:.6f}") for one in answered] == [
        (row["similar"], row["similarity"]) for row in listed["boots/0.png"]
    ]


def test_a_setting_renews_this_table_alone_and_says_what_is_left_out(project: Project) -> None:
    project.run("neighbours")
    project.settle(neighbours_csv={"most": 4})
    assert project.run("neighbours").jobs == ONLY
    assert {len(rows) for rows in by_query(project).values()} == {4}
    similarities = sorted(float(row["similarity_1"]) for row in project.rows("new/predictions.csv"))
    project.settle(neighbours_csv={"most": 50, "least_similarity": similarities[1]})
    run = project.run("neighbours")
    assert run.jobs == ONLY
    rows = project.rows(NEIGHBOURS)
    assert rows
    assert all(float(row["similarity"]) >= similarities[1] for row in rows)
    assert f"no neighbour is at least {similarities[1]} similar: 1 photo" in run.console
    assert not project.run().jobs
    project.settle(neighbours_csv={"most": 51, "least_similarity": "high"})
    console = project.run("neighbours", fails=True).console
    assert "neighbours_csv.most: 51 is not allowed; allowed: a whole number from 1 to 50" in console
    assert "allowed: a number from -1 to 1" in console
    assert "Traceback" not in console


def test_a_usual_run_does_not_write_it_but_says_if_it_is_left_behind(project: Project) -> None:
    project.image("catalogue/boots/added.png", seed=100)
    assert project.run().jobs["list_neighbours"] == 0
    assert not project.result(NEIGHBOURS).exists()
    project.run("neighbours")
    project.photo("catalogue/boots/added.png").unlink()
    said = "results/new/neighbours.csv is of an earlier run. To make it again: snakemake --cores 8 "
    assert f"{said}neighbours" in project.run().console
    assert project.run("neighbours").jobs == ONLY
    assert "boots/added.png" not in {row["similar"] for row in project.rows(NEIGHBOURS)}


def test_of_each_product_one_photo_is_listed(project: Project) -> None:
    lines = [f"{c}/{n}.png,{c},{c}{n % 2}" for c in CLASSES for n in range(4)]
    text = "\n".join(["image,label,product", *lines])
    project.photo("catalogue/list.csv").write_text(text, "utf-8")
    project.settle(catalogue="photos/catalogue/list.csv", product="product")
    project.run("neighbours")
    of = {row["image"]: row["product"] for row in csv.DictReader(StringIO(text))}
    listed = by_query(project)
    for row in project.rows("new/predictions.csv"):
        rows = listed[row["image"]]
        assert len({of[one["similar"]] for one in rows}) == len(rows) == 6
        assert [one["similar"] for one in rows[:3]] == [row[f"similar_{n}"] for n in (1, 2, 3)]
