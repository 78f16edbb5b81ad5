"""Levels: what middle layers of the network find, in a byte for each number.

Each part, the means or the standard deviations of one layer's channels, counts the same however
large its numbers are, and is therefore brought to length 1. So nothing is lost with the size, and
one byte for each number loses nothing that shows in the answers.
"""

from collections.abc import Sequence
from functools import cache
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from .feature_table import Features, normalise

Levels = NDArray[np.int8]  # a row for each image

# A part with more numbers is folded, so that an image takes 4 kB at the most.
WIDEST = 1024
LARGEST = 127


def none(images: int) -> Levels:
    """Return the levels of so many images of a model that gives none."""
    return np.empty((images, 0), np.int8)


def widths(channels: Sequence[int]) -> list[int]:
    """Return the numbers that are kept of each part, given its channels."""
    return [min(number, WIDEST) for number in channels]


def encode(values: Features, channels: Sequence[int]) -> Levels:
    """Return the levels (n, sum of `widths`) of what the network gives: values (n, sum).

    A row does not depend on those beside it. A part that has overflowed, with a value that is not
    finite, is zero, and counts for nothing.

    Args:
        values: what the middle layers give.
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
    """Return `part` with at most `WIDEST` numbers: each the sum of some, with signs.

    Products of rows stay the same but for chance (K. Weinberger et al., "Feature Hashing for Large
    Scale Multitask Learning", ICML 2009).
    """
    number = part.shape[1]
    if number <= WIDEST:
        return part
    order, signs = _chance(number)
    starts = np.arange(WIDEST) * number // WIDEST
    folded: Features = np.add.reduceat(part[:, order] * signs, starts, axis=1)
    return folded


@cache
def _chance(number: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Return the numbers up to `number` in an order by chance, and a sign for each.

    Both come from a hash, and are the same with every version of every library.
    """
    hashes = [sha256(str(n).encode()).digest() for n in range(number)]
    order = sorted(range(number), key=hashes.__getitem__)
    signs = [1 if hashes[n][-1] % 2 else -1 for n in order]
    return np.array(order, np.intp), np.array(signs, np.float32)
