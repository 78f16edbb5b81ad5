"""Extraction: from image files to a shard of features."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from itertools import takewhile

import numpy as np
from numpy.typing import NDArray

from ..backbones.engines import Engine
from ..backbones.model import Model
from ..core.errors import UserError
from ..core.names import as_text
from ..core.prefetch import prefetch
from ..core.timing import Timing
from ..images.decoding import UnreadableImageError
from ..images.measured import unmeasured
from ..images.photos import LOCAL, Photos, UnavailableError
from ..images.preprocessing import Prepared, Preprocessor
from . import levels
from .shards import Shard

logger = logging.getLogger(__name__)

Outcome = Prepared | UnreadableImageError | None
Batch = dict[int, NDArray[np.uint8]]  # row of the shard to pixels


def preprocessor(model: Model, max_pixels: int) -> Preprocessor:
    """Return what makes pixels for `model`, with the setting `images.max_pixels`."""
    return Preprocessor(model.input_size, model.resample, max_pixels, model.fit, model.crop)


def extract(
    members: Mapping[str, Sequence[bytes]],
    prepare: Preprocessor,
    engine: Engine,
    dimension: int,
    fingerprint: str,
    threads: int,
    timing: Timing,
    progress: Callable[[int], None],
    photos: Photos = LOCAL,
    channels: Sequence[int] = (),
    stopped: Callable[[], bool] = lambda: False,
) -> Shard:
    """Return the features of `members`.

    An image whose bytes give no picture gets a row with its fault. One that cannot be read now, or
    has changed since the manifest, is left out: a shard contains only what depends on the bytes.

    Args:
        members: content ids, each with the files that have these bytes.
        prepare: converts a file's bytes to pixels.
        engine: converts pixels to features.
        dimension: numbers of the features of each image.
        fingerprint: of the model.
        threads: images read and prepared at once, while the engine runs.
        timing: takes the seconds spent on "read", "decode" and "network", each summed over the
            threads.
        progress: called after each image with how many are done.
        photos: opens them.
        channels: of each part of the middle layers after the features, see `levels`.
        stopped: whether to end early; members that are not begun by then are left out.

    Raises:
        UserError: features are not finite; the message names the first such image.
    """
    features = np.zeros((len(members), dimension), np.float32)
    kept = np.zeros((len(members), sum(levels.widths(channels))), np.int8)
    measures = unmeasured(len(members))
    shard = Shard([], [], [], fingerprint, features, kept, notes=[], measures=measures)
    run = partial(_run, engine, timing)
    with ThreadPoolExecutor(threads) as decoders, ThreadPoolExecutor(engine.streams) as streams:
        outcomes = prefetch(
            decoders,
            lambda member: (member[0], _prepare(*member, prepare, photos, timing)),
            takewhile(lambda _: not stopped(), members.items()),
            2 * engine.batch_size * engine.streams,
        )
        batches = _batches(outcomes, engine.batch_size, shard, progress)
        for rows, found in prefetch(streams, run, batches, engine.streams):
            _check_finite(found[:, :dimension], rows, shard, members)
            features[rows] = found[:, :dimension]
            kept[rows] = levels.encode(found[:, dimension:], channels)
    count = len(shard.content_ids)
    return replace(shard, features=features[:count], levels=kept[:count], measures=measures[:count])


def _check_finite(
    found: NDArray[np.float32],
    rows: Sequence[int],
    shard: Shard,
    members: Mapping[str, Sequence[bytes]],
) -> None:
    broken = np.flatnonzero(~np.isfinite(found).all(axis=1))
    if len(broken):
        file = members[shard.content_ids[rows[broken[0]]]][0]
        raise UserError(
            f"backbone: the network gives features of {as_text(file)} that are not finite (NaN "
            "or infinite). It is damaged, or its numbers overflow: set precision: float32."
        )


def _batches(
    outcomes: Iterable[tuple[str, Outcome]],
    size: int,
    shard: Shard,
    progress: Callable[[int], None],
) -> Iterator[Batch]:
    """Yield the images of `outcomes` in batches; all but their features goes into `shard`."""
    batch: Batch = {}
    for done, (content_id, outcome) in enumerate(outcomes, 1):
        if outcome is not None:
            if isinstance(outcome, Prepared):
                row = len(shard.content_ids)
                batch[row], shard.measures[row] = outcome.image, outcome.measures
            shard.content_ids.append(content_id)
            shard.faults.append(None if isinstance(outcome, Prepared) else str(outcome))
            shard.pixels.append(outcome.pixels)
            shard.notes.append(outcome.note if isinstance(outcome, Prepared) else None)
        progress(done)
        if len(batch) == size:
            yield batch
            batch = {}
    if batch:
        yield batch


def _run(engine: Engine, timing: Timing, batch: Batch) -> tuple[list[int], NDArray[np.float32]]:
    """Return the rows of `batch` and their features; a short batch is padded."""
    images = np.stack(list(batch.values()))
    missing = engine.batch_size - len(images)
    with timing.spent_on("network"):
        features = engine(np.pad(images, [(0, missing), (0, 0), (0, 0), (0, 0)]))
    return list(batch), features[: len(images)]


def _prepare(
    content_id: str,
    files: Sequence[bytes],
    prepare: Preprocessor,
    photos: Photos,
    timing: Timing,
) -> Outcome:
    """Return the image, or why its bytes give none, or None if no file has these bytes."""
    reason = "no file"
    for file in files:
        try:
            outcome = _read(content_id, file, prepare, photos, timing)
            if isinstance(outcome, UnreadableImageError):
                # libtiff reads files itself and reports disk errors as damage. A second try checks
                # the whole file again; a fault that remains is the file's own.
                outcome = _read(content_id, file, prepare, photos, timing)
        except UnavailableError as error:
            reason = str(error)
        else:
            return outcome
    logger.warning("%s: %s; the next run tries it again", as_text(files[0]), reason)
    return None


def _read(
    content_id: str, file: bytes, prepare: Preprocessor, photos: Photos, timing: Timing
) -> Prepared | UnreadableImageError:
    """Return the image in `file`, or why its bytes give none.

    Raises:
        UnavailableError: it does not have these bytes, or they cannot be read now.
    """
    with ExitStack() as stack:
        with timing.spent_on("read"):
            stream = stack.enter_context(photos.opened(content_id, file))
        with timing.spent_on("decode"):
            try:
                return prepare(stream)
            except UnreadableImageError as error:
                # A copy: the one that was raised holds the picture in memory by its traceback.
                return UnreadableImageError(str(error), error.pixels)
