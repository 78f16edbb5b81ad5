"""The photos that a run could not read, and how the next run comes to try them again.

An error of the disk or of a server says nothing about a photo, and nothing about the collection
changes when it is over. So a job that meets one counts, and the number is part of the collection's
fingerprint. It is never set back: once all photos could be read, the fingerprint stays as it is.
"""

import errno
import logging
import os
from collections.abc import Mapping
from pathlib import Path

from ..core.formats import read_cache, read_json, write_json
from .names import as_text

logger = logging.getLogger(__name__)

NAME = "retries.json"
# What the system says of files and folders that it may well give another time.
TRANSIENT = {
    os.strerror(code).lower()
    for code in (
        *(errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EINTR, errno.EAGAIN, errno.ENOMEM),
        *(errno.EMFILE, errno.ENFILE, errno.ENODEV, errno.ENXIO, errno.ENOTCONN, errno.ENETDOWN),
        *(errno.ENETUNREACH, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ECONNRESET),
    )
}


def count(path: Path) -> int:
    """Return how often a run had to leave photos to the next one, as the file at `path` says."""
    return int(read_cache(read_json, path, {"count": 0})["count"])


def record(path: Path, unread: Mapping[str, str]) -> None:
    """Count once more in the file at `path` if there are photos that could not be read.

    Args:
        path: of the collection.
        unread: why each photo could not be read, by its name.
    """
    if not unread:
        return
    name, fault = min(unread.items())
    logger.warning(
        "photos that could not be read now, and that the next run tries again: %d, such as %s (%s)",
        len(unread),
        as_text(os.fsencode(name)),
        fault,
    )
    write_json(path, {"count": count(path) + 1})
