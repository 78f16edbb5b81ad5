"""The inbox: a query set in a folder, in which photos that people asked about are kept."""

import hashlib
import os
import re
import threading
from pathlib import Path

from ..core.errors import ConflictError, InputError
from ..core.files import digest, replacing, sync
from ..core.names import normal_form
from ..storage.signatures import LENGTH, ending

# The part of a given name that is kept, in bytes of UTF-8: file systems allow 255 in all.
LONGEST = 100
# Digits of the content id in the name: no other photo gets the same.
DIGITS = 16
# All but letters, digits and a few signs: separators, control characters, and dots, before which
# Windows has names of devices.
_UNSAFE = re.compile(r"[^\w ,()+@-]")
# At the beginning, the signs would be options of a command or formulas of a spreadsheet.
_OUTER = " _+@-"
_lock = threading.Lock()


def keep(folder: Path, name: str, data: bytes) -> str:
    """Keep a photo in `folder`, and return the name of its file there.

    Args:
        folder: of the query set.
        name: that its sender gave it; the file gets a similar one.
        data: its bytes. If a file in the folder has them already, nothing is written.

    Raises:
        InputError: it is no image.
        ConflictError: a file with its name has another content.
        OSError: the folder cannot be read, or the file not be written.
    """
    extension = ending(data[:LENGTH])
    if extension is None:
        raise InputError("The file is no photo: it begins as no image does. Keep another file.")
    content_id = hashlib.sha256(data).hexdigest()
    with _lock:
        known = _file_with(folder, content_id, len(data))
        if known is not None:
            return known
        file = f"{safe_stem(name)}-{content_id[:DIGITS]}{extension}"
        _write(folder / file, data)
    return file


def safe_stem(name: str) -> str:
    """Return the part of a given name that is safe in the name of a file, without its ending."""
    last = re.split(r"[/\\]", normal_form(name))[-1]
    stem = _UNSAFE.sub("_", last.rpartition(".")[0] or last)
    return (
        stem.encode("utf-8", "ignore")[:LONGEST].decode("utf-8", "ignore").strip(_OUTER) or "photo"
    )


def _file_with(folder: Path, content_id: str, size: int) -> str | None:
    """Return the file in `folder` with this content, if there is one."""
    with os.scandir(folder) as files:
        same = sorted(
            file.name
            for file in files
            if not file.name.startswith(".") and file.is_file() and file.stat().st_size == size
        )
    return next((one for one in same if digest(folder / one) == content_id), None)


def _write(path: Path, data: bytes) -> None:
    """Write a file that is there completely or not at all, also after a power failure."""
    if os.path.lexists(path):
        raise ConflictError(f"{path.name} is there with another content. Rename that file first.")
    with replacing(path) as temporary:
        temporary.write_bytes(data)
        sync(temporary)
    sync(path.parent)
