"""What a GPU gains beside the processor: `make gpu DATA=folder`.

    PYTHONPATH=workflow/scripts python benchmarks/gpu.py DATA [--on tensorflow|GPU|NPU|CPU]

DATA has JPEGs in it, at any depth. Prints two tables, of the networks and of the search. What
is compared with the processor is TensorFlow if it sees a GPU, else OpenVINO's GPU; --on names
another device of OpenVINO, or TensorFlow, whether it sees a GPU or not. `--on CPU` tries the
command where there is none.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from machine import take_turns
from networks import prepared, random_b3, run_bare
from pages import table
from similar_images.backbones import building, engines, validation
from similar_images.backbones.registry import Device, EngineName
from similar_images.core.errors import UserError
from similar_images.core.files import digest
from similar_images.core.timing import Timing
from similar_images.features.extraction import extract
from similar_images.features.feature_table import normalise
from similar_images.images.preprocessing import Preprocessor
from similar_images.search import exact

PROCESSOR = "processor"
# As many as TensorFlow takes at once, several times.
IMAGES, ROUNDS = 8 * engines.TensorFlow.batch_size, 5
ROWS, QUERIES, FEATURES, COUNT = 100_000, 256, 1536, 10
THREADS = len(os.sched_getaffinity(0))


def main() -> None:
    """Parse the command line, measure, and print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, help="a folder with JPEGs")
    parser.add_argument("--on", choices=("tensorflow", "GPU", "NPU", "CPU"))
    arguments = parser.parse_args()
    on: Device | Literal["tensorflow"] = arguments.on or found()
    files = sorted(arguments.data.resolve().rglob("*.jpg"))[:IMAGES]
    if len(files) < IMAGES:
        parser.error(f"there are fewer than {IMAGES} JPEGs in it")
    engine, device = choice(on)
    try:
        engines.check(engine, "float32", device)
    except UserError as error:
        parser.error(str(error))
    engines.configure_tensorflow(THREADS)
    with tempfile.TemporaryDirectory() as folder:
        contestants = {PROCESSOR: ("openvino", "CPU"), f"on {on}": (engine, device)}
        lite2 = load(building.build("EfficientNetLite2", None)[0], contestants, Path(folder, "l2"))
        b3 = load(random_b3(), contestants, Path(folder, "b3"))
        rows = measure(b3, lite2, files)
    decoding = f"with decoding, one job of {THREADS} threads"
    header = ["", "EfficientNetB3, images/s", decoding, "EfficientNetLite2, least cosine"]
    print("\n".join([*table(header, rows), *measure_search(on == "tensorflow")]))


def found() -> Literal["tensorflow", "GPU"]:
    """Return what GPU there is: by TensorFlow, or by OpenVINO."""
    if engines.fastest("float32", "CPU") == "tensorflow":
        return "tensorflow"
    if "GPU" in engines.devices():
        return "GPU"
    sys.exit(
        "There is no GPU here that TensorFlow or OpenVINO sees, and nothing was measured. An "
        "NVIDIA GPU takes `pip install tensorflow[and-cuda]`, one of Intel's its OpenCL driver. "
        "To try the command on the processor, call benchmarks/gpu.py with --on CPU."
    )


def choice(on: Device | Literal["tensorflow"]) -> tuple[EngineName, Device]:
    """Return the engine, and OpenVINO's device."""
    return ("tensorflow", "CPU") if on == "tensorflow" else ("openvino", on)


def load(
    network: Any, contestants: Mapping[str, tuple[EngineName, Device]], folder: Path
) -> dict[str, engines.Engine]:
    """Return for each contestant the engine with the network, exported into `folder`."""
    loaded = {}
    for name, (engine, device) in contestants.items():
        if not (folder / engine).exists():
            folder.mkdir(exist_ok=True)
            building.export(network, engine, folder / engine)
        loaded[name] = engines.load(engine, folder / engine, THREADS, "float32", device)
    return loaded


def measure(
    b3: Mapping[str, engines.Engine], lite2: Mapping[str, engines.Engine], files: Sequence[Path]
) -> list[list[str]]:
    """Return a row for each contestant: B3 alone, B3 with decoding, and Lite2's likeness."""
    prepare = Preprocessor(300, "bicubic", 10**8)
    pixels = np.stack([prepared(prepare, file) for file in files])
    members = {digest(file): [os.fsencode(file)] for file in files}
    bare = take_turns({name: partial(run_bare, b3[name], pixels) for name in b3}, ROUNDS)
    whole = take_turns(
        {
            name: partial(
                extract,
                *(members, prepare, engine, FEATURES, "", THREADS, Timing(), lambda done: None),
            )
            for name, engine in b3.items()
        },
        ROUNDS,
    )
    prepare = Preprocessor(260, "bicubic", 10**8)
    pixels = np.stack([prepared(prepare, file) for file in files])
    features = {name: validation.features_of(engine, pixels) for name, engine in lite2.items()}
    return [
        [
            *(name, f"{IMAGES / bare[name]:.1f}", f"{len(members) / whole[name]:.1f}"),
            f"{least_cosine(features[name], features[PROCESSOR]):.9f}",
        ]
        for name in b3
    ]


def measure_search(tensorflow_too: bool) -> list[str]:
    """Return the lines about the search: by the project, and by a product on TensorFlow."""
    chance = np.random.default_rng(0)
    catalogue = chance.standard_normal((ROWS, FEATURES), dtype=np.float32)
    queries = chance.standard_normal((QUERIES, FEATURES), dtype=np.float32)
    for part in (catalogue, queries):
        normalise(part)
    eligible = np.ones(ROWS, np.bool_)
    ways: dict[str, Callable[[], object]] = {
        PROCESSOR: lambda: exact.nearest(queries, exact.blocks(catalogue, eligible), COUNT),
    }
    if tensorflow_too:
        import tensorflow

        there = tensorflow.constant(catalogue)
        ways["TensorFlow"] = partial(by_tensorflow, catalogue, queries)
        ways["TensorFlow, the catalogue on the GPU already"] = partial(
            by_tensorflow, there, queries
        )
    seconds = take_turns(ways, ROUNDS)
    rows = [[name, f"{taken:.3f}"] for name, taken in seconds.items()]
    return table([f"{QUERIES} queries in {ROWS:,} images", "seconds"], rows)


def by_tensorflow(catalogue: Any, queries: NDArray[np.float32]) -> NDArray[np.int32]:
    """Return the rows of the nearest images (n, 10), as float32 ranks them."""
    import tensorflow

    similarities = tensorflow.matmul(queries, catalogue, transpose_b=True)
    rows: NDArray[np.int32] = tensorflow.math.top_k(similarities, COUNT).indices.numpy()
    return rows


def least_cosine(ours: NDArray[np.float32], theirs: NDArray[np.float32]) -> float:
    """Return the least cosine of two rows that belong together."""
    # In float32 the rounding would be as large as the differences between two processors.
    a, b = ours.astype(np.float64), theirs.astype(np.float64)
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return float(((a * b).sum(axis=1) / lengths).min())


if __name__ == "__main__":
    main()
