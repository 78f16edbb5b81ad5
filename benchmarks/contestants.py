"""Networks by the project's engine and by others, which convert the model of Keras by themselves.

None of the others has a part in the project's export: what slows that down does not slow them. The
weights of EfficientNetB3 are random, on which the time does not depend.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from machine import matmul_gflops
from networks import THREADS, batches, random_b3
from similar_images.backbones import building, engines

OWN = "Similar Image Finder"
BATCHES = (1, 2, 4)
IMAGES, ROUNDS = 32, 3
# Of the largest feature: float32 rounds by some millionths of it.
TOLERANCE = 1e-4

Call = Callable[[NDArray[np.float32]], NDArray[np.float32]]
# Loads a network for a number of threads and images at once.
Load = Callable[[int, int], Call]


class Way(NamedTuple):
    """A way to run a network: so many calls at once, each with so many threads and images."""

    streams: int
    threads: int
    batch: int

    def __str__(self) -> str:
        """Return it as the tables have it."""
        return f"{self.streams} x {self.threads} threads, batches of {self.batch}"


# One network on all threads, or one for each thread.
WAYS = [Way(streams, THREADS // streams, batch) for streams in (1, THREADS) for batch in BATCHES]


def measure() -> dict[str, Any]:
    """Return for each network what `measure_network` does."""
    engines.configure_tensorflow(THREADS)
    return {
        "EfficientNetB3": measure_network(random_b3()),
        "EfficientNetLite2": measure_network(building.build("EfficientNetLite2", None)[0]),
    }


def measure_network(network: Any) -> dict[str, Any]:
    """Return for each contestant its images/s in each round, by way, and how its features differ.

    Beside them the GFLOP/s of the matrix product in each round.
    """
    shape = (IMAGES, *network.input_shape[1:])
    images = np.random.default_rng(0).integers(0, 256, shape).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        loads = _loads(network, Path(folder))
        ways = {name: list(_ways(name)) for name in loads}
        runs = {(name, way): _runner(loads[name], way) for name in loads for way in ways[name]}
        differences = _differences(runs, images)  # which warms all up, too
        rates: dict[str, dict[str, list[float]]] = {name: {} for name in loads}
        matmul = []
        for _ in range(ROUNDS):
            for (name, way), run in runs.items():
                started = time.perf_counter()
                run(images)
                passed = time.perf_counter() - started
                rates[name].setdefault(str(way), []).append(IMAGES / passed)
            matmul.append(matmul_gflops(THREADS))
    return {"rates": rates, "differences": differences, "matmul": matmul}


def _ways(name: str) -> Iterator[Way]:
    """Yield the ways in which a contestant is tried."""
    if name == OWN:
        yield Way(THREADS, 1, engines.OpenVino.batch_size)  # the engine's own choice
    elif name == "tf.function":
        yield from (way for way in WAYS if way.streams == 1)  # all calls share its threads
    else:
        yield from WAYS


def _loads(network: Any, folder: Path) -> dict[str, Load]:
    return {
        OWN: _own(network, folder / "own"),
        "LiteRT (XNNPACK)": _litert(network, folder / "network.tflite"),
        "ONNX Runtime": _onnxruntime(network),
        "tf.function": _tf_function(network),
    }


def _own(network: Any, folder: Path) -> Load:
    building.export(network, "openvino", folder)
    engine = engines.load("openvino", folder, THREADS)
    return lambda threads, batch: lambda images: engine(images.astype(np.uint8))


def _litert(network: Any, path: Path) -> Load:
    import keras
    from ai_edge_litert.interpreter import Interpreter

    shape = keras.InputSpec(shape=(1, *network.input_shape[1:]), dtype="float32")
    network.export(path, format="litert", verbose=False, input_signature=[shape])

    def load(threads: int, batch: int) -> Call:
        interpreter = Interpreter(str(path), num_threads=threads)
        entry = interpreter.get_input_details()[0]["index"]
        result = interpreter.get_output_details()[0]["index"]
        interpreter.resize_tensor_input(entry, (batch, *network.input_shape[1:]))
        interpreter.allocate_tensors()

        def call(images: NDArray[np.float32]) -> Any:
            interpreter.set_tensor(entry, images)
            interpreter.invoke()
            return interpreter.get_tensor(result)

        return call

    return load


def _onnxruntime(network: Any) -> Load:
    import onnxruntime
    import tensorflow
    import tf2onnx
    from tensorflow.python.framework import convert_to_constants

    function = tensorflow.function(lambda images: network(images, training=False), autograph=False)
    images = tensorflow.TensorSpec(network.input_shape, tensorflow.float32)
    # Otherwise some constants of a normalisation become inputs.
    frozen = convert_to_constants.convert_variables_to_constants_v2(
        function.get_concrete_function(images)
    )
    model, _ = tf2onnx.convert.from_graph_def(
        frozen.graph.as_graph_def(),
        input_names=[frozen.inputs[0].name],
        output_names=[frozen.outputs[0].name],
    )
    content = model.SerializeToString()

    def load(threads: int, batch: int) -> Call:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        entry = session.get_inputs()[0].name
        return lambda images: session.run(None, {entry: images})[0]

    return load


def _tf_function(network: Any) -> Load:
    import tensorflow

    function = tensorflow.function(lambda images: network(images, training=False))
    return lambda threads, batch: lambda images: np.asarray(function(images))


def _runner(load: Load, way: Way) -> Call:
    """Return what computes the features of all images that it is given, in a way."""
    idle: SimpleQueue[Call] = SimpleQueue()
    for _ in range(way.streams):
        idle.put(load(way.threads, way.batch))

    def call(images: NDArray[np.float32]) -> NDArray[np.float32]:
        network = idle.get()
        features = network(images)
        idle.put(network)
        return features

    def run(images: NDArray[np.float32]) -> NDArray[np.float32]:
        with ThreadPoolExecutor(way.streams) as streams:
            return np.concatenate(list(streams.map(call, batches(images, way.batch))))

    return run


def _differences(
    runs: Mapping[tuple[str, Way], Call], images: NDArray[np.float32]
) -> dict[str, float]:
    """Return how far the features of each contestant are from the project's, at most.

    As a share of the largest feature. More than `TOLERANCE` is printed at once.
    """
    own = next(run(images) for (name, _), run in runs.items() if name == OWN)
    found: dict[str, float] = {}
    for (name, way), run in runs.items():
        difference = float(np.abs(run(images) - own).max() / np.abs(own).max())
        if not difference <= TOLERANCE:
            print(f"!!! {name}, {way}: OTHER FEATURES, by {difference:.2g}", file=sys.stderr)
        found[name] = max(found.get(name, 0.0), difference)
    return found


def best(rates: Mapping[str, Sequence[float]]) -> tuple[str, float]:
    """Return the way with the highest median, and that."""
    medians = {way: float(np.median(values)) for way, values in rates.items()}
    way = max(medians, key=medians.__getitem__)
    return way, medians[way]


def fastest(measured: Mapping[str, Any]) -> tuple[str, float]:
    """Return the fastest of the other contestants, and its images/s."""
    others = {name: best(rates)[1] for name, rates in measured["rates"].items() if name != OWN}
    name = max(others, key=others.__getitem__)
    return name, others[name]
