"""Tests of a changed limit for images, from the files to the index."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray
from PIL import Image

from similar_images.backbones.model import Model
from similar_images.core.errors import DamagedFileError
from similar_images.core.files import discard
from similar_images.core.timing import Timing
from similar_images.decisions import overrides
from similar_images.features import merge, plan, sharded_features, shards, store
from similar_images.features.extraction import extract
from similar_images.features.feature_table import FeatureTable
from similar_images.features.plan import ShardingPolicy
from similar_images.features.rejected import Rejected
from similar_images.images import manifest
from similar_images.images.collection import scan
from similar_images.images.preprocessing import Preprocessor

# The images of the collection are squares with sides of these lengths.
SIDES = (4, 10, 20, 30)


class MeanColours:
    """An engine whose features are the mean red and green."""

    batch_size = 2
    streams = 1

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        means: NDArray[np.float32] = images.mean(axis=(1, 2), dtype=np.float32)
        return means[:, :2]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for side in SIDES:
        Image.new("RGB", (side, side), (side, 2 * side, 0)).save(folder / f"{side}.png")
    (folder / "text.png").write_text("this is no picture")
    return folder


def build(
    photos: Path, work: Path, model: Model, limit: int
) -> tuple[FeatureTable, list[Rejected], int]:
    """Run what the workflow runs; return the index, the rejected files and the new shards."""
    features = store.folder(work, model.backbone, model.fingerprint)
    features.mkdir(parents=True, exist_ok=True)
    listing = manifest.build(scan(photos), work / "cache.parquet")
    planned = plan.build(
        [listing],
        features,
        fingerprint=model.fingerprint,
        max_pixels=limit,
        policy=ShardingPolicy(2, jobs=1),
    )
    plan.write(work / "plan.parquet", planned)
    made = 0
    for name in plan.shard_names(planned):
        path = features / f"{name}.parquet"
        if not path.exists():
            rows = plan.read_shard(work / "plan.parquet", name)
            prepare = Preprocessor(8, "bicubic", plan.max_pixels(rows))
            members = manifest.files_by_content(rows)
            extracted = extract(
                members,
                prepare,
                MeanColours(),
                2,
                model.fingerprint,
                2,
                Timing(),
                lambda done: None,
            )
            shards.write(path, extracted, Timing())
            made += 1
    decided = overrides.apply(listing, overrides.TABLE.schema.empty_table(), "catalogue")
    readable, rejected = merge.merge(plan.assign(decided, planned), features, model, limit)
    sharded_features.write(work / "catalogue/images.parquet", readable)
    return sharded_features.collect(work / "catalogue/images.parquet"), rejected, made


def assert_equal(found: FeatureTable, expected: FeatureTable) -> None:
    assert (found.paths, found.labels) == (expected.paths, expected.labels)
    assert found.content_ids == expected.content_ids
    assert (found.backbone, found.fingerprint) == (expected.backbone, expected.fingerprint)
    assert_array_equal(found.features, expected.features)


def test_a_damaged_image_over_the_limit_has_the_same_reason_whatever_was_tried_first(
    photos: Path, tmp_path: Path, model: Model
) -> None:
    whole = (photos / "30.png").read_bytes()
    (photos / "cut.png").write_bytes(whole[: len(whole) - 20])
    for limit, reason in [
        (900, "damaged or truncated"),
        (399, "too many pixels to decode: 900"),
    ] * 2:
        _, kept, _ = build(photos, tmp_path / "kept", model, limit)
        _, anew, _ = build(photos, tmp_path / f"anew {limit}", model, limit)
        assert kept == anew
        assert next(file.reason for file in kept if file.image == "cut.png").startswith(reason)
    assert build(photos, tmp_path / "kept", model, 900)[2] == 0


def test_an_image_extracted_under_a_larger_limit_is_rejected_under_a_smaller_one(
    photos: Path, tmp_path: Path, model: Model
) -> None:
    index, rejected, _ = build(photos, tmp_path, model, 900)
    assert index.paths == ["10.png", "20.png", "30.png", "4.png"]
    assert [file.image for file in rejected] == ["text.png"]
    index, rejected, made = build(photos, tmp_path, model, 399)
    assert made == 0
    assert index.paths == ["10.png", "4.png"]
    assert_array_equal(index.features, [[10, 20], [4, 8]])
    assert [file.image for file in rejected] == ["20.png", "30.png", "text.png"]
    assert [file.reason for file in rejected[:2]] == [
        "too many pixels to decode: 400 are over images.max_pixels (399)",
        "too many pixels to decode: 900 are over images.max_pixels (399)",
    ]


@pytest.mark.parametrize(
    "limits",
    [
        (900, 399),
        (399, 900),
        (900, 100, 400),
        (15, 900, 15),
        (15, 100, 400, 900, 99),
        (99, 900, 400, 400, 100, 16, 899),
    ],
    ids=str,
)
def test_after_any_changes_of_the_limit_all_is_as_in_a_clean_build(
    photos: Path, tmp_path: Path, model: Model, limits: tuple[int, ...]
) -> None:
    for n, limit in enumerate(limits):
        index, rejected, _ = build(photos, tmp_path / "kept", model, limit)
        expected, missing, _ = build(photos, tmp_path / str(n), model, limit)
        assert_equal(index, expected)
        assert rejected == missing
        assert len(index.paths) == sum(side**2 <= limit for side in SIDES)
        assert len(index.paths) + len(rejected) == len(SIDES) + 1


def test_after_a_shard_was_damaged_all_is_as_in_a_clean_build(
    photos: Path, tmp_path: Path, model: Model
) -> None:
    expected, missing, made = build(photos, tmp_path, model, 400)
    for path in sorted(tmp_path.glob("features/*/*")):
        path.write_bytes(path.read_bytes()[:-1])
        index, rejected, again = build(photos, tmp_path, model, 400)
        assert_equal(index, expected)
        assert rejected == missing
        assert again == 1
    assert made == 3


def test_after_damage_that_only_the_merge_notices_the_next_run_is_as_a_clean_build(
    photos: Path, tmp_path: Path, model: Model
) -> None:
    expected, missing, _ = build(photos, tmp_path, model, 400)
    path = next(
        path
        for path in tmp_path.glob("features/*/*")
        if np.array([10, 20], np.float32).tobytes() in path.read_bytes()
    )
    path.write_bytes(
        path.read_bytes().replace(np.array([10, 20], np.float32).tobytes(), b"12345678")
    )
    with pytest.raises(DamagedFileError, match=f"{path.name} is damaged") as reported:
        build(photos, tmp_path, model, 400)
    discard(reported.value)
    index, rejected, made = build(photos, tmp_path, model, 400)
    assert_equal(index, expected)
    assert (rejected, made) == (missing, 1)
