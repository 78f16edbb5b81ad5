"""Whether two pictures are one: they are laid on each other, and what still differs is judged.

One is registered with the other by the enhanced correlation coefficient (G. Evangelidis and
E. Psarakis, "Parametric Image Alignment Using Enhanced Correlation Coefficient Maximization", PAMI
30, 2008). The coefficient itself is no judge: two boots on white that differ in their heel, or in
nothing but their colour, reach what copies do. A heel is a difference in one place, and so is what
is looked for; docs/audit.md says how it was chosen, docs/copies.md how well it works.
"""

import math
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..base.errors import UserError
from ..base.formats import read_parquet, write_parquet
from .opening import LOCAL, Photos
from .thumbnails import read

# Two pictures are one up to this difference.
COPY = 0.18

# Pictures are compared at this longest side; those narrower than the other cannot be.
SIDE, NARROWEST = 160, 32
# What is left out at every edge, where scaling has mixed in a border.
EDGE = 4
# Compression and another size change single pixels, now up and now down, so that differences are
# the means of squares this wide.
WINDOW = 13
BLUR, STEPS, PRECISION = 5, 60, 1e-5
# The least part of a picture that the other must show.
OVERLAP = 0.6
# From here on a brighter copy cannot show what is brighter.
SATURATED = 253

# Pictures are laid on each other's mirror image only if their middles, in so few squares a side,
# correlate so much. What is left out at every edge, an eighth, may be a border.
SQUARES, ALIKE, OUTER = 4, 0.8, 8

METHOD = f"ECC {SIDE} {EDGE} {BLUR} {WINDOW} {OVERLAP} {SQUARES} {ALIKE} {OUTER}"
SCHEMA = pa.schema(
    [
        ("one", pa.string()),
        ("other", pa.string()),
        ("difference", pa.float64()),
        ("mirrored", pa.bool_()),
    ],
    {"method": METHOD},
)

Pair = tuple[str, str]  # content ids
Picture = NDArray[np.uint8]  # (height, width, 3)
Values = NDArray[np.float32]
Warp = NDArray[np.float32]  # (2, 3), from places in one picture to those in the other


class Likeness(NamedTuple):
    """By how much two pictures differ, and whether one of them was mirrored for that."""

    difference: float
    mirrored: bool = False

    @property
    def is_copy(self) -> bool:
        """Whether the two are one picture."""
        return self.difference <= COPY


def compare_all(
    pairs: Collection[Pair],
    files: Mapping[str, bytes],
    memory: Path,
    threads: int,
    progress_of: Callable[[int], Callable[[int], None]],
    photos: Photos = LOCAL,
) -> dict[Pair, Likeness]:
    """Return the likeness of each pair: of all but those with a file that is gone or changed.

    Args:
        pairs: content ids.
        files: for each of them a file that has these bytes.
        memory: where the likenesses are remembered; those that are not asked for are forgotten.
        threads: pairs compared at once.
        progress_of: given the number of new pairs, returns what is told after each how many
            are done.
        photos: opens them.
    """
    known = _remembered(memory)
    found = {pair: known[pair] for pair in pairs if pair in known}
    new = sorted(pair for pair in pairs if pair not in known)
    progress = progress_of(len(new))
    picture = lru_cache(512)(partial(_picture, photos))

    def compare_pair(pair: Pair) -> Likeness | None:
        one, other = (picture(content_id, files[content_id]) for content_id in pair)
        return None if one is None or other is None else compare(one, other)

    with ThreadPoolExecutor(threads) as pool:
        compared = pool.map(compare_pair, new)
        for done, (pair, likeness) in enumerate(zip(new, compared, strict=True), 1):
            if likeness is not None:
                found[pair] = likeness
            progress(done)
    rows = sorted((*pair, *likeness) for pair, likeness in found.items())
    columns = zip(*rows, strict=True) if rows else [()] * len(SCHEMA)
    write_parquet(memory, pa.table(dict(zip(SCHEMA.names, columns, strict=True)), schema=SCHEMA))
    return found


def compare(one: Picture, other: Picture) -> Likeness:
    """Return by how much two pictures differ, as they are or, if only so they are one, mirrored."""
    found = Likeness(difference(one, other))
    if found.is_copy:
        return found
    mirrored = np.ascontiguousarray(other[:, ::-1])
    if _correlation(one, mirrored) < ALIKE:
        return found
    turned = Likeness(difference(one, mirrored), mirrored=True)
    return turned if turned.is_copy else found


def _correlation(one: Picture, other: Picture) -> float:
    """Return the correlation of the middles of both, in grey and in few squares."""
    a, b = (values - values.mean() for values in map(_squares, (one, other)))
    lengths = math.sqrt((a**2).sum() * (b**2).sum())
    return float((a * b).sum()) / max(lengths, 1e-6)


def _squares(image: Picture) -> Values:
    import cv2

    height, width = (size // OUTER for size in image.shape[:2])
    middle = image[height : len(image) - height, width : image.shape[1] - width]
    grey = cv2.cvtColor(np.ascontiguousarray(middle), cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (SQUARES, SQUARES), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32)


def difference(one: Picture, other: Picture) -> float:
    """Return by how much two pictures differ where they differ most, in units of their contrast.

    0 for the same picture, whatever its size and shape, brightness and contrast, and what was cut
    off or added around it; the same for (a, b) and (b, a); infinite where they cannot be
    registered.
    """
    if min(*one.shape[:2], *other.shape[:2]) < NARROWEST:
        return math.inf
    # What is too bright to be seen in a copy is known from the darker one, and not the other way.
    darker, brighter = sorted((one, other), key=lambda image: (image.mean(), image.tobytes()))
    warp = _register(darker, brighter)
    return math.inf if warp is None else _largest_difference(darker, brighter, warp)


def _register(one: Picture, other: Picture) -> Warp | None:
    """Return the warp from `one` to `other` under which they correlate most, if one is found."""
    import cv2  # slow, and mostly nothing is left to be compared

    cv2.setNumThreads(1)  # pairs have threads
    (height, width), (tall, wide) = one.shape[:2], other.shape[:2]
    scale = max(tall, wide) / max(height, width)
    start = np.array(
        [[scale, 0, (wide - scale * width) / 2], [0, scale, (tall - scale * height) / 2]],
        np.float32,
    )
    inner = slice(EDGE, -EDGE)
    valid = np.zeros((tall, wide), np.uint8)
    valid[inner, inner] = 1
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, STEPS, PRECISION)
    try:
        _, warp = cv2.findTransformECC(
            cv2.cvtColor(one[inner, inner], cv2.COLOR_RGB2GRAY),
            cv2.cvtColor(other, cv2.COLOR_RGB2GRAY),
            _moved(start, EDGE),
            cv2.MOTION_AFFINE,
            criteria,
            valid,
            BLUR,
        )
    except cv2.error:  # it does not converge
        return None
    return _moved(np.asarray(warp, np.float32), -EDGE)


def _moved(warp: Warp, by: int) -> Warp:
    """Return `warp` for places counted from `by` pixels further right and down."""
    moved = warp.copy()
    moved[:, 2] += by * warp[:, :2].sum(axis=1)
    return moved


def _largest_difference(one: Picture, other: Picture, warp: Warp) -> float:
    """Return the largest mean of a window in any channel, as a share of the contrast of `one`."""
    import cv2

    laid, seen = _laid_on(one, other, warp)
    if seen.mean() < OVERLAP:
        return math.inf
    gain, offset = _exposure(one, laid, seen)
    expected = np.clip(gain * one.astype(np.float32) + offset, 0, 255)
    left = np.where(seen[..., np.newaxis], laid - expected, 0)
    contrast = abs(gain) * math.sqrt(one[seen].var(axis=0).mean())
    return float(np.abs(cv2.blur(left, (WINDOW, WINDOW))).max()) / max(contrast, 1.0)


def _laid_on(one: Picture, other: Picture, warp: Warp) -> tuple[Picture, NDArray[np.bool_]]:
    """Return `other` as it lies on `one`, and where of `one` it can be seen."""
    import cv2

    size = one.shape[1::-1]
    inner = slice(EDGE, -EDGE)
    inside = np.zeros(other.shape[:2], np.uint8)
    inside[inner, inner] = 1
    laid = cv2.warpAffine(
        other,
        warp,
        size,
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    seen = np.zeros(one.shape[:2], np.bool_)
    covered = cv2.warpAffine(inside, warp, size, flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP)
    seen[inner, inner] = covered[inner, inner]
    return np.asarray(laid, np.uint8), seen


def _exposure(one: Picture, other: Picture, seen: NDArray[np.bool_]) -> tuple[float, float]:
    """Return the gain and the offset that make `one` most like `other`, where it is seen.

    All channels have the same: another colour is a difference. By least squares over blurred
    pixels, since what is fine has lost contrast where `other` was scaled; those that `other`
    cannot show, being too bright, are left out, and are known better with each fit.
    """
    import cv2

    here, there = (
        cv2.GaussianBlur(image, (BLUR, BLUR), 0).astype(np.float32) for image in (one, other)
    )
    blurred = np.ones((BLUR, BLUR), np.uint8)
    gain, offset = 1.0, 0.0
    kept = seen
    for _ in range(3):
        if not kept.any():
            break
        x, y = here[kept], there[kept]
        centred = x - x.mean()
        gain = float((centred * (y - y.mean())).sum()) / max(float((centred**2).sum()), 1e-6)
        offset = float(y.mean() - gain * x.mean())
        clipped = (other >= SATURATED) & (gain * one + offset >= SATURATED)
        kept = seen & (cv2.dilate(clipped.max(axis=2).astype(np.uint8), blurred) == 0)
    return gain, offset


def _picture(photos: Photos, content_id: str, file: bytes) -> Picture | None:
    try:
        return np.asarray(read(content_id, file, SIDE, photos))
    except Exception:  # decoders raise many types; the file is gone, or not what it was
        return None


def _remembered(path: Path) -> dict[Pair, Likeness]:
    try:
        table = read_parquet(path)
        if table.schema.metadata[b"method"].decode() != METHOD:
            return {}
        rows = zip(*(table[name].to_pylist() for name in SCHEMA.names), strict=True)
        return {(one, other): Likeness(*likeness) for one, other, *likeness in rows}
    except (UserError, KeyError, TypeError):
        return {}  # absent or damaged: comparing again makes it anew
