"""EfficientNetB3 by the extraction of the workflow, and by the bare engine.

The weights are random: the time does not depend on them, and nothing has to be downloaded.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from machine import matmul_gflops
from photos import vary_sample
from similar_images.backbones import building, engines, middle_layers
from similar_images.core.files import digest
from similar_images.core.timing import Timing
from similar_images.features import extraction
from similar_images.images.preprocessing import Preprocessor

THREADS = 2
IMAGES = 128
SIZE = 300
ROUNDS = 5


def measure() -> dict[str, list[float]]:
    """Return for each contestant its images/s in each round; for "matmul" the GFLOP/s."""
    with tempfile.TemporaryDirectory() as folder:
        contestants = _contestants(Path(folder))
        rates: dict[str, list[float]] = {name: [] for name in [*contestants, "matmul"]}
        for number in range(ROUNDS + 1):
            for name, run in contestants.items():
                started = time.perf_counter()
                run()
                if number:  # the first round warms up
                    rates[name].append(IMAGES / (time.perf_counter() - started))
            if number:
                rates["matmul"].append(matmul_gflops(THREADS))
    return rates


def _contestants(folder: Path) -> dict[str, Callable[[], Any]]:
    vary_sample(folder / "photos", IMAGES)
    files = sorted((folder / "photos").rglob("*.jpg"))
    prepare = Preprocessor(SIZE, "bicubic", 10**8)

    network = random_b3()
    building.export(network, "openvino", folder / "backbone")
    engine = engines.load("openvino", folder / "backbone", THREADS)
    images = np.stack([prepared(prepare, file) for file in files]).astype(np.float32)
    members = {digest(file): [str(file).encode()] for file in files}

    whole, channels = middle_layers.add_to_keras(network, network.output)
    building.export(whole, "openvino", folder / "with_levels")
    with_levels = engines.load("openvino", folder / "with_levels", THREADS)
    extract = partial(
        extraction.extract,
        members,
        prepare,
        dimension=1536,
        fingerprint="",
        threads=THREADS,
        progress=lambda done: None,
    )

    return {
        "extraction": lambda: extract(with_levels, timing=Timing(), channels=channels),
        "extraction_without_levels": lambda: extract(engine, timing=Timing()),
        "network": lambda: run_bare(engine, images),
        "decode": lambda: [prepared(prepare, file) for file in files],
    }


def random_b3() -> Any:
    """Return EfficientNetB3 of Keras, cut at its features, with random weights."""
    import keras

    whole = keras.applications.EfficientNetB3(weights=None)
    return keras.Model(whole.input, whole.get_layer("top_dropout").output)


def prepared(prepare: Preprocessor, file: Path) -> NDArray[np.uint8]:
    """Return the pixels of a photo as the network takes them."""
    with file.open("rb") as stream:
        return prepare(stream).image


def run_bare(engine: engines.Engine, images: NDArray[Any]) -> None:
    """Run the engine on `images`, which are prepared, with all its streams."""
    with ThreadPoolExecutor(engine.streams) as streams:
        list(streams.map(engine, batches(images, engine.batch_size)))


def batches(images: NDArray[Any], size: int) -> Iterator[NDArray[Any]]:
    """Yield `images` in batches; their number must be a multiple of `size`."""
    yield from images.reshape(-1, size, *images.shape[1:])
