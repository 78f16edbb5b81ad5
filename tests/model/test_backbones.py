"""Facts about the networks that the workflow relies on."""

import io
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import user_networks
from similar_images.backbones import building, engines, middle_layers
from similar_images.backbones.registry import KERAS
from similar_images.images.preprocessing import Preprocessor

PHOTOS = Path(__file__).resolve().parents[3] / "shared" / "data"


@pytest.fixture(scope="module")
def photos() -> NDArray[np.uint8]:
    files = sorted(PHOTOS.glob("*/queries/*/*.jpg"))[::13][:32]
    if len(files) < 32:
        pytest.skip(f"no photographs in {PHOTOS}")
    prepare = Preprocessor(260, "bicubic", 10**8)
    return np.stack([prepare(io.BytesIO(file.read_bytes())).image for file in files])


@pytest.fixture(scope="module")
def lite2() -> Any:
    return building.build("EfficientNetLite2", None)[0]


@pytest.fixture(scope="module")
def openvino(lite2: Any, tmp_path_factory: pytest.TempPathFactory) -> engines.Engine:
    folder = tmp_path_factory.mktemp("openvino") / "backbone"
    building.export(lite2, "openvino", folder)
    return engines.load("openvino", folder, threads=2)


def cosines(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float64]:
    a, b = a.astype(np.float64), b.astype(np.float64)
    found: NDArray[np.float64] = (a * b).sum(1) / np.linalg.norm(a, axis=1)
    found /= np.linalg.norm(b, axis=1)
    return found


def by_tensorflow(folder: Path, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the features by the TensorFlow engine, which wants a process of its own."""
    np.save(folder / "images.npy", images)
    code = (
        "import sys, numpy; from similar_images.backbones import engines;"
        "engine = engines.load('tensorflow', sys.argv[1], 2);"
        "from tensorflow.config.experimental import tensor_float_32_execution_enabled as cut;"
        "assert not cut();"  # on a GPU the features would be others
        "numpy.save('features.npy', engine(numpy.load('images.npy')))"
    )
    scripts = Path(engines.__file__).parents[2]
    command = [sys.executable, "-c", code, str(folder)]
    subprocess.run(command, cwd=folder, env=os.environ | {"PYTHONPATH": str(scripts)}, check=True)
    features: NDArray[np.float32] = np.load(folder / "features.npy")
    return features


def in_batches(engine: engines.Engine, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    size = engine.batch_size
    return np.vstack([engine(images[start : start + size]) for start in range(0, 32, size)])


def test_top_dropout_equals_average_pooling_without_the_classifier() -> None:
    import keras

    whole = keras.applications.EfficientNetB3(weights=None)
    # Without its size the headless network pads its images otherwise.
    headless = keras.applications.EfficientNetB3(
        weights=None, include_top=False, pooling="avg", input_shape=(300, 300, 3)
    )
    headless.set_weights(whole.get_weights()[:-2])
    cut = keras.Model(whole.input, whole.get_layer("top_dropout").output)
    images = np.random.default_rng(0).uniform(0, 255, (1, 300, 300, 3)).astype(np.float32)
    assert cut.output_shape == (None, 1536)
    assert np.array_equal(cut.predict(images, verbose=0), headless.predict(images, verbose=0))


@pytest.mark.parametrize("name", ["EfficientNetB0", "EfficientNetV2B0"])
def test_a_network_is_the_imagenet_graph_whether_its_weights_come_from_file_or_cache(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = imitate_weights(name, tmp_path / "elsewhere.h5", monkeypatch)
    (tmp_path / "keras").mkdir()
    monkeypatch.setattr("keras.src.backend.config._KERAS_DIR", str(tmp_path / "keras"))
    from_file, cached = building.build(name, file)
    file.unlink()
    from_cache, _ = building.build(name, None)
    size = from_file.input_shape[1]
    images = np.random.default_rng(0).uniform(0, 255, (2, size, size, 3)).astype(np.float32)
    assert size == 224
    assert cached == tmp_path / "keras" / "models" / KERAS[name].weights
    assert np.array_equal(
        from_file.predict(images, verbose=0), from_cache.predict(images, verbose=0)
    )
    rescalings = [layer for layer in from_file.layers if "rescaling" in layer.name]
    # The first family has a second one in the ImageNet graph alone.
    assert len(rescalings) == (1 if "V2" in name else 2)


def test_every_registered_keras_network_exists() -> None:
    import keras

    assert all(hasattr(keras.applications, name) for name in KERAS)


def test_the_fallback_gives_the_known_features_of_its_fingerprint(
    openvino: engines.Engine,
) -> None:
    """Where this fails, features have changed: see `building.CODE`."""
    ramp = np.arange(260 * 260 * 3, dtype=np.uint32).reshape(260, 260, 3)
    picture = (ramp * 7919 // 4096 % 256).astype(np.uint8)
    features = openvino(np.stack([picture] * openvino.batch_size))[0]
    assert features[[1011, 1223, 491]] == pytest.approx([3.63998, 3.62942, 3.38471], rel=1e-3)


def test_the_engines_agree_on_photographs(
    lite2: Any, photos: NDArray[np.uint8], tmp_path: Path
) -> None:
    whole, channels = middle_layers.add_to_keras(lite2, lite2.output)
    for engine in ("openvino", "tensorflow"):
        building.export(whole, engine, tmp_path / engine)
    features = in_batches(engines.load("openvino", tmp_path / "openvino", threads=2), photos)
    others = (
        whole.predict(photos.astype(np.float32), verbose=0),
        by_tensorflow(tmp_path / "tensorflow", photos),
    )
    ends = np.cumsum([lite2.output_shape[1], *channels])[:-1]
    for other in others:
        for one, same in zip(
            *(np.split(rows, ends, axis=1) for rows in (features, other)), strict=True
        ):
            assert cosines(one, same).min() > 0.999999


def test_auto_is_openvino_on_a_machine_without_a_gpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tensorflow

    monkeypatch.setattr(tensorflow.config, "list_physical_devices", lambda kind: [])
    made = user_networks.build(tmp_path / "made", "EfficientNetLite2", engine="auto")
    assert (made.engine, made.device) == ("openvino", "CPU")
    assert (tmp_path / "made" / engines.OPENVINO_FILE).is_file()


def test_features_do_not_depend_on_the_images_beside_them(
    openvino: engines.Engine, photos: NDArray[np.uint8]
) -> None:
    batch = photos[: openvino.batch_size]
    features = openvino(batch)
    alone = np.zeros_like(batch)
    alone[-1] = batch[0]
    assert np.array_equal(openvino(batch[::-1])[::-1], features)
    assert np.array_equal(openvino(alone)[-1], features[0])


def test_features_do_not_depend_on_other_threads(
    openvino: engines.Engine, photos: NDArray[np.uint8]
) -> None:
    batches = [*photos[:32].reshape(-1, openvino.batch_size, *photos.shape[1:])]
    with ThreadPoolExecutor(openvino.streams) as pool:
        together = list(pool.map(openvino, batches))
    assert openvino.streams == 2
    assert np.array_equal(np.vstack(together), in_batches(openvino, photos))


def test_features_do_not_depend_on_the_number_of_threads(
    lite2: Any, openvino: engines.Engine, photos: NDArray[np.uint8], tmp_path: Path
) -> None:
    building.export(lite2, "openvino", tmp_path / "backbone")
    alone = engines.load("openvino", tmp_path / "backbone", threads=1)
    assert np.array_equal(in_batches(alone, photos), in_batches(openvino, photos))


# All others take some minutes to build.
USUAL = ["EfficientNetLite2", "EfficientNetB0", "EfficientNetB3", "EfficientNetV2B0"]
RARE = [pytest.param(name, marks=pytest.mark.complete) for name in KERAS if name not in USUAL]


@pytest.mark.parametrize("name", [*USUAL, *RARE])
def test_an_exported_network_has_the_features_for_its_only_output(
    name: str, tmp_path: Path
) -> None:
    import openvino as ov

    network = with_random_weights(name)
    building.export(network, "openvino", tmp_path / "backbone")
    exported = ov.Core().read_model(tmp_path / "backbone" / engines.OPENVINO_FILE)
    assert [output.partial_shape[1].get_length() for output in exported.outputs] == [
        network.output_shape[1]
    ]


# One of each family: they are made of different blocks.
@pytest.mark.parametrize("name", ["EfficientNetLite2", "EfficientNetB0", "EfficientNetV2B0"])
def test_only_the_input_of_a_network_is_transposed(name: str, tmp_path: Path) -> None:
    import openvino as ov

    building.export(with_random_weights(name), "openvino", tmp_path / "backbone")
    network = ov.Core().read_model(tmp_path / "backbone" / engines.OPENVINO_FILE)
    engines.fix_batch(network)
    options = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = ov.Core().compile_model(network, "CPU", options).get_runtime_model()
    layers = [node.get_rt_info()["layerType"] for node in compiled.get_ops()]
    assert "Convolution" in layers
    assert layers.count("Transpose") <= 1


def with_random_weights(name: str) -> Any:
    """Return a network, cut at its features; the weights of Keras cannot be had everywhere."""
    import keras

    if name == "EfficientNetLite2":
        return building.build(name, None)[0]
    whole = getattr(keras.applications, name)(weights=None)
    return keras.Model(whole.input, whole.get_layer("top_dropout").output)


def imitate_weights(name: str, path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a file like the one Keras offers, of random weights, and have it pass for that."""
    import dataclasses
    from hashlib import md5

    import h5py
    import keras
    from keras.src.applications import efficientnet, efficientnet_v2
    from keras.src.legacy.saving.legacy_h5_format import save_weights_to_hdf5_group

    with h5py.File(path, "w") as file:
        save_weights_to_hdf5_group(file, getattr(keras.applications, name)(weights=None))
    digest = md5(path.read_bytes()).hexdigest()
    module = efficientnet_v2 if "V2" in name else efficientnet
    monkeypatch.setitem(module.WEIGHTS_HASHES, name[-2:].lower(), (digest, ""))
    monkeypatch.setitem(KERAS, name, dataclasses.replace(KERAS[name], md5=digest))
    return path
