"""The photos that people ask about: their bytes, and those of the catalogue beside them."""

import io
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, NamedTuple

from PIL import Image, ImageOps

from ..core.errors import reason
from ..core.names import as_text
from ..images.decoding import NO_IMAGE
from ..images.photos import Photos
from ..storage import stored
from ..storage.access import NO_ACCESS
from ..storage.addresses import is_address
from ..storage.photo_cache import PhotoCache
from ..storage.signatures import LENGTH, is_image

# A path, the bytes of a file, an open file, or a picture that Pillow has opened.
Photo = str | os.PathLike[str] | bytes | BinaryIO | Image.Image
# In bytes.
LARGE = 64_000_000
# The modes that PNG has. It keeps the pixels as they are.
PNG_MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")


class AskedPhoto(NamedTuple):
    """A photo that somebody asks about.

    Attributes:
        name: for people.
        content_id: SHA-256 of its bytes; None if they cannot be read.
        data: its bytes.
        error: why they cannot be read, or None.
    """

    name: str
    content_id: str | None
    data: bytes
    error: str | None = None


def read(photo: Photo, name: str | None = None) -> AskedPhoto:
    """Read the bytes of a photo; if they cannot be read, its `error` says why.

    Args:
        photo: the photo.
        name: for people; by default the path, or that of the open file.

    Raises:
        TypeError: it is none of `Photo`.
    """
    if isinstance(photo, bytes | bytearray | memoryview):
        return _named(name or "photo", bytes(photo))
    if isinstance(photo, str | os.PathLike):
        return _read_file(photo, name)
    if isinstance(photo, Image.Image):
        name = name or str(getattr(photo, "filename", "")) or "photo"
        return _read_object(name, lambda: _png(photo))
    if callable(getattr(photo, "read", None)) and not isinstance(photo, io.TextIOBase):
        return _read_object(name or str(getattr(photo, "name", "photo")), photo.read)
    raise TypeError(f"a photo is a path, bytes, a binary file or a PIL image, not {type(photo)}")


def _named(name: str, data: bytes) -> AskedPhoto:
    if not data:
        return AskedPhoto(name, None, b"", "empty file")
    return AskedPhoto(name, sha256(data).hexdigest(), data)


def _read_object(name: str, bytes_of: Callable[[], bytes]) -> AskedPhoto:
    """Return a photo whose bytes come from an open file or a picture."""
    try:
        return _named(name, bytes_of())
    except Exception as error:  # an object of another program can raise anything
        return AskedPhoto(name, None, b"", f"cannot be read ({error})")


def _read_file(photo: str | os.PathLike[str], name: str | None) -> AskedPhoto:
    try:
        path = os.fsencode(photo)
        status = os.stat(path)
        if stat.S_ISDIR(status.st_mode):
            fault = "is a folder; name its photos, or make it a query set in config.yaml"
        elif not stat.S_ISREG(status.st_mode):
            fault = "is not a regular file"  # reading a pipe may never end
        else:
            with open(path, "rb") as file:
                # A large file of another kind is not read.
                if status.st_size <= LARGE or is_image(file.read(LENGTH)):
                    file.seek(0)
                    return _named(name or as_text(path), file.read())
            fault = NO_IMAGE
    except OSError as error:
        fault = reason(error)
    except ValueError:  # a NUL byte, or what no path of this system can be
        fault = "not a possible file name"
    return AskedPhoto(name or _shown(photo), None, b"", fault)


def _shown(path: str | os.PathLike[str]) -> str:
    try:
        return as_text(os.fsencode(path))
    except ValueError:
        return repr(path)


def _png(picture: Image.Image) -> bytes:
    """Return a picture, upright, as a file of its pixels."""
    upright = ImageOps.exif_transpose(picture)
    if upright.mode not in PNG_MODES:
        upright = upright.convert("RGB")
    data = BytesIO()
    upright.save(data, "PNG", compress_level=1)
    return data.getvalue()


class ProjectPhotos(Photos):
    """Opens the asked photos by content, and the project's files from wherever this process runs.

    No request is sent: photos at addresses are read only if the last run has fetched them.
    """

    def __init__(self, project: Path, results: Path) -> None:
        """Open files for the project in a folder, with its results in another."""
        super().__init__(NO_ACCESS, PhotoCache(results / "fetched", 0))
        self._project = project

    @contextmanager
    def opened(self, content_id: str, file: bytes, *, fetched: bool = False) -> Iterator[BinaryIO]:
        """See `Photos.opened`."""
        with super().opened(content_id, self._placed(file), fetched=False) as stream:
            yield stream

    def _placed(self, file: bytes) -> bytes:
        if stored.container_of(file):
            return stored.absolute(file, self._project)
        if is_address(os.fsdecode(file)):
            return file
        return os.path.join(os.fsencode(self._project), file)


class WithAsked(Photos):
    """Opens the asked photos from memory, and all others as `others` does."""

    def __init__(self, asked: Mapping[str, bytes], others: Photos) -> None:
        """Open the bytes of `asked` by their content ids."""
        super().__init__(NO_ACCESS, PhotoCache(Path(), 0))
        self._asked, self._others = asked, others

    @contextmanager
    def opened(self, content_id: str, file: bytes, *, fetched: bool = True) -> Iterator[BinaryIO]:
        """See `Photos.opened`."""
        if content_id in self._asked:
            yield io.BytesIO(self._asked[content_id])
            return
        with self._others.opened(content_id, file, fetched=fetched) as stream:
            yield stream
