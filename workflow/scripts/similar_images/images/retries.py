"""Makes the next run try photos again that this run could not read.

After an error of a disk or server, nothing in the collection changes that Snakemake would notice.
So the job increases a count that is part of the collection's fingerprint. The count is never reset.
"""

import errno
import logging
import os
from collections.abc import Mapping
from pathlib import Path

from ..core.file_formats import read_json_cache, write_json
from .names import as_text

logger = logging.getLogger(__name__)

NAME = "retries.json"
# Errors of the system that are often temporary.
TRANSIENT = {
    os.strerror(code).lower()
    for code in (
        *(errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EINTR, errno.EAGAIN, errno.ENOMEM),
        *(errno.EMFILE, errno.ENFILE, errno.ENODEV, errno.ENXIO, errno.ENOTCONN, errno.ENETDOWN),
        *(errno.ENETUNREACH, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ECONNRESET),
    )
}


def count(path: Path) -> int:
    """Return how many runs could not read some photos, by the file at `path`."""
    return int(read_json_cache(path, {"count": 0})["count"])


def record(path: Path, unread: Mapping[str, str]) -> None:
    """Increase the count in the file at `path` if there are photos that could not be read.

    Args:
        path: of the collection.
        unread: the reason for each photo, by its name.
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
