"""The photos that a quantised network is fitted on."""

from collections.abc import Mapping, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from ..photos.decoding import UnreadableImageError
from ..photos.opening import LOCAL, Photos
from ..photos.preparation import Preparation, Prepared


def pictures(
    members: Mapping[str, Sequence[bytes]], prepare: Preparation, count: int, photos: Photos = LOCAL
) -> list[NDArray[np.uint8]]:
    """Return `count` readable photos as the network takes them, or all where there are fewer.

    They are those with the smallest content ids: a sample by chance, and mostly the same one when
    photos are added.

    Args:
        members: content ids, each with the files that have these bytes.
        prepare: turns a file's bytes into pixels.
        count: how many.
        photos: opens them.
    """
    files = ((content_id, members[content_id][0]) for content_id in sorted(members))
    readable = (picture for file in files if (picture := _read(*file, prepare, photos)))
    return [picture.image for picture in islice(readable, count)]


def _read(content_id: str, file: bytes, prepare: Preparation, photos: Photos) -> Prepared | None:
    try:
        with photos.opened(content_id, file) as stream:
            return prepare(stream)
    except (OSError, UnreadableImageError):
        return None  # it is gone, or will be listed as rejected
