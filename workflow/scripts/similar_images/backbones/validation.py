"""Checks that a user's network gives features, within the machine's memory."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..core.errors import UserError
from .engines import Engine
from .loading import shortened

# How much an image's features may depend on other images, as a share of the largest feature.
TOLERANCE = 1e-3


@contextmanager
def within_memory(path: Path) -> Iterator[None]:
    """Limit the memory of the block, and name the network at `path` in its errors.

    Without a limit the system could kill the job, or another one, without a message.

    Raises:
        UserError: for every error about the network.
    """
    before = resource.getrlimit(resource.RLIMIT_AS)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    resource.setrlimit(resource.RLIMIT_AS, (memory, before[1]))
    try:
        yield
    except (UserError, MemoryError, RuntimeError) as error:  # OpenVINO raises the last one
        reason = str(error)
        if isinstance(error, MemoryError) or "bad_alloc" in reason:
            reason = f"It takes more memory than this machine has ({memory >> 30} GB)."
        elif isinstance(error, RuntimeError):
            reason = f"It cannot be run: {shortened(error)}"
        raise UserError(f"backbone: {path}: {reason}") from error
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def run(engine: Engine, size: int, dimension: int) -> bool:
    """Run the engine on random pictures of `size` x `size` pixels, and check its output.

    The first `dimension` numbers of an image are its features.

    Returns:
        Whether the others, which come from middle layers, are finite.

    Raises:
        UserError: features are not finite, equal for all pictures, or depend on other pictures.
    """
    noise = np.random.default_rng(0)
    images = noise.integers(0, 256, (max(2, engine.batch_size), size, size, 3), np.uint8)
    features, others = np.split(features_of(engine, images), [dimension], axis=1)
    if not np.isfinite(features).all():
        raise UserError(
            "It gives features that are not finite (NaN or infinite). Check that the "
            "file is not damaged, and that mean and deviation are right."
        )
    if np.array_equal(features[0], features[1]):
        raise UserError("It gives the same features for every picture.")
    alike = features_of(engine, np.repeat(images[:1], len(images), axis=0))[:, :dimension]
    apart = np.abs(alike - features[0]).max()
    if apart > TOLERANCE * np.abs(features).max():
        raise UserError(
            "The features of a picture depend on the other pictures of its batch. "
            "Export the network in inference mode, not in training mode."
        )
    return bool(np.isfinite(others).all())


def features_of(engine: Engine, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the features (n, d) of images (n, s, s, 3), n a multiple of the engine's batch."""
    size = engine.batch_size
    return np.vstack(
        [engine(images[start : start + size]) for start in range(0, len(images), size)]
    )
