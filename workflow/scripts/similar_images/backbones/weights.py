"""The ImageNet weights of a Keras backbone: from a file, the cache or a download."""

import socket
import threading
import urllib.request
from http.client import HTTPException
from pathlib import Path

from ..core.errors import UserError
from ..core.files import digest
from .registry import KerasBackbone

# Together under 20 s: how long a run without internet waits before it uses the fallback.
CONNECT_SECONDS = 8.0
STALL_SECONDS = 10.0


class WeightsUnavailableError(Exception):
    """The weights are not in the cache and cannot be downloaded; the message says why."""


def provide(backbone: KerasBackbone, file: Path | None) -> Path:
    """Return the path of the weights in Keras' cache; put them there if needed.

    Keras omits a layer when it loads weights by path, so a local file must go through the cache,
    too. Keras checks the hash of files in its cache.

    Args:
        backbone: whose weights.
        file: a copy of Keras' file, or None to use the cache or a download.

    Raises:
        UserError: `file` is not Keras' file, or the cache cannot be written.
        WeightsUnavailableError: no `file` is given, and neither cache nor download has one.
    """
    from keras.src.backend.config import keras_home

    cached = Path(keras_home(), "models", backbone.weights)
    if _is_right(cached, backbone):
        return cached
    if file is not None:
        if not _is_right(file, backbone):
            raise UserError(
                f"weights: {file} is not {backbone.weights} of Keras (MD5 {backbone.md5}). "
                f"Download it from {backbone.url}, or set weights: null."
            )
        try:
            return _fetch(backbone, file.resolve().as_uri())
        except WeightsUnavailableError as error:
            raise UserError(f"weights: {file} cannot be copied to {cached}: {error}") from error
    _check_connection(backbone.url)
    return _fetch(backbone, backbone.url)


def _is_right(file: Path, backbone: KerasBackbone) -> bool:
    try:
        return digest(file, "md5") == backbone.md5
    except OSError:
        return False


def _fetch(backbone: KerasBackbone, origin: str) -> Path:
    from keras.utils import get_file

    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(STALL_SECONDS)
    try:
        return Path(
            get_file(backbone.weights, origin, cache_subdir="models", file_hash=backbone.md5)
        )
    except Exception as error:  # Keras raises plain exceptions
        raise WeightsUnavailableError(str(error)) from error
    finally:
        socket.setdefaulttimeout(before)


def _check_connection(url: str) -> None:
    """Check that `url` can be opened, in limited time.

    In a thread, because the timeout of a socket does not cover the look-up of the host's name.
    """
    outcome = ["no answer"]

    def connect() -> None:
        try:
            with urllib.request.urlopen(url, timeout=CONNECT_SECONDS):  # noqa: S310, a constant
                outcome[0] = ""
        except (OSError, HTTPException) as error:
            outcome[0] = str(getattr(error, "reason", error))

    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(CONNECT_SECONDS)
    if outcome[0]:
        raise WeightsUnavailableError(f"{url} cannot be reached ({outcome[0]})")
