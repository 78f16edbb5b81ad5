"""The common form of all networks: RGB pictures from 0 to 255 in, rows of features out."""

from typing import TYPE_CHECKING, Any

from ..core.errors import UserError
from .preprocessing_config import FAMILIES, PreprocessingConfig

if TYPE_CHECKING:
    import openvino

# Fewer numbers are scores or classes, not features.
FEWEST = 8
WHITE = 255


def standardise(
    network: "openvino.Model", config: PreprocessingConfig, batch_size: int
) -> "openvino.Model":
    """Return `network` with its preprocessing config built in.

    Its input is float32 (n, s, s, 3), its output float32 (n, d). The number of images n is fixed:
    `batch_size`, or the network's own if it accepts no other.

    Raises:
        UserError: the network does not give features for pictures, or its config lacks something.
    """
    import openvino

    if len(network.inputs) != 1:
        raise UserError(f"It must have one input, but has {_listed(network.inputs)}.")
    layout = config.layout or _layout(network.inputs[0])
    size = config.size or _size(network.inputs[0], layout)
    features = _pooled(_output(network, config), config, layout)
    whole = openvino.Model([features], network.get_parameters(), "features")
    return _in_batches(_prepared(whole, config, layout), size, batch_size)


def _layout(port: Any) -> str:
    """Return the layout by the axis of the input that has three channels."""
    shape = port.partial_shape
    if shape.rank.is_dynamic or len(shape) != 4:
        raise UserError(f"It takes no pictures: its input is {_listed([port])}.")
    found = [layout for layout, axis in (("NCHW", 1), ("NHWC", 3)) if shape[axis] == 3]
    if len(found) != 1:
        raise UserError(
            "layout is missing (NCHW or NHWC): the file does not say which axis of its input "
            f"{_listed([port])} has the three channels."
        )
    return found[0]


def _size(port: Any, layout: str) -> int:
    height, width = (port.partial_shape[layout.index(axis)] for axis in "HW")
    if height.is_dynamic or width.is_dynamic:
        raise UserError(
            "size is missing, the width and height of the network's input in pixels: the file "
            f"leaves it open ({_listed([port])})."
        )
    if height != width:
        raise UserError(f"Its input is not square as {layout}: {_listed([port])}.")
    return int(height.get_length())


def _output(network: "openvino.Model", config: PreprocessingConfig) -> Any:
    outputs = {name: port for port in network.outputs for name in port.names or {port.any_name}}
    if config.output is not None and config.output not in outputs:
        raise UserError(
            f"output: the network has no output {config.output}. Allowed: "
            f"{_listed(network.outputs)}."
        )
    if config.output is None and len(network.outputs) > 1:
        raise UserError(
            "output is missing, the name of the output with the features. Allowed: "
            f"{_listed(network.outputs)}."
        )
    port = network.outputs[0] if config.output is None else outputs[config.output]
    if not port.element_type.is_real():
        raise UserError(f"Its output {_listed([port])} has whole numbers, not features.")
    return port


def _pooled(port: Any, config: PreprocessingConfig, layout: str) -> Any:
    """Return the output as (n, d): a map is averaged, tokens are pooled by the config."""
    from openvino import opset13 as operations

    value = port.get_node().input_value(0)
    rank = port.partial_shape.rank
    axes = 0 if rank.is_dynamic else rank.get_length()
    if axes == 2:
        return value
    if axes == 4:
        places = [layout.index(axis) for axis in "HW"]
        return operations.reduce_mean(value, places, keep_dims=False)
    if axes == 3 and config.pooling == "mean":
        return operations.reduce_mean(value, [1], keep_dims=False)
    if axes == 3 and config.pooling == "first":
        return operations.gather(value, 0, 1)
    if axes == 3:
        raise UserError(
            "pooling is missing (mean or first): how to pool the tokens of the output "
            f"{_listed([port])}."
        )
    raise UserError(f"Its output {_listed([port])} does not have the shape of features.")


def _prepared(
    network: "openvino.Model", config: PreprocessingConfig, layout: str
) -> "openvino.Model":
    """Return `network` with its preprocessing in front."""
    from openvino import Layout, Type
    from openvino.preprocess import ColorFormat, PrePostProcessor

    if config.mean is None or config.deviation is None:
        raise UserError(
            "mean and deviation are missing: the network's normalisation of pictures "
            f"(where white is 1). Set them, or set family to one of {', '.join(FAMILIES)}."
        )
    process = PrePostProcessor(network)
    picture = process.input()
    picture.tensor().set_element_type(Type.f32).set_layout(Layout("NHWC"))
    picture.tensor().set_color_format(ColorFormat.RGB)
    if config.channels == "BGR":
        picture.preprocess().convert_color(ColorFormat.BGR)
    picture.preprocess().mean([WHITE * value for value in config.mean])
    picture.preprocess().scale([WHITE * value for value in config.deviation])
    picture.model().set_layout(Layout(layout))
    process.output().tensor().set_element_type(Type.f32)
    return process.build()


def _in_batches(network: "openvino.Model", size: int, batch_size: int) -> "openvino.Model":
    """Return `network` for `batch_size` images, or for its own batch size."""
    own = network.inputs[0].partial_shape[0]
    output = network.outputs[0].partial_shape
    for images in (batch_size, 1 if own.is_dynamic else own.get_length()):
        batched = network.clone()
        try:
            batched.reshape([images, size, size, 3])
        except RuntimeError:
            continue
        output = batched.outputs[0].partial_shape
        if output.is_static and output[0] == images and output[1].get_length() >= FEWEST:
            return batched
    raise UserError(
        f"It gives no features for each picture of {size} x {size} pixels; its "
        f"output is {output}. At least {FEWEST} numbers for each are needed."
    )


def _listed(ports: Any) -> str:
    return ", ".join(f"{min(port.names, default='unnamed')} {port.partial_shape}" for port in ports)
