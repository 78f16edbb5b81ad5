"""The model: backbone, weights and engine, as described in model.json."""

from dataclasses import asdict, dataclass, field
from pathlib import Path

from ..core.file_formats import read_json, write_json
from ..core.files import checked
from .preprocessing_config import Fit
from .registry import Device, EngineName, Precision, Resample


@dataclass(frozen=True)
class Model:
    """The description of the model in `model.json`.

    Attributes:
        backbone: the network that is used.
        requested: the network in the settings.
        fallback: whether the two differ.
        fallback_reason: why, or None.
        weights: the file of the weights or network; None for the histogram.
        weights_sha256: of that file; for a user's network of all its files.
        features: numbers for each image.
        levels: the channels of each part of the middle layers, see `middle_layers`.
        input_size: width and height that the network takes, in pixels.
        fit, crop: how an image becomes square, see `preprocessing_config.PreprocessingConfig`.
        resample: the filter that scales an image to it.
        engine: what runs the network.
        precision: of its arithmetic.
        device: that OpenVINO runs it on.
        fingerprint: of everything that the features depend on.
        version: of this package, which made the model; None if that was before 1.0.0.
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
    resample: Resample
    engine: EngineName
    precision: Precision
    device: Device
    fingerprint: str
    levels: list[int] = field(default_factory=list)
    version: str | None = None


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
