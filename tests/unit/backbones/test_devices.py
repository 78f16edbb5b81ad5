"""What runs a network where there is a choice: the engine that is fastest, and OpenVINO's devices.

No machine with a GPU is needed: what it would tell of itself is put in its place.
"""

import json
import sys
from collections.abc import Sequence
from functools import partial
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import pytest

import user_networks
from similar_images.backbones import building, engines
from similar_images.backbones.registry import Precision
from similar_images.core.errors import UserError

CARD: dict[str, Any] = {"family": "siglip"}
histogram = partial(user_networks.build, backbone="ColourHistogram")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return user_networks.convolutional(tmp_path / "own.onnx")


@pytest.fixture
def tensorflow(monkeypatch: pytest.MonkeyPatch) -> MagicMock:
    """A TensorFlow that sees a GPU."""
    stand_in = MagicMock(spec=ModuleType, config=MagicMock())
    stand_in.config.list_physical_devices.return_value = ["the GPU"]
    monkeypatch.setitem(sys.modules, "tensorflow", stand_in)
    return stand_in


def pretend(monkeypatch: pytest.MonkeyPatch, device: str, precisions: Sequence[Precision]) -> None:
    """Let the machine have a device; the processor stands in for it."""
    load = engines.load
    monkeypatch.setattr(engines, "devices", lambda: ["CPU", device])
    monkeypatch.setattr(engines, "precisions", lambda device: list(precisions))
    monkeypatch.setattr(engines, "load", lambda *arguments: load(*arguments[:3]))


def test_auto_is_tensorflow_where_it_sees_a_gpu_and_else_openvino(tensorflow: MagicMock) -> None:
    assert engines.fastest("float32", "CPU") == "tensorflow"
    tensorflow.config.list_physical_devices.return_value = []
    assert engines.fastest("float32", "CPU") == "openvino"


def test_auto_is_openvino_for_what_tensorflow_does_not_do(tensorflow: MagicMock) -> None:
    assert engines.fastest("int8", "CPU") == "openvino"
    assert engines.fastest("float32", "GPU") == "openvino"
    assert not tensorflow.mock_calls


def test_what_auto_has_taken_is_recorded_and_not_auto(
    file: Path, tmp_path: Path, tensorflow: MagicMock
) -> None:
    named = user_networks.make(tmp_path / "named", file, **CARD)
    assert user_networks.make(tmp_path / "auto", file, engine="auto", **CARD) == named
    assert named.engine == "openvino"
    assert histogram(tmp_path / "histogram", engine="auto").engine == "histogram"


def test_the_fingerprint_on_the_processor_has_no_word_of_the_device(tmp_path: Path) -> None:
    made_of = {
        "backbone": "ColourHistogram",
        "weights_sha256": None,
        "input_size": 64,
        "resample": "bicubic",
        "engine": "histogram",
        "precision": "f32",
    }
    expected = sha256(json.dumps([made_of, building.CODE]).encode()).hexdigest()
    assert histogram(tmp_path / "made").fingerprint == expected


def test_each_device_is_a_model_of_its_own(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fingerprints = {user_networks.make(tmp_path / "CPU", file, **CARD).fingerprint}
    for device in ("GPU", "NPU"):
        pretend(monkeypatch, device, ["float32"])
        made = user_networks.make(tmp_path / device, file, device=device, **CARD)
        assert made.device == device
        assert made.fingerprint not in fingerprints
        fingerprints.add(made.fingerprint)


def test_a_device_that_is_not_there_is_refused_with_those_that_are(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = "device: OpenVINO sees no NPU on this machine. Allowed here: CPU, GPU. Install its"
    user_networks.make(tmp_path / "made", file, **CARD)
    pretend(monkeypatch, "GPU", ["float32"])
    with pytest.raises(UserError, match=words):
        user_networks.make(tmp_path / "other", file, device="NPU", **CARD)
    monkeypatch.undo()
    monkeypatch.setattr(engines, "devices", lambda: ["CPU", "GPU"])
    with pytest.raises(UserError, match=words):
        engines.load("openvino", tmp_path / "made", 1, "float32", "NPU")


def test_a_precision_that_the_device_has_not_is_refused_with_those_that_it_has(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(monkeypatch, "NPU", ["float16", "int8"])
    with pytest.raises(UserError, match=r"NPU has no float32. Allowed here: float16, int8\."):
        user_networks.make(tmp_path / "made", file, device="NPU", **CARD)


def test_other_engines_take_no_device(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="With engine: histogram leave device at CPU"):
        histogram(tmp_path / "made", device="GPU")


def test_another_device_gives_the_same_features(file: Path, tmp_path: Path) -> None:
    """The processor by another name: it gets the same settings, but no number of threads."""
    folder = tmp_path / "made"
    user_networks.make(folder, file, **CARD)
    expected = engines.load("openvino", folder, 2)
    shape = (expected.batch_size, user_networks.SIZE, user_networks.SIZE, 3)
    pictures = np.random.default_rng(3).integers(0, 256, shape).astype(np.uint8)
    other = engines.OpenVino(folder, 2, "float32", "HETERO:CPU")  # type: ignore[arg-type]
    assert other.streams >= 1
    for _ in range(2 * other.streams):
        np.testing.assert_allclose(other(pictures), expected(pictures), rtol=1e-5)


def test_tensorflow_leaves_memory_of_a_gpu_to_other_jobs_and_float32_as_it_is(
    tensorflow: MagicMock,
) -> None:
    engines.configure_tensorflow(2)
    experimental = tensorflow.config.experimental
    experimental.set_memory_growth.assert_called_once_with("the GPU", True)
    experimental.enable_tensor_float_32_execution.assert_called_once_with(False)
