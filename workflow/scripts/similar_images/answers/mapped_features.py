"""Features of the catalogue as the search compares them, mapped from a file.

The first question after a run writes the file, from the shards. Later ones read of it what they
need, and the system shares it among processes.
"""

import hashlib
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Lock
from typing import BinaryIO

import numpy as np

from ..core.errors import DamagedFileError, UserError, reason
from ..core.files import check, remove, write_checked
from ..features.feature_table import Features

FOLDER = Path("catalogue", "mapped")
# Two threads would write the same temporary file.
_writing = Lock()


def load(
    results: Path,
    name: str,
    files: Mapping[str, str],
    shape: tuple[int, int],
    fill: Callable[[Features], None],
) -> Features:
    """Return the features in the file `name`, which is written if it is not there.

    If the results cannot be written to, the features are in a temporary file.

    Args:
        results: the folder of the results.
        name: of what is compared.
        files: the checksums of the results. Features of other results are removed.
        shape: (n, d), of the features.
        fill: puts the features into an array of this shape.

    Raises:
        UserError: there is no room, or from `fill`.
        DamagedFileError: from `fill`.
    """
    folder = results / FOLDER
    key = hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest()[:16]
    path = folder / f"{name}-{key}.npy"
    with _writing:
        if not _is_whole(path):
            try:
                _write(path, shape, fill)
            except OSError:
                return _temporary(folder, shape, fill)
            for former in folder.glob("*.npy"):
                if not former.stem.endswith(key):
                    remove(former)
        return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))


def _is_whole(path: Path) -> bool:
    if not path.is_file():
        return False
    try:
        check(path)
    except DamagedFileError:
        return False
    return True


def _reserve(file: BinaryIO) -> None:
    """Take the room for all bytes of `file`: writing to a mapping cannot report a full disk."""
    os.posix_fallocate(file.fileno(), 0, os.fstat(file.fileno()).st_size)


def _write(path: Path, shape: tuple[int, int], fill: Callable[[Features], None]) -> None:
    with write_checked(path) as temporary:
        features = np.lib.format.open_memmap(temporary, "w+", np.float32, shape)
        with temporary.open("r+b") as file:
            _reserve(file)
        fill(features)
        features.flush()


def _temporary(folder: Path, shape: tuple[int, int], fill: Callable[[Features], None]) -> Features:
    try:
        with tempfile.TemporaryFile() as file:
            features = np.memmap(file, np.float32, "w+", shape=shape)
            _reserve(file)
    except OSError as error:
        size = shape[0] * shape[1] * np.dtype(np.float32).itemsize
        raise UserError(
            f"{folder} cannot be written to, and neither can {tempfile.gettempdir()} "
            f"({reason(error)}). The features need {size / 1e9:.1f} GB in one of them."
        ) from error
    fill(features)
    return np.asarray(features)
