"""A small project on which Snakemake runs for real, with the histogram for a backbone."""

import csv
import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image, ImageFilter

ROOT = Path(__file__).resolve().parents[1]
CLASSES = {"boots": (160, 90, 40), "sandals": (230, 200, 60), "sneakers": (60, 90, 200)}
SETTINGS = {
    "catalogue": "photos/catalogue",
    "queries": {"shoes": None, "new": "photos/new"},
    "backbone": "ColourHistogram",
    "search": {"neighbours": 5},
}


@dataclass
class Run:
    """What a run of Snakemake did: jobs finished for each rule, exit code and console."""

    jobs: Counter[str]
    code: int
    console: str


class Project:
    """A folder that has the workflow, a configuration and photos of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def settle(self, **settings: Any) -> None:
        """Write `settings` over the configuration; a mapping is merged, as by Snakemake."""
        path = self.folder / "config.yaml"
        config = yaml.safe_load(path.read_text())
        for key, value in settings.items():
            config[key] = {**config.get(key, {}), **value} if isinstance(value, dict) else value
        path.write_text(yaml.safe_dump(config))

    def run(self, *arguments: str, fails: bool = False) -> Run:
        command = [sys.executable, "-m", "snakemake", "--cores", "2", *arguments]
        done = subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, errors="replace", check=False
        )
        console = done.stdout + done.stderr
        assert (done.returncode != 0) == fails, console
        jobs = Counter(re.findall(r"Finished jobid: \d+ \(Rule: (\w+)\)", console))
        del jobs["all"]
        return Run(jobs, done.returncode, console)

    def image(self, path: str, seed: int = 0, size: tuple[int, int] = (24, 24)) -> Path:
        """Save a noisy image in the colour of the class that `path` names."""
        file = self.folder / "photos" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        colour = next((rgb for name, rgb in CLASSES.items() if name in path), (128, 128, 128))
        noise = np.random.default_rng(seed).normal(0, 25, (*size, 3))
        Image.fromarray((noise + colour).clip(0, 255).astype(np.uint8)).save(file)
        return file

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
        return json.loads(self.result(path).read_text("utf-8"))

    def shards(self) -> set[str]:
        return {str(path) for path in self.result("").glob("*/features/*.parquet")}

    def copy(self, folder: Path) -> "Project":
        shutil.copytree(self.folder, folder, symlinks=True, dirs_exist_ok=True)
        return Project(folder)

    def predictions(self) -> dict[str, bytes]:
        return {
            path.parent.name: path.read_bytes()
            for path in self.result("").glob("*/predictions.csv")
        }

    def rebuilt_predictions(self, folder: Path) -> dict[str, bytes]:
        """Return the predictions that a run from nothing gives."""
        clean = self.copy(folder)
        shutil.rmtree(clean.folder / "results")
        shutil.rmtree(clean.folder / ".snakemake")
        clean.run()
        return clean.predictions()


def lay_out(folder: Path) -> Project:
    """Lay out a project without photos."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("Snakefile", "workflow", "profiles"):
        (folder / name).symlink_to(ROOT / name)
    shutil.copy(ROOT / "config.yaml", folder)
    project = Project(folder)
    project.settle(**SETTINGS)
    return project
