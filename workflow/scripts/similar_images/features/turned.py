"""The features of photos turned by 90, 180 and 270 degrees.

They depend on the bytes of a photo and on the model only, so they are kept between runs.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..backbones.engines import load_model
from ..backbones.model import Model
from ..core.file_formats import read_cache
from ..core.job import Progress
from ..core.tables import Column, ParquetTable
from ..core.timing import Timing
from ..images.columns import CONTENT_ID
from ..images.photos import LOCAL, Photos
from ..images.preprocessing import Prepared, Preprocessor
from ..storage.results import SHARED, Results
from .extraction import extract, preprocessor
from .feature_table import Features, normalise
from .shards import Shard

# Quarter turns clockwise.
QUARTERS = (1, 2, 3)
# So many photos are turned and joined at a time.
BLOCK = 256
NAME = "rotations.parquet"
TABLE = ParquetTable(
    f"results/<collection>/{NAME}",
    CONTENT_ID,
    Column("features", bytes, "float16, of the photo turned by 90, 180 and 270 degrees clockwise"),
)

Turned = NDArray[np.float16]  # (3, d): a row for each of `QUARTERS`


@dataclass(frozen=True)
class _Turning(Preprocessor):
    """Gives the pixels of the turned photo: it is made square, then turned.

    Attributes:
        quarters: by how many quarter turns clockwise.
    """

    quarters: int = 0

    def __call__(self, file: BinaryIO) -> Prepared:
        found = super().__call__(file)
        return found._replace(image=np.rot90(found.image, -self.quarters))


def features(
    content_ids: Collection[str],
    files: Mapping[str, Sequence[bytes]],
    cache: Path,
    model: Model,
    folder: Path,
    max_pixels: int,
    threads: int,
    photos: Photos = LOCAL,
    results: Results = SHARED,
    stopped: Callable[[], bool] = lambda: False,
) -> dict[str, Turned]:
    """Return the features of turned photos, but for those that cannot be read now.

    Args:
        content_ids: of the photos.
        files: of each content id of the collection, those that have these bytes.
        cache: the file that keeps features of the collection between runs.
        model: the model that makes the features.
        folder: of the exported model, which is loaded only if there are new photos.
        max_pixels: the setting `images.max_pixels`.
        threads: photos read and prepared at once, and threads of the engine.
        photos: opens them.
        results: fetch the folder.
        stopped: whether to end early, with what is done.

    Raises:
        DamagedFileError, UserError: as `load_model` and `extract`.
    """
    known = _read(cache, model.fingerprint)
    new = {content_id: files[content_id] for content_id in content_ids if content_id not in known}
    if new:
        results.fetch(folder)
        engine = load_model(model, folder, threads)
        prepare = preprocessor(model, max_pixels)
        progress = Progress(len(QUARTERS) * len(new), "turned photo")
        # Block by block, so that little is lost if it is stopped.
        for start in range(0, len(new), BLOCK):
            block = dict(islice(new.items(), start, start + BLOCK))
            before = len(QUARTERS) * start
            parts = [
                extract(
                    block,
                    _Turning(**vars(prepare), quarters=quarters),
                    engine,
                    dimension=model.features,
                    channels=model.levels,
                    fingerprint=model.fingerprint,
                    threads=threads,
                    timing=Timing(),
                    progress=partial(_add, progress, before + len(block) * turn),
                    photos=photos,
                    stopped=stopped,
                )
                for turn, quarters in enumerate(QUARTERS)
            ]
            known |= _joined(parts)
    _write(cache, model.fingerprint, {id_: known[id_] for id_ in sorted(known) if id_ in files})
    return {content_id: known[content_id] for content_id in content_ids if content_id in known}


def views(
    content_ids: Sequence[str], features: Iterable[Features], turned: Mapping[str, Turned]
) -> dict[str, Features]:
    """Return the normalised features (4, d) of photos turned clockwise by 0 to 3 quarters.

    Args:
        content_ids: of photos. Those that are not in `turned` are left out.
        features: of these photos as they are (d,) each.
        turned: see `features`.
    """
    found = {}
    for content_id, upright in zip(content_ids, features, strict=True):
        if content_id in turned:
            found[content_id] = np.vstack([upright, turned[content_id].astype(np.float32)])
            normalise(found[content_id])
    return found


def _add(progress: Progress, before: int, done: int) -> None:
    progress(before + done)


def _joined(parts: Sequence[Shard]) -> dict[str, Turned]:
    """Return the features of the contents that are whole in every part."""
    rows = [
        {
            content_id: row
            for row, (content_id, fault) in enumerate(
                zip(part.content_ids, part.faults, strict=True)
            )
            if fault is None
        }
        for part in parts
    ]
    return {
        content_id: np.stack(
            [part.features[row[content_id]] for part, row in zip(parts, rows, strict=True)]
        ).astype(np.float16)
        for content_id in set(rows[0]).intersection(*rows[1:])
    }


def _write(cache: Path, fingerprint: str, known: Mapping[str, Turned]) -> None:
    rows = [
        {"content_id": content_id, "features": turned.tobytes()}
        for content_id, turned in known.items()
    ]
    TABLE.write(cache, TABLE.from_rows(rows).replace_schema_metadata({"fingerprint": fingerprint}))


def _read(cache: Path, fingerprint: str) -> dict[str, Turned]:
    table: pa.Table = read_cache(TABLE.read, cache, TABLE.schema.empty_table())
    if (table.schema.metadata or {}).get(b"fingerprint") != fingerprint.encode():
        return {}
    return {
        content_id: np.frombuffer(stored, np.float16).reshape(len(QUARTERS), -1)
        for content_id, stored in zip(
            *(table[name].to_pylist() for name in TABLE.names), strict=True
        )
    }
