"""The measures of many photos: an array with a row for each, as shards keep them."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .columns import QUALITY
from .photo_quality import DECIMALS, Measures

# float32 (n, m), a column for each of `Measures`; NaN where a photo was not measured.
Measured = NDArray[np.float32]


def unmeasured(number: int) -> Measured:
    """Return the rows of so many photos that were not measured."""
    return np.full((number, len(Measures._fields)), np.nan, np.float32)


def columns(rows: Sequence[Measured]) -> dict[str, pa.Array]:
    """Return the `rows` of photos as columns of a table, see `columns.QUALITY`.

    What was not measured is null.
    """
    values = np.array(rows, np.float32).reshape(len(rows), len(QUALITY)).astype(np.float64)
    # As they were measured; and 0 is not negative.
    values = np.round(values, DECIMALS) + 0.0
    return {
        column.name: pa.array(numbers, from_pandas=True).cast(
            pa.int64() if column.type is int else pa.float64()
        )
        for column, numbers in zip(QUALITY, values.T, strict=True)
    }
