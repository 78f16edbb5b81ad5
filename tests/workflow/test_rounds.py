"""Ten rounds of look, decide and run again over real photographs, where there are any."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from project import Project, lay_out
from similar_images.core.formats import read_parquet, write_csv
from similar_images.decisions import decisions
from similar_images.features import sharded_features

PHOTOS = Path(__file__).resolve().parents[3] / "shared" / "data" / "clothing"
ROUNDS = 10
TARGETS = ("results/new/predictions.csv", "results/catalogue/members.csv")


def batches(project: Project) -> Iterator[list[tuple[str, ...]]]:
    """Yield the queries in batches, each decided as its folder says: that is the truth here."""
    table = read_parquet(project.result("new/images.parquet"), ["content_id", "image", "label"])
    rows = table.sort_by("content_id").to_pylist()
    for n in range(ROUNDS):
        yield [
            (row["content_id"], row["image"], "new", "catalogue", row["label"], time_of(n), "")
            for row in rows[n::ROUNDS]
        ]


def time_of(round_: int) -> str:
    return f"2026-11-{10 + round_}T12:00:00Z"


@pytest.mark.skipif(not PHOTOS.is_dir(), reason="there are no photographs beside the project")
def test_ten_rounds_of_decisions_extract_nothing_and_end_as_a_clean_run(tmp_path: Path) -> None:
    project = lay_out(tmp_path / "project")
    project.settle(
        catalogue=str(PHOTOS / "catalogue"), queries={"new": str(PHOTOS / "queries"), "shoes": None}
    )
    project.run(*TARGETS)
    shards, size = project.shards(), len(project.rows("catalogue/members.csv"))
    decided: list[tuple[str, ...]] = []
    for number, batch in enumerate(batches(project)):
        file = f"round-{number}.csv"
        write_csv(project.folder / file, decisions.TABLE.names, batch)
        decided += batch
        project.settle(decisions=[f"round-{n}.csv" for n in range(number + 1)])
        run = project.run(*TARGETS)
        assert run.jobs == {"plan": 1, "merge": 2, "quality": 1, "search": 1, "predict": 1}
        assert project.shards() == shards
        members = project.rows("catalogue/members.csv")
        assert len(members) == size + len({row[0] for row in decided})
        rows = project.rows("new/predictions.csv")
        assert sum(row["decision"] == "catalogue" for row in rows) == len(decided)
        assert not any(f"new:{row['image']}" in row.values() for row in rows)
    assert len(decided) == len(sharded_features.collect(project.result("new/images.parquet")).paths)
    clean = project.rebuilt(tmp_path / "clean")
    assert project.predictions() == clean.predictions()
    for name in ("members.csv", "quality.json"):
        path = f"catalogue/{name}"
        assert project.result(path).read_bytes() == clean.result(path).read_bytes()
