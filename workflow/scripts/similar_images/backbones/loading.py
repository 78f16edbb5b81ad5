"""Loading a user's network: a file of ONNX, OpenVINO or Keras, or a SavedModel.

Such files are not trusted. Nothing in them is executed as Python, and only the files of `files_of`
are read. docs/security.md says what is refused and what must be trusted.
"""

from collections.abc import Iterator
from glob import escape
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ..core.errors import UserError
from ..core.files import digest

if TYPE_CHECKING:
    import onnx
    import openvino
    from google.protobuf.message import Message

# The allowed domains of operations: the standard, and those that exporters use.
KNOWN = ("", "ai.onnx", "com.microsoft")
FORMS = "an .onnx, .xml or .keras file, or the folder of a SavedModel"
Part = TypeVar("Part", bound="Message")


def files_of(path: Path) -> list[Path]:
    """Return the files that a network consists of, sorted.

    They are all files in its folder; or the file and its data in the same folder: `net.onnx.data`
    or `net.onnx_data` for `net.onnx`, and `net.bin` for `net.xml`.

    Raises:
        UserError: there are none, or their format is not supported.
    """
    if path.is_dir():
        files = [file for file in path.rglob("*") if file.is_file()]
        if path / "saved_model.pb" not in files:
            raise UserError(f"{path} has no saved_model.pb. Allowed: {FORMS}.")
        return sorted(files)
    if not path.is_file():
        raise UserError(f"{path} is not there. Allowed: {FORMS}.")
    if path.suffix == ".onnx":
        return [path, *sorted(path.parent.glob(f"{escape(path.name)}[._]data*"))]
    if path.suffix == ".xml":
        return [file for file in (path.with_suffix(".bin"), path) if file.is_file()]
    if path.suffix == ".keras":
        return [path]
    raise UserError(f"{path} is not a supported network. Allowed: {FORMS}.")


def digest_of(path: Path) -> str:
    """Return a hash of the files of a network that does not depend on its path."""
    parent = path if path.is_dir() else path.parent
    hashes = [f"{digest(file)} {file.relative_to(parent)}" for file in files_of(path)]
    return sha256("\n".join(hashes).encode()).hexdigest()


def open_network(path: Path) -> "openvino.Model":
    """Return the network at `path`.

    Raises:
        UserError: it is damaged, or contains something that is not allowed.
    """
    import openvino

    files = files_of(path)
    if path.suffix == ".keras":
        return convert(_open_keras(path))
    if path.suffix == ".onnx":
        _check_onnx(path, files)
    if path.suffix == ".xml":
        _check_xml(path)
    try:
        return openvino.Core().read_model(path)
    except RuntimeError as error:
        raise UserError(f"It cannot be read: {shortened(error)}") from error


def convert(network: Any) -> "openvino.Model":
    """Return a Keras model as an OpenVINO model, for any number of images.

    It has only the model's output. Tracing adds an output for each activation with a custom
    gradient, such as swish. OpenVINO could then not merge these into their convolutions, and would
    take more than twice the time.
    """
    import openvino
    import tensorflow as tf

    traced = tf.function(lambda images: network(images, training=False), autograph=False)
    images = tf.TensorSpec(network.input_shape, tf.float32)
    converted = openvino.convert_model(traced.get_concrete_function(images))
    return openvino.Model([converted.outputs[0]], converted.get_parameters(), network.name)


def _open_keras(path: Path) -> Any:
    import keras

    try:
        network = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises many types for what it refuses or cannot read
        raise UserError(f"It cannot be read: {shortened(error)}") from error
    if len(getattr(network, "inputs", [])) != 1 or len(network.outputs) != 1:
        raise UserError("It must have one input and one output.")
    return network


def _check_xml(path: Path) -> None:
    """Refuse a file in another format, which OpenVINO would read whatever its name.

    No other format begins as XML does.
    """
    with path.open("rb") as stream:
        if stream.read(1) != b"<":
            raise UserError("It cannot be read: networks of OpenVINO are XML, and this is not.")


def _check_onnx(path: Path, files: list[Path]) -> None:
    """Refuse operations outside the standard, and data outside `files`."""
    import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load(path, load_external_data=False)
    except DecodeError as error:
        raise UserError("It is damaged, or not a file of ONNX.") from error
    _check_operations(model)
    beside = {file.name for file in files} - {path.name}
    for tensor in _parts(model, onnx.TensorProto):
        for entry in tensor.external_data:
            if entry.key == "location" and entry.value not in beside:
                raise UserError(
                    f"It has data in {entry.value}, which is not in the same folder or not named "
                    "after it. "
                    f"Save it again with all data in one file, {path.name}.data (onnx.save with "
                    "save_as_external_data=True and location)."
                )


def _check_operations(model: "onnx.ModelProto") -> None:
    """Refuse operations that are neither in the standard nor defined in the model."""
    import onnx

    defined = {(function.domain, function.name) for function in model.functions}
    own = sorted(
        f"{node.domain}.{node.op_type}"
        for node in _parts(model, onnx.NodeProto)
        if node.domain not in KNOWN and (node.domain, node.op_type) not in defined
    )
    if own:
        raise UserError(
            f"It has operations of its own ({', '.join(dict.fromkeys(own))}). Export the network "
            "with only those of the ONNX standard."
        )


def _parts(message: "Message", kind: type[Part]) -> Iterator[Part]:
    """Yield every part of `message` of the type `kind`, at any depth and in any field.

    A list of known fields could miss one, now or in a later version.
    """
    import onnx

    if isinstance(message, kind):
        yield message
    if isinstance(message, onnx.TensorProto):
        return  # nothing below it is searched for, and its numbers may be gigabytes
    for field, value in message.ListFields():
        if field.message_type is not None:
            for part in value if field.is_repeated else (value,):
                yield from _parts(part, kind)


def shortened(error: Exception) -> str:
    """Return the most useful line of an error: the last one that is not a place in code."""
    lines = [line.strip() for line in str(error).splitlines()]
    useful = [line for line in lines if line and not line.startswith(("Check ", "Exception from"))]
    return (useful or lines or ["no reason is given"])[-1][:300]
