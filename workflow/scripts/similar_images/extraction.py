"""The extraction loop: image files in, a shard of features out."""

import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from .collection import as_text
from .engines import Engine
from .preparation import Preparation, UnreadableImageError
from .shards import Shard

logger = logging.getLogger(__name__)

Pixels = NDArray[np.uint8]


def extract(
    members: Mapping[str, Sequence[bytes]],
    prepare: Preparation,
    engine: Engine,
    dimension: int,
    fingerprint: str,
    threads: int,
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
        progress: told after each image how many are done.
    """
    content_ids: list[str] = []
    faults: list[str | None] = []
    features = np.zeros((len(members), dimension), np.float32)
    batch: dict[int, Pixels] = {}
    ahead = 2 * engine.batch_size
    for done, (content_id, outcome) in enumerate(_prepare_all(members, prepare, threads, ahead), 1):
        if outcome is None:
            continue
        row = len(content_ids)
        content_ids.append(content_id)
        faults.append(outcome if isinstance(outcome, str) else None)
        if not isinstance(outcome, str):
            batch[row] = outcome
        if len(batch) == engine.batch_size:
            _run(engine, batch, features)
            batch.clear()
        progress(done)
    if batch:
        _run(engine, batch, features)
    return Shard(content_ids, faults, fingerprint, prepare.max_pixels, features[: len(content_ids)])


def _run(engine: Engine, batch: Mapping[int, Pixels], features: NDArray[np.float32]) -> None:
    """Put the features of `batch` (row to pixels) into their rows; a short batch is padded."""
    images = np.stack(list(batch.values()))
    missing = engine.batch_size - len(images)
    padded = np.pad(images, [(0, missing), (0, 0), (0, 0), (0, 0)])
    features[list(batch)] = engine(padded)[: len(images)]


def _prepare_all(
    members: Mapping[str, Sequence[bytes]], prepare: Preparation, threads: int, ahead: int
) -> Iterator[tuple[str, Pixels | str | None]]:
    """Yield the outcome for each of `members` in turn, while threads work on the next `ahead`."""
    waiting: deque[tuple[str, Future[Pixels | str | None]]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for content_id, files in members.items():
            waiting.append((content_id, pool.submit(_prepare, content_id, files, prepare)))
            if len(waiting) > ahead:
                content_id, future = waiting.popleft()
                yield content_id, future.result()
        for content_id, future in waiting:
            yield content_id, future.result()


def _prepare(content_id: str, files: Sequence[bytes], prepare: Preparation) -> Pixels | str | None:
    """Return the pixels, or the fault of the bytes, or None where no file has these bytes."""
    data = _read(content_id, files)
    if data is None:
        logger.warning("%s: gone or changed since the run began", as_text(files[0]))
        return None
    try:
        return prepare(data)
    except UnreadableImageError as error:
        return str(error)


def _read(content_id: str, files: Sequence[bytes]) -> bytes | None:
    for file in files:
        try:
            with open(file, "rb") as stream:
                data = stream.read()
        except OSError:
            continue
        if sha256(data).hexdigest() == content_id:
            return data
    return None
