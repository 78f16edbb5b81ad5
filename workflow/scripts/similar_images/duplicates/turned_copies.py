"""Whether a photo is a turned copy of another: it is turned back, then the pixels are compared."""

from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..core.file_formats import read_cache
from ..core.tables import Column, ParquetTable
from ..images.photos import LOCAL, Photos
from . import registration
from .registration import Likeness

NAME = "rotated_differences.parquet"
TABLE = ParquetTable(
    f"results/<collection>/{NAME}",
    Column("one", str, "content id of the photo that is turned"),
    Column("quarters", int, "by how many quarter turns clockwise"),
    Column("other", str, "content id of the photo that it is compared with"),
    Column("difference", float, "by how much the pictures differ"),
    Column("mirrored", bool, "whether one of them was mirrored for that"),
)


class TurnedPair(NamedTuple):
    """Two contents, of which the first is turned clockwise by some quarters."""

    one: str
    quarters: int
    other: str


def compare_all(
    pairs: Collection[TurnedPair],
    files: Mapping[str, bytes],
    cache: Path,
    threads: int,
    progress_of: Callable[[int], Callable[[int], None]],
    photos: Photos = LOCAL,
) -> dict[TurnedPair, Likeness]:
    """Return the likeness of each pair: of all but those with a file that is gone or changed.

    Args:
        pairs: which contents are compared.
        files: for each content a file that has these bytes.
        cache: of the likenesses; those of other pairs are dropped.
        threads: pairs compared at once.
        progress_of: given the number of new pairs, returns what is called after each with how many
            are done.
        photos: opens them.
    """
    known = _read(cache)
    found = {pair: known[pair] for pair in pairs if pair in known}
    new = sorted(pair for pair in pairs if pair not in known)
    progress = progress_of(len(new))
    with ThreadPoolExecutor(threads) as pool:
        compared = pool.map(lambda pair: _compare(pair, files, photos), new)
        for done, (pair, likeness) in enumerate(zip(new, compared, strict=True), 1):
            if likeness is not None:
                found[pair] = likeness
            progress(done)
    _write(cache, found)
    return found


def _compare(pair: TurnedPair, files: Mapping[str, bytes], photos: Photos) -> Likeness | None:
    one, other = (registration.picture(photos, id_, files[id_]) for id_ in (pair.one, pair.other))
    if one is None or other is None:
        return None
    turned = np.ascontiguousarray(np.rot90(one, -pair.quarters))
    return registration.compare(turned, other)


def _write(cache: Path, found: Mapping[TurnedPair, Likeness]) -> None:
    rows = [pair._asdict() | likeness._asdict() for pair, likeness in sorted(found.items())]
    table = TABLE.from_rows(rows)
    TABLE.write(cache, table.replace_schema_metadata({"method": registration.METHOD}))


def _read(cache: Path) -> dict[TurnedPair, Likeness]:
    table = read_cache(TABLE.read, cache, TABLE.schema.empty_table())
    if (table.schema.metadata or {}).get(b"method") != registration.METHOD.encode():
        return {}
    return {
        TurnedPair(row["one"], row["quarters"], row["other"]): Likeness(
            row["difference"], row["mirrored"]
        )
        for row in table.to_pylist()
    }
