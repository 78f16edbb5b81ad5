"""Questions about single photos: what an answer costs: writes benchmarks/results/asking.md.

    PYTHONPATH=workflow/scripts:tests python benchmarks/asking.py DATA

DATA has the folder clothing/ with catalogue/<class>/ and queries/<class>/ in it. The catalogue is
that of a real run, and grown: see `grown`. It takes half an hour,
20 GB of disk and 15 GB of memory.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np

import asking_load
import asking_page
import machine
from grown import add_index, grow
from networks import THREADS
from pipeline import lay_out, run
from similar_images import Catalogue
from similar_images.answers import mapped_features, snapshot
from similar_images.answers.searching import ExactSearch
from similar_images.core.files import remove
from similar_images.core.job import HIDDEN, hidden
from similar_images.features import sharded_features
from similar_images.features.sharded_features import ShardedFeatures
from similar_images.search import exact, neighbours
from stored import FEATURES

ROOT = Path(__file__).resolve().parents[1]
SMALL, LARGE = 20_000, 1_000_000
ROUNDS = 5
QUESTIONS = {SMALL: 100, LARGE: 20}
COUNT = 50  # neighbours that the search finds for each question


class Costs(NamedTuple):
    """Seconds that pass, and those of all processors."""

    seconds: float
    of_processors: float


def main() -> None:
    """Measure all in a temporary folder."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    data = parser.parse_args().data.resolve()
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder, "project")
        project.mkdir()
        run_small(project, data / "clothing")
        photos = read_photos(project)
        results = {"machine": machine.describe(), "recall": None}
        results |= measure_small(project / "results", Path(folder, "small"), photos)
        results |= measure_large(project / "results", Path(folder, "large"), photos)
        (ROOT / "benchmarks/results/asking.md").write_text(asking_page.page(results))


def run_small(project: Path, photos: Path) -> None:
    """Run the workflow on real photos, with as many features as EfficientNetB3 gives.

    Its weights are a download. So the network is EfficientNetLite2, whose weights are always there,
    with its features projected at random, which keeps their similarities.
    """
    import keras

    from similar_images.backbones import efficientnet_lite2

    keras.utils.set_random_seed(0)
    lite2 = efficientnet_lite2.build(efficientnet_lite2.weights_file())
    projected = keras.layers.Dense(FEATURES, use_bias=False)(lite2.output)
    keras.Model(lite2.input, projected).save(project / "network.keras")
    backbone = {"file": "network.keras", "mean": [0.0] * 3, "deviation": [1 / 255] * 3}
    catalogue, queries = (str(photos / name) for name in ("catalogue", "queries"))
    lay_out(project, backbone, catalogue, {"new": queries})
    run(project, "results/catalogue/description.json", "results/new/predictions.csv")


def read_photos(project: Path) -> dict[str, bytes]:
    """Return the bytes of the queries, by name."""
    table = sharded_features.TABLE.read(project / "results/new/images.parquet")
    columns = (table[name].to_pylist() for name in ("image", "file"))
    return {
        image: (project / os.fsdecode(file)).read_bytes()
        for image, file in zip(*columns, strict=True)
    }


def measure_small(run: Path, project: Path, photos: Mapping[str, bytes]) -> dict[str, Any]:
    """Return what questions cost by the shell, in a process, and through a server."""
    results = project / "results"
    grow(run, results, SMALL)
    expected = asking_load.expected_of(run, results)
    return {
        "shell": measure_shell(results, next(iter(photos.values()))),
        "small": in_a_process(ask, results, [*photos.values()][: QUESTIONS[SMALL]]),
        "small_search": in_a_process(search, run, results),
        "load": asking_load.measure(project, photos, expected),
    }


def measure_large(run: Path, project: Path, photos: Mapping[str, bytes]) -> dict[str, Any]:
    """Return what questions cost in a large catalogue, by exact and by approximate search."""
    results, asked = project / "results", [*photos.values()][: QUESTIONS[LARGE]]
    grow(run, results, LARGE)
    measured = {
        "large_first": in_a_process(ask, results, asked[:1]),
        "large": in_a_process(ask, results, asked),
        "large_search": in_a_process(search, run, results),
    }
    started = time.perf_counter()
    index = add_index(results)
    measured["index_seconds"] = time.perf_counter() - started
    measured["recall"] = index.recall
    return measured | {"approximate": in_a_process(ask, results, asked)}


def measure_shell(results: Path, photo: bytes) -> dict[str, list[Costs]]:
    """Return the costs of the command, the first after a run, and of later ones."""
    file = results.with_name("photo.jpg")
    file.write_bytes(photo)
    program = [sys.executable, "-m", "similar_images", "ask"]
    command = [*program, str(file), "--results", str(results)]

    def ask_once() -> object:
        return subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    costs: dict[str, list[Costs]] = {"first": [], "later": []}
    for _ in range(ROUNDS):
        remove(results / mapped_features.FOLDER)
        for when in ("first", "later", "later"):
            costs[when].append(cost(ask_once))
    return costs


def in_a_process(function: Callable[..., Any], *arguments: Any) -> Any:
    """Return what `function` returns in a process of its own."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def cost(function: Callable[[], object]) -> Costs:
    """Return what a call costs; other programs on the machine make only the first longer."""
    started, before = time.perf_counter(), sum(os.times()[:4])
    function()
    return Costs(time.perf_counter() - started, sum(os.times()[:4]) - before)


def ask(results: Path, photos: Sequence[bytes]) -> dict[str, Any]:
    """Return what questions cost in this process, one after the other, and by several threads."""
    catalogues: list[Catalogue] = []
    with hidden(HIDDEN):
        opened = cost(lambda: catalogues.append(Catalogue.open(results)))
        (catalogue,) = catalogues
        catalogue.ask(photos[0])  # loads the network, and reads the mapped features
    costs: dict[str, list[Costs]] = {"all": [], "of_a_class": []}
    label = catalogue.classes[0]
    for photo in photos:
        costs["all"].append(cost(partial(catalogue.ask, photo)))
        costs["of_a_class"].append(cost(partial(catalogue.ask, photo, label=label)))
    rates = [_rate(catalogue, photos) for _ in range(ROUNDS)]
    return {"opened": opened, "costs": costs, "rates": rates, "memory_mb": _memory()}


def _rate(catalogue: Catalogue, photos: Sequence[bytes]) -> float:
    """Return the questions a second if each of several threads asks one after the other."""

    def go(some: Sequence[bytes]) -> None:
        for photo in some:
            catalogue.ask(photo)

    count = 2 * THREADS
    threads = [threading.Thread(target=go, args=(photos[n::count],)) for n in range(count)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(photos) / (time.perf_counter() - started)


def search(run: Path, results: Path) -> dict[str, float]:
    """Return the seconds of one search in mapped features, and those of NumPy alone."""
    features = cast(ExactSearch, snapshot.read(results).search).features
    (queries,) = ShardedFeatures(run / "new/images.parquet")
    query = neighbours.comparable(queries, None)[:1]

    def ours() -> list[int]:
        blocks = (
            (range(start, min(start + exact.ROWS, len(features))), features[start:][: exact.ROWS])
            for start in range(0, len(features), exact.ROWS)
        )
        return [row for _, row in exact.nearest(query, blocks, COUNT)[0]]

    def numpy() -> list[int]:
        products = features @ query[0]
        best = np.argpartition(-products, COUNT)[:COUNT]
        ranked: list[int] = best[np.argsort(-products[best], kind="stable")].tolist()
        return ranked

    if set(ours()) != set(numpy()):
        raise ValueError("the two find other images")
    return machine.take_turns({"search": ours, "NumPy": numpy}, ROUNDS)


def _memory() -> dict[str, float]:
    """Return the memory that this process holds, in MB: its own, and that of mapped files."""
    status = Path("/proc/self/status").read_text()
    found = dict(re.findall(r"(Rss\w+):\s+(\d+) kB", status))
    return {"own": int(found["RssAnon"]) / 1024, "mapped": int(found["RssFile"]) / 1024}


if __name__ == "__main__":
    main()
