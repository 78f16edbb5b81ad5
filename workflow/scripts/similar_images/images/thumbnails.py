"""Thumbnails: small JPEG files for the pages, made once for each content."""

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from io import BytesIO
from pathlib import Path

from PIL import Image

from ..core.files import replacing
from ..core.wording import counted
from .decoding import DECODING, REDUCING_GAP, open_image, upright
from .photos import LOCAL, Photos

logger = logging.getLogger(__name__)

# The longest side, in pixels. The large view of a page shows a photo on up to 544 CSS pixels, and a
# card on up to 186, of which a screen of high density makes 372 or 558.
SIDE = 560
# The name of their folder. Earlier versions, which ignored colour profiles, had another.
FOLDER = f"{SIDE}-srgb"
QUALITY = 70
# Looks like Lanczos on a page, in a third of the time.
RESAMPLE = Image.Resampling.HAMMING


def folder_of(folder: Path) -> Path:
    """Return where in `folder` the thumbnails are."""
    return folder / FOLDER


def path_of(folder: Path, content_id: str) -> Path:
    """Return the file in `folder` with the thumbnail of `content_id`."""
    return folder_of(folder) / f"{content_id}.jpg"


def make(
    files: Mapping[str, bytes],
    folder: Path,
    threads: int,
    progress: Callable[[int], None],
    photos: Photos = LOCAL,
) -> set[str]:
    """Make the thumbnails of `files` in `folder`, and remove all others.

    Existing thumbnails are kept. The number of missing or changed files is logged.

    Args:
        files: content ids, each with a file that has these bytes.
        folder: of the thumbnails.
        threads: files read at once.
        progress: called after each content with how many are done.
        photos: opens them.

    Returns:
        The content ids that have thumbnails: all but those whose file is gone or changed.
    """
    folder_of(folder).mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(threads) as pool:
        made = set()
        outcomes = pool.map(partial(_ensure, folder, photos), files.keys(), files.values())
        for number, (content_id, there) in enumerate(zip(files, outcomes, strict=True), 1):
            if there:
                made.add(content_id)
            progress(number)
    if len(made) < len(files):
        gone = counted(len(files) - len(made), "photo")
        logger.warning("gone or changed: %s", gone)
    _remove_others(folder, made)
    return made


def _ensure(folder: Path, photos: Photos, content_id: str, file: bytes) -> bool:
    """Make the thumbnail of one content if it is missing; return whether it exists."""
    path = path_of(folder, content_id)
    if path.is_file():
        return True
    data = jpeg(content_id, file, photos)
    if data is None:
        return False
    with replacing(path) as temporary:
        temporary.write_bytes(data)
    return True


def jpeg(content_id: str, file: bytes, photos: Photos, side: int = SIDE) -> bytes | None:
    """Return the bytes of a thumbnail; None if the photo is gone, changed or cannot be decoded."""
    try:
        image = read(content_id, file, side, photos, RESAMPLE)
    except Exception:  # decoders raise many types; the page shows no picture
        return None
    data = BytesIO()
    image.save(data, "JPEG", quality=QUALITY)
    return data.getvalue()


def read(
    content_id: str,
    file: bytes,
    side: int,
    photos: Photos = LOCAL,
    resample: Image.Resampling = Image.Resampling.LANCZOS,
) -> Image.Image:
    """Return the image in `file`, upright and in RGB, at most `side` pixels long and never larger.

    The bytes must be those of `content_id`, because thumbnails are named by it.

    Raises:
        Exception: the file is gone or has changed, or cannot be decoded.
    """
    with photos.opened(content_id, file) as stream:
        opened = open_image(stream, side)
        width, height = opened.size
        scale = min(1, side / max(width, height))
        size = max(1, round(width * scale)), max(1, round(height * scale))
        with DECODING.taken(opened.pixels):
            small = opened.reduced(REDUCING_GAP * side).image.resize(size, resample)
            return upright(opened.image, small)


def _remove_others(folder: Path, content_ids: set[str]) -> None:
    kept = {path_of(folder, content_id) for content_id in content_ids}
    for path in folder.glob("*/*.jpg"):
        if path not in kept:
            path.unlink()
    for former in folder.iterdir():  # of earlier versions
        if former != folder_of(folder) and former.is_dir() and not any(former.iterdir()):
            former.rmdir()
