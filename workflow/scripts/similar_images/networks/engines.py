"""Engines: what runs a backbone on prepared images."""

from abc import abstractmethod
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from .backbones import EngineName

if TYPE_CHECKING:
    from openvino import InferRequest

OPENVINO_FILE = "model.xml"
HISTOGRAM_SIZE = 64
HISTOGRAM_FEATURES = 512


class Engine(Protocol):
    """A loaded backbone.

    Attributes:
        batch_size: images that one call takes; a fixed number, so that the features of an
            image do not depend on the images beside it.
        streams: calls that can run at once, from as many threads.
    """

    batch_size: int
    streams: int

    @abstractmethod
    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return features (batch_size, d) of RGB images, uint8 (batch_size, s, s, 3)."""


def load(name: EngineName, folder: Path, threads: int) -> Engine:
    """Load the backbone exported to `folder` into the engine called `name`.

    The engine takes `threads` threads and no more.
    """
    if name == "openvino":
        return OpenVino(folder, threads)
    if name == "tensorflow":
        return TensorFlow(folder, threads)
    return Histogram()


class OpenVino:
    """The exported network on OpenVINO, on the CPU, in f32.

    Each thread runs a network of its own on a small batch. Two threads on one network would wait
    for each other in every layer, and all the more where a decoder takes one of them away.
    """

    batch_size = 4

    def __init__(self, folder: Path, threads: int) -> None:
        import openvino

        core = openvino.Core()
        network = core.read_model(folder / OPENVINO_FILE)
        shape = network.inputs[0].partial_shape
        shape[0] = self.batch_size
        network.reshape(shape)
        compiled = core.compile_model(
            network,
            "CPU",
            {
                "INFERENCE_NUM_THREADS": threads,
                "NUM_STREAMS": threads,
                # Left alone, OpenVINO takes bf16 where there is any, and the features differ.
                "INFERENCE_PRECISION_HINT": "f32",
                # With pinning, jobs side by side would be put on the same cores.
                "ENABLE_CPU_PINNING": False,
            },
        )
        self.streams = threads
        self._idle: SimpleQueue[InferRequest] = SimpleQueue()
        for _ in range(threads):
            request = compiled.create_infer_request()
            # OpenVINO's binding looks NumPy up at its first tensor: were two threads the first at
            # the same time, one would wait for the other's lock with the interpreter's in hand.
            _ = request.output_tensors[0].data
            self._idle.put(request)

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See `Engine`."""
        request = self._idle.get()
        features: NDArray[np.float32] = request.infer(images.astype(np.float32))[0].copy()
        self._idle.put(request)
        return features


class TensorFlow:
    """The exported network as a `tf.function`, on a GPU if there is one."""

    batch_size = 32
    streams = 1

    def __init__(self, folder: Path, threads: int) -> None:
        import tensorflow

        tensorflow.config.threading.set_intra_op_parallelism_threads(threads)
        tensorflow.config.threading.set_inter_op_parallelism_threads(1)
        self._network = tensorflow.saved_model.load(str(folder))

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See `Engine`."""
        features: NDArray[np.float32] = self._network.serve(images.astype(np.float32)).numpy()
        return features


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
