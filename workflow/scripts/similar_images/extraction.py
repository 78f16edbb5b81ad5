"""The extraction loop: image files in, a shard of features out."""

import hashlib
import logging
import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from .collection import as_text
from .engines import Engine
from .preparation import Preparation, Prepared, UnreadableImageError
from .shards import Shard
from .timing import Timing

logger = logging.getLogger(__name__)

Outcome = Prepared | UnreadableImageError | None


def extract(
    members: Mapping[str, Sequence[bytes]],
    prepare: Preparation,
    engine: Engine,
    dimension: int,
    fingerprint: str,
    threads: int,
    timing: Timing,
    progress: Callable[[int], None],
) -> Shard:
    """Return the features of `members`.

    An image that cannot be read gets a row with its fault. One whose file is gone or changed
    since the manifest was made is left out, since a shard tells only what follows from the bytes.

    Args:
        members: content ids, each with the files that have these bytes.
        prepare: turns a file's bytes into pixels.
        engine: turns pixels into features.
        dimension: numbers for each image.
        fingerprint: of the model.
        threads: images read and prepared at once, while the engine runs.
        timing: takes the seconds spent on "read", "decode" (both summed over the threads) and
            "network".
        progress: told after each image how many are done.
    """
    content_ids: list[str] = []
    faults: list[str | None] = []
    pixels: list[int | None] = []
    features = np.zeros((len(members), dimension), np.float32)
    batch: dict[int, NDArray[np.uint8]] = {}
    ahead = 2 * engine.batch_size
    outcomes = _prepare_all(members, prepare, threads, ahead, timing)
    for done, (content_id, outcome) in enumerate(outcomes, 1):
        if outcome is not None:
            if isinstance(outcome, Prepared):
                batch[len(content_ids)] = outcome.image
            content_ids.append(content_id)
            faults.append(None if isinstance(outcome, Prepared) else str(outcome))
            pixels.append(outcome.pixels)
        if len(batch) == engine.batch_size:
            with timing.spent_on("network"):
                _run(engine, batch, features)
            batch.clear()
        progress(done)
    if batch:
        with timing.spent_on("network"):
            _run(engine, batch, features)
    return Shard(content_ids, faults, pixels, fingerprint, features[: len(content_ids)])


def _run(
    engine: Engine, batch: Mapping[int, NDArray[np.uint8]], features: NDArray[np.float32]
) -> None:
    """Put the features of `batch` (row to pixels) into their rows; a short batch is padded."""
    images = np.stack(list(batch.values()))
    missing = engine.batch_size - len(images)
    padded = np.pad(images, [(0, missing), (0, 0), (0, 0), (0, 0)])
    features[list(batch)] = engine(padded)[: len(images)]


def _prepare_all(
    members: Mapping[str, Sequence[bytes]],
    prepare: Preparation,
    threads: int,
    ahead: int,
    timing: Timing,
) -> Iterator[tuple[str, Outcome]]:
    """Yield the outcome for each of `members` in turn, while threads work on the next `ahead`."""
    waiting: deque[tuple[str, Future[Outcome]]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for content_id, files in members.items():
            waiting.append((content_id, pool.submit(_prepare, content_id, files, prepare, timing)))
            if len(waiting) > ahead:
                content_id, future = waiting.popleft()
                yield content_id, future.result()
        for content_id, future in waiting:
            yield content_id, future.result()


def _prepare(
    content_id: str, files: Sequence[bytes], prepare: Preparation, timing: Timing
) -> Outcome:
    """Return the image, or why its bytes give none, or None where no file has these bytes."""
    for file in files:
        try:
            with open(file, "rb") as stream:
                before = os.fstat(stream.fileno())
                with timing.spent_on("read"):
                    found = hashlib.file_digest(stream, "sha256").hexdigest()
                if found != content_id:
                    continue
                stream.seek(0)
                with timing.spent_on("decode"):
                    outcome = _outcome(prepare, stream)
                if os.fstat(stream.fileno()).st_mtime_ns == before.st_mtime_ns:
                    return outcome
        except OSError:
            continue
    logger.warning("%s: gone or changed since the run began", as_text(files[0]))
    return None


def _outcome(prepare: Preparation, stream: BinaryIO) -> Prepared | UnreadableImageError:
    try:
        return prepare(stream)
    except UnreadableImageError as error:
        return error
