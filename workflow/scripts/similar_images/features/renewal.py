"""Renewal: which features of an earlier version are still those of their photos.

It also measures the quality of these photos, which earlier versions did not.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from itertools import takewhile
from typing import NamedTuple

from ..core.prefetch import prefetch
from ..images.decoding import UnreadableImageError
from ..images.photo_quality import Measures
from ..images.photos import LOCAL, Photos, UnavailableError
from ..images.preprocessing import Preprocessor
from . import shards
from .shards import Shard

# Photos that are read ahead, for each thread.
AHEAD = 8


class Look(NamedTuple):
    """What this version finds in a photo whose features stay.

    Attributes:
        pixels: see `preprocessing.Prepared.pixels`, or None if unknown.
        measures: of its quality, or None if it cannot be looked at.
    """

    pixels: int | None
    measures: Measures | None


def renewed(
    shard: Shard,
    files: Mapping[str, Sequence[bytes]],
    prepare: Preprocessor,
    threads: int,
    progress: Callable[[int], None],
    photos: Photos = LOCAL,
    stopped: Callable[[], bool] = lambda: False,
) -> Shard:
    """Return the part of `shard`, of an earlier version, whose features stay.

    Photos with a fault are left out, because this version may read them, and so are photos whose
    colour profile version 1 ignored. No photo is fetched for that: the features stay of photos at
    addresses that are not in the cache, and of photos that cannot be read now.

    Args:
        shard: as the earlier version made it.
        files: for each content id the files that have these bytes.
        prepare: converts a file's bytes to pixels.
        threads: photos read at once.
        progress: called after each photo with how many are done.
        photos: opens them.
        stopped: whether to end early; photos that are not begun by then are left out.
    """
    rows = [n for n, fault in enumerate(shard.faults) if fault is None]
    pixels, measures = list(shard.pixels), shard.measures.copy()
    kept = []
    check_profile = shard.decoding < shards.PROFILES_FOLLOWED

    def look_at(row: int) -> tuple[int, Look | None]:
        content_id = shard.content_ids[row]
        try:
            return row, _look(content_id, files[content_id], prepare, photos, check_profile)
        except UnavailableError:
            return row, Look(shard.pixels[row], None)

    with ThreadPoolExecutor(threads) as pool:
        going_on = takewhile(lambda _: not stopped(), rows)
        found = prefetch(pool, look_at, going_on, AHEAD * threads)
        for done, (row, look) in enumerate(found, 1):
            if look is not None:
                pixels[row] = look.pixels
                if look.measures:
                    measures[row] = look.measures
                kept.append(row)
            progress(done)
    renewed = replace(shard, pixels=pixels, measures=measures, decoding=shards.DECODING)
    return shards.part(renewed, kept)


def _look(
    content_id: str,
    files: Sequence[bytes],
    prepare: Preprocessor,
    photos: Photos,
    check_profile: bool,
) -> Look | None:
    """Return what this version finds in a photo, or None if its features do not stay.

    Raises:
        UnavailableError: none of its `files` can be read now.
    """
    for file in files:
        with (
            suppress(UnavailableError),
            photos.opened(content_id, file, fetched=False) as stream,
        ):
            try:
                if check_profile and prepare.follows_profile(stream):
                    return None
                prepared = prepare(stream)
            except UnreadableImageError:
                return None
            return Look(prepared.pixels, prepared.measures)
    raise UnavailableError
