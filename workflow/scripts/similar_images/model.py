"""The model: the backbone that the configuration asks for, built once and exported.

But for the engine `tensorflow`, nothing else imports TensorFlow.
"""

import json
import logging
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from . import engines, lite2, weights
from .backbones import HISTOGRAM, KERAS, LITE2
from .errors import UserError
from .files import checked, digest, read_json, write_json

logger = logging.getLogger(__name__)

# Features change with these; a change of their code must not mix with what was made before.
CODE = ("preparation.py", "engines.py", "lite2.py")


@dataclass(frozen=True)
class Model:
    """What makes the features, as `model.json` tells it.

    Attributes:
        backbone: the network that is used.
        requested: the network that the configuration asks for.
        fallback: whether the two differ.
        fallback_reason: why, or None.
        weights: the file that the weights came from; None for the histogram.
        weights_sha256: of that file.
        features: numbers for each image.
        input_size: width and height that the network takes, in pixels.
        resample: the filter that scales an image to it.
        engine: what runs the network.
        precision: of its arithmetic.
        fingerprint: of all that the features depend on.
    """

    backbone: str
    requested: str
    fallback: bool
    fallback_reason: str | None
    weights: str | None
    weights_sha256: str | None
    features: int
    input_size: int
    resample: str
    engine: engines.Name
    precision: str
    fingerprint: str


def make(
    folder: Path,
    *,
    backbone: str,
    weights_file: Path | None,
    fallback: str | None,
    engine: engines.Name,
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


def write(path: Path, model: Model) -> None:
    """Write `model` as JSON."""
    write_json(path, asdict(model))


def read(path: Path) -> Model:
    """Read the model's description.

    Raises:
        DamagedFileError, UserError: as `files.checked`.
    """
    with checked(path):
        return Model(**read_json(path))


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


def export(network: Any, engine: engines.Name, folder: Path) -> None:
    """Export the Keras model `network` to `folder` in the form that `engine` loads."""
    if engine == "tensorflow":
        network.export(folder, format="tf_saved_model", verbose=False)
        return
    folder.mkdir(parents=True)
    _export_openvino(network, folder / engines.OPENVINO_FILE)


def _export_openvino(network: Any, path: Path) -> None:
    import openvino

    whole = path.with_name("whole.xml")
    network.export(str(whole), format="openvino", verbose=False)
    exported = openvino.Core().read_model(whole)
    # Keras' export makes every activation an output, which costs memory and a third of the speed.
    features = openvino.Model([exported.outputs[0]], exported.get_parameters())
    openvino.save_model(features, path, compress_to_fp16=False)
    whole.unlink()
    whole.with_suffix(".bin").unlink()


def _describe(
    *,
    backbone: str,
    weights: Path | None,
    features: int,
    input_size: int,
    resample: str,
    engine: engines.Name,
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
    code = {name: digest(Path(__file__).with_name(name)) for name in CODE}
    return Model(
        **made_of,
        requested=requested or backbone,
        fallback=fallback_reason is not None,
        fallback_reason=fallback_reason,
        weights=str(weights) if weights else None,
        features=features,
        fingerprint=sha256(json.dumps([made_of, code]).encode()).hexdigest(),
    )
