"""Thumbnails: small JPEG files that a page can show quickly, made once for each content."""

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from PIL import Image

from ..base.files import replacing
from .decoding import DECODING, GAP, count_pixels, open_image, reduced_rgb, upright
from .opening import LOCAL, Photos

logger = logging.getLogger(__name__)

# Longest sides, in pixels: on a card, and in the large view.
SMALL, LARGE = 240, 640
QUALITY = 80


def path_of(folder: Path, size: int, content_id: str) -> Path:
    """Return the file in `folder` with the thumbnail of `content_id` in this `size`."""
    return folder / str(size) / f"{content_id}.jpg"


def make(
    files: Mapping[str, bytes],
    folder: Path,
    threads: int,
    progress: Callable[[int], None],
    photos: Photos = LOCAL,
) -> set[str]:
    """Bring `folder` to hold the thumbnails of `files`, and no others.

    Those that stand there already are kept. How many files are gone or changed is logged.

    Args:
        files: content ids, each with a file that has these bytes.
        folder: where the thumbnails go.
        threads: files read at once.
        progress: told after each content how many are done.
        photos: opens them.

    Returns:
        The content ids that have thumbnails: all but those whose file is gone or changed.
    """
    for size in (SMALL, LARGE):
        path_of(folder, size, "").parent.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(threads) as pool:
        made = set()
        outcomes = pool.map(partial(_ensure, folder, photos), files.keys(), files.values())
        for number, (content_id, there) in enumerate(zip(files, outcomes, strict=True), 1):
            if there:
                made.add(content_id)
            progress(number)
    if len(made) < len(files):
        logger.warning("%d photos are gone or have changed", len(files) - len(made))
    _remove_others(folder, made)
    return made


def _ensure(folder: Path, photos: Photos, content_id: str, file: bytes) -> bool:
    """Make the thumbnails of one content where they are missing; tell whether they are there."""
    missing = [size for size in (LARGE, SMALL) if not path_of(folder, size, content_id).is_file()]
    if not missing:
        return True
    try:
        image = read(content_id, file, max(missing), photos)
    except Exception:  # decoders raise many types; a page can do without the picture
        return False
    for size in missing:
        image.thumbnail((size, size), Image.Resampling.LANCZOS)
        with replacing(path_of(folder, size, content_id)) as temporary:
            image.save(temporary, "JPEG", quality=QUALITY, optimize=True)
    return True


def read(content_id: str, file: bytes, side: int, photos: Photos = LOCAL) -> Image.Image:
    """Return the image in `file`, upright and in RGB, at most `side` pixels long and never larger.

    The bytes must be those of `content_id`, since what is made of them is kept under that name.

    Raises:
        Exception: the file is gone or has changed, or cannot be decoded.
    """
    with photos.opened(content_id, file) as stream:
        image = open_image(stream)
        width, height = image.size
        scale = min(1, side / max(width, height))
        size = max(1, round(width * scale)), max(1, round(height * scale))
        with DECODING.taken(count_pixels(image)):
            image.draft(None, (side, side))
            small = reduced_rgb(image, GAP * side).resize(size, Image.Resampling.LANCZOS)
            return upright(image, small)


def _remove_others(folder: Path, content_ids: set[str]) -> None:
    for path in folder.glob("*/*.jpg"):
        if path.stem not in content_ids:
            path.unlink()
