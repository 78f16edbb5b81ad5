"""Networks from strangers: what is damaged, or would do more than compute, is refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import user_networks
from similar_images.backbones import loading
from similar_images.core.errors import UserError


def with_node(path: Path, **node: Any) -> Path:
    """Write a network with one more operation at its end."""
    model = onnx.load(user_networks.convolutional(path))
    inputs = ["condition"] if node["op_type"] == "If" else ["features"]
    model.graph.node.append(helper.make_node(inputs=inputs, outputs=["more"], **node))
    model.graph.initializer.append(numpy_helper.from_array(np.array(True), "condition"))
    model.graph.output[0].name = "more"
    onnx.save(model, path)
    return path


def with_data_in(path: Path, location: str, length: int = 1296) -> Path:
    """Write a network whose kernel stands in another file."""
    model = onnx.load(user_networks.convolutional(path))
    kernel = next(tensor for tensor in model.graph.initializer if tensor.name == "kernel")
    kernel.ClearField("raw_data")
    kernel.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", "0"), ("length", str(length))):
        kernel.external_data.add(key=key, value=value)
    onnx.save(model, path)
    return path


def within_a_branch(path: Path, location: str) -> Path:
    """Write a network with a constant in another file, in a graph within its graph."""
    constant = onnx.TensorProto(name="c", data_type=TensorProto.FLOAT, dims=[1])
    constant.data_location = TensorProto.EXTERNAL
    constant.external_data.add(key="location", value=location)
    out = helper.make_tensor_value_info("c", TensorProto.FLOAT, [1])
    branch = helper.make_graph([], "branch", [], [out], [constant])
    return with_node(path, op_type="If", then_branch=branch, else_branch=branch)


def external(location: str) -> TensorProto:
    """Return a tensor of 12 numbers that stand in another file."""
    tensor = TensorProto(data_type=TensorProto.FLOAT, dims=[12], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value=location)
    return tensor


def sparse(location: str, part: str) -> onnx.SparseTensorProto:
    """Return a sparse tensor of which a part stands in another file."""
    tensor = onnx.SparseTensorProto(dims=[12])
    tensor.values.CopyFrom(numpy_helper.from_array(np.ones(12, np.float32), "sparse"))
    tensor.indices.CopyFrom(numpy_helper.from_array(np.arange(12)))
    getattr(tensor, part).CopyFrom(external(location))
    return tensor


def constant(location: str, **value: Any) -> onnx.NodeProto:
    """Return a node with a value that stands in another file, if none is given."""
    return helper.make_node("Constant", [], ["c"], **(value or {"value": external(location)}))


def graph_with(node: onnx.NodeProto) -> onnx.GraphProto:
    return helper.make_graph([node], "inner", [], [])


def within_a_loop(location: str) -> onnx.NodeProto:
    return helper.make_node("Loop", [], [], body=graph_with(constant(location)))


# Where the data of a tensor may stand in another file.
PLACES: dict[str, Callable[[onnx.ModelProto, str], None]] = {
    "an initializer": lambda model, to: model.graph.initializer.append(external(to)),
    "the values of a sparse initializer": lambda model, to: model.graph.sparse_initializer.append(
        sparse(to, "values")
    ),
    "the indices of a sparse initializer": lambda model, to: model.graph.sparse_initializer.append(
        sparse(to, "indices")
    ),
    "a constant": lambda model, to: model.graph.node.append(constant(to)),
    "the values of a sparse constant": lambda model, to: model.graph.node.append(
        constant(to, sparse_value=sparse(to, "values"))
    ),
    "the indices of a sparse constant": lambda model, to: model.graph.node.append(
        constant(to, sparse_value=sparse(to, "indices"))
    ),
    "a list of tensors": lambda model, to: model.graph.node.append(
        constant(to, anything=[external(to)])
    ),
    "a list of sparse tensors": lambda model, to: model.graph.node.append(
        constant(to, anything=[sparse(to, "values")])
    ),
    "a loop": lambda model, to: model.graph.node.append(within_a_loop(to)),
    "a list of graphs": lambda model, to: model.graph.node.append(
        helper.make_node("If", [], [], branches=[graph_with(within_a_loop(to))])
    ),
    "a function": lambda model, to: model.functions.append(
        helper.make_function("own", "f", [], [], [within_a_loop(to)], [])
    ),
    "the default of a function's attribute": lambda model, to: model.functions.append(
        helper.make_function(
            "own", "f", [], [], [], [], attribute_protos=[constant(to).attribute[0]]
        )
    ),
    "the training": lambda model, to: model.training_info.add().algorithm.CopyFrom(
        graph_with(constant(to))
    ),
    "the second of two locations": lambda model, to: external_twice(model, "net.onnx.data", to),
    "the first of two locations": lambda model, to: external_twice(model, to, "net.onnx.data"),
}


def external_twice(model: onnx.ModelProto, *locations: str) -> None:
    tensor = external(locations[0])
    tensor.external_data.add(key="location", value=locations[1])
    model.graph.initializer.append(tensor)


def truncated(path: Path) -> Path:
    user_networks.convolutional(path)
    path.write_bytes(path.read_bytes()[:300])
    return path


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def huge(path: Path) -> Path:
    """Write a network of a few bytes with a constant of a petabyte."""
    nodes = [
        helper.make_node("ConstantOfShape", ["shape"], ["zeros"]),
        helper.make_node("ReduceMax", ["zeros"], ["most"], axes=[1], keepdims=0),
        helper.make_node("ReduceMean", ["picture"], ["mean"], axes=[2, 3], keepdims=0),
        helper.make_node("Add", ["mean", "most"], ["out"]),
    ]
    shape = {"shape": np.array([1, 1 << 48])}
    return user_networks.save(path, nodes, shape, ["n", 3, 16, 16], {"out": ["n", 3]})


def cyclic(path: Path) -> Path:
    nodes = [
        helper.make_node("Add", ["picture", "b"], ["a"]),
        helper.make_node("Relu", ["a"], ["b"]),
    ]
    return user_networks.save(path, nodes, {}, ["n", 3, 16, 16], {"b": ["n", 3, 16, 16]})


def ir(path: Path, change: Callable[[str], str]) -> Path:
    """Write a network of OpenVINO whose description is changed."""
    import openvino

    source = user_networks.convolutional(path.with_name("source.onnx"))
    openvino.save_model(openvino.Core().read_model(source), path, compress_to_fp16=False)
    path.write_text(change(path.read_text()))
    return path


def without_weights(path: Path) -> Path:
    ir(path, str).with_suffix(".bin").unlink()
    return path


def beyond_its_weights(path: Path) -> Path:
    return ir(path, lambda text: text.replace('size="1296"', 'size="1296000000"'))


def saved_model(path: Path, content: bytes) -> Path:
    path.mkdir()
    (path / "saved_model.pb").write_bytes(content)
    return path


HOSTILE: dict[str, tuple[Callable[[Path], Path], str]] = {
    "absent.onnx": (lambda path: path, "is not there"),
    "no network.txt": (lambda path: written(path, b"text"), "is not a supported network"),
    "empty.onnx": (lambda path: written(path, b""), "cannot be read|damaged"),
    "text.onnx": (lambda path: written(path, b"no network\n" * 99), "not a file of ONNX"),
    "truncated.onnx": (truncated, "damaged"),
    "pickle.onnx": (lambda path: written(path, b"\x80\x04cos\nsystem\n(S'id'\ntR."), "damaged"),
    "own operation.onnx": (
        lambda path: with_node(path, op_type="Run", domain="evil.example"),
        r"operations of its own \(evil.example.Run\)",
    ),
    "python operation.onnx": (
        lambda path: with_node(path, op_type="PythonOp", domain="ai.onnx.contrib"),
        "operations of its own",
    ),
    "unknown operation.onnx": (lambda path: with_node(path, op_type="Frobnicate"), "Frobnicate"),
    "data above.onnx": (lambda path: with_data_in(path, "../secret.bin"), "has data in"),
    "data elsewhere.onnx": (lambda path: with_data_in(path, "/etc/passwd"), "has data in"),
    "data of another.onnx": (lambda path: with_data_in(path, "other.bin"), "has data in"),
    "data in a branch.onnx": (lambda path: within_a_branch(path, "/etc/passwd"), "has data in"),
    "data that is absent.onnx": (
        lambda path: with_data_in(path, f"{path.name}.data"),
        "has data in",
    ),
    "cyclic.onnx": (cyclic, "must have one input"),
    "huge.onnx": (huge, "more memory than this machine has"),
    "ONNX.xml": (lambda path: with_data_in(path, "other.bin"), "are XML, and this is not"),
    "text.xml": (lambda path: written(path, b"<html></html>"), "cannot be read"),
    "without weights.xml": (without_weights, "cannot be read"),
    "beyond its weights.xml": (beyond_its_weights, "cannot be read"),
    "a folder": (lambda path: path.mkdir() or path, "no saved_model.pb"),  # type: ignore[func-returns-value]
    "a SavedModel of text": (lambda path: saved_model(path, b"text"), "cannot be read"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_damaged_or_hostile_file_is_refused_with_its_name(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret.bin").write_bytes(bytes(2000))
    (tmp_path / "networks").mkdir()
    (tmp_path / "networks" / "other.bin").write_bytes(bytes(2000))
    make, words = HOSTILE[name]
    file = make(tmp_path / "networks" / name)
    with pytest.raises(UserError, match=words) as refused:
        user_networks.make(tmp_path / "backbone", file, family="torchvision")
    assert str(file) in str(refused.value)
    assert len(str(refused.value)) < 600


@pytest.mark.parametrize("place", PLACES)
def test_data_in_another_file_is_refused_wherever_a_network_names_it(
    tmp_path: Path, place: str
) -> None:
    (tmp_path / "secret.bin").write_bytes(bytes(48))
    (tmp_path / "net.onnx.data").write_bytes(bytes(48))
    file = user_networks.convolutional(tmp_path / "net.onnx")
    model = onnx.load(file)
    PLACES[place](model, "secret.bin")
    onnx.save(model, file)
    with pytest.raises(UserError, match=r"has data in secret\.bin"):
        loading.open_network(file)


def test_a_function_of_its_own_allows_no_other_operation_of_that_name_space(
    tmp_path: Path,
) -> None:
    file = with_node(tmp_path / "net.onnx", op_type="Run", domain="own")
    model = onnx.load(file)
    model.functions.append(helper.make_function("own", "Defined", [], [], [], []))
    onnx.save(model, file)
    with pytest.raises(UserError, match=r"operations of its own \(own\.Run\)"):
        loading.open_network(file)


def test_data_beside_a_network_and_named_after_it_is_part_of_it(tmp_path: Path) -> None:
    file = with_data_in(tmp_path / "net.onnx", "net.onnx.data")
    data = written(tmp_path / "net.onnx.data", user_networks.weights(12, 3, 3, 3).tobytes())
    assert loading.files_of(file) == [file, data]
    before = loading.digest_of(file)
    assert len(loading.open_network(file).inputs) == 1
    data.write_bytes(bytes(1296))
    assert loading.digest_of(file) != before
