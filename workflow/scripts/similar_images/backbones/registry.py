"""The backbones: networks, and one baseline without a network, that turn pixels into features."""

from dataclasses import dataclass
from typing import Literal

LITE2 = "EfficientNetLite2"
HISTOGRAM = "ColourHistogram"

EngineName = Literal["openvino", "tensorflow", "histogram"]
Precision = Literal["float32", "bfloat16", "float16", "int8"]
Device = Literal["CPU", "GPU", "NPU"]
Resample = Literal["bilinear", "bicubic"]


@dataclass(frozen=True)
class KerasBackbone:
    """An EfficientNet of Keras applications with its ImageNet weights.

    Attributes:
        name: of the function in `keras.applications`.
        md5: of the weights' file, as Keras states it.
    """

    name: str
    md5: str

    @property
    def weights(self) -> str:
        """The file name of the weights in Keras' download and cache."""
        family, _, variant = self.name.lower().partition("v2")
        return f"{family}v2-{variant}.h5" if variant else f"{family}.h5"

    @property
    def url(self) -> str:
        """Where Keras offers the weights."""
        folder = "tensorflow/keras-applications/efficientnet_v2"
        if "v2" not in self.weights:
            folder = "keras-applications"
        return f"https://storage.googleapis.com/{folder}/{self.weights}"


KERAS = {
    backbone.name: backbone
    for backbone in (
        KerasBackbone("EfficientNetB0", "902e53a9f72be733fc0bcb005b3ebbac"),
        KerasBackbone("EfficientNetB1", "1d254153d4ab51201f1646940f018540"),
        KerasBackbone("EfficientNetB2", "b15cce36ff4dcbd00b6dd88e7857a6ad"),
        KerasBackbone("EfficientNetB3", "ffd1fdc53d0ce67064dc6a9c7960ede0"),
        KerasBackbone("EfficientNetB4", "18c95ad55216b8f92d7e70b3a046e2fc"),
        KerasBackbone("EfficientNetB5", "ace28f2a6363774853a83a0b21b9421a"),
        KerasBackbone("EfficientNetB6", "165f6e37dce68623721b423839de8be5"),
        KerasBackbone("EfficientNetB7", "8c03f828fec3ef71311cd463b6759d99"),
        KerasBackbone("EfficientNetV2B0", "21ecbf6da12460d5c40bb2f29ceb2188"),
        KerasBackbone("EfficientNetV2B1", "069f0534ff22adf035c89e2d9547a9dc"),
        KerasBackbone("EfficientNetV2B2", "424e49f28180edbde1e94797771950a7"),
        KerasBackbone("EfficientNetV2B3", "1f1fc43bd98a6e4fd8fdfd551e02c7a0"),
        KerasBackbone("EfficientNetV2S", "e1d88a8495beba45748fedd0cecbe016"),
        KerasBackbone("EfficientNetV2M", "a3bf6aa3276309f4fc6a34aa114c95cd"),
        KerasBackbone("EfficientNetV2L", "27e6d408b53c7ebc868fefa357689935"),
    )
}
