"""Makes the next run try photos again that this run could not read.

After an error of a disk or server, nothing in the collection changes that Snakemake would notice.
So the job increases a count that is part of the collection's fingerprint. The count is never reset.
Files that this user may not read count as soon as they can be read.
"""

import errno
import logging
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from ..core.file_formats import read_json_cache, write_json
from ..core.names import as_text

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


# Said of a file that this user may not read.
DENIED = os.strerror(errno.EACCES).lower()


def count(path: Path) -> int:
    """Return how many runs could not read some photos, by the file at `path`.

    Each file that was denied and can be read now counts as one more.
    """
    known = _read(path)
    files = (name.encode("latin-1") for name in known["denied"])
    return int(known["count"]) + sum(os.access(file, os.R_OK) for file in files)


def record(path: Path, unread: Mapping[str, str], denied: Collection[str] | None = None) -> None:
    """Increase the count in the file at `path` if there are photos that could not be read.

    Args:
        path: of the collection.
        unread: the reason for each photo, by its name.
        denied: the files of the collection that this user may not read; None if that is not known.
    """
    known = _read(path)["denied"]
    if denied is None:
        names = known
    else:  # JSON has no bytes that are not UTF-8
        names = sorted(os.fsencode(file).decode("latin-1") for file in denied)
    if unread:
        name, fault = min(unread.items())
        logger.warning(
            "photos that could not be read now, and that the next run tries again: %d, such as %s "
            "(%s)",
            len(unread),
            as_text(os.fsencode(name)),
            fault,
        )
    if unread or names != known:
        write_json(path, {"count": count(path) + bool(unread), "denied": names})


def _read(path: Path) -> dict[str, Any]:
    return {"denied": [], **read_json_cache(path, {"count": 0})}
