"""A small project on which Snakemake runs for real, with the histogram for a backbone."""

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from functools import partial
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow.parquet as pq
import yaml
from PIL import Image, ImageFilter

from similar_images.core.settings import with_defaults
from similar_images.evaluation.settings_comparison import merged
from similar_images.images.fingerprint import summarise

ROOT = Path(__file__).resolve().parents[1]
CLASSES = {"boots": (160, 90, 40), "sandals": (230, 200, 60), "sneakers": (60, 90, 200)}
SETTINGS = {
    "catalogue": "photos/catalogue",
    "queries": {"shoes": None, "new": "photos/new"},
    "backbone": "ColourHistogram",
    "search": {"neighbours": 5},
}


# Runs its command line and prints the memory of its largest process, in KiB.
MEASURED = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:], check=False).returncode
print("peak", resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)
"""


@dataclass
class Run:
    """What a run of Snakemake did: jobs finished for each rule, exit code and console."""

    jobs: Counter[str]
    code: int
    console: str


@dataclass
class Running:
    """A run that is going on."""

    process: subprocess.Popen[str]

    def finish(self, patience: float | None = None) -> Run:
        """Wait for the end; after `patience` seconds, if any, kill all that runs."""
        try:
            console, _ = self.process.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            console, _ = self.process.communicate()
        jobs = Counter(re.findall(r"Finished jobid: \d+ \(Rule: (\w+)\)", console))
        for target in ("all", "default"):
            del jobs[target]
        return Run(jobs, self.process.returncode, console)


class Project:
    """A folder that has the workflow, a configuration and photos of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def settle(self, **settings: Any) -> None:
        """Write `settings` over the configuration; a mapping is merged, as by Snakemake."""
        path = self.folder / "config.yaml"
        config = yaml.safe_load(path.read_text())
        path.write_text(yaml.safe_dump(merged(config, settings)))

    def run(self, *arguments: str, fails: bool = False) -> Run:
        return self.snakemake("--cores", "2", *arguments, fails=fails)

    def peak(self, *arguments: str) -> int:
        """Run, and return the memory of the largest process of this run alone, in KiB."""
        measured = (sys.executable, "-c", MEASURED)
        run = self.start("--cores", "2", *arguments, through=measured).finish()
        assert run.code == 0, run.console
        return int(re.findall(r"^peak (\d+)$", run.console, re.MULTILINE)[-1])

    def snakemake(self, *arguments: str, fails: bool = False) -> Run:
        run = self.start(*arguments).finish()
        assert (run.code != 0) == fails, run.console
        return run

    def start(self, *arguments: str, through: Sequence[str] = (), **environment: str) -> Running:
        """Start Snakemake, `through` another command if any, as the leader of its own session."""
        return Running(
            subprocess.Popen(
                [*through, sys.executable, "-m", "snakemake", *arguments],
                cwd=self.folder,
                env=os.environ | environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,
                # Where the tests run in a shell's background, Ctrl-C is ignored from the start.
                preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
            )
        )

    def image(self, path: str, seed: int = 0, size: tuple[int, int] = (24, 24)) -> Path:
        """Save a noisy image in the colour of the class that `path` names."""
        file = self.folder / "photos" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        colour = next((rgb for name, rgb in CLASSES.items() if name in path), (128, 128, 128))
        noise = np.random.default_rng(seed).normal(0, 25, (*size, 3))
        Image.fromarray((noise + colour).clip(0, 255).astype(np.uint8)).save(file)
        return file

    def scene(self, path: str, seed: int = 0) -> Path:
        """Save an image of any colours but for a small part, which has that of the class."""
        file = self.image(path)
        random = np.random.default_rng(seed)
        colours = np.array([(0, 0, 0), (255, 0, 255), (0, 255, 0), (255, 255, 255), (0, 255, 255)])
        pixels = colours[random.choice(5, 64 * 64, p=random.dirichlet([1] * 5))]
        pixels[:100] = next(rgb for name, rgb in CLASSES.items() if name in path)
        Image.fromarray(pixels.reshape(64, 64, 3).astype(np.uint8)).save(file)
        return file

    def landscape(self, path: str, seed: int = 0, turn: int = 0) -> Path:
        """Save a noisy image that is brighter the higher up; turned clockwise by some degrees."""
        file = self.folder / "photos" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        random = np.random.default_rng(seed)
        squares = random.integers(0, 120, (8, 6, 3)) + np.linspace(120, 0, 8)[:, None, None]
        picture = Image.fromarray(squares.astype(np.uint8)).resize((90, 120))
        picture.rotate(-turn, expand=True).save(file)
        return file

    def age(self) -> None:
        """Make all photos look as if they had not changed for long."""
        for path in self.photo("").rglob("*.png"):
            os.utime(path, (1_700_000_000, 1_700_000_000))

    def blots(self, path: str, seed: int) -> Path:
        """Save an image of soft blots, no two alike."""
        file = self.folder / "photos" / path
        noise = np.random.default_rng(seed).integers(0, 255, (12, 15, 3), np.uint8)
        Image.fromarray(noise).resize((300, 240)).filter(ImageFilter.GaussianBlur(3)).save(file)
        return file

    def photo(self, path: str) -> Path:
        return self.folder / "photos" / path

    def result(self, path: str) -> Path:
        return self.folder / "results" / path

    def rows(self, path: str) -> list[dict[str, str]]:
        with self.result(path).open(newline="", encoding="utf-8") as stream:
            return list(csv.DictReader(stream))

    def json(self, path: str) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.result(path).read_text("utf-8"))
        return content

    def shards(self) -> set[str]:
        return {str(path) for path in self.result("features").glob("*/*.parquet")}

    def copy(self, folder: Path) -> Self:
        """Return a copy of the project, in which Snakemake has nothing to do."""
        shutil.copytree(self.folder, folder, symlinks=True, dirs_exist_ok=True)
        copied = copy(self)
        copied.folder = folder
        # No copy has the ctime of the original, and Snakemake compares fingerprints with it.
        renamed = dict(zip(self.fingerprints(), copied.fingerprints(), strict=True))
        for path in folder.glob(".snakemake/metadata/*"):
            text = path.read_text("utf-8")
            for old, new in renamed.items():
                text = text.replace(old, new)
            path.write_text(text, "utf-8")
        return copied

    def fingerprints(self) -> list[str]:
        """Return the fingerprints of the collections in folders."""
        settings = yaml.safe_load((self.folder / "config.yaml").read_text("utf-8"))
        folders = [self.folder / path for path in (settings["catalogue"], *queries_of(settings))]
        return [
            summarise(path, settings["images"]["follow_links"]).fingerprint
            for path in folders
            if path.is_dir()
        ]

    def predictions(self) -> dict[str, bytes]:
        """Return the predictions of each query set, without times."""
        return {
            path.parent.name: without_times(path.name, path.read_bytes())
            for path in self.result("").glob("*/predictions.csv")
        }

    def answers(self) -> list[str]:
        """Return the paths of the answers, without figures and pages."""
        sets = yaml.safe_load((self.folder / "config.yaml").read_text())["queries"]
        predictions = [f"results/{name}/predictions.csv" for name, path in sets.items() if path]
        catalogue = ["members.csv", "description.json"]
        return [*(f"results/catalogue/{name}" for name in catalogue), *predictions]

    def rebuilt(self, folder: Path) -> Self:
        """Return a copy of the project that has made its answers from nothing."""
        clean = self.copy(folder)
        shutil.rmtree(clean.folder / "results")
        shutil.rmtree(clean.folder / ".snakemake")
        clean.run(*clean.answers())
        return clean


def without_times(name: str, content: bytes) -> bytes:
    """Return the `content` of predictions.csv or manifest.parquet without its column `added`.

    That alone is not as in a rebuild, which cannot know when photos were first there. Other files
    have no such column, and are returned as they are.
    """
    if name.endswith("manifest.parquet"):
        return repr(pq.read_table(BytesIO(content)).drop_columns("added").to_pylist()).encode()
    if not name.endswith("predictions.csv"):
        return content
    rows = list(csv.reader(StringIO(content.decode(), newline="")))
    place = rows[0].index("added")
    stream = StringIO(newline="")
    csv.writer(stream).writerows([*row[:place], *row[place + 1 :]] for row in rows)
    return stream.getvalue().encode()


def queries_of(settings: dict[str, Any]) -> list[str]:
    return [path for path in settings["queries"].values() if path]


def defaults() -> dict[str, Any]:
    """Return the settings of config.yaml as it comes, whatever a user has changed in it."""
    schema = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text("utf-8"))
    return with_defaults({"catalogue": "data/catalogue"}, schema)


def lay_out(folder: Path) -> Project:
    """Lay out a project without photos."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("Snakefile", "workflow", "profiles"):
        (folder / name).symlink_to(ROOT / name)
    project = Project(folder)
    (folder / "config.yaml").write_text(yaml.safe_dump(defaults()))
    project.settle(**SETTINGS)
    return project


def lay_out_shoes(folder: Path) -> Project:
    """Lay out a project with photos that have not changed for long."""
    project = lay_out(folder)
    for number, class_ in enumerate(CLASSES):
        for n in range(4):
            project.image(f"catalogue/{class_}/{n}.png", seed=10 * number + n)
        for n in range(2):
            project.image(f"new/{class_}/{n}.png", seed=100 + 10 * number + n)
    project.age()
    return project
