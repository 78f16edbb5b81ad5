"""Which photos are bad as photos, by limits that follow from the catalogue's own photos."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .columns import QUALITY

Floats = NDArray[np.float64]

# How far beyond the quartiles a measure is unusual, in ranges between them (J. W. Tukey,
# "Exploratory Data Analysis", 1977).
FENCE = 1.5
# The quartiles of fewer photos say little.
LEAST_PHOTOS = 20
# A value of 0 is beyond any limit; the excess has to be a number in a table.
MOST_EXCESS = 1000.0
COLOUR = ("border_l", "border_a", "border_b")


class Fault(NamedTuple):
    """A fault of a photo: its value is beyond a limit.

    The limit is kept between two numbers. Without these, a catalogue of equally sharp photos would
    have faults that nobody can see, and one of very unequal photos would have none.

    Attributes:
        words: what the photo is or does, for people.
        harmless: a photo with this value never has the fault.
        hopeless: a photo beyond it always has. It is more than `harmless` where high values are
            bad, and less where low ones are.
    """

    words: str
    harmless: float
    hopeless: float

    @property
    def is_high(self) -> bool:
        """Whether high values are bad."""
        return self.hopeless > self.harmless


_FAULTS = {
    "too_small": Fault("too small", 300, 32),  # the shorter side in pixels
    "blurred": Fault("blurred", 0.4, 0.7),  # `Measures.blur`
    "dark": Fault("dark", 0.4, 0.15),  # `Measures.light_99`
    # `Measures.light_5`; a small product on white has 1
    "overexposed": Fault("overexposed", 0.5, 1),
    "low_contrast": Fault("low contrast", 0.1, 0.05),  # `Measures.contrast`
    "odd_shape": Fault("odd shape", 2, 4),  # the longer side, divided by the shorter one
    "uniform": Fault("nearly uniform", 3, 0.5),  # `Measures.entropy`
    # `Measures.border_change`; none in front of busy backgrounds
    "touches_edge": Fault("touches the edge", 0.25, 1),
    # the distance from the catalogue's usual border colour
    "other_background": Fault("unusual background", 20, np.inf),
}
FAULTS = tuple(_FAULTS)
WORDS = {name: fault.words for name, fault in _FAULTS.items()}


class Found(NamedTuple):
    """A fault of a photo: its name, what was measured, and the limit."""

    fault: str
    value: float
    limit: float

    @property
    def excess(self) -> float:
        """How far the value is beyond the limit: how many times as high, or as low."""
        high, low = max(self.value, self.limit), min(self.value, self.limit)
        return min(high / low, MOST_EXCESS) if low > 0 else MOST_EXCESS

    @property
    def measured(self) -> str:
        """The value and the limit, with as many digits as tell them apart."""
        least = 0 if self.fault == "too_small" else 2  # pixels are whole numbers
        for digits in range(least, 5):
            value, limit = f"{self.value:.{digits}f}", f"{self.limit:.{digits}f}"
            if value != limit:
                break
        return f"{value}, limit {limit}"


class Limits(NamedTuple):
    """Beyond what a photo has a fault.

    Attributes:
        values: the limit of each fault that is looked for, in the order of `FAULTS`.
        background: the usual colour of the border in CIELAB; unknown (NaN) without any photo.
    """

    values: dict[str, float]
    background: tuple[float, float, float]


def limits(catalogue: pa.Table, settings: Mapping[str, float | None]) -> Limits:
    """Return the limits of a `catalogue`.

    They are Tukey's fences, on the square roots of the values, because most of these are skewed.
    With fewer than `LEAST_PHOTOS` measured photos, only what is hopeless is a fault.

    Args:
        catalogue: with the columns `QUALITY`, empty for photos that were not measured.
        settings: a number for a fault replaces its limit; None switches the fault off.
    """
    columns = _columns(catalogue)
    measured = {name: values[~np.isnan(columns["width"])] for name, values in columns.items()}
    colour = [np.median(measured[name]) if len(measured[name]) else np.nan for name in COLOUR]
    background = (float(colour[0]), float(colour[1]), float(colour[2]))
    found = {
        name: settings[name] if name in settings else _limit(_FAULTS[name], values)
        for name, values in _values(measured, background).items()
    }
    return Limits({name: value for name, value in found.items() if value is not None}, background)


def find(table: pa.Table, limits: Limits) -> list[list[Found]]:
    """Return the faults of each row of `table`, in the order of `FAULTS`.

    Args:
        table: with the columns `QUALITY`; a photo that was not measured has no faults.
        limits: see `limits`.
    """
    found: list[list[Found]] = [[] for _ in range(len(table))]
    values = _values(_columns(table), limits.background)
    for name, limit in limits.values.items():
        value = values[name]  # a comparison with NaN is false
        beyond = value > limit if _FAULTS[name].is_high else value < limit
        for row in np.flatnonzero(beyond).tolist():
            found[row].append(Found(name, float(value[row]), limit))
    return found


def split(names: str) -> list[str]:
    """Return the faults that a row of the column `columns.PHOTO_FAULTS` names."""
    return names.split("|") if names else []


def joined(table: pa.Table, limits: Limits) -> list[str]:
    """Return the faults of each row of `table` as the column `columns.PHOTO_FAULTS` has them."""
    return ["|".join(one.fault for one in found) for found in find(table, limits)]


def _columns(table: pa.Table) -> dict[str, Floats]:
    """Return the columns `QUALITY` of `table`, with NaN where they are empty."""
    return {
        column.name: table[column.name].cast(pa.float64()).to_numpy(zero_copy_only=False)
        for column in QUALITY
    }


def _values(
    columns: Mapping[str, Floats], background: tuple[float, float, float]
) -> dict[str, Floats]:
    """Return for each of `FAULTS` what decides on it."""
    width, height = columns["width"], columns["height"]
    shorter = np.minimum(width, height)
    colours = np.stack([columns[name] for name in COLOUR], axis=1)
    values = (
        *(shorter, columns["blur"], columns["light_99"], columns["light_5"], columns["contrast"]),
        *(np.maximum(width, height) / shorter, columns["entropy"], columns["border_change"]),
        np.linalg.norm(colours - np.array(background), axis=1),  # CIE76
    )
    return dict(zip(FAULTS, values, strict=True))


def _limit(fault: Fault, values: Floats) -> float:
    if len(values) < LEAST_PHOTOS:
        return fault.hopeless
    lower, upper = np.quantile(np.sqrt(values), [0.25, 0.75])
    reach = FENCE * (upper - lower)
    fence = upper + reach if fault.is_high else max(0, lower - reach)
    least, most = sorted((fault.harmless, fault.hopeless))
    return float(np.clip(fence**2, least, most))
