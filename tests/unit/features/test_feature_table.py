"""Tests of the pickle of features and of its careful reader."""

import os
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from similar_images.core.errors import DamagedFileError, UserError
from similar_images.core.files import remove
from similar_images.features import feature_table
from similar_images.features.feature_table import FeatureTable


def index_of(count: int) -> FeatureTable:
    return FeatureTable(
        backbone="EfficientNetB3",
        fingerprint="model",
        paths=[f"boots/{n}\n\"é',.jpg" for n in range(count)],
        labels=["boots" if n % 2 else None for n in range(count)],
        content_ids=[f"id{n}" for n in range(count)],
        features=np.random.default_rng(0).standard_normal((count, 5)).astype(np.float32),
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "features.pkl"


class Call:
    """Pickles as a call of `function`."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


def content(**changes: Any) -> dict[str, Any]:
    return {"format": feature_table.FORMAT, **vars(index_of(3))} | changes


@pytest.mark.parametrize("count", [0, 1, 2, 1000])
def test_an_index_is_read_as_it_was_written(path: Path, count: int) -> None:
    written = index_of(count)
    feature_table.write(path, written)
    found = feature_table.read(path)
    assert_array_equal(found.features, written.features)
    assert found.features.dtype == np.float32
    assert found.features.shape == (count, 5)
    assert replace(found, features=written.features) == written


def test_the_features_can_be_changed_in_place(path: Path) -> None:
    feature_table.write(path, index_of(2))
    features = feature_table.read(path).features
    features /= 2
    assert_array_equal(features, index_of(2).features / 2)


def test_any_reader_of_pickles_finds_the_documented_dictionary(path: Path) -> None:
    written = index_of(3)
    feature_table.write(path, written)
    with path.open("rb") as stream:
        found = pickle.load(stream)
    assert type(found) is dict
    assert list(found) == [
        "format",
        "backbone",
        "fingerprint",
        "paths",
        "labels",
        "content_ids",
        "features",
    ]
    assert found["format"] == 1
    assert type(found["features"]) is np.ndarray
    assert_array_equal(found["features"], written.features)
    assert (found["paths"], found["labels"]) == (written.paths, written.labels)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("wrap", [lambda call: call, lambda call: content(paths=[call] * 3)])
def test_a_pickle_that_calls_a_function_is_refused_and_nothing_is_called(
    path: Path, tmp_path: Path, wrap: Any, protocol: int
) -> None:
    trace = tmp_path / "trace"
    for call in (
        Call(os.system, f"touch {trace}"),
        Call(os.mkdir, str(trace)),
        Call(eval, f"__import__('os').mkdir('{trace}')"),
        Call(np.save, str(trace), 1),
    ):
        path.write_bytes(pickle.dumps(wrap(call), protocol))
        with pytest.raises(UserError, match=r"it (asks for|holds the opcode)"):
            feature_table.read(path)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "damaged",
    [
        content(format=2),
        {"backbone": "x"},
        [],
        "text",
        None,
        content(more=1),
        {name: value for name, value in content().items() if name != "labels"},
        content(paths=["a", "b"]),
        content(paths=("a", "b", "c")),
        content(paths=["a", "b", 3]),
        content(paths=["a", "b", None]),
        content(content_ids=["a", "b", None]),
        content(labels=["a", "b", b"c"]),
        content(backbone=None),
        content(fingerprint=7),
        content(features=[[1.0]] * 3),
        content(features=np.zeros((3, 5), object)),
        content(features=np.zeros((3, 5), np.float64)),
        content(features=np.zeros((3, 5), np.int32)),
        content(features=np.zeros((3, 5), ">f4")),
        content(features=np.zeros((3, 5), [("x", "f4")])),
        content(features=np.zeros(3, np.float32)),
        content(features=np.zeros((4, 5), np.float32)),
        content(features=np.zeros((3, 5), np.float32, order="F")),
    ],
)
def test_what_is_no_index_is_refused_with_its_name(path: Path, damaged: Any) -> None:
    path.write_bytes(pickle.dumps(damaged, 5))
    with pytest.raises(DamagedFileError, match=r"features\.pkl is damaged"):
        feature_table.read(path)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_file_cut_short_is_refused(path: Path, share: float) -> None:
    feature_table.write(path, index_of(1000))
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(DamagedFileError, match="its checksum is wrong"):
        feature_table.read(path)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_file_cut_short_is_refused_without_a_checksum_too(path: Path, share: float) -> None:
    feature_table.write(path, index_of(1000))
    whole = path.read_bytes()
    remove(path)
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(DamagedFileError, match=r"features\.pkl is damaged"):
        feature_table.read(path)


def test_a_flipped_bit_of_a_feature_is_noticed(path: Path) -> None:
    written = index_of(100)
    feature_table.write(path, written)
    data = bytearray(path.read_bytes())
    data[data.index(written.features[50].tobytes())] ^= 1
    path.write_bytes(data)
    with pytest.raises(DamagedFileError, match=r"features\.pkl is damaged"):
        feature_table.read(path)


def test_a_missing_file_is_refused(path: Path) -> None:
    with pytest.raises(UserError, match=r"features\.pkl"):
        feature_table.read(path)
