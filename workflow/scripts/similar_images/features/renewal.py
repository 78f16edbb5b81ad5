"""Renewal: which features of an earlier version are still those of their photos."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import takewhile

from ..core.prefetch import prefetch
from ..images.decoding import UnreadableImageError
from ..images.photos import LOCAL, Photos, UnavailableError
from ..images.preprocessing import Preprocessor
from . import shards
from .shards import Shard

# Photos whose headers are read ahead, for each thread.
AHEAD = 8


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
    colour profile this version follows. No photo is fetched for that: the features stay of photos
    at addresses that are not in the cache, and of photos that cannot be read now.

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
    pixels = list(shard.pixels)
    kept = []

    def look_at(row: int) -> tuple[int, int | None]:
        content_id = shard.content_ids[row]
        former = shard.pixels[row]
        return row, _pixels_of_unchanged(content_id, files[content_id], prepare, photos, former)

    with ThreadPoolExecutor(threads) as pool:
        going_on = takewhile(lambda _: not stopped(), rows)
        found = prefetch(pool, look_at, going_on, AHEAD * threads)
        for done, (row, number) in enumerate(found, 1):
            if number is not None:
                pixels[row] = number
                kept.append(row)
            progress(done)
    return shards.part(replace(shard, pixels=pixels, decoding=shards.DECODING), kept)


def _pixels_of_unchanged(
    content_id: str,
    files: Sequence[bytes],
    prepare: Preprocessor,
    photos: Photos,
    former: int | None,
) -> int | None:
    """Return the pixels of a photo whose features stay, otherwise None.

    They are the `former` ones if the photo cannot be looked at.
    """
    for file in files:
        try:
            with photos.opened(content_id, file, fetched=False) as stream:
                return prepare.pixels_of_unchanged(stream)
        except UnreadableImageError:
            return None
        except UnavailableError:
            continue
    return former
