"""Small networks of random weights, as people bring them, and what ONNX itself says they give."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from similar_images.backbones import building
from similar_images.backbones.model import Model
from similar_images.backbones.registry import Device, EngineName

SIZE, FEATURES = 16, 12
Batch = int | str


def make(
    folder: Path,
    file: Path,
    engine: EngineName | Literal["auto"] = "openvino",
    device: Device = "CPU",
    **settings: Any,
) -> Model:
    """Build the network in `file` into `folder`, with the card `settings`."""
    return build(folder, {"file": str(file), **settings}, engine=engine, device=device)


def build(folder: Path, backbone: str | dict[str, Any], **settings: Any) -> Model:
    """Build `backbone` into `folder`; what the `settings` do not say is as most tests want it."""
    usual = {"weights_file": None, "fallback": None, "engine": "openvino", "resample": "bicubic"}
    return building.make(folder, backbone=backbone, **(usual | settings))


def weights(*shape: int) -> NDArray[np.float32]:
    """Return small random numbers, the same at each call."""
    return np.random.default_rng(len(shape)).normal(0, 0.3, shape).astype(np.float32)


def save(
    path: Path,
    nodes: Sequence[onnx.NodeProto],
    constants: Mapping[str, NDArray[Any]],
    input_shape: Sequence[Batch],
    outputs: Mapping[str, Sequence[Batch]],
    kind: int = TensorProto.FLOAT,
) -> Path:
    """Write a network with the input `picture`."""
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, input_shape)],
        [helper.make_tensor_value_info(name, kind, shape) for name, shape in outputs.items()],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path)
    return path


def convolutional(
    path: Path, *, batch: Batch = "n", size: Batch = SIZE, pooled: bool = True
) -> Path:
    """Write a convolution with the features `map`, or the mean of that, `features`."""
    nodes = [
        helper.make_node("Conv", ["picture", "kernel"], ["sum"], strides=[2, 2]),
        helper.make_node("Relu", ["sum"], ["map"]),
    ]
    constants: dict[str, NDArray[Any]] = {"kernel": weights(FEATURES, 3, 3, 3)}
    outputs: dict[str, Sequence[Batch]] = {"map": [batch, FEATURES, "h", "w"]}
    if pooled:
        # As exporters write it for one batch: the number of images is a constant.
        shape = [batch, FEATURES] if isinstance(batch, int) else [0, FEATURES]
        nodes.append(helper.make_node("GlobalAveragePool", ["map"], ["mean"]))
        nodes.append(helper.make_node("Reshape", ["mean", "shape"], ["features"]))
        constants["shape"] = np.array(shape)
        outputs = {"features": [batch, FEATURES]}
    return save(path, nodes, constants, [batch, 3, size, size], outputs)


def grid(path: Path) -> Path:
    """Write the means of 4 x 4 squares, `features`: a network that sees how a photo lies."""
    nodes = [
        helper.make_node("AveragePool", ["picture"], ["map"], kernel_shape=[4, 4], strides=[4, 4]),
        helper.make_node("Flatten", ["map"], ["features"]),
    ]
    side = SIZE // 4
    outputs: dict[str, Sequence[Batch]] = {"features": ["n", 3 * side * side]}
    return save(path, nodes, {}, ["n", 3, SIZE, SIZE], outputs)


def transformer(path: Path, *, batch: Batch = "n") -> Path:
    """Write patches and one attention layer, with `last_hidden_state`, the tokens, and `pooled`."""
    make = helper.make_node
    nodes = [
        make("Conv", ["picture", "patches"], ["places"], strides=[8, 8]),
        make("Reshape", ["places", "tokens_shape"], ["rows"]),
        make("Transpose", ["rows"], ["tokens"], perm=[0, 2, 1]),
        make("MatMul", ["tokens", "query"], ["q"]),
        make("MatMul", ["tokens", "key"], ["k"]),
        make("Transpose", ["k"], ["kt"], perm=[0, 2, 1]),
        make("MatMul", ["q", "kt"], ["scores"]),
        make("Softmax", ["scores"], ["attention"], axis=-1),
        make("MatMul", ["attention", "tokens"], ["mixed"]),
        make("Add", ["mixed", "tokens"], ["added"]),
        make("LayerNormalization", ["added", "scale"], ["last_hidden_state"], axis=-1),
        make("ReduceMean", ["last_hidden_state"], ["pooled"], axes=[1], keepdims=0),
    ]
    constants = {
        "patches": weights(FEATURES, 3, 8, 8),
        "tokens_shape": np.array([0, FEATURES, -1]),
        "query": weights(FEATURES, FEATURES),
        "key": weights(FEATURES, FEATURES)[::-1].copy(),
        "scale": np.ones(FEATURES, np.float32),
    }
    outputs = {"last_hidden_state": [batch, 4, FEATURES], "pooled": [batch, FEATURES]}
    return save(path, nodes, constants, [batch, 3, SIZE, SIZE], outputs)


def original(path: Path, pictures: NDArray[np.float32], output: str) -> NDArray[np.float32]:
    """Return what ONNX' own evaluator gives for prepared pictures, each by itself or as fixed."""
    network: Any = ReferenceEvaluator(str(path))
    first = network.input_types[0].tensor_type.shape.dim[0]
    batch = first.dim_value or 1
    given = [
        network.run([output], {"picture": pictures[start : start + batch]})[0]
        for start in range(0, len(pictures), batch)
    ]
    return np.vstack(given)
