"""Tests of the store of features."""

from pathlib import Path

import numpy as np
import pytest

from similar_images.core.errors import UserError
from similar_images.core.file_formats import write_json
from similar_images.core.timing import Timing
from similar_images.features import shards, store
from similar_images.features.levels import none
from similar_images.images.measured import unmeasured

MODEL = "0123456789abcdef"


def put(path: Path, fingerprint: str = MODEL) -> Path:
    shard = shards.Shard(
        [path.stem],
        [None],
        [1],
        fingerprint,
        np.ones((1, 2), np.float32),
        none(1),
        notes=[None],
        measures=unmeasured(1),
    )
    shards.write(path, shard, Timing())
    return path


def plan(results: Path, model: str, *names: str, sources: tuple[str, ...] = ()) -> None:
    needed = {"catalogue": list(names[:1]), "new": list(names)}
    content = {"model": model, "shards": needed, "sources": list(sources)}
    write_json(results / store.PLAN, content)


def test_each_model_has_a_folder_of_its_own(tmp_path: Path) -> None:
    folders = {
        store.folder(tmp_path, backbone, fingerprint)
        for backbone in ("EfficientNetB3", "EfficientNetLite2")
        for fingerprint in ("0123456789", "1123456789")
    }
    assert len(folders) == 4
    assert {folder.parent for folder in folders} == {tmp_path / "features"}


def test_what_no_plan_names_is_unused(tmp_path: Path) -> None:
    kept, compared, spare, of_other = (
        put(tmp_path / f"features/{name}.parquet")
        for name in ("A-1/kept", "B-2/compared", "A-1/spare", "B-2/kept")
    )
    plan(tmp_path, "A-1", "kept")
    plan(tmp_path / "compare/entry/results", "B-2", "compared")
    assert store.unused(tmp_path) == [spare, of_other]
    assert {kept, compared}.isdisjoint(store.unused(tmp_path))


def test_shards_to_copy_from_are_unused_once_all_copies_are_there_and_whole(
    tmp_path: Path,
) -> None:
    source, copied = (
        put(tmp_path / f"features/A-1/{name}.parquet") for name in ("source", "copied")
    )
    plan(tmp_path, "A-1", "copied", "missing", sources=("source",))
    assert store.unused(tmp_path) == []  # a run was interrupted
    missing = put(tmp_path / "features/A-1/missing.parquet")
    assert store.unused(tmp_path) == [source]
    for damaged in (copied, missing):
        data = damaged.read_bytes()
        damaged.write_bytes(data[:-20])
        assert store.unused(tmp_path) == []
        damaged.write_bytes(data)


def test_what_another_plan_still_copies_from_is_used(tmp_path: Path) -> None:
    for name in ("source", "copied"):
        put(tmp_path / f"features/A-1/{name}.parquet")
    plan(tmp_path, "A-1", "copied", sources=("source",))
    plan(tmp_path / "compare/entry/results", "A-1", "missing", sources=("source",))
    assert store.unused(tmp_path) == []


def test_what_a_stopped_run_had_extracted_is_unused_once_no_plan_names_its_shard(
    tmp_path: Path,
) -> None:
    put(tmp_path / "features/A-1/planned.partial")
    spare = put(tmp_path / "features/A-1/spare.partial")
    plan(tmp_path, "A-1", "planned")
    assert store.unused(tmp_path) == [spare]


def test_without_a_plan_nothing_counts_as_unused(tmp_path: Path) -> None:
    put(tmp_path / "features/A-1/kept.parquet")
    with pytest.raises(UserError, match=r"shards\.json cannot be read"):
        store.unused(tmp_path)


def test_the_folders_of_former_models_are_listed_until_the_model_has_a_shard(
    tmp_path: Path,
) -> None:
    own, former, another = (
        store.folder(tmp_path, *model)
        for model in (("Network", MODEL), ("Network", "f" * 16), ("Other", "f" * 16))
    )
    own.mkdir(parents=True)
    assert store.of_former_models(own) == []
    put(former / "a.parquet")
    put(another / "a.parquet")
    assert store.of_former_models(own) == [former]
    put(own / "a.parquet")
    assert store.of_former_models(own) == []
