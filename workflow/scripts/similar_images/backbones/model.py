"""The model: what makes the features, as model.json describes it."""

from dataclasses import asdict, dataclass, field
from pathlib import Path

from ..core.files import checked
from ..core.formats import read_json, write_json
from .preprocessing_config import Fit
from .registry import Device, EngineName, Precision


@dataclass(frozen=True)
class Model:
    """What makes the features, as `model.json` describes it.

    Attributes:
        backbone: the network that is used.
        requested: the network that the configuration asks for.
        fallback: whether the two differ.
        fallback_reason: why, or None.
        weights: the file that the weights came from, or the network; None for the histogram.
        weights_sha256: of that file; of a network that people bring, of all its files.
        features: numbers for each image.
        levels: the channels of each part of what middle layers give beside them, see `middle`.
        input_size: width and height that the network takes, in pixels.
        fit, crop: how an image becomes square, see `preprocessing_config.PreprocessingConfig`.
        resample: the filter that scales an image to it.
        engine: what runs the network.
        precision: of its arithmetic.
        device: what of the machine OpenVINO runs it on.
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
    fit: Fit
    crop: float
    resample: str
    engine: EngineName
    precision: Precision
    device: Device
    fingerprint: str
    levels: list[int] = field(default_factory=list)


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
