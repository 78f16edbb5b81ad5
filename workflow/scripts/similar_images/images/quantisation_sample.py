"""The photos that calibrate a quantised network."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ..core.errors import UserError
from ..core.names import as_text
from .decoding import UnreadableImageError
from .photos import LOCAL, Photos, UnavailableError
from .preprocessing import Preprocessor


def pictures(
    members: Mapping[str, Sequence[bytes]],
    prepare: Preprocessor,
    count: int,
    photos: Photos = LOCAL,
) -> list[NDArray[np.uint8]]:
    """Return `count` readable photos as the network takes them, or all if there are fewer.

    Those with the smallest content ids are taken. This is a random sample that hardly changes when
    photos are added. A photo that cannot be read now is left out if there are enough others.

    Args:
        members: content ids, each with the files that have these bytes.
        prepare: turns a file's bytes into pixels.
        count: how many.
        photos: opens them.

    Raises:
        UserError: there are fewer because some cannot be read now.
    """
    found: list[NDArray[np.uint8]] = []
    lost: list[str] = []
    for content_id in sorted(members):
        if len(found) == count:
            break
        file = members[content_id][0]
        try:
            with photos.opened(content_id, file) as stream:
                found.append(prepare(stream).image)
        except UnreadableImageError:
            pass  # `merge` lists it as rejected
        except UnavailableError as error:
            lost.append(f"{as_text(file)} ({error})")
    if lost and len(found) < count:
        raise UserError(
            f"precision: int8 takes {count} photos of the catalogue, or all of them, and "
            f"{len(lost)} could not be read, such as {lost[0]}. Run again once they can be, or set "
            "precision: float32."
        )
    return found
