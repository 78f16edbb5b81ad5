"""Zip archives of photos. Their members are read in place, and nothing is unpacked.

An archive is not trusted: its members' names are only names, and sizes that it states are limits.
"""

import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from ..core.names import as_text, normal_form
from ..core.wording import counted
from .skipping import is_other_kind

MOST_FILES = 200_000
# Of a member: a thread holds it in memory.
MOST_BYTES = 100_000_000
# Photos hardly shrink; drawings and blank pages may. Small ones do no harm.
MOST_TIMES, HARMLESS_BYTES = 200, 1_000_000
_ENCRYPTED, _UTF_8 = 0x1, 0x800
_WINDOWS = 0
# The others may take any amount of memory, even if they state a small size.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_MEMBER = re.compile(rb"zip:(.*?\.zip)!/(.*)", re.DOTALL | re.IGNORECASE)
# What reading damaged or forged archives raises.
_DAMAGES = (
    *(zipfile.BadZipFile, zlib.error, struct.error, EOFError),
    *(ValueError, OverflowError, RuntimeError),
)


class StoredPhotoError(Exception):
    """A photo in another file, or that file, cannot be read.

    The message is the reason, for the user.
    """


def is_archive(location: str | Path) -> bool:
    """Whether a zip archive is at `location`, by its name."""
    path = Path(location)
    return path.suffix.lower() == ".zip" and path.is_file()


def file_of(archive: bytes, member: bytes) -> bytes:
    """Return how tables name the `member` of an archive: zip:photos.zip!/boots/1.jpg."""
    return b"zip:%b!/%b" % (archive, member)


def parts_of(file: bytes) -> tuple[bytes, bytes] | None:
    """Return the archive and the member that `file` names, or None if it is something else."""
    found = _MEMBER.fullmatch(file)
    return (found[1], found[2]) if found else None


class Archive:
    """The members of a zip archive. Threads may share it.

    Attributes:
        members: the files in it by path; of several with one path the last, as if unpacked.

    Args:
        path: of the archive.

    Raises:
        StoredPhotoError: it is none, or damaged, or too large.
        OSError: it cannot be read.
    """

    def __init__(self, path: bytes) -> None:
        try:
            self._zip = zipfile.ZipFile(os.fsdecode(path))
        except _DAMAGES as error:
            raise StoredPhotoError(f"not a zip archive, or damaged ({error})") from error
        infos = self._zip.infolist()
        if len(infos) > MOST_FILES:
            raise StoredPhotoError(f"more than {counted(MOST_FILES, 'file')}")
        if sum(info.compress_size for info in infos) > os.path.getsize(path):
            raise StoredPhotoError("damaged: its files overlap")
        found = {_path_of(info): info for info in infos}
        self.members: Mapping[bytes, zipfile.ZipInfo] = {
            path: found[path] for path in sorted(found) if not path.endswith(b"/")
        }

    def read(self, member: bytes) -> bytes:
        """Return the bytes of a member.

        Raises:
            StoredPhotoError: its bytes are damaged, or it has a fault, see `fault_of`.
            OSError: there is none, or the disk fails.
        """
        info = self.members.get(member)
        if info is None:
            raise FileNotFoundError("no such file in the zip")
        if fault := fault_of(info):
            raise StoredPhotoError(fault)
        if info.header_offset < 0:
            raise StoredPhotoError("damaged in the zip (its place is before the file)")
        try:
            with self._zip.open(info) as stream:
                return stream.read(info.file_size)  # no more, even if the bytes expand further
        except _DAMAGES as error:
            raise StoredPhotoError(f"damaged in the zip ({error})") from error


def fault_of(info: zipfile.ZipInfo) -> str | None:
    """Return why a member is not read, or None."""
    if info.flag_bits & _ENCRYPTED:
        return "encrypted: make the zip without a password"
    if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG):
        return "not a regular file"
    if not info.file_size:
        return "empty file"
    if info.compress_type not in _METHODS:
        return f"compressed by method {info.compress_type}: make the zip with Deflate"
    if info.file_size > MOST_BYTES:
        return f"more than {counted(MOST_BYTES, 'byte')} in a zip: unpack it"
    if info.file_size > max(MOST_TIMES * info.compress_size, HARMLESS_BYTES):
        return f"expands to over {MOST_TIMES} times its size, as a decompression bomb: unpack it"
    return None


def outer_folder(archive: Path, paths: Iterable[bytes]) -> bytes:
    """Return the folder around all photos of `paths` with its slash if it is no class, or b"".

    Files of other kinds do not count: they lie beside the photos, in the folder or around it.
    Programs that pack a folder put it into the archive, under the same name. If it has another
    name, it is no class if it has only folders.
    """
    every = set(paths)
    photos = [path for path in every if not is_other_kind(as_text(path))]
    folder, slash, _ = min(photos, default=b"").partition(b"/")
    outer = folder + slash
    if not slash or not all(path.startswith(outer) for path in photos):
        return b""
    if any(outer + path in every for path in every):  # two files would have one name
        return b""
    named = normal_form(as_text(folder)).casefold() == normal_form(archive.stem).casefold()
    return outer if named or all(path.count(b"/") > 1 for path in photos) else b""


def _path_of(info: zipfile.ZipInfo) -> bytes:
    """Return the path of a member; that of a folder ends in a slash."""
    name = info.filename
    if name.isascii() or info.flag_bits & _UTF_8:
        path = name.encode(errors="surrogatepass")
    else:
        path = name.encode("cp437")  # as it is in the archive
        try:
            path.decode()  # macOS does not mark UTF-8
        except UnicodeDecodeError:
            path = name.encode()
    return path.replace(b"\\", b"/") if info.create_system == _WINDOWS else path
