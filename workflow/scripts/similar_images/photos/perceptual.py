"""Perceptual hashes: alike for pictures that look the same, whatever their files' bytes.

The pHash of C. Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions"
(2010), section 3.2.1: the signs of the lowest frequencies of the grey picture. It keeps through
another format, size, quality or brightness and a slight crop; a picture turned or mirrored has
another hash.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
from PIL import Image

from ..base.errors import UserError
from ..base.formats import read_parquet, write_parquet
from .decoding import GAP
from .thumbnails import read

# The picture is scaled to a square of so many pixels; of its frequencies so many count each way.
SIDE, FREQUENCIES = 64, 16
METHOD = f"pHash {SIDE} {FREQUENCIES}"
SCHEMA = pa.schema([("content_id", pa.string()), ("hash", pa.binary())], {"method": METHOD})


def perceptual_hash(image: Image.Image) -> bytes:
    """Return the hash of `image`: 256 bits."""
    from scipy.fft import dctn

    grey = image.convert("L").resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    lowest = dctn(np.asarray(grey, np.float64))[:FREQUENCIES, :FREQUENCIES]
    return np.packbits(lowest > np.median(lowest)).tobytes()


def distance(one: bytes, other: bytes) -> int:
    """Return how many bits of two hashes differ: 0 to 256."""
    return (int.from_bytes(one) ^ int.from_bytes(other)).bit_count()


def hashes(
    files: Mapping[str, bytes],
    cache: Path,
    threads: int,
    progress_of: Callable[[int], Callable[[int], None]],
) -> dict[str, bytes]:
    """Return the hashes of `files`: of all but those that are gone or changed.

    Args:
        files: content ids, each with a file that has these bytes.
        cache: where the hashes are remembered; those that are not asked for are forgotten.
        threads: files read at once.
        progress_of: given the number of new hashes, returns what is told after each how many
            are done.
    """
    known = _read_cache(cache)
    found = {content_id: known[content_id] for content_id in files if content_id in known}
    new = {content_id: file for content_id, file in files.items() if content_id not in known}
    progress = progress_of(len(new))
    with ThreadPoolExecutor(threads) as pool:
        made = pool.map(_hash_of, new.keys(), new.values())
        for done, (content_id, hash_) in enumerate(zip(new, made, strict=True), 1):
            if hash_ is not None:
                found[content_id] = hash_
            progress(done)
    columns = {"content_id": list(found), "hash": list(found.values())}
    write_parquet(cache, pa.table(columns, schema=SCHEMA))
    return found


def _hash_of(content_id: str, file: bytes) -> bytes | None:
    try:
        return perceptual_hash(read(content_id, file, GAP * SIDE))
    except Exception:  # decoders raise many types; the file is gone, or not what it was
        return None


def _read_cache(path: Path) -> dict[str, bytes]:
    try:
        table = read_parquet(path)
        if table.schema.metadata[b"method"].decode() != METHOD:
            return {}
        return dict(zip(*(table[name].to_pylist() for name in SCHEMA.names), strict=True))
    except (UserError, KeyError, TypeError):
        return {}  # absent or damaged: reading the files again makes it anew
