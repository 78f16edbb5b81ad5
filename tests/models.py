"""A description of a model. Tests change with `dataclasses.replace` what matters to them."""

from similar_images.backbones.model import Model

HISTOGRAM = Model(
    backbone="ColourHistogram",
    requested="ColourHistogram",
    fallback=False,
    fallback_reason=None,
    weights=None,
    weights_sha256=None,
    features=2,
    input_size=64,
    fit="stretch",
    crop=1.0,
    resample="bicubic",
    engine="histogram",
    precision="float32",
    device="CPU",
    fingerprint="this model",
)
