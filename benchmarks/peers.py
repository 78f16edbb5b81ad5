"""The pipeline beside two libraries: writes benchmarks/results/peers.md: `make bench-peers`.

    PYTHONPATH=workflow/scripts python benchmarks/peers.py PYTHON

PYTHON is that of an environment with requirements/peers.in. All run EfficientNet-Lite2 (the peers
timm's, with random weights, on which the time does not depend) on the same photographs, each in
programs of its own: on all of them, and then with one more photo in the catalogue.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import machine
from networks import THREADS
from pages import table
from photos import vary_sample
from pipeline import PHOTOS, lay_out

ROOT = Path(__file__).resolve().parents[1]
CATALOGUE, QUERIES, ROUNDS = 1000, 200, 3
OWN = "Similar Image Finder"
# What each keeps by itself from one program to the next.
PEERS = {
    "DeepImageSearch": ("deep_image_search.py", "the catalogue's features"),
    "imagededup": ("imagededup_cnn.py", "nothing"),
}
KEPT = {OWN: "all features and answers"} | {name: kept for name, (_, kept) in PEERS.items()}


def main() -> None:
    """Measure all; it takes some ten minutes on two cores."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("python", type=Path)
    python = parser.parse_args().python.absolute()
    with tempfile.TemporaryDirectory() as folder:
        costs = measure(Path(folder), python)
    results = {"machine": machine.describe() | versions(python), "costs": costs}
    (ROOT / "benchmarks/results/peers.md").write_text(page(results))


def measure(project: Path, python: Path) -> dict[str, dict[str, Any]]:
    """Return for each contestant what its first run cost, and the runs with one photo more."""
    vary_sample(project / PHOTOS["catalogue"], CATALOGUE)
    vary_sample(project / PHOTOS["queries"]["new"], QUERIES)
    lay_out(project, "EfficientNetLite2", **PHOTOS)
    commands = {OWN: [sys.executable, "-m", "snakemake", "--cores", str(THREADS)]}
    for name, (script, _) in PEERS.items():
        folders = (PHOTOS["catalogue"], PHOTOS["queries"]["new"], f"state_{name}")
        commands[name] = [str(python), str(ROOT / "benchmarks/peer_programs" / script), *folders]
    costs: dict[str, dict[str, Any]] = {
        name: {"first": cost(command, project)} for name, command in commands.items()
    }
    photo = next((project / PHOTOS["catalogue"]).rglob("*.jpg"))
    for number in range(ROUNDS):
        more = shutil.copy(photo, photo.with_name(f"more_{number}.jpg"))
        with Path(more).open("ab") as stream:
            stream.write(bytes(number + 1))
        for name, command in commands.items():
            costs[name].setdefault("one_more", []).append(cost(command, project))
    return costs


def cost(command: list[str], folder: Path) -> dict[str, float]:
    """Run `command` in `folder`; return its seconds and the most memory of one of its processes."""
    started = time.perf_counter()
    environment = os.environ | {"OMP_NUM_THREADS": str(THREADS)}
    with (folder / "console").open("w+") as console:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=console, stderr=subprocess.STDOUT
        )
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            console.seek(0)
            sys.exit(console.read())
    return {"seconds": time.perf_counter() - started, "memory_mb": usage.ru_maxrss / 1024}


def versions(python: Path) -> dict[str, str]:
    """Return the versions of the peers in the environment of `python`."""
    packages = (*PEERS, "timm", "torch")
    code = "import sys, importlib.metadata as m; print(*map(m.version, sys.argv[1:]))"
    run = subprocess.run(
        [python, "-c", code, *packages], check=True, capture_output=True, text=True
    )
    return dict(zip(packages, run.stdout.split(), strict=True))


def page(results: dict[str, Any]) -> str:
    """Return benchmarks/results/peers.md."""
    rows = [
        [
            name,
            *(f"{costs['first'][what]:.0f}" for what in ("seconds", "memory_mb")),
            *(
                f"{sorted(run[what] for run in costs['one_more'])[ROUNDS // 2]:{form}}"
                for what, form in (("seconds", ".1f"), ("memory_mb", ".0f"))
            ),
            KEPT[name],
        ]
        for name, costs in results["costs"].items()
    ]
    header = ["", "first run, s", "memory, MB", "one photo more, s", "memory, MB ", "keeps"]
    return "\n".join(
        [
            "# Beside others",
            "",
            f"Written by `make bench-peers`: {CATALOGUE:,} photographs in the catalogue and",
            f"{QUERIES} queries, EfficientNet-Lite2, {THREADS} threads, whole programs. The peers",
            "run timm's network with random weights. This pipeline also makes its pages, figures",
            "and the calibration; they search, and no more. Of the runs with one photo more the",
            f"median of {ROUNDS}; the memory is that of the largest process.",
            "",
            *table(header, rows),
            *table(("machine", ""), results["machine"].items()),
        ]
    )


if __name__ == "__main__":
    main()
