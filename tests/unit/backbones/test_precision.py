"""Other precisions than float32: where there are any, and a network in int8."""

from pathlib import Path
from typing import Any

import numpy as np
import openvino
import pytest
from numpy.typing import NDArray

import user_networks
from similar_images.backbones import engines, model, quantisation
from similar_images.backbones.registry import Precision
from similar_images.core.errors import UserError


def make(folder: Path, precision: Precision = "float32") -> model.Model:
    file = user_networks.convolutional(folder.with_suffix(".onnx"))
    return user_networks.build(folder, {"file": str(file), "family": "siglip"}, precision=precision)


def soft(count: int) -> list[NDArray[np.uint8]]:
    """Return pictures that differ in colour."""
    chance = np.random.default_rng(5)
    levels = chance.integers(0, 200, (count, 1, 1, 3)) + chance.integers(
        0, 56, (count, user_networks.SIZE, user_networks.SIZE, 3)
    )
    return list(levels.astype(np.uint8))


def features(folder: Path, made: model.Model, pictures: list[Any]) -> NDArray[np.float32]:
    engine = engines.load("openvino", folder, 1, made.precision)
    return engine(np.stack(pictures[: engine.batch_size]))


def test_each_precision_of_this_processor_is_a_model_of_its_own(tmp_path: Path) -> None:
    able = openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    fingerprints = {make(tmp_path / "exact").fingerprint}
    for precision in ("bfloat16", "float16"):
        if engines.CAPABILITIES[precision] in able:
            made = make(tmp_path / precision, precision)
            assert made.precision == precision
            assert made.fingerprint not in fingerprints
            fingerprints.add(made.fingerprint)
        else:
            with pytest.raises(UserError, match=f"no {precision}. Allowed here: float32, "):
                make(tmp_path / precision, precision)


def test_another_engine_has_float32_alone(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="with engine: histogram there is float32 alone"):
        user_networks.build(tmp_path / "made", "ColourHistogram", precision="int8")


def test_a_quantised_network_gives_almost_the_same_features(tmp_path: Path) -> None:
    folder = tmp_path / "made"
    exact = make(folder)
    expected = features(folder, exact, soft(4))
    made = quantisation.quantise(folder, exact, soft(40))
    assert made.precision == "int8"
    found = features(folder, made, soft(4))
    lengths = np.linalg.norm(found, axis=1) * np.linalg.norm(expected, axis=1)
    assert ((found * expected).sum(axis=1) / lengths).min() > 0.99
    assert not np.array_equal(found, expected)


def test_the_fingerprint_of_a_quantised_network_shows_what_it_was_fitted_on(
    tmp_path: Path,
) -> None:
    made = []
    for name, pictures in (("a", soft(40)), ("b", soft(40)), ("c", soft(80)[40:])):
        folder = tmp_path / name / "own"
        folder.parent.mkdir()
        made.append(quantisation.quantise(folder, make(folder), pictures).fingerprint)
    assert made[0] == made[1]
    assert made[2] != made[0]


def test_too_few_photos_to_quantise_with_are_reported(tmp_path: Path) -> None:
    exact = make(tmp_path / "made")
    with pytest.raises(UserError, match="int8 needs 2 readable photos in the catalogue"):
        quantisation.quantise(tmp_path / "made", exact, soft(1))
