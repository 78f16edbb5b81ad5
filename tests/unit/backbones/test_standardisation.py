"""A network that people bring gives the features that it gave where it comes from."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper

import user_networks
from similar_images.backbones import engines, preprocessing_config, validation
from similar_images.core.errors import UserError
from user_networks import FEATURES, SIZE

NORMALISED: dict[str, Any] = {"mean": [0.5, 0.4, 0.3], "deviation": [0.2, 0.25, 0.3]}


def make(folder: Path, file: Path, **settings: Any) -> Any:
    return user_networks.make(folder / "backbone", file, **settings)


def features(folder: Path, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    return validation.features_of(engines.load("openvino", folder / "backbone", threads=1), images)


def pictures(count: int = 8, size: int = SIZE) -> NDArray[np.uint8]:
    return np.random.default_rng(7).integers(0, 256, (count, size, size, 3), np.uint8)


def normalised(images: NDArray[np.uint8], settings: Mapping[str, Any]) -> NDArray[np.float32]:
    """Return pictures as the network takes them (n, 3, s, s)."""
    values = (images / 255 - settings["mean"]) / settings["deviation"]
    taken: NDArray[np.float32] = values.transpose(0, 3, 1, 2).astype(np.float32)
    return taken


def assert_same(found: NDArray[np.float32], expected: NDArray[np.float32]) -> None:
    assert found.shape == expected.shape
    lengths = np.linalg.norm(found, axis=1) * np.linalg.norm(expected, axis=1)
    assert ((found * expected).sum(1) / lengths).min() > 0.99999


@pytest.mark.parametrize("batch", ["n", 1, 4, 8])
def test_a_convolutional_network_gives_its_features(tmp_path: Path, batch: int | str) -> None:
    file = user_networks.convolutional(tmp_path / "net.onnx", batch=batch)
    model = make(tmp_path, file, **NORMALISED)
    assert (model.backbone, model.input_size, model.features) == ("net", SIZE, FEATURES)
    expected = user_networks.original(file, normalised(pictures(), NORMALISED), "features")
    assert_same(features(tmp_path, pictures()), expected)


@pytest.mark.parametrize("batch", ["n", 1, 4])
@pytest.mark.parametrize(
    ("settings", "pool"),
    [
        ({"output": "pooled"}, None),
        ({"output": "last_hidden_state", "pooling": "mean"}, lambda tokens: tokens.mean(axis=1)),
        ({"output": "last_hidden_state", "pooling": "first"}, lambda tokens: tokens[:, 0]),
    ],
    ids=["pooled", "mean", "first"],
)
def test_a_transformer_gives_its_features(
    tmp_path: Path, batch: int | str, settings: dict[str, Any], pool: Any
) -> None:
    file = user_networks.transformer(tmp_path / "net.onnx", batch=batch)
    make(tmp_path, file, **NORMALISED, **settings)
    given = user_networks.original(file, normalised(pictures(), NORMALISED), settings["output"])
    assert_same(features(tmp_path, pictures()), pool(given) if pool else given)


def test_a_map_is_averaged(tmp_path: Path) -> None:
    file = user_networks.convolutional(tmp_path / "net.onnx", pooled=False)
    make(tmp_path, file, **NORMALISED)
    given = user_networks.original(file, normalised(pictures(), NORMALISED), "map")
    assert_same(features(tmp_path, pictures()), given.mean(axis=(2, 3)))


def test_channels_are_given_in_the_order_of_the_card(tmp_path: Path) -> None:
    file = user_networks.convolutional(tmp_path / "net.onnx")
    make(tmp_path, file, **NORMALISED, channels="BGR")
    turned = normalised(pictures()[..., ::-1], NORMALISED)
    assert_same(features(tmp_path, pictures()), user_networks.original(file, turned, "features"))


def test_a_family_says_all_that_a_file_does_not(tmp_path: Path) -> None:
    file = user_networks.convolutional(tmp_path / "net.onnx")
    model = make(tmp_path, file, family="clip")
    assert (model.fit, model.crop) == ("crop", 1.0)
    clip = preprocessing_config.FAMILIES["clip"]
    reported = {"mean": clip.mean, "deviation": clip.deviation}
    expected = user_networks.original(file, normalised(pictures(), reported), "features")
    assert_same(features(tmp_path, pictures()), expected)


def test_an_open_size_is_that_of_the_card(tmp_path: Path) -> None:
    file = user_networks.convolutional(tmp_path / "net.onnx", size="s")
    assert make(tmp_path, file, **NORMALISED, size=24).input_size == 24
    images = pictures(size=24)
    expected = user_networks.original(file, normalised(images, NORMALISED), "features")
    assert_same(features(tmp_path, images), expected)


def test_the_fingerprint_is_that_of_the_network_and_its_config_wherever_they_are(
    tmp_path: Path,
) -> None:
    file = user_networks.convolutional(tmp_path / "net.onnx")
    (tmp_path / "moved").mkdir()
    moved = user_networks.convolutional(tmp_path / "moved" / "net.onnx")
    other = user_networks.convolutional(tmp_path / "moved" / "map.onnx", pooled=False)
    made = [
        make(tmp_path / str(number), file, **settings).fingerprint
        for number, (file, settings) in enumerate(
            [
                (file, NORMALISED),
                (moved, NORMALISED),
                (file, NORMALISED | {"fit": "crop"}),
                (file, NORMALISED | {"mean": [0.5, 0.4, 0.2]}),
                (other, NORMALISED),
            ]
        )
    ]
    assert made[0] == made[1]
    assert len(set(made)) == 4


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, ["mean and deviation are missing", "family", "clip"]),
        (
            NORMALISED | {"output": "feature"},
            ["output: the network has no output feature", "features [?,12]"],
        ),
        (NORMALISED | {"size": 2}, ["no features", "2 x 2"]),
        (NORMALISED | {"crop": 0.9}, ["backbone.crop", "Set fit: crop"]),
        (NORMALISED | {"layout": "NHWC"}, ["not square as NHWC", "[?,3,16,16]"]),
    ],
)
def test_what_a_config_lacks_or_has_wrong_is_reported_by_name(
    tmp_path: Path, settings: dict[str, Any], words: Sequence[str]
) -> None:
    file = user_networks.convolutional(tmp_path / "net.onnx")
    with pytest.raises(UserError) as refused:
        make(tmp_path, file, **settings)
    assert all(word in str(refused.value) for word in words), refused.value


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        (["n", 3, "s", "s"], ["size is missing", "[?,3,?,?]"]),
        (["n", 3, 16, 24], ["not square", "[?,3,16,24]"]),
        (["n", 4, 16, 16], ["layout is missing", "[?,4,16,16]"]),
        (["n", 3, 16, 3], ["layout is missing"]),
        (["n", 768], ["takes no pictures", "[?,768]"]),
    ],
)
def test_an_input_that_does_not_say_its_size_or_takes_no_picture_is_reported(
    tmp_path: Path, shape: list[int | str], words: Sequence[str]
) -> None:
    file = tmp_path / "net.onnx"
    user_networks.save(
        file, [helper.make_node("Relu", ["picture"], ["out"])], {}, shape, {"out": shape}
    )
    with pytest.raises(UserError) as refused:
        make(tmp_path, file, **NORMALISED)
    assert all(word in str(refused.value) for word in words), refused.value


def test_an_output_must_be_chosen_where_there_are_several(tmp_path: Path) -> None:
    file = user_networks.transformer(tmp_path / "net.onnx")
    with pytest.raises(UserError, match=r"output is missing.*last_hidden_state.*pooled"):
        make(tmp_path, file, **NORMALISED)
    with pytest.raises(UserError, match=r"pooling is missing \(mean or first\)"):
        make(tmp_path, file, **NORMALISED, output="last_hidden_state")


def network(path: Path, *nodes: Any, kind: int = TensorProto.FLOAT, **constants: Any) -> Path:
    """Write a network of `nodes` that lead from `picture` to `out`."""
    shape: list[user_networks.Batch] = ["n", 3, SIZE, SIZE]
    return user_networks.save(path, nodes, constants, shape, {"out": ["n", FEATURES]}, kind)


def pooled(*tail: Any) -> list[Any]:
    """Return nodes from `picture` to `features` (n, 12), and `tail`."""
    return [
        helper.make_node("Conv", ["picture", "kernel"], ["map"]),
        helper.make_node("ReduceMean", ["map"], ["features"], axes=[2, 3], keepdims=0),
        *tail,
    ]


KERNEL = user_networks.weights(FEATURES, 3, 3, 3)
NO_FEATURES: dict[str, tuple[list[Any], dict[str, Any], str]] = {
    "NaN": (
        pooled(
            helper.make_node("Neg", ["features"], ["minus"]),
            helper.make_node("Abs", ["features"], ["plus"]),
            helper.make_node("Sub", ["minus", "plus"], ["below"]),
            helper.make_node("Log", ["below"], ["out"]),
        ),
        {"kernel": KERNEL},
        "not finite",
    ),
    "a constant": (
        pooled(helper.make_node("Mul", ["features", "zero"], ["out"])),
        {"kernel": KERNEL, "zero": np.zeros(1, np.float32)},
        "the same features for every picture",
    ),
    "mixed images": (
        pooled(
            helper.make_node("ReduceMean", ["features"], ["mean"], axes=[0], keepdims=1),
            helper.make_node("Sub", ["features", "mean"], ["out"]),
        ),
        {"kernel": KERNEL},
        "depend on the other pictures of its batch",
    ),
    "one number": (
        pooled(helper.make_node("ReduceMax", ["features"], ["out"], axes=[1], keepdims=1)),
        {"kernel": KERNEL},
        "At least 8 numbers",
    ),
}


@pytest.mark.parametrize("case", NO_FEATURES)
def test_outputs_that_are_no_features_are_refused(tmp_path: Path, case: str) -> None:
    nodes, constants, words = NO_FEATURES[case]
    file = network(tmp_path / "net.onnx", *nodes, **constants)
    with pytest.raises(UserError, match=words):
        make(tmp_path, file, **NORMALISED)


def test_a_class_is_no_feature(tmp_path: Path) -> None:
    nodes = pooled(helper.make_node("ArgMax", ["features"], ["out"], axis=1))
    file = network(tmp_path / "net.onnx", *nodes, kind=TensorProto.INT64, kernel=KERNEL)
    with pytest.raises(UserError, match="whole numbers"):
        make(tmp_path, file, **NORMALISED)


def test_another_engine_than_openvino_is_refused(tmp_path: Path) -> None:
    file = user_networks.convolutional(tmp_path / "net.onnx")
    with pytest.raises(UserError, match="set engine: openvino"):
        make(tmp_path, file, engine="tensorflow", **NORMALISED)
