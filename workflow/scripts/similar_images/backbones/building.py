"""Builds the backbone in the settings and exports it for its engine.

Only this module and the engine `tensorflow` import TensorFlow.
"""

import json
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from .. import __version__
from ..core.errors import UserError
from ..core.files import digest
from ..core.job import hidden
from . import (
    efficientnet_lite2,
    engines,
    loading,
    middle_layers,
    preprocessing_config,
    standardisation,
    validation,
    weights,
)
from .model import Model
from .registry import HISTOGRAM, KERAS, LITE2, Device, EngineName, Precision, Resample

logger = logging.getLogger(__name__)

# Keras imports these if they are installed, which takes one second of four. It does not need them.
UNUSED_BY_KERAS = ("matplotlib", "scipy", "sklearn")
# Stands for the code that makes features: its files' hashes when features last changed with it. A
# test sees whether they still are the same; when they are meant to change, put anything else here.
CODE = {
    "preparation.py": "9e302d27d3cb7b0f0503be6cc8c8612b982629def947d38435ef5dfc6f1c97c3",
    "engines.py": "35f709dc74c93b5d05e6968a917de1772d5fc05d1297f0df94cb941d3016d549",
    "lite2.py": "cd273bf277b4ea6d7b403b30b62f39cb79f4f78857a22de87f90996a7c44fd8d",
}


def make(
    folder: Path,
    *,
    backbone: str | Mapping[str, Any],
    weights_file: Path | None,
    fallback: str | None,
    engine: EngineName | Literal["auto"],
    resample: Resample,
    precision: Precision = "float32",
    device: Device = "CPU",
) -> Model:
    """Build the backbone, export it to `folder` for the engine, and return its description.

    Args:
        folder: where the exported network goes.
        backbone: name of a network in `registry`; or the settings of a user's network: its file,
            and those of `preprocessing_config.read`.
        weights_file: a local copy of Keras' weights, or None.
        fallback: the network to use if those weights are not available, or None.
        engine: that runs the network, or `auto`, the fastest available.
        resample: the filter that scales an image to its input.
        precision: of its arithmetic.
        device: that OpenVINO runs it on.

    Raises:
        UserError: the machine lacks the engine, precision or device; the weights are not available
            and there is no fallback; or the file of weights or of the network is not usable.
    """
    engine = _choose_engine(engine, backbone, precision, device)
    engines.check(engine, precision, device)
    if not isinstance(backbone, str):
        return _export_user_network(folder, backbone, engine, resample, precision, device)
    if backbone == HISTOGRAM:
        folder.mkdir(parents=True)
        return _describe(
            backbone=HISTOGRAM,
            features=engines.HISTOGRAM_FEATURES,
            input_size=engines.HISTOGRAM_SIZE,
            resample=resample,
            engine=engine,
        )
    name, reason = backbone, None
    try:
        network, file = build(name, weights_file)
    except weights.WeightsUnavailableError as error:
        name, reason = _fall_back(backbone, fallback, error)
        network, file = build(name, None)
    whole, channels = middle_layers.add_to_keras(network, network.output)
    export(whole, engine, folder)
    return _describe(
        backbone=name,
        requested=backbone,
        fallback_reason=reason,
        weights=file,
        weights_sha256=digest(file),
        features=network.output_shape[-1],
        levels=channels,
        input_size=network.input_shape[1],
        resample=resample,
        engine=engine,
        precision=precision,
        device=device,
    )


def _choose_engine(
    engine: EngineName | Literal["auto"],
    backbone: str | Mapping[str, Any],
    precision: Precision,
    device: Device,
) -> EngineName:
    """Return the engine that runs the backbone."""
    if backbone == HISTOGRAM:
        return "histogram"
    if engine != "auto":
        return engine
    # Users' networks run only on OpenVINO.
    found = engines.fastest(precision, device) if isinstance(backbone, str) else "openvino"
    logger.info("engine: auto chooses %s.", found)
    return found


def build(name: str, weights_file: Path | None) -> tuple[Any, Path]:
    """Return the Keras model called `name`, cut at the features, and the file of its weights.

    An EfficientNet of Keras is cut at `top_dropout`, its last layer before the classifier.

    Raises:
        UserError, WeightsUnavailableError: as `weights.provide`.
    """
    with hidden(UNUSED_BY_KERAS):
        import keras

    if name == LITE2:
        path = efficientnet_lite2.weights_file()
        return efficientnet_lite2.build(path), path
    path = weights.provide(KERAS[name], weights_file)
    classifier = getattr(keras.applications, name)(weights="imagenet")
    return keras.Model(classifier.input, classifier.get_layer("top_dropout").output), path


def _export_user_network(
    folder: Path,
    settings: Mapping[str, Any],
    engine: EngineName,
    resample: Resample,
    precision: Precision,
    device: Device,
) -> Model:
    """Export a user's network, after checking that it gives features."""
    import openvino

    if engine != "openvino":
        raise UserError(
            f"engine: {engine} runs only networks of Keras. For a network in a file, set "
            "engine: openvino."
        )
    path, config = Path(settings["file"]), preprocessing_config.read(settings)
    with validation.within_memory(path):
        network = standardisation.standardise(
            loading.open_network(path), config, engines.OpenVino.batch_size
        )
        _, size, _, _ = network.inputs[0].shape
        dimension = network.outputs[0].shape[1]
        whole, channels = middle_layers.add_to_openvino(network, size, config.levels)
        folder.mkdir(parents=True)
        file = folder / engines.OPENVINO_FILE
        openvino.save_model(whole, file, compress_to_fp16=False)
        if not validation.run(engines.load(engine, folder, 1, precision, device), size, dimension):
            if config.levels:
                raise UserError(
                    "levels: these layers give values that are not finite (NaN or infinite), "
                    "perhaps only in this precision. Name others, or leave levels out."
                )
            channels = []
            for part in folder.iterdir():  # not overwritten: OpenVINO may still have it in memory
                part.unlink()
            openvino.save_model(network, file, compress_to_fp16=False)
    if not channels:
        logger.warning(
            "%s has no usable middle layers: search.metric: adapted learns only from its "
            "features. To name layers, set backbone.levels.",
            path,
        )
    return _describe(
        backbone=re.sub("[^A-Za-z0-9]", "", path.stem) or "network",
        weights=path,
        weights_sha256=loading.digest_of(path),
        features=dimension,
        levels=channels,
        input_size=size,
        resample=resample,
        engine=engine,
        config=config,
        precision=precision,
        device=device,
    )


def _fall_back(backbone: str, fallback: str | None, error: Exception) -> tuple[str, str]:
    """Return the name of the fallback and the reason for it."""
    reason = f"the weights of {backbone} are not available: {error}"
    if fallback is None:
        raise UserError(
            f"{reason[0].upper()}{reason[1:]}. Connect to the internet, or set weights: to a copy "
            f"of the file, or set fallback: {LITE2}, which comes with the installed packages."
        ) from error
    logger.warning("Using the fallback %s: %s.", fallback, reason)
    return fallback, reason


def export(network: Any, engine: EngineName, folder: Path) -> None:
    """Export the Keras model `network` to `folder` in the format of `engine`."""
    if engine == "tensorflow":
        network.export(folder, format="tf_saved_model", verbose=False)
        return
    import openvino

    folder.mkdir(parents=True)
    path = folder / engines.OPENVINO_FILE
    openvino.save_model(loading.convert(network), path, compress_to_fp16=False)


def _describe(
    *,
    backbone: str,
    features: int,
    input_size: int,
    resample: Resample,
    engine: EngineName,
    weights: Path | None = None,
    weights_sha256: str | None = None,
    requested: str | None = None,
    fallback_reason: str | None = None,
    config: preprocessing_config.PreprocessingConfig | None = None,
    precision: Precision = "float32",
    device: Device = "CPU",
    levels: Sequence[int] = (),
) -> Model:
    made_of: dict[str, Any] = {
        "backbone": backbone,
        "weights_sha256": weights_sha256,
        "input_size": input_size,
        "resample": resample,
        "engine": engine,
        "precision": engines.HINTS[precision],
    }
    # Only values other than the defaults are in the fingerprint, so that others never change.
    more: dict[str, Any] = {"card": asdict(config)} if config else {}
    if config and config.levels is None:
        del more["card"]["levels"]
    if device != "CPU":
        more["device"] = device
    if levels:
        more["levels"] = list(levels)
    if engine == "tensorflow":
        more["tf32"] = False  # features computed in TF32 on a GPU differ
    if config is None and backbone in KERAS and precision in ("bfloat16", "float16"):
        # Former exports had an output for each activation, and rounded elsewhere.
        more["outputs"] = 1
    return Model(
        **made_of | {"precision": precision},
        device=device,
        requested=requested or backbone,
        fallback=fallback_reason is not None,
        fallback_reason=fallback_reason,
        weights=str(weights) if weights else None,
        features=features,
        levels=list(levels),
        fit=config.fit if config else "stretch",
        crop=config.crop if config else 1.0,
        fingerprint=sha256(json.dumps([made_of | more, CODE]).encode()).hexdigest(),
        version=__version__,
    )
