"""Quantisation of a network to 8-bit integers after training, by NNCF.

It is calibrated on photos of the catalogue (https://github.com/openvinotoolkit/nncf,
post-training quantisation with the preset "mixed").
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..core.errors import UserError
from ..core.files import digest
from .engines import OPENVINO_FILE, fix_batch
from .model import Model

# The number of calibration photos; more change little.
PICTURES = 320


def quantise(folder: Path, model: Model, pictures: Sequence[NDArray[np.uint8]]) -> Model:
    """Quantise the network in `folder`, and return its new description.

    Args:
        folder: with the exported network, which is replaced.
        model: its description.
        pictures: preprocessed (s, s, 3).

    Raises:
        UserError: there are fewer than one batch of the engine.
    """
    import nncf
    import openvino

    core = openvino.Core()
    core.set_property({"ENABLE_MMAP": False})  # the file is replaced
    path = folder / OPENVINO_FILE
    network = core.read_model(path)
    size = fix_batch(network)
    batches = [
        np.stack(pictures[start : start + size]).astype(np.float32)
        for start in range(0, len(pictures) - size + 1, size)
    ]
    if not batches:
        raise UserError(f"precision: int8 needs {size} readable photos in the catalogue.")
    quantised = nncf.quantize(
        network,
        nncf.Dataset(batches),
        preset=nncf.QuantizationPreset.MIXED,
        subset_size=len(batches),
    )
    openvino.save_model(quantised, path, compress_to_fp16=False)
    # The .bin file contains the ranges. The names in the .xml file differ from run to run.
    made_of = [model.fingerprint, "int8", digest(path.with_suffix(".bin"))]
    return replace(
        model, precision="int8", fingerprint=sha256(json.dumps(made_of).encode()).hexdigest()
    )
