"""Engines, which run a backbone on preprocessed images."""

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..core import files
from ..core.errors import UserError
from .model import Model
from .registry import Device, EngineName, Precision

if TYPE_CHECKING:
    import openvino
    from openvino import InferRequest

OPENVINO_FILE = "model.xml"
# OpenVINO's names of the precisions, and the capabilities of a device that they need. The parts of
# an int8 network that are not quantised use f32.
HINTS: Mapping[Precision, str] = {
    "float32": "f32",
    "bfloat16": "bf16",
    "float16": "f16",
    "int8": "f32",
}
CAPABILITIES: Mapping[Precision, str] = {
    "float32": "FP32",
    "bfloat16": "BF16",
    "float16": "FP16",
    "int8": "INT8",
}
HISTOGRAM_SIZE = 64
HISTOGRAM_FEATURES = 512


class Engine(Protocol):
    """A loaded backbone.

    Attributes:
        batch_size: images in one call; a fixed number, so that the features of an image do not
            depend on the other images.
        streams: calls that can run at the same time, each from its own thread.
    """

    batch_size: int
    streams: int

    @abstractmethod
    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return features (batch_size, d) of RGB images, uint8 (batch_size, s, s, 3)."""


def load(
    name: EngineName,
    folder: Path,
    threads: int,
    precision: Precision = "float32",
    device: Device = "CPU",
) -> Engine:
    """Load the backbone exported to `folder` into the engine called `name`.

    The engine uses at most `threads` threads. All engines but OpenVINO compute in float32 and
    choose their device themselves.

    Raises:
        UserError: OpenVINO sees no such device.
    """
    if name == "openvino":
        _check_device(device)
        return OpenVino(folder, threads, precision, device)
    if name == "tensorflow":
        return TensorFlow(folder, threads)
    return Histogram()


def load_model(model: Model, folder: Path, threads: int) -> Engine:
    """Load the backbone in `folder` as `model` describes it, after a check of its files.

    Raises:
        DamagedFileError: they are damaged.
        UserError: as `load`, or they cannot be read.
    """
    files.check(folder)
    return load(model.engine, folder, threads, model.precision, model.device)


def fastest(precision: Precision, device: Device) -> EngineName:
    """Return the fastest engine: TensorFlow if it sees a GPU, otherwise OpenVINO.

    TensorFlow supports only float32, and devices other than the CPU need OpenVINO.
    """
    if precision != "float32" or device != "CPU":
        return "openvino"
    import tensorflow

    return "tensorflow" if tensorflow.config.list_physical_devices("GPU") else "openvino"


def devices() -> list[str]:
    """Return the kinds of devices that OpenVINO sees on this machine, including CPU."""
    import openvino

    # Several GPUs are called GPU.0, GPU.1, and so on, and GPU is the first.
    return sorted({name.partition(".")[0] for name in openvino.Core().available_devices})


def precisions(device: Device = "CPU") -> list[Precision]:
    """Return the precisions that this machine's `device` supports."""
    import openvino

    able = openvino.Core().get_property(device, "OPTIMIZATION_CAPABILITIES")
    return [name for name, ability in CAPABILITIES.items() if ability in able]


def check(engine: EngineName, precision: Precision, device: Device) -> None:
    """Check that `engine` supports the precision and the device on this machine.

    Raises:
        UserError: it does not; the message lists what it supports.
    """
    if engine == "openvino":
        _check_device(device)
        there = precisions(device)
        if precision not in there:
            raise UserError(
                f"precision: this machine's {device} has no {precision}. Allowed here: "
                f"{', '.join(there)}."
            )
        return
    if precision != "float32":
        raise UserError(f"precision: with engine: {engine} there is float32 alone.")
    if device != "CPU":
        raise UserError(
            f"device: {device} is for engine: openvino. With engine: {engine} leave device at CPU; "
            "tensorflow takes an NVIDIA GPU by itself."
        )


def _check_device(device: Device) -> None:
    if device != "CPU" and device not in (there := devices()):
        raise UserError(
            f"device: OpenVINO sees no {device} on this machine. Allowed here: {', '.join(there)}. "
            "Install its driver, or set device: CPU; for a GPU of NVIDIA's, set engine: tensorflow."
        )


def fix_batch(network: "openvino.Model") -> int:
    """Return how many images `network` takes at once; one that takes any number is fixed."""
    shape = network.inputs[0].partial_shape
    if shape.is_dynamic:
        shape[0] = OpenVino.batch_size
        network.reshape(shape)
    return int(shape[0].get_length())


class OpenVino:
    """The exported network on OpenVINO.

    On the CPU each thread runs its own copy of the network on a small batch. Two threads on one
    copy would wait for each other in every layer. Other devices report how many parallel calls are
    fastest.
    """

    batch_size = 2  # activations of larger batches do not fit into a core's cache

    def __init__(self, folder: Path, threads: int, precision: Precision, device: Device) -> None:
        import openvino

        core = openvino.Core()
        network = core.read_model(folder / OPENVINO_FILE)
        self.batch_size = fix_batch(network)
        compiled = core.compile_model(network, device, _options(threads, precision, device))
        self.streams = threads
        if device != "CPU":
            self.streams = compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
        self._idle: SimpleQueue[InferRequest] = SimpleQueue()
        for _ in range(self.streams):
            request = compiled.create_infer_request()
            # OpenVINO imports NumPy at its first tensor. Two threads that did so at the same time
            # could block each other.
            _ = request.output_tensors[0].data
            self._idle.put(request)

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See `Engine`."""
        request = self._idle.get()
        features: NDArray[np.float32] = request.infer(images.astype(np.float32))[0].copy()
        self._idle.put(request)
        return features


def _options(threads: int, precision: Precision, device: Device) -> dict[str, Any]:
    """Return the options of OpenVINO."""
    # By default it uses bf16 or f16 if available, and the features differ.
    hint = HINTS[precision]
    if device == "CPU":
        return {
            "INFERENCE_PRECISION_HINT": hint,
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": threads,
            # With pinning, parallel jobs would use the same cores.
            "ENABLE_CPU_PINNING": False,
        }
    return {
        # An NPU has no f32: there the parts that are not quantised use f16.
        "INFERENCE_PRECISION_HINT": "f16" if device == "NPU" else hint,
        "PERFORMANCE_HINT": "THROUGHPUT",
        # It would wait for images that never come.
        "ALLOW_AUTO_BATCHING": False,
    }


class TensorFlow:
    """The exported network as a `tf.function`, on a GPU if there is one."""

    batch_size = 32
    streams = 1

    def __init__(self, folder: Path, threads: int) -> None:
        import tensorflow

        configure_tensorflow(threads)
        self._network = tensorflow.saved_model.load(str(folder))

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See `Engine`."""
        features: NDArray[np.float32] = self._network.serve(images.astype(np.float32)).numpy()
        return features


def configure_tensorflow(threads: int) -> None:
    """Set the options of TensorFlow, before it computes anything."""
    import tensorflow

    tensorflow.config.threading.set_intra_op_parallelism_threads(threads)
    tensorflow.config.threading.set_inter_op_parallelism_threads(1)
    # NVIDIA's TF32 multiplies with ten bits; features would have a cosine of only 0.9999.
    tensorflow.config.experimental.enable_tensor_float_32_execution(False)
    for gpu in tensorflow.config.list_physical_devices("GPU"):
        # By default the first of several jobs takes all of the memory.
        tensorflow.config.experimental.set_memory_growth(gpu, True)


class Histogram:
    """A joint colour histogram of 8 x 8 x 8 bins, as a baseline without a network.

    The square root of the shares makes the cosine of two histograms their Bhattacharyya
    coefficient (A. Bhattacharyya, 1943).
    """

    batch_size = 8
    streams = 1

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See `Engine`."""
        levels = (images // 32).astype(np.intp)
        bins = (levels[..., 0] * 8 + levels[..., 1]) * 8 + levels[..., 2]
        counts = [np.bincount(b.ravel(), minlength=HISTOGRAM_FEATURES) for b in bins]
        shares = np.array(counts, np.float32) / np.float32(bins[0].size)
        features: NDArray[np.float32] = np.sqrt(shares)
        return features
