"""A folder of photos, from its files to the shards of its features."""

import os
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from similar_images.core.file_formats import read_parquet
from similar_images.core.timing import Timing
from similar_images.features import levels, plan, shards
from similar_images.features.plan import ShardingPolicy
from similar_images.images import manifest
from similar_images.images.collection import scan
from similar_images.images.measured import unmeasured

LONG_AGO = 1_700_000_000 * 10**9


class Pipeline:
    """A folder of photos with the files that manifest, plan and extraction keep beside it."""

    def __init__(self, folder: Path) -> None:
        self.photos = folder / "photos"
        self.features = folder / "features"
        self.cache = folder / "hashes.parquet"
        self.plan = folder / "plan.parquet"
        self.photos.mkdir()
        self.features.mkdir()

    def put(self, name: str, data: str, mtime: int = LONG_AGO) -> Path:
        path = self.photos / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(data)
        os.utime(path, ns=(mtime, mtime))
        return path

    def build(
        self, fingerprint: str = "model", max_pixels: int = 100, largest: int = 2
    ) -> dict[str, dict[str, Any]]:
        """Write manifest and plan; return the rows of the manifest with their shards, by image."""
        listing = manifest.build(scan(self.photos), self.cache, threads=2)
        planned = plan.build(
            [listing],
            self.features,
            fingerprint=fingerprint,
            max_pixels=max_pixels,
            policy=ShardingPolicy(largest, jobs=1),
        )
        plan.write(self.plan, planned)
        source_of = dict(
            zip(*(planned[c].to_pylist() for c in ("content_id", "source")), strict=True)
        )
        rows = plan.assign(listing, planned).to_pylist()
        return {row["image"]: row | {"source": source_of.get(row["content_id"])} for row in rows}

    def shard(self, name: str) -> Path:
        return self.features / f"{name}.parquet"

    def extract(
        self, lost: str = "lost", fingerprint: str = "model", most: int | None = None
    ) -> list[str]:
        """Write the missing shards, `most` of them, as extraction would; return their names.

        Photos that hold the text "huge" have 150 pixels, those that hold "damaged" are damaged,
        and those that hold `lost` are left out.
        """
        table = read_parquet(self.plan)
        missing = [name for name in plan.shard_names(table) if not self.shard(name).exists()]
        for name in missing[:most]:
            rows = plan.read_shard(self.plan, name)
            sources = plan.sources(rows)
            if sources:
                copied = shards.copies(self.features, sources, fingerprint, Timing())
                shards.write(self.shard(name), shards.join(copied), Timing())
                continue
            members = [id_ for id_ in manifest.files_by_content(rows) if id_ != id_of(lost)]
            pixels = [PIXELS.get(id_, 10) for id_ in members]
            shard = shards.Shard(
                members,
                [fault_of(n, plan.max_pixels(rows)) for n in pixels],
                pixels,
                fingerprint,
                np.zeros((len(members), 3), np.float32),
                levels.none(len(members)),
                notes=[None] * len(members),
                measures=unmeasured(len(members)),
            )
            shards.write(self.shard(name), shard, Timing())
        return missing[:most]


def fault_of(pixels: int | None, max_pixels: int) -> str | None:
    if pixels is None:
        return "damaged or truncated"
    return "too many pixels" if pixels > max_pixels else None


def id_of(data: str) -> str:
    return sha256(data.encode()).hexdigest()


PIXELS = {id_of("huge"): 150, id_of("damaged"): None}
