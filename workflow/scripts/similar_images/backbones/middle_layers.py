"""Middle layers: further numbers from a network, besides its features.

The last layer is trained for the classes of ImageNet. What separates one sneaker from another is
found earlier (U. Evci et al., "Head2Toe: Utilizing Intermediate Representations for Better Transfer
Learning", ICML 2022). Each channel of two middle layers gives two numbers: its mean and its
standard deviation over the image.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from math import ceil
from typing import TYPE_CHECKING, Any

from ..core.errors import UserError

if TYPE_CHECKING:
    import openvino

# The strides of the two layers, in pixels of the image.
STRIDES = (16, 32)
BLOCK = re.compile("block[0-9]+[a-z]_activation")
ACTIVATIONS = {"Clamp", "Elu", "Gelu", "HSwish", "Mish", "PRelu", "Relu", "Swish"}
NO_LAYERS = {"Constant", "Parameter"}
GATES = {"HSigmoid", "HardSigmoid", "Sigmoid"}
# A transformer has two residual additions per block.
FEWEST_ADDITIONS = 8


def add_to_keras(network: Any, features: Any) -> tuple[Any, list[int]]:
    """Return a Keras model of features and middle layers, and the channels of each of their parts.

    Args:
        network: an EfficientNet whose layers are named as in `keras.applications`.
        features: its tensor (n, d) of features.

    Returns:
        A model with the input of `network`. Its output (n, d + sum of the channels) begins with the
        features.
    """
    import keras

    # In each block the activation after the depthwise convolution, where it is widest.
    names = [layer.name for layer in network.layers if BLOCK.fullmatch(layer.name)]
    maps = [network.get_layer(name).output for name in names]
    parts = []
    for stride in STRIDES:
        side = ceil(network.input_shape[1] / stride)
        last = [one for one in maps if one.shape[1] == side][-1]
        parts += [keras.ops.mean(last, axis=(1, 2)), keras.ops.std(last, axis=(1, 2))]
    whole = keras.ops.concatenate([features, *parts], axis=-1)
    return keras.Model(network.input, whole, name=network.name), [part.shape[-1] for part in parts]


def add_to_openvino(
    network: "openvino.Model", size: int, names: Sequence[str] | None
) -> tuple["openvino.Model", list[int]]:
    """Return `network` with its middle layers after its features, and the channels of each part.

    The layers are the last activations at `STRIDES` before the one for the features, or the tokens
    in the middle of a transformer. If there are none, the network is returned unchanged and there
    are no parts.

    Args:
        network: its input is (n, s, s, 3), its output (n, d), both of fixed shape.
        size: s.
        names: of the layers to take, or None.

    Raises:
        UserError: a layer of `names` does not exist, or is neither a map of channels nor tokens.
    """
    import openvino
    from openvino import opset13 as operations

    images = int(network.outputs[0].shape[0])
    layers = (
        _named(network, names, images)
        if names
        else _activations(network, size, images) or _tokens(network, images)
    )
    parts = [part for layer in layers for part in _statistics(layer, _axes(layer, images))]
    if not parts:
        return network, []
    features = network.outputs[0].get_node().input_value(0)
    whole = operations.concat([features, *parts], 1)
    sizes = [int(part.get_output_shape(0)[1]) for part in parts]
    return openvino.Model([whole], network.get_parameters(), network.friendly_name), sizes


def _activations(network: "openvino.Model", size: int, images: int) -> list[Any]:
    """Return the last activation at each of `STRIDES`; none if one is missing."""
    maps = [one for one in _all_activations(network) if len(_axes(one, images)) == 2]
    found = []
    for stride in STRIDES:
        side = ceil(size / stride)
        found += [one for one in maps[:-1] if one.shape[_axes(one, images)[0]] == side][-1:]
    return found if len(found) == len(STRIDES) else []


def _all_activations(network: "openvino.Model") -> Iterator[Any]:
    """Yield the outputs of all activations, from the input to the output."""
    for node in network.get_ordered_ops():
        if node.get_type_name() in ACTIVATIONS or _is_swish(node):
            yield node.output(0)


def _is_swish(node: Any) -> bool:
    """Whether `node` is x * sigmoid(x), the form of swish that many exporters write."""
    if node.get_type_name() != "Multiply":
        return False
    one, other = (value.get_node() for value in node.input_values())
    return any(
        gate.get_type_name() in GATES
        and gate.input_value(0).get_node().get_name() == gated.get_name()
        for gate, gated in ((one, other), (other, one))
    )


def _tokens(network: "openvino.Model", images: int) -> list[Any]:
    """Return the tokens in the middle of a transformer, if `network` is one."""
    sums = [
        node.output(0)
        for node in network.get_ordered_ops()
        if node.get_type_name() == "Add" and len(_axes(node.output(0), images)) == 1
    ]
    if not sums:
        return []
    ((shape, _),) = Counter(str(one.shape) for one in sums).most_common(1)
    alike = [one for one in sums if str(one.shape) == shape]
    return [alike[len(alike) // 2]] if len(alike) >= FEWEST_ADDITIONS else []


def _named(network: "openvino.Model", names: Sequence[str], images: int) -> list[Any]:
    """Return the outputs of the layers or tensors with these names."""
    there: dict[str, Any] = {}
    for node in network.get_ordered_ops():
        for port in node.outputs() if node.get_type_name() not in NO_LAYERS else ():
            there |= dict.fromkeys([node.get_friendly_name(), *port.names], port)
    usable = [name for name, port in there.items() if _axes(port, images)]
    for name in names:
        if name not in usable:
            found = f"is {there[name].partial_shape}" if name in there else "does not exist"
            near = get_close_matches(name, usable, 3, 0) or ["none: leave levels out"]
            raise UserError(
                f"levels: the layer {name} {found}. Allowed: layers that give a map of channels, "
                f"or tokens, of each image, such as {', '.join(near)}."
            )
    return [there[name] for name in names]


def _axes(port: Any, images: int) -> list[int]:
    """Return the axes of height and width of a square map of each image, or of its tokens.

    There are none if it is neither, or if its first axis is not `images` long.
    """
    shape = [] if port.partial_shape.is_dynamic else list(port.shape)
    if shape[:1] != [images]:
        return []
    if len(shape) == 3:
        return [1]
    if len(shape) == 4 and shape[2] == shape[3] > 1:
        return [2, 3]
    if len(shape) == 4 and shape[1] == shape[2] > 1:
        return [1, 2]
    return []


def _statistics(port: Any, axes: list[int]) -> list[Any]:
    """Return the mean and the standard deviation of each channel, both float32 (n, channels)."""
    from openvino import opset13 as operations

    values = operations.convert(port, "f32")  # a network may use other types internally
    mean = operations.reduce_mean(values, axes, keep_dims=True)
    apart = operations.subtract(values, mean)
    variance = operations.reduce_mean(operations.multiply(apart, apart), axes, keep_dims=False)
    return [operations.squeeze(mean, axes), operations.sqrt(variance)]
