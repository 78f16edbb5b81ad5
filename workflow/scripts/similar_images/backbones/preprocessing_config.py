"""How a user's own network takes its pictures, and which of its outputs are the features."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from ..core.errors import UserError

Fit = Literal["stretch", "pad", "crop"]
Triple = tuple[float, float, float]


@dataclass(frozen=True)
class PreprocessingConfig:
    """What a network's file does not say. None means: read it from the file, or require it.

    Attributes:
        size: width and height of its input, in pixels.
        fit: how a picture becomes square: stretched, padded with white, or cropped.
        crop: the share of the picture's shorter side that a crop keeps.
        channels: their order.
        layout: the axes of its input: images (N), channels (C), height and width.
        mean, deviation: the mean to subtract from each channel and the standard deviation to divide
            by, where white is 1; in the network's order of channels.
        output: the name of the output with the features, where there are several.
        levels: the names of the middle layers for the adapted similarity; None to find them.
        pooling: of an output with several tokens: their mean, or the first.
    """

    size: int | None = None
    fit: Fit = "stretch"
    crop: float = 1.0
    channels: Literal["RGB", "BGR"] = "RGB"
    layout: Literal["NCHW", "NHWC"] | None = None
    mean: Triple | None = None
    deviation: Triple | None = None
    output: str | None = None
    levels: tuple[str, ...] | None = None
    pooling: Literal["mean", "first"] | None = None


def _equal(value: float) -> Triple:
    return (value, value, value)


_IMAGENET: dict[str, Any] = {"mean": (0.485, 0.456, 0.406), "deviation": (0.229, 0.224, 0.225)}
_CENTRED: dict[str, Any] = {"mean": _equal(0.5), "deviation": _equal(0.5)}

# The preprocessing of each family of networks; docs/own-network.md has the sources.
FAMILIES: Mapping[str, PreprocessingConfig] = {
    "torchvision": PreprocessingConfig(**_IMAGENET, fit="crop", crop=224 / 256),
    "timm": PreprocessingConfig(**_IMAGENET, fit="crop", crop=0.875),
    "timm-centred": PreprocessingConfig(**_CENTRED, fit="crop", crop=0.9),
    "dinov2": PreprocessingConfig(**_IMAGENET, fit="crop", crop=224 / 256, pooling="first"),
    "clip": PreprocessingConfig(
        mean=(0.48145466, 0.4578275, 0.40821073),
        deviation=(0.26862954, 0.26130258, 0.27577711),
        fit="crop",
    ),
    "siglip": PreprocessingConfig(**_CENTRED),
    # The three modes of `preprocess_input` of Keras applications, and the networks without one.
    "keras-torch": PreprocessingConfig(**_IMAGENET),
    "keras-tf": PreprocessingConfig(**_CENTRED),
    "keras-caffe": PreprocessingConfig(
        mean=(103.939 / 255, 116.779 / 255, 123.68 / 255),
        deviation=_equal(1 / 255),
        channels="BGR",
    ),
    "keras-raw": PreprocessingConfig(mean=_equal(0), deviation=_equal(1 / 255)),
}


def read(settings: Mapping[str, Any]) -> PreprocessingConfig:
    """Return the config of the family in `settings`, if any, changed by the other settings.

    Raises:
        UserError: `crop` is set, but pictures are not cropped.
    """
    family = FAMILIES[settings["family"]] if "family" in settings else PreprocessingConfig()
    given = {name: value for name, value in settings.items() if name not in ("file", "family")}
    for name in ("mean", "deviation", "levels"):
        if name in given:
            given[name] = tuple(given[name])
    config = replace(family, **given)
    if config.fit == "crop":
        return config
    if "crop" in given:
        raise UserError(f"backbone.crop: with fit: {config.fit} nothing is cropped. Set fit: crop.")
    return replace(config, crop=1.0)
