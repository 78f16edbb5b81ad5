"""Files that are complete or absent, and that are checked when they are read.

`write_checked` writes a file and its checksum; `checked` compares them before the file is read.
Shards contain their checksums, because their parts are read separately.
"""

import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import DamagedFileError, UserError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the same folder, which replaces `path` when the block succeeds.

    A reader sees the old file or the new one, never a part. On any exception the temporary
    file is removed and `path` is left unchanged. A new folder can be written in the same way.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        _remove(temporary)


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk.

    Raises:
        OSError: the disk fails.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_temporaries(folder: Path) -> None:
    """Remove the temporary files that killed jobs left in `folder` and below it."""
    for temporary in list(folder.rglob(".*.tmp")):
        _remove(temporary)


def remove_abandoned(path: Path) -> None:
    """Remove the temporary folders for `path` whose processes no longer run."""
    ours = re.compile(rf"\.{re.escape(path.name)}\.([0-9]+)\.tmp")
    beside = path.parent.iterdir() if path.parent.is_dir() else ()
    for temporary in list(beside):
        match = ours.fullmatch(temporary.name)
        if match and not temporary.is_symlink() and temporary.is_dir() and not _runs(int(match[1])):
            _remove(temporary)


def _runs(process: int) -> bool:
    """Whether a process with this number runs on this machine."""
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass  # it is another user's
    return True


@contextmanager
def write_checked(path: Path) -> Iterator[Path]:
    """As `replacing`, and write the checksum of the file or folder for `checked`.

    The checksum is written first. A job that is killed between the two leaves a file that counts as
    damaged, never a file without a checksum.
    """
    with replacing(path) as temporary:
        yield temporary
        with replacing(checksum_file_of(path)) as checksum_file:
            checksum_file.write_text(_checksum(temporary), "ascii")


@contextmanager
def checked(path: Path) -> Iterator[None]:
    """Compare `path` with its checksum, if it has one, before the block reads it.

    Any exception that the block raises about the bytes counts as damage.

    Raises:
        DamagedFileError: it is not what was written.
        UserError: the system does not let it be read.
    """
    try:
        checksum_file = checksum_file_of(path)
        if checksum_file.exists() and checksum_file.read_bytes() != _checksum(path).encode("ascii"):
            raise ValueError("its checksum is wrong")
        yield
    except (MemoryError, UserError):
        raise  # not about damage, or explained already
    except Exception as error:  # readers of damaged bytes can raise anything
        if isinstance(error, OSError) and error.errno:
            raise UserError(f"{path} cannot be read: {error.strerror}") from error
        raise DamagedFileError(path, error) from error


def check(path: Path) -> None:
    """Compare `path` with its checksum, if it has one.

    Raises:
        DamagedFileError, UserError: as `checked`.
    """
    with checked(path):
        pass


def remove(path: Path) -> None:
    """Remove a file or folder and its checksum, if they exist."""
    _remove(path)
    _remove(checksum_file_of(path))


def discard(error: DamagedFileError) -> str:
    """Remove the damaged file, so that the next run makes it again, and return the message."""
    remove(error.path)
    return f"{error} and was removed. Run again to make it again."


def checksum_file_of(path: Path) -> Path:
    """Return the file with the checksum of the file or folder `path`."""
    return path.with_name(f".{path.name}.sha256")


def checksum_of(path: Path) -> str:
    """Return the checksum that `write_checked` wrote for `path`, or if it wrote none, a new one."""
    checksum_file = checksum_file_of(path)
    return checksum_file.read_text("latin-1") if checksum_file.exists() else _checksum(path)


def _checksum(path: Path) -> str:
    """Return a digest of a file, or of the names and bytes of all files in a folder.

    Hidden files do not count: Snakemake puts a time stamp into folders.
    """
    if not path.is_dir():
        return digest(path)
    files = sorted(file for file in path.rglob("[!.]*") if file.is_file())
    lines = [f"{digest(file)} {file.relative_to(path)}" for file in files]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def digest(path: Path | bytes | str, algorithm: str = "sha256") -> str:
    """Return the hexadecimal digest of a file's bytes.

    Raises:
        OSError: the file cannot be read.
    """
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, algorithm).hexdigest()
