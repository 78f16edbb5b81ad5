"""A catalogue and a query set whose photos are stored in Parquet, as Hugging Face datasets do."""

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from project import CLASSES, Project, lay_out

IMAGE = pa.struct({"bytes": pa.binary(), "path": pa.string()})


def store(project: Project, folder: str, file: str, path: str | None) -> list[tuple[Any, int]]:
    """Put the photos of a folder into a file of Parquet, and remove the folder."""
    rows = [
        ({"bytes": photo.read_bytes(), "path": path and photo.name}, list(CLASSES).index(label))
        for label in CLASSES
        for photo in sorted(project.photo(folder).glob(f"{label}/*.png"))
    ]
    images, labels = zip(*rows, strict=True)
    table = pa.table({"image": pa.array(images, IMAGE), "label": labels})
    features = {
        "image": {"_type": "Image"},
        "label": {"names": list(CLASSES), "_type": "ClassLabel"},
    }
    noted = json.dumps({"info": {"features": features}})
    place = project.photo(file)
    place.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table.replace_schema_metadata({"huggingface": noted}), place, row_group_size=4)
    shutil.rmtree(project.photo(folder))
    return rows


def test_photos_in_parquet_give_the_results_of_their_folders_and_the_next_run_does_nothing(
    tmp_path: Path,
) -> None:
    project = lay_out(tmp_path / "project")
    for number, label in enumerate(CLASSES):
        for n in range(4):
            project.image(f"shoes/{label}/{n}.png", seed=10 * number + n)
        project.image(f"new/{label}/{label}.png", seed=100 + number)
    project.settle(catalogue="photos/shoes", queries={"new": "photos/new"})
    project.run()
    expected = {
        Path(row["image"]).name: row["label"] for row in project.rows("new/predictions.csv")
    }

    store(project, "shoes", "dataset/train-00000-of-00001.parquet", None)
    store(project, "new", "new.parquet", "named")
    project.settle(catalogue={"list": "photos/dataset"}, queries={"new": "photos/new.parquet"})
    run = project.run()
    assert not run.jobs["extract"]
    rows = project.rows("new/predictions.csv")
    assert {row["image"]: row["label"] for row in rows} == expected
    assert [row["row"] for row in rows] == ["1", "2", "3"]
    assert all(row["similar_1"].startswith("dataset, row ") for row in rows)
    assert not any(row["error"] for row in rows)
    assert not project.run().jobs

    shutil.rmtree(project.result("features"))
    shutil.rmtree(project.result("new/report_files"))
    project.run()
    assert {row["image"]: row["label"] for row in project.rows("new/predictions.csv")} == expected
    assert len(list(project.result("new/report_files").glob("*/*.jpg"))) >= 2 * len(CLASSES)
    project.run("export")
    assert len(list(project.folder.glob("export/*/*"))) == 4 * len(CLASSES)
