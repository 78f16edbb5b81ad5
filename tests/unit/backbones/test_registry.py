"""Tests of the table of backbones, against Keras itself."""

from importlib import import_module
from typing import Any

import pytest

from similar_images.backbones.registry import KERAS, KerasBackbone

FAMILIES = {
    "efficientnet": "EfficientNet",
    "efficientnet_v2": "EfficientNetV2",
}


@pytest.fixture(params=KERAS.values(), ids=list(KERAS))
def backbone(request: pytest.FixtureRequest) -> Any:
    return request.param


def built(backbone: KerasBackbone, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, dict[str, Any]]:
    """Return Keras' module of the backbone and what it would build the network of."""
    family = "efficientnet_v2" if "V2" in backbone.name else "efficientnet"
    module = import_module(f"keras.src.applications.{family}")
    asked: dict[str, Any] = {}

    def build(*arguments: Any, **options: Any) -> None:
        asked.update(options)

    monkeypatch.setattr(module, FAMILIES[family], build)
    getattr(module, backbone.name)(weights="imagenet")
    return module, asked


def test_file_url_and_hash_are_those_of_keras(
    backbone: KerasBackbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, asked = built(backbone, monkeypatch)
    assert backbone.weights == f"{asked['name']}.h5"
    assert backbone.url == module.BASE_WEIGHTS_PATH + backbone.weights
    assert backbone.md5 == module.WEIGHTS_HASHES[asked["weights_name"]][0]


@pytest.mark.parametrize(("family", "prefix"), FAMILIES.items())
def test_every_efficientnet_of_keras_is_in_the_table(family: str, prefix: str) -> None:
    module = import_module(f"keras.src.applications.{family}")
    offered = {name for name in vars(module) if name.startswith(prefix) and name != prefix}
    assert offered <= set(KERAS)
    assert len(offered) == len(module.WEIGHTS_HASHES)


@pytest.mark.parametrize("name", ["EfficientNetB0", "EfficientNetV2B0"])
def test_keras_asks_its_cache_for_this_very_file(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    keras = import_module("keras")
    backbone = KERAS[name]
    asked: dict[str, Any] = {}

    def get_file(fname: str, origin: str, **options: Any) -> None:
        asked.update(options, fname=fname, origin=origin)
        raise InterruptedError

    monkeypatch.setattr("keras.src.utils.file_utils.get_file", get_file)
    with pytest.raises(InterruptedError):
        getattr(keras.applications, name)(weights="imagenet")
    assert asked == {
        "fname": backbone.weights,
        "origin": backbone.url,
        "cache_subdir": "models",
        "file_hash": backbone.md5,
    }
