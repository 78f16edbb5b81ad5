"""Networks of Keras that people bring: in a file, in a SavedModel, and what is refused of them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import user_networks
from similar_images.backbones import engines, loading, preprocessing_config, validation
from similar_images.core.errors import UserError

SIZE = 32
PICTURES = np.random.default_rng(1).integers(0, 256, (8, SIZE, SIZE, 3), np.uint8)


@pytest.fixture(scope="module")
def network() -> Any:
    """A small network that normalises pictures by itself, as those of Keras applications do."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    inputs = keras.Input((SIZE, SIZE, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = layers.Conv2D(16, 3, strides=2, activation="swish")(x)
    tokens = layers.Reshape((-1, 16))(x)
    mixed = layers.LayerNormalization()(layers.MultiHeadAttention(2, 8)(tokens, tokens) + tokens)
    return keras.Model(inputs, layers.GlobalAveragePooling1D()(mixed))


def assert_same_features(network: Any, folder: Path) -> None:
    import openvino

    engine = engines.load("openvino", folder, threads=1)
    found = validation.features_of(engine, PICTURES)
    expected = network.predict(PICTURES.astype(np.float32), verbose=0)
    assert len(openvino.Core().read_model(folder / engines.OPENVINO_FILE).outputs) == 1
    lengths = np.linalg.norm(found, axis=1) * np.linalg.norm(expected, axis=1)
    assert ((found * expected).sum(1) / lengths).min() > 0.99999


def test_a_file_of_keras_gives_its_features(network: Any, tmp_path: Path) -> None:
    network.save(tmp_path / "own.keras")
    model = user_networks.make(tmp_path / "made", tmp_path / "own.keras", family="keras-raw")
    assert (model.input_size, model.features) == (SIZE, 16)
    assert_same_features(network, tmp_path / "made")


def test_a_saved_model_gives_its_features(network: Any, tmp_path: Path) -> None:
    network.export(tmp_path / "own", format="tf_saved_model", verbose=False)
    user_networks.make(tmp_path / "made", tmp_path / "own", family="keras-raw")
    assert_same_features(network, tmp_path / "made")


def test_a_file_of_openvino_gives_its_features(network: Any, tmp_path: Path) -> None:
    import openvino

    openvino.save_model(loading.convert(network), tmp_path / "own.xml", compress_to_fp16=False)
    user_networks.make(tmp_path / "made", tmp_path / "own.xml", family="keras-raw")
    assert_same_features(network, tmp_path / "made")


@pytest.mark.parametrize("mode", ["torch", "tf", "caffe"])
def test_the_families_of_keras_prepare_pictures_as_it_does(mode: str) -> None:
    from keras.src.applications.imagenet_utils import preprocess_input

    card = preprocessing_config.FAMILIES[f"keras-{mode}"]
    assert card.mean
    assert card.deviation
    pictures = PICTURES[..., ::-1] if card.channels == "BGR" else PICTURES
    found = (pictures / 255 - card.mean) / card.deviation
    expected = preprocess_input(PICTURES.astype(np.float32), mode=mode)
    np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())


def test_a_layer_that_holds_python_code_is_refused(tmp_path: Path) -> None:
    import keras
    from keras import layers

    inputs = keras.Input((SIZE, SIZE, 3))
    x = layers.Lambda(lambda images: images / 255)(inputs)
    network = keras.Model(inputs, layers.GlobalAveragePooling2D()(layers.Conv2D(16, 3)(x)))
    network.save(tmp_path / "own.keras")
    with pytest.raises(UserError, match=r"own\.keras: It cannot be read: .*Lambda"):
        user_networks.make(tmp_path / "made", tmp_path / "own.keras", family="keras-raw")


def test_a_layer_of_a_class_that_is_not_of_keras_is_refused(tmp_path: Path) -> None:
    import keras
    from keras import layers

    class Own(layers.Layer):  # type: ignore[misc]  # Keras has no types
        def call(self, images: Any) -> Any:
            return images * 2

    inputs = keras.Input((SIZE, SIZE, 3))
    network = keras.Model(inputs, layers.GlobalAveragePooling2D()(Own()(inputs)))
    network.save(tmp_path / "own.keras")
    with pytest.raises(UserError, match=r"own\.keras: It cannot be read: .*Own"):
        user_networks.make(tmp_path / "made", tmp_path / "own.keras", family="keras-raw")


def test_a_damaged_file_of_keras_is_refused(network: Any, tmp_path: Path) -> None:
    network.save(tmp_path / "own.keras")
    file = tmp_path / "own.keras"
    file.write_bytes(file.read_bytes()[:500])
    with pytest.raises(UserError, match=r"own\.keras: It cannot be read"):
        user_networks.make(tmp_path / "made", file, family="keras-raw")
