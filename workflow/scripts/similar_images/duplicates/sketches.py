"""Sketches: a few coloured squares of a picture. They rule out most pairs as copies.

Registering two pictures takes a hundred times as long as comparing their sketches, and for sketches
the decoder can shrink the picture while it decodes.
"""

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Values = NDArray[np.float32]
Sketch = NDArray[np.uint8]  # (GRID, GRID, 3)

# Pictures are read at this longest side. JPEG decoders shrink to an eighth at most, so a much
# smaller side would cost the same.
SIDE = 40
GRID = 32
# The middle of one picture is compared with windows of the other, in so many squares a side. The
# parts outside the middle may be a border, or be cut off in a copy. The windows cover borders of up
# to a sixth in either picture.
SQUARES, OUTER = 6, 1 / 5
SCALES, SHIFTS = (0.75, 0.84, 0.92, 1.0, 1.08, 1.19), (-0.025, 0.0, 0.025)
# Pictures whose sketches differ by HOPELESS or more are no copies. Those under ALIKE are likely to
# be, so only a full registration decides: see docs/measurements.md.
ALIKE, HOPELESS = 0.8, 1.8


def draw(picture: Image.Image) -> Sketch:
    """Return the sketch of a picture."""
    return np.asarray(picture.resize((GRID, GRID), Image.Resampling.BOX))


def least_difference(one: Sketch, other: Sketch) -> float:
    """Return how much the middle of one sketch differs from the window of the other most like it.

    It is the difference in the square where they differ most, as a share of the contrast, after
    gain and offset of the brightness are taken out; the middle may be mirrored for that.
    """
    darker, brighter = sorted((one, other), key=lambda sketch: (sketch.mean(), sketch.tobytes()))
    contrast = math.sqrt(_channels(darker).reshape(3, -1).var(axis=1).mean())
    middle, windows = _squares(_MIDDLE, darker), _windows(brighter)
    laid = (_centred(image.reshape(1, -1)) for image in (middle, middle[..., ::-1]))
    return min(_least(windows, image) for image in laid) / max(contrast, 1.0)


def _least(windows: Values, middle: Values) -> float:
    """Return how much `middle` (1, n) differs from the window most like it, at the gain of that."""
    gain: Values = windows @ middle.T / max(float((middle**2).sum()), 1e-6)
    left = np.abs(windows - gain * middle).max(axis=1, keepdims=True)
    apart = np.divide(left, gain, out=np.full_like(gain, math.inf), where=gain > 0)
    return float(apart.min())


def _windows(sketch: Sketch) -> Values:
    """Return all windows of a sketch, across and down, a row for each."""
    count = len(_WINDOWS) // SQUARES
    squares = _squares(_WINDOWS, sketch).reshape(3, count, SQUARES, count, SQUARES)
    return _centred(squares.transpose(1, 3, 0, 2, 4).reshape(count**2, -1))


def _squares(windows: Values, sketch: Sketch) -> Values:
    """Return the means of the squares of some windows in each channel, see `_means`."""
    return np.asarray(windows @ _channels(sketch) @ windows.T, np.float32)


def _channels(sketch: Sketch) -> Values:
    return np.ascontiguousarray(sketch.transpose(2, 0, 1), np.float32)


def _centred(rows: Values) -> Values:
    centred: Values = rows - rows.mean(axis=1, keepdims=True)
    return centred


def _means(windows: list[tuple[float, float]]) -> Values:
    """Return the matrix that takes `GRID` pixels to the means of the squares of each window."""
    rows = []
    pixels = np.arange(GRID)
    for start, end in windows:
        edges = np.linspace(start * GRID, end * GRID, SQUARES + 1)[:, np.newaxis]
        covered = np.minimum(edges[1:], pixels + 1) - np.maximum(edges[:-1], pixels)
        rows.append(np.maximum(covered, 0) / np.diff(edges, axis=0))
    return np.concatenate(rows).astype(np.float32)


def _window(scale: float, shift: float) -> tuple[float, float]:
    half = (0.5 - OUTER) * scale
    return 0.5 + shift - half, 0.5 + shift + half


_MIDDLE = _means([_window(1.0, 0.0)])
_WINDOWS = _means([_window(scale, shift) for scale in SCALES for shift in SHIFTS])
