"""The building of the backbone that the configuration asks for, which is exported for its engine.

But for the engine `tensorflow`, nothing else imports TensorFlow.
"""

import json
import logging
from hashlib import sha256
from pathlib import Path
from typing import Any

from ..base.errors import UserError
from ..base.files import digest
from . import engines, lite2, weights
from .backbones import HISTOGRAM, KERAS, LITE2, EngineName
from .model import Model

logger = logging.getLogger(__name__)

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
    backbone: str,
    weights_file: Path | None,
    fallback: str | None,
    engine: EngineName,
    resample: str,
) -> Model:
    """Build the backbone, export it to `folder` for the engine, and return its description.

    Args:
        folder: where the exported network goes.
        backbone: name of the network: a key of `backbones.KERAS`, or one of the others there.
        weights_file: a local copy of Keras' weights, or None.
        fallback: the network to take where those weights cannot be had, or None.
        engine: what is to run the network.
        resample: the filter that scales an image to its input.

    Raises:
        UserError: the weights cannot be had and there is no fallback, or a file of weights is
            not the right one.
    """
    if backbone == HISTOGRAM:
        folder.mkdir(parents=True)
        return _describe(
            backbone=HISTOGRAM,
            weights=None,
            features=engines.HISTOGRAM_FEATURES,
            input_size=engines.HISTOGRAM_SIZE,
            resample=resample,
            engine="histogram",
        )
    name, reason = backbone, None
    try:
        network, file = build(name, weights_file)
    except weights.WeightsUnavailableError as error:
        name, reason = _fall_back(backbone, fallback, error)
        network, file = build(name, None)
    export(network, engine, folder)
    return _describe(
        backbone=name,
        requested=backbone,
        fallback_reason=reason,
        weights=file,
        features=network.output_shape[-1],
        input_size=network.input_shape[1],
        resample=resample,
        engine=engine,
    )


def build(name: str, weights_file: Path | None) -> tuple[Any, Path]:
    """Return the Keras model called `name`, cut at the features, and the file of its weights.

    An EfficientNet of Keras is cut at `top_dropout`, its last layer before the classifier.

    Raises:
        UserError, WeightsUnavailableError: as `weights.provide`.
    """
    import keras

    if name == LITE2:
        path = lite2.weights_file()
        return lite2.build(path), path
    path = weights.provide(KERAS[name], weights_file)
    classifier = getattr(keras.applications, name)(weights="imagenet")
    return keras.Model(classifier.input, classifier.get_layer("top_dropout").output), path


def _fall_back(backbone: str, fallback: str | None, error: Exception) -> tuple[str, str]:
    """Return the name of the fallback and the reason for it."""
    reason = f"the weights of {backbone} cannot be had: {error}"
    if fallback is None:
        raise UserError(
            f"{reason[0].upper()}{reason[1:]}. Connect to the network, or set weights: to a copy "
            f"of the file, or set fallback: {LITE2}, which comes with the installed packages."
        ) from error
    logger.warning("Using the fallback %s: %s.", fallback, reason)
    return fallback, reason


def export(network: Any, engine: EngineName, folder: Path) -> None:
    """Export the Keras model `network` to `folder` in the form that `engine` loads."""
    if engine == "tensorflow":
        network.export(folder, format="tf_saved_model", verbose=False)
        return
    folder.mkdir(parents=True)
    _export_openvino(network, folder / engines.OPENVINO_FILE)


def _export_openvino(network: Any, path: Path) -> None:
    import openvino
    import tensorflow as tf

    # Not `network.export`, which makes every activation an output: that costs memory and a third
    # of the speed.
    traced = tf.function(lambda images: network(images, training=False), autograph=False)
    images = tf.TensorSpec(network.input_shape, tf.float32)
    converted = openvino.convert_model(traced.get_concrete_function(images))
    openvino.save_model(converted, path, compress_to_fp16=False)


def _describe(
    *,
    backbone: str,
    weights: Path | None,
    features: int,
    input_size: int,
    resample: str,
    engine: EngineName,
    requested: str | None = None,
    fallback_reason: str | None = None,
) -> Model:
    made_of: dict[str, Any] = {
        "backbone": backbone,
        "weights_sha256": digest(weights) if weights else None,
        "input_size": input_size,
        "resample": resample,
        "engine": engine,
        "precision": "f32",
    }
    return Model(
        **made_of,
        requested=requested or backbone,
        fallback=fallback_reason is not None,
        fallback_reason=fallback_reason,
        weights=str(weights) if weights else None,
        features=features,
        fingerprint=sha256(json.dumps([made_of, CODE]).encode()).hexdigest(),
    )
