"""Whether two pictures are the same one: they are aligned, and the remaining difference decides.

One is registered with the other by the enhanced correlation coefficient (G. Evangelidis and
E. Psarakis, "Parametric Image Alignment Using Enhanced Correlation Coefficient Maximization", PAMI
30, 2008). The coefficient itself does not decide: two boots on white that differ only in their heel
or their colour reach the values of copies. A heel is a local difference, so local differences are
measured: see docs/measurements.md and benchmarks/results/copies.md.

Most pairs are rejected before that: first by their sketches, then by a registration of small
pictures.
"""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..core.file_formats import read_cache
from ..core.tables import Column, ParquetTable
from ..images.photos import LOCAL, Photos
from ..images.thumbnails import read
from . import sketches

# Two pictures are one up to this difference.
COPY = 0.18


class Scale(NamedTuple):
    """The size at which pictures are compared, and the parameters at that size.

    Attributes:
        side: their longest side.
        edge: pixels ignored at every edge, where scaling has mixed in a border.
        window: differences are the means of squares this wide, since compression and another size
            change single pixels, now up and now down.
        blur: the width of the filter before registration.
        steps: of the registration, at most; with 0 the middles of both are aligned.
    """

    side: int
    edge: int
    window: int
    blur: int
    steps: int


FULL = Scale(side=160, edge=4, window=13, blur=5, steps=60)
# At this scale a registration costs a sixth, and shows which pairs are hopeless: those that differ
# by more than this after each number of steps. One number is not enough: on so few pixels a
# registration can drift away from a good alignment. See benchmarks/results/copies.md.
COARSE, HOPELESS = Scale(side=64, edge=2, window=5, blur=3, steps=60), 1.0
STEPS = (10, 0, 3, COARSE.steps)
# Pictures narrower than this cannot be compared, at any scale.
NARROWEST = 32
PRECISION = 1e-5
# The least part of a picture that the other must show.
OVERLAP = 0.6
# From here on a brighter copy cannot show what is brighter.
SATURATED = 253

# Pictures are compared with each other's mirror image only if their middles, reduced to so few
# squares a side, correlate so much. An eighth at every edge is ignored: it may be a border.
SQUARES, ALIKE, OUTER = 4, 0.8, 8

# Earlier versions registered all pairs, so their caches are valid, too.
ALL_REGISTERED = (
    f"ECC {FULL.side} {FULL.edge} {FULL.blur} {FULL.window} {OVERLAP} {SQUARES} {ALIKE} {OUTER}"
)
SIFTED = sketches.ALIKE, sketches.HOPELESS, COARSE.side, HOPELESS, STEPS
METHOD = f"{ALL_REGISTERED}, sifted {SIFTED}"
TABLE = ParquetTable(
    "results/<collection>/differences.parquet",
    Column("one", str, "content id"),
    Column("other", str, "content id"),
    Column("difference", float, "by how much the pictures differ"),
    Column("mirrored", bool, "whether one of them was mirrored for that"),
)

# A sketch has 3 kB, a picture up to 77 kB.
SKETCHES, PICTURES = 16384, 512

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
    cache: Path,
    threads: int,
    progress_of: Callable[[int], Callable[[int], None]],
    photos: Photos = LOCAL,
) -> dict[Pair, Likeness]:
    """Return the likeness of each pair: of all but those with a file that is gone or changed.

    Args:
        pairs: content ids.
        files: for each of them a file that has these bytes.
        cache: of the likenesses; those of other pairs are dropped.
        threads: pairs compared at once.
        progress_of: given the number of new pairs, returns what is called after each with how many
            are done.
        photos: opens them.
    """
    known = _cached(cache)
    found = {pair: known[pair] for pair in pairs if pair in known}
    new = sorted(pair for pair in pairs if pair not in known)
    found |= compare_pairs(new, files, threads, progress_of(len(new)), photos)
    _write(cache, found)
    return found


def compare_pairs(
    pairs: Sequence[Pair],
    files: Mapping[str, bytes],
    threads: int,
    progress: Callable[[int], None],
    photos: Photos = LOCAL,
) -> dict[Pair, Likeness]:
    """Return the likeness of each pair, as `compare_all`, but without a cache.

    Args:
        pairs: content ids.
        files: for each of them a file that has these bytes.
        threads: pairs compared at once.
        progress: called after each pair with how many are done.
        photos: opens them.
    """
    sketch = lru_cache(SKETCHES)(partial(_sketch, photos))
    pixels = lru_cache(PICTURES)(partial(picture, photos))

    def compare_pair(pair: Pair) -> Likeness | None:
        drawn = [sketch(content_id, files[content_id]) for content_id in pair]
        if drawn[0] is None or drawn[1] is None:
            return None
        apart = sketches.least_difference(drawn[0], drawn[1])
        if apart >= sketches.HOPELESS:
            return Likeness(math.inf)
        one, other = (pixels(content_id, files[content_id]) for content_id in pair)
        if one is None or other is None:
            return None
        return compare(one, other, small_first=apart >= sketches.ALIKE)

    found = {}
    with ThreadPoolExecutor(threads) as pool:
        compared = pool.map(compare_pair, pairs)
        for done, (pair, likeness) in enumerate(zip(pairs, compared, strict=True), 1):
            if likeness is not None:
                found[pair] = likeness
            progress(done)
    return found


def picture(photos: Photos, content_id: str, file: bytes) -> Picture | None:
    """Return the picture in `file` as `compare` takes it; None if it is gone or changed."""
    read_picture = _read(content_id, file, FULL.side, photos)
    return None if read_picture is None else np.asarray(read_picture)


def compare(one: Picture, other: Picture, *, small_first: bool = True) -> Likeness:
    """Return by how much two pictures differ, mirrored if they are copies only so.

    Args:
        one: a picture.
        other: another one.
        small_first: whether small pictures are compared first. Where it is plain from these that
            the two are not one, the difference is infinite.
    """
    measure = _difference_if_small if small_first else difference
    found = Likeness(measure(one, other))
    if found.is_copy:
        return found
    mirrored = np.ascontiguousarray(other[:, ::-1])
    if _correlation(one, mirrored) < ALIKE:
        return found
    found_mirrored = Likeness(measure(one, mirrored), mirrored=True)
    return found_mirrored if found_mirrored.is_copy else found


def _difference_if_small(one: Picture, other: Picture) -> float:
    """Return `difference`, or infinity where a registration of small pictures shows no hope."""
    small, little = (_shrunk(image, COARSE.side) for image in (one, other))
    # Of narrow pictures too little would be left.
    wide_enough = min(*small.shape[:2], *little.shape[:2]) >= NARROWEST
    tried = (difference(small, little, COARSE._replace(steps=steps)) for steps in STEPS)
    hopeless = wide_enough and all(apart > HOPELESS for apart in tried)
    return math.inf if hopeless else difference(one, other)


def _shrunk(image: Picture, side: int) -> Picture:
    import cv2

    scale = side / max(image.shape[:2])
    if scale >= 1:
        return image
    height, width = (max(1, round(scale * length)) for length in image.shape[:2])
    shrunk = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(shrunk, np.uint8)


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


def difference(one: Picture, other: Picture, scale: Scale = FULL) -> float:
    """Return by how much two pictures differ where they differ most, in units of their contrast.

    0 for the same picture, whatever its size and shape, brightness and contrast, and what was cut
    off or added around it; the same for (a, b) and (b, a); infinite where they cannot be
    registered.
    """
    if min(*one.shape[:2], *other.shape[:2]) < NARROWEST:
        return math.inf
    # What is too bright to be seen in a copy is known from the darker one, and not the other way.
    darker, brighter = sorted((one, other), key=lambda image: (image.mean(), image.tobytes()))
    warp = _register(darker, brighter, scale)
    return math.inf if warp is None else _largest_difference(darker, brighter, warp, scale)


def _register(one: Picture, other: Picture, scale: Scale) -> Warp | None:
    """Return the warp from `one` to `other` under which they correlate most, if one is found."""
    import cv2  # slow, and mostly nothing is left to be compared

    cv2.setNumThreads(1)  # pairs have threads
    (height, width), (tall, wide) = one.shape[:2], other.shape[:2]
    ratio = max(tall, wide) / max(height, width)
    start = np.array(
        [[ratio, 0, (wide - ratio * width) / 2], [0, ratio, (tall - ratio * height) / 2]],
        np.float32,
    )
    if scale.steps == 0:
        return start
    inner = slice(scale.edge, -scale.edge)
    valid = np.zeros((tall, wide), np.uint8)
    valid[inner, inner] = 1
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, scale.steps, PRECISION)
    try:
        _, warp = cv2.findTransformECC(
            cv2.cvtColor(one[inner, inner], cv2.COLOR_RGB2GRAY),
            cv2.cvtColor(other, cv2.COLOR_RGB2GRAY),
            _moved(start, scale.edge),
            cv2.MOTION_AFFINE,
            criteria,
            valid,
            scale.blur,
        )
    except cv2.error:  # it does not converge
        return None
    return _moved(np.asarray(warp, np.float32), -scale.edge)


def _moved(warp: Warp, by: int) -> Warp:
    """Return `warp` for places counted from `by` pixels further right and down."""
    moved = warp.copy()
    moved[:, 2] += by * warp[:, :2].sum(axis=1)
    return moved


def _largest_difference(one: Picture, other: Picture, warp: Warp, scale: Scale) -> float:
    """Return the largest mean of a window in any channel, as a share of the contrast of `one`."""
    import cv2

    laid, seen = _laid_on(one, other, warp, scale.edge)
    if seen.mean() < OVERLAP:
        return math.inf
    gain, offset = _exposure(one, laid, seen, scale.blur)
    expected = np.clip(gain * one.astype(np.float32) + offset, 0, 255)
    left = np.where(seen[..., np.newaxis], laid - expected, 0)
    contrast = abs(gain) * math.sqrt(one[seen].var(axis=0).mean())
    return float(np.abs(cv2.blur(left, (scale.window, scale.window))).max()) / max(contrast, 1.0)


def _laid_on(
    one: Picture, other: Picture, warp: Warp, edge: int
) -> tuple[Picture, NDArray[np.bool_]]:
    """Return `other` as it lies on `one`, and where of `one` it can be seen."""
    import cv2

    size = one.shape[1::-1]
    inner = slice(edge, -edge)
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


def _exposure(
    one: Picture, other: Picture, seen: NDArray[np.bool_], blur: int
) -> tuple[float, float]:
    """Return the gain and the offset that make `one` most like `other`, where it is seen.

    All channels have the same: another colour is a difference. By least squares over blurred
    pixels, since what is fine has lost contrast where `other` was scaled; those that `other`
    cannot show, being too bright, are left out, and are known better with each fit.
    """
    import cv2

    here, there = (
        cv2.GaussianBlur(image, (blur, blur), 0).astype(np.float32) for image in (one, other)
    )
    blurred = np.ones((blur, blur), np.uint8)
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
        last, kept = kept, seen & (cv2.dilate(clipped.max(axis=2).astype(np.uint8), blurred) == 0)
        if np.array_equal(kept, last):  # nothing would be known better
            break
    return gain, offset


def _sketch(photos: Photos, content_id: str, file: bytes) -> sketches.Sketch | None:
    picture = _read(content_id, file, sketches.SIDE, photos)
    return None if picture is None else sketches.draw(picture)


def _read(content_id: str, file: bytes, side: int, photos: Photos) -> Image.Image | None:
    try:
        return read(content_id, file, side, photos)
    except Exception:  # decoders raise many types; the file is gone, or not what it was
        return None


def _write(path: Path, found: Mapping[Pair, Likeness]) -> None:
    rows = [
        {"one": one, "other": other, **likeness._asdict()}
        for (one, other), likeness in sorted(found.items())
    ]
    TABLE.write(path, TABLE.from_rows(rows).replace_schema_metadata({"method": METHOD}))


def _cached(path: Path) -> dict[Pair, Likeness]:
    table = read_cache(TABLE.read, path, TABLE.schema.empty_table())
    method = (table.schema.metadata or {}).get(b"method")
    if method not in (METHOD.encode(), ALL_REGISTERED.encode()):
        return {}
    return {
        (row["one"], row["other"]): Likeness(row["difference"], row["mirrored"])
        for row in table.to_pylist()
    }
