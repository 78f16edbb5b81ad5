"""The middle layers of networks: what is taken of them, and that the features stay as they were."""

from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from onnx import helper

import user_networks
from similar_images.backbones import (
    building,
    engines,
    loading,
    middle_layers,
    preprocessing_config,
    standardisation,
)
from similar_images.core.errors import UserError

IMAGES = np.random.default_rng(0).integers(0, 256, (2, 224, 224, 3), np.uint8)
# The last layers at a stride of 16 and of 32 before the one that the features are the mean of.
LAYERS = {
    "EfficientNetLite2": ("block5d_activation", "block7a_activation"),
    "EfficientNetB0": ("block5c_activation", "block7a_activation"),
    "EfficientNetB3": ("block5e_activation", "block7b_activation"),
    "EfficientNetV2B0": ("block5e_activation", "block6h_activation"),
}


def with_random_weights(name: str) -> Any:
    import keras

    if name == "EfficientNetLite2":
        return building.build(name, None)[0]
    whole = getattr(keras.applications, name)(weights=None)
    return keras.Model(whole.input, whole.get_layer("top_dropout").output)


@pytest.mark.parametrize("name", LAYERS)
def test_mean_and_standard_deviation_of_two_middle_layers_follow_the_features(name: str) -> None:
    import keras

    network = with_random_weights(name)
    whole, channels = middle_layers.add_to_keras(network, network.output)
    size, dimension = network.input_shape[1], network.output_shape[1]
    images = np.random.default_rng(0).uniform(0, 255, (2, size, size, 3)).astype(np.float32)
    maps = [network.get_layer(layer).output for layer in LAYERS[name]]
    features, *found = keras.Model(network.input, [network.output, *maps])(images)
    expected = [np.asarray(features)]
    for one in map(np.asarray, found):
        expected += [one.mean(axis=(1, 2)), one.std(axis=(1, 2))]
    given = np.asarray(whole(images))
    assert given.shape[1] == dimension + sum(channels)
    assert channels == [part.shape[1] for part in expected[1:]]
    assert_allclose(given, np.concatenate(expected, axis=1), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", LAYERS)
def test_the_features_are_the_same_to_the_bit_beside_the_middle_layers(
    name: str, tmp_path: Path
) -> None:
    network = with_random_weights(name)
    size, dimension = network.input_shape[1], network.output_shape[1]
    whole, channels = middle_layers.add_to_keras(network, network.output)
    building.export(network, "openvino", tmp_path / "alone")
    building.export(whole, "openvino", tmp_path / "whole")
    alone, both = (engines.load("openvino", tmp_path / n, 1) for n in ("alone", "whole"))
    images = np.random.default_rng(0).integers(0, 256, (2, size, size, 3), np.uint8)
    given = both(images)
    assert given.shape == (2, dimension + sum(channels))
    assert_array_equal(given[:, :dimension], alone(images))


def taken(path: Path, **settings: Any) -> tuple[Any, list[int], int]:
    """Return a network that people bring with its middle layers, their channels, its features."""
    card = preprocessing_config.read({"file": str(path), **settings})
    network = standardisation.standardise(loading.open_network(path), card, 2)
    _, size, _, _ = network.inputs[0].shape
    whole, channels = middle_layers.add_to_openvino(network, size, card.levels)
    return whole, channels, network.outputs[0].shape[1]


def test_in_a_file_the_last_activations_of_each_stride_are_found(tmp_path: Path) -> None:
    import keras

    network = with_random_weights("EfficientNetB0")
    network.save(tmp_path / "b0.keras")
    whole, channels, dimension = taken(tmp_path / "b0.keras", family="keras-raw")
    names = ("block6a_expand_activation", "block7a_activation")
    maps = [network.get_layer(name).output for name in names]
    images = IMAGES.astype(np.float32)
    expected = []
    for one in map(np.asarray, keras.Model(network.input, maps)(images)):
        expected += [one.mean(axis=(1, 2)), one.std(axis=(1, 2))]
    assert (channels, dimension) == ([part.shape[1] for part in expected], 1280)
    compiled = ov.Core().compile_model(whole, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    given = compiled(images)[0][:, dimension:]
    assert_allclose(given, np.concatenate(expected, axis=1), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("kind", ["f16", "f64"])
def test_a_network_may_compute_in_other_types_in_between(kind: str) -> None:
    from openvino import opset13 as operations

    random, pictures = np.random.default_rng(0), np.float32
    inner = np.dtype({"f16": np.float16, "f64": np.float64}[kind])
    taken_in = operations.parameter([2, 64, 64, 3], pictures)
    order = operations.constant(np.array([0, 3, 1, 2]))
    found = operations.convert(operations.transpose(taken_in, order), kind)
    for inputs, stride in ((3, 2), (4, 2), (4, 2), (4, 2), (4, 2), (4, 1)):
        kernel = operations.constant(random.normal(0, 0.2, (4, inputs, 3, 3)).astype(inner))
        found = operations.relu(
            operations.convolution(found, kernel, [stride] * 2, [1, 1], [1, 1], [1, 1])
        )
    mean = operations.convert(operations.reduce_mean(found, [2, 3], keep_dims=False), "f32")
    network = ov.Model([mean], [taken_in], "mixed")
    whole, channels = middle_layers.add_to_openvino(network, 64, None)
    assert channels == [4, 4, 4, 4]
    given = ov.Core().compile_model(whole, "CPU")(np.ones((2, 64, 64, 3), np.float32))[0]
    assert (given.dtype, given.shape) == (np.float32, (2, 20))
    assert np.isfinite(given).all()


def test_the_middle_layers_of_a_transformer_are_its_tokens(tmp_path: Path) -> None:
    path = deep_transformer(tmp_path / "deep.onnx", blocks=8)
    _, channels, dimension = taken(
        path, family="dinov2", fit="stretch", output="last", pooling="mean", size=user_networks.SIZE
    )
    assert (channels, dimension) == ([user_networks.FEATURES] * 2, user_networks.FEATURES)


def test_a_network_without_middle_layers_gives_its_features_only(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = user_networks.convolutional(tmp_path / "small.onnx")
    made = user_networks.make(tmp_path / "made", path, family="torchvision")
    assert made.levels == []
    assert "has no usable middle layers" in caplog.text
    assert "backbone.levels" in caplog.text


def test_layers_can_be_named(tmp_path: Path) -> None:
    path = user_networks.convolutional(tmp_path / "small.onnx")
    made = user_networks.make(tmp_path / "made", path, family="torchvision", levels=["map"])
    assert made.levels == [user_networks.FEATURES] * 2
    other = user_networks.make(tmp_path / "other", path, family="torchvision")
    assert made.fingerprint != other.fingerprint


def test_a_name_that_is_no_layer_is_refused_with_some_that_are(tmp_path: Path) -> None:
    path = user_networks.convolutional(tmp_path / "small.onnx")
    for name, reason in {
        "nap": r"levels: the layer nap does not exist\. Allowed: .* such as map",
        "features": r"levels: the layer features is \[2,12\]\. Allowed: layers that give a map",
        "kernel": r"levels: the layer kernel does not exist",
    }.items():
        with pytest.raises(UserError, match=reason):
            user_networks.make(tmp_path / name, path, family="torchvision", levels=[name])


@pytest.mark.parametrize("kind", [{"tokens_first": True}, {"large": 1e25}], ids=str)
def test_middle_layers_that_cannot_be_used_are_left_out(
    tmp_path: Path, kind: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    path = deep_transformer(tmp_path / "deep.onnx", blocks=8, **kind)
    made = user_networks.make(
        tmp_path / "made", path, family="siglip", output="last", pooling="mean"
    )
    assert made.levels == []
    assert "has no usable middle layers" in caplog.text
    network = ov.Core().read_model(tmp_path / "made" / engines.OPENVINO_FILE)
    assert network.outputs[0].shape[1] == user_networks.FEATURES


def test_named_layers_whose_values_are_no_numbers_are_refused(tmp_path: Path) -> None:
    path = deep_transformer(tmp_path / "deep.onnx", blocks=8, large=1e25)
    card: dict[str, Any] = {"family": "siglip", "output": "last", "pooling": "mean"}
    with pytest.raises(UserError, match="levels: these layers give values that are not finite"):
        user_networks.make(tmp_path / "made", path, **card, levels=["x4"])


def test_features_that_do_not_depend_on_the_picture_are_refused_despite_middle_layers(
    tmp_path: Path,
) -> None:
    """The middle layers differ from picture to picture where the features do not."""
    path = deep_transformer(tmp_path / "deep.onnx", blocks=8, features_differ=False)
    with pytest.raises(UserError, match="It gives the same features for every picture"):
        user_networks.make(tmp_path / "made", path, family="siglip", output="last", pooling="mean")


def deep_transformer(
    path: Path,
    blocks: int,
    *,
    tokens_first: bool = False,
    large: float = 1.0,
    features_differ: bool = True,
) -> Path:
    """Write patches and additions to them, with `last`, the tokens.

    Args:
        path: the file.
        blocks: how many additions.
        tokens_first: whether the tokens have the first axis in between.
        large: how large the numbers are in between.
        features_differ: whether the last tokens depend on the picture.
    """
    make, scale = helper.make_node, 1.0 if features_differ else 0.0
    nodes = [
        make("Conv", ["picture", "patches"], ["places"], strides=[8, 8]),
        make("Reshape", ["places", "tokens_shape"], ["rows"]),
        make("Transpose", ["rows"], ["small"], perm=[2, 0, 1] if tokens_first else [0, 2, 1]),
        make("Mul", ["small", "large"], ["x0"]),
    ]
    for n in range(blocks):
        nodes += [
            make("MatMul", [f"x{n}", "mixing"], [f"m{n}"]),
            make("Add", [f"x{n}", f"m{n}"], [f"x{n + 1}"]),
        ]
    nodes += [
        make("Mul", [f"x{blocks}", "back"], ["end"]),
        make("Transpose", ["end"], ["last"], perm=[1, 0, 2] if tokens_first else [0, 1, 2]),
    ]
    constants = {
        "patches": user_networks.weights(user_networks.FEATURES, 3, 8, 8),
        "tokens_shape": np.array([0, user_networks.FEATURES, -1]),
        "mixing": user_networks.weights(user_networks.FEATURES, user_networks.FEATURES),
        "large": np.array([large], np.float32),
        "back": np.array([scale / large], np.float32),
    }
    picture: list[user_networks.Batch] = ["n", 3, user_networks.SIZE, user_networks.SIZE]
    return user_networks.save(
        path, nodes, constants, picture, {"last": ["n", 4, user_networks.FEATURES]}
    )
