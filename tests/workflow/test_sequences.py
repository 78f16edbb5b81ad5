"""Whatever users do between two runs of Snakemake, the answers are those of a rebuild."""

import random
import shutil
from contextlib import chdir
from pathlib import Path

import pytest
import sequences
import stages
import yaml
from sequences import BY_NAME, Outcome, World

from project import Project, Run, lay_out
from similar_images.base.errors import UserError

SEQUENCES = 20
# So many changes are made before a run, since each takes seconds.
CHANGES = 4


def laid_out(folder: Path, seed: int) -> tuple[Project, World]:
    """Return a project with the photos and the settings of a sequence."""
    project = lay_out(folder)
    world = sequences.lay_out(folder, seed)
    world.settings["backbone"] = "ColourHistogram"
    return project, world


def run(project: Project, world: World) -> Run:
    """Run Snakemake on the world as it is now."""
    world.write()
    (project.folder / "config.yaml").write_text(yaml.safe_dump(world.settings))
    return project.start("--cores", "2", *project.answers()).finish()


def rebuilt(project: Project, world: World, folder: Path) -> Outcome:
    """Return what the scripts make from nothing, but for the model: without Snakemake."""
    folder.mkdir()
    for name in ("photos", "decisions-0.csv", "decisions-1.csv"):
        (folder / name).symlink_to(project.folder / name)
    shutil.copytree(project.result("model"), folder / "results/model")
    with chdir(folder), stages.in_process():
        try:
            stages.run(world.settings)
        except UserError as error:
            return {"error": str(error)}
        return sequences.outcome(world.active())


@pytest.mark.parametrize("seed", range(SEQUENCES))
def test_any_sequence_of_changes_ends_as_a_rebuild(tmp_path: Path, seed: int) -> None:
    project, world = laid_out(tmp_path / "project", seed)
    first = run(project, world)
    assert first.code == 0, first.console
    steps = [change for changes in sequences.steps_of(seed) for change in changes][:CHANGES]
    for name, own in steps:
        BY_NAME[name](world, random.Random(own))
    second = run(project, world)
    expected = rebuilt(project, world, tmp_path / "rebuilt")
    told = f"sequence {seed}: {steps}, {world.settings['search']}\n{second.console}"
    if "error" in expected:
        assert second.code != 0, told
        assert str(expected["error"]).splitlines()[0] in second.console
        return
    assert second.code == 0, told
    with chdir(project.folder):
        found = sequences.outcome(world.active())
    for name, content in expected.items():
        assert found[name] == content, f"{name} is not that of a rebuild\n{told}"
