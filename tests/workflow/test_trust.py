"""Labels stay texts, and a run needs no network."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from project import CLASSES, lay_out
from similar_images.core.file_formats import read_csv

LABELS = ["../../up", "/tmp/similar-images-up", "{queries}", "*", "a/../..", "$(touch up)"]
CUT_OFF = ["unshare", "--map-root-user", "--net"]


def can_be_cut_off() -> bool:
    done = subprocess.run([*CUT_OFF, "true"], check=False, capture_output=True)
    return done.returncode == 0


@pytest.mark.skipif(
    shutil.which("unshare") is None or not can_be_cut_off(),
    reason="this system does not let a process give up the network",
)
def test_a_run_without_a_network_keeps_labels_of_any_kind_inside_the_results(
    tmp_path: Path,
) -> None:
    project = lay_out(tmp_path / "project")
    lines = ["image,label"]
    for number, label in enumerate(LABELS):
        name = f"{list(CLASSES)[number % 3]}-{number}.png"
        project.image(name, seed=number)
        lines.append(f"{name},{label}")
    for name in ("catalogue.csv", "queries.csv"):
        project.photo(name).write_text("\n".join(lines), "utf-8")
    project.settle(
        catalogue="photos/catalogue.csv",
        queries={"new": "photos/queries.csv"},
        search={"neighbours": 1},
    )
    before = set(tmp_path.rglob("*"))
    command = [*CUT_OFF, sys.executable, "-m", "snakemake", "--cores", "2"]
    done = subprocess.run(
        command, cwd=project.folder, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    rows = read_csv(project.result("new/predictions.csv"))
    assert [row["prediction"] for row in rows] == [row["label"] for row in rows]
    assert {row["label"] for row in rows} == set(LABELS)
    own = [project.folder / name for name in ("results", "logs", ".snakemake")]
    made = set(tmp_path.rglob("*")) - before
    assert not [path for path in made if not any(path.is_relative_to(home) for home in own)]
    assert not Path("/tmp/similar-images-up").exists()
    names = {path.name for path in project.result("").glob("[!.]*")}
    assert names == {"model", "features", "plan", "catalogue", "new", "history.csv"}
