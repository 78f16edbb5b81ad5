"""Whatever users do between two runs of Snakemake, the answers are those of a rebuild."""

import random
import shutil
from contextlib import chdir
from pathlib import Path

import pytest
import yaml

import sequences
import stages
from project import Project, Run, lay_out
from sequences import Outcome, World
from similar_images.core.errors import UserError

# A run takes seconds. So few projects are laid out, and each goes through several sequences.
PROJECTS, SEQUENCES = 4, 5
# Changes in each of them, one run after them all.
CHANGES = 4


def run(project: Project, world: World) -> Run:
    """Run Snakemake on the world as it is now."""
    (project.folder / "config.yaml").write_text(yaml.safe_dump(world.settings))
    return project.start("--cores", "2", *project.answers()).finish()


def rebuilt(project: Project, world: World, folder: Path) -> Outcome:
    """Return what the scripts make from nothing but the model, without Snakemake."""
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


def assert_as_rebuilt(
    project: Project, world: World, done: Run, folder: Path, description: str
) -> None:
    """Check that a run ends like a rebuild, with the same error if any."""
    expected = rebuilt(project, world, folder)
    description = f"{description}, {world.settings['search']}\n{done.console}"
    if "error" in expected:
        assert done.code != 0, description
        assert str(expected["error"]).splitlines()[0] in done.console, description
        return
    assert done.code == 0, description
    with chdir(project.folder):
        found = sequences.outcome(world.active())
    for name, content in expected.items():
        assert found[name] == content, f"{name} is not that of a rebuild\n{description}"


@pytest.mark.parametrize("seed", range(PROJECTS))
def test_after_any_sequence_of_changes_the_results_equal_a_rebuild(
    tmp_path: Path, seed: int
) -> None:
    project = lay_out(tmp_path / "project")
    world = sequences.lay_out(project.folder, seed)
    world.settings["backbone"] = "ColourHistogram"
    world.write()
    assert run(project, world).code == 0
    chance = random.Random(f"workflow {seed}")
    for number in range(SEQUENCES):
        changes = sequences.some_changes(chance, CHANGES)
        sequences.change(world, changes)
        done = run(project, world)
        description = f"project {seed}, sequence {number}: {changes}"
        assert_as_rebuilt(project, world, done, tmp_path / f"rebuilt-{number}", description)
