"""Digests of the files that settings name, such as networks; a large file is read only once."""

import json
import os
import stat
import time
from pathlib import Path

from .errors import UserError, reason
from .file_formats import read_json_cache
from .files import digest, write_checked

# A file that changes twice within one clock tick keeps its time stamp.
SETTLING_NS = 2_000_000_000


class Digests:
    """Digests of files. Each is cached until the file's size, times or inode change.

    Args:
        cache: the file that caches them.
    """

    def __init__(self, cache: Path) -> None:
        self._cache = cache
        self._known = read_json_cache(cache, {})
        self._lasting = dict(self._known)
        self._is_new = False

    def of(self, path: Path) -> str:
        """Return the digest of the file at `path`.

        Raises:
            UserError: it cannot be read.
        """
        try:
            place, now, status = os.path.realpath(path), time.time_ns(), os.stat(path)
            if not stat.S_ISREG(status.st_mode):
                raise UserError(f"{path} is not a regular file. Name one that is.")
            # No program can set the ctime: it changes even if an older file replaces this one.
            state = [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]
            known = self._known.get(place)
            if known is None or known["state"] != state:
                known = self._known[place] = {"state": state, "digest": digest(path)}
                if max(status.st_mtime_ns, status.st_ctime_ns) < now - SETTLING_NS:
                    self._lasting[place] = known
                    self._is_new = True
        except OSError as error:
            raise UserError(
                f"{path} cannot be read: {reason(error)}. Name a file that can be read."
            ) from error
        return str(known["digest"])

    def keep(self) -> None:
        """Write the new digests to the cache."""
        if not self._is_new:
            return
        with write_checked(self._cache) as temporary:
            temporary.write_text(json.dumps(self._lasting), "utf-8")
