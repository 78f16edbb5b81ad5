"""The feature table: the features of all readable images of a collection, also as a pickle."""

import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.files import checked, write_checked
from ..core.unpickling import PlainUnpickler

FORMAT = 1

Features = NDArray[np.float32]  # a row for each image


@dataclass(frozen=True)
class FeatureTable:
    """The readable images of a collection, sorted by path.

    Attributes:
        backbone: name of the network that made the features.
        fingerprint: of everything that the features depend on.
        paths: of the images, relative to the collection.
        labels: their classes; None where there is none.
        content_ids: SHA-256 of the files' bytes.
        features: float32 array (n, d), not normalised.
    """

    backbone: str
    fingerprint: str
    paths: list[str]
    labels: list[str | None]
    content_ids: list[str]
    features: Features

    def rows(self, rows: NDArray[np.intp]) -> "FeatureTable":
        """Return a feature table of some rows."""
        return replace(
            self,
            paths=[self.paths[row] for row in rows],
            labels=[self.labels[row] for row in rows],
            content_ids=[self.content_ids[row] for row in rows],
            features=self.features[rows],
        )


def normalise(features: Features) -> None:
    """Scale each row of `features` (n, d) to length 1, in place; zero rows stay zero."""
    lengths: Features = np.sqrt(np.einsum("ij,ij->i", features, features, dtype=np.float32))
    lengths[lengths == 0] = 1
    features /= lengths[:, np.newaxis]


def join(parts: Sequence[FeatureTable]) -> FeatureTable:
    """Return one feature table of all images in `parts`, at least one, of one model."""
    paths, labels, content_ids = (
        list(chain.from_iterable(getattr(part, name) for part in parts))
        for name in ("paths", "labels", "content_ids")
    )
    features = np.concatenate([part.features for part in parts])
    first = parts[0]
    return FeatureTable(first.backbone, first.fingerprint, paths, labels, content_ids, features)


def write(path: Path, table: FeatureTable) -> None:
    """Write `table` as a pickle of one dictionary of plain values and one array."""
    content = {"format": FORMAT, **vars(table)}
    with write_checked(path) as temporary, temporary.open("wb") as stream:
        pickle.dump(content, stream, protocol=5)


def read(path: Path) -> FeatureTable:
    """Read a feature table; no code in the pickle is executed.

    Raises:
        DamagedFileError: the file is damaged, or not a feature table.
        UserError: it cannot be read.
    """
    with checked(path), path.open("rb") as stream:
        return _table(PlainUnpickler(stream, _REPLACEMENTS).load())


def _table(content: Any) -> FeatureTable:
    version = content.pop("format")
    if version != FORMAT:  # not shown: a value of a few bytes can be endless as text
        raise ValueError(f"its format is not {FORMAT}")
    table = FeatureTable(**content)
    columns = (table.paths, table.labels, table.content_ids)
    if not all(type(column) is list for column in columns):
        raise ValueError("paths, labels and content_ids must be lists")
    texts = (table.backbone, table.fingerprint, *table.paths, *table.content_ids)
    if {*map(type, texts)} != {str} or not {*map(type, table.labels)} <= {str, type(None)}:
        raise ValueError("a value that must be text is not")
    if type(table.features) is not np.ndarray or table.features.ndim != 2:
        raise ValueError("features must be an array of two dimensions")
    if {len(column) for column in columns} != {len(table.features)}:
        raise ValueError("columns of different lengths")
    return table


class _Float32:
    """Replaces `numpy.dtype`."""

    def __init__(self, code: str, *flags: bool) -> None:
        if code != "f4":
            raise ValueError("an array that is not float32")

    def restore(self, state: tuple[Any, ...]) -> None:
        if state[1] != "<":
            raise ValueError("an array that is not little-endian")


def _from_buffer(
    data: bytearray, dtype: _Float32, shape: tuple[int, ...], order: str
) -> NDArray[np.float32]:
    """Replaces `numpy._core.numeric._frombuffer`."""
    if order != "C":
        raise ValueError("an array that is not in C order")
    return np.frombuffer(data, "<f4").reshape(shape)


# Replace the functions in NumPy's pickles, so that none of NumPy is called.
_REPLACEMENTS: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy", "dtype"): _Float32,
    ("numpy._core.numeric", "_frombuffer"): _from_buffer,
    ("numpy.core.numeric", "_frombuffer"): _from_buffer,
}
