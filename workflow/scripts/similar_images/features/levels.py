"""Levels: the numbers of the middle layers, stored in one byte each.

Each part (the means or the standard deviations of one layer's channels) is scaled to length 1, so
that all parts count the same. One byte per number does not change the answers measurably.
"""

from collections.abc import Sequence
from functools import cache
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from .feature_table import Features, normalise

Levels = NDArray[np.int8]  # a row for each image

# A part with more numbers is folded, so that an image takes at most 4 kB.
WIDEST = 1024
LARGEST = 127


def none(images: int) -> Levels:
    """Return the empty levels of `images` images, for a model without middle layers."""
    return np.empty((images, 0), np.int8)


def widths(channels: Sequence[int]) -> list[int]:
    """Return how many numbers are stored of each part, given its channels."""
    return [min(number, WIDEST) for number in channels]


def encode(values: Features, channels: Sequence[int]) -> Levels:
    """Return the levels (n, sum of `widths`) of `values` (n, sum of `channels`).

    Rows do not depend on each other. A part with a value that is not finite becomes zero.

    Args:
        values: of the middle layers.
        channels: of each part.
    """
    encoded = [none(len(values))]
    for part in _parts(values, channels):
        finite = np.isfinite(part).all(axis=1, keepdims=True)
        folded = _folded(_scaled(np.where(finite, part, 0)))
        encoded.append(np.rint(LARGEST * _scaled(folded)).astype(np.int8))
    return np.concatenate(encoded, axis=1)


def join(features: Features, levels: Levels, channels: Sequence[int]) -> Features:
    """Return features (n, d) and levels (n, w) as rows (n, d + w), each part of length 1."""
    joined: Features = np.concatenate([features, levels], axis=1, dtype=np.float32)
    for part in _parts(joined, [features.shape[1], *widths(channels)]):
        normalise(part)
    return joined


def _parts(values: Features, sizes: Sequence[int]) -> list[Features]:
    return np.split(values, np.cumsum(sizes)[:-1], axis=1) if sizes else []


def _scaled(rows: Features) -> Features:
    """Return `rows`, each with 1 as its largest absolute value; zero rows stay zero."""
    largest: Features = np.abs(rows).max(axis=1, keepdims=True)
    largest[largest == 0] = 1
    return rows / largest


def _folded(part: Features) -> Features:
    """Return `part` with at most `WIDEST` numbers, each a sum of some with random signs.

    Products of rows stay the same on average (K. Weinberger et al., "Feature Hashing for Large
    Scale Multitask Learning", ICML 2009).
    """
    number = part.shape[1]
    if number <= WIDEST:
        return part
    order, signs = _random_order(number)
    starts = np.arange(WIDEST) * number // WIDEST
    folded: Features = np.add.reduceat(part[:, order] * signs, starts, axis=1)
    return folded


@cache
def _random_order(number: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Return the numbers up to `number` in a random order, and a random sign for each.

    Both come from a hash, so that they do not depend on versions of libraries.
    """
    hashes = [sha256(str(n).encode()).digest() for n in range(number)]
    order = sorted(range(number), key=hashes.__getitem__)
    signs = [1 if hashes[n][-1] % 2 else -1 for n in order]
    return np.array(order, np.intp), np.array(signs, np.float32)
