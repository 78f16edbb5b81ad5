"""Tests of lists as Parquet whose images are stored as bytes, as in Hugging Face datasets."""

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from similar_images.core.errors import UserError
from similar_images.curation import export
from similar_images.images import manifest
from similar_images.images.collection import Entry, scan
from similar_images.images.fingerprint import summarise
from similar_images.images.photos import Photos, UnavailableError
from similar_images.lists import lists
from similar_images.storage import parquet_images
from similar_images.storage.access import NO_ACCESS
from similar_images.storage.archives import StoredPhotoError
from similar_images.storage.parquet_images import RowGroups
from similar_images.storage.photo_cache import PhotoCache

IMAGE = pa.struct({"bytes": pa.binary(), "path": pa.string()})
# What Hugging Face datasets write into the metadata of a file.
CLASS_LABEL = {"names": ["boots", "sandals"], "_type": "ClassLabel"}
JPEG = b"\xff\xd8\xff\xe0"


@pytest.fixture
def photos(tmp_path: Path) -> Photos:
    return Photos(NO_ACCESS, PhotoCache(tmp_path / "fetched", 0))


def dataset(
    path: Path,
    images: Sequence[Any],
    labels: Sequence[Any] | None = None,
    kind: pa.DataType = IMAGE,
    features: Mapping[str, Any] | None = None,
    name: str = "image",
    **options: Any,
) -> Path:
    """Write a file as Hugging Face datasets do."""
    labels = [n % 2 for n in range(len(images))] if labels is None else labels
    table = pa.table({name: pa.array(images, kind), "label": labels})
    features = {name: {"_type": "Image"}, "label": CLASS_LABEL} if features is None else features
    noted = json.dumps({"info": {"features": features}})
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table.replace_schema_metadata({"huggingface": noted}), path, **options)
    return path


def image(data: bytes | None, path: str | None = None) -> dict[str, Any]:
    return {"bytes": data, "path": path}


def numbered(count: int, size: int = 100) -> list[dict[str, Any]]:
    return [image(JPEG + bytes([n]) * size, f"{n}.jpg") for n in range(count)]


def entries(location: Any) -> dict[str, Entry]:
    return {entry.image: entry for entry in scan(location)}


def test_rows_of_a_dataset_are_photos_named_by_their_paths_with_the_names_of_their_classes(
    tmp_path: Path, photos: Photos
) -> None:
    file = dataset(tmp_path / "train.parquet", numbered(3))
    found = entries(file)
    assert {name: (entry.label, entry.row, entry.fault) for name, entry in found.items()} == {
        "0.jpg": ("boots", 1, None),
        "1.jpg": ("sandals", 2, None),
        "2.jpg": ("boots", 3, None),
    }
    assert found["1.jpg"].file == f"parquet:{file}!/2/image".encode()
    data = JPEG + b"\1" * 100
    content_id = photos.identify(found["1.jpg"].file)
    assert content_id == hashlib.sha256(data).hexdigest()
    with photos.opened(content_id, found["1.jpg"].file) as stream:
        assert stream.read() == data


def test_paths_that_several_images_have_or_that_hide_a_secret_name_no_image(
    tmp_path: Path,
) -> None:
    paths = [None, "a.jpg", "a.jpg", "", "b.jpg", "https://x/?token=1", "t.parquet, row 1", "a\nb"]
    file = dataset(tmp_path / "t.parquet", [image(JPEG, path) for path in paths])
    rows = [f"t.parquet, row {n}" for n in (1, 2, 3, 4, 6, 7, 8)]
    assert sorted(entries(file)) == sorted([*rows, "b.jpg"])


def test_a_folder_is_one_list_and_its_rows_are_found_in_their_files(
    tmp_path: Path, photos: Photos
) -> None:
    folder = tmp_path / "data"
    for n in range(2):
        images = [image(JPEG + bytes([n, row]), "photo.jpg") for row in range(3)]
        dataset(folder / f"train-0000{n}-of-00002.parquet", images, row_group_size=2)
    found = entries({"list": str(folder)})
    assert sorted(found) == [f"data, row {n}" for n in range(1, 7)]
    assert found["data, row 5"].row == 5
    with photos.opened(hashlib.sha256(JPEG + b"\1\1").hexdigest(), found["data, row 5"].file):
        pass


def test_a_column_of_bytes_and_one_of_another_name_are_read(tmp_path: Path, photos: Photos) -> None:
    for kind in (pa.binary(), pa.large_binary()):
        file = dataset(tmp_path / "b.parquet", [None, JPEG], ["boots"] * 2, kind, {}, "IMG")
        found = entries({"list": str(file), "image": "img"})
        assert found["b.parquet, row 1"].fault == lists.NO_IMAGE
        assert photos.identify(found["b.parquet, row 2"].file) == hashlib.sha256(JPEG).hexdigest()


def test_rows_without_bytes_name_files_or_have_no_image(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(JPEG)
    rows = [image(None, "a.jpg"), image(JPEG, "b.jpg"), None, image(None, "gone.jpg")]
    for options in ({}, {"write_statistics": False}, {"row_group_size": 1}):
        found = entries(dataset(tmp_path / "t.parquet", rows, **options))
        assert found["a.jpg"].file == os.fsencode(tmp_path / "a.jpg")
        assert found["b.jpg"].file.startswith(b"parquet:")
        assert found["t.parquet, row 3"].fault == lists.NO_IMAGE
        assert found["gone.jpg"].fault == "no such file or directory"


def test_two_columns_of_images_give_two_photos_of_a_row(tmp_path: Path) -> None:
    columns = {name: pa.array([image(JPEG, "x.jpg")], IMAGE) for name in ("front", "back")}
    pq.write_table(pa.table({**columns, "label": ["boots"]}), tmp_path / "t.parquet")
    found = entries({"list": str(tmp_path / "t.parquet"), "image": ["front", "back"]})
    assert {name: parquet_images.parts_of(entry.file)[1:] for name, entry in found.items()} == {  # type: ignore[index]
        "t.parquet, row 1, image 1": (1, "front"),
        "t.parquet, row 1, image 2": (1, "back"),
    }


def test_numbers_without_a_class_are_no_label_and_those_without_a_name_a_fault(
    tmp_path: Path,
) -> None:
    file = dataset(tmp_path / "t.parquet", numbered(4), [0, -1, None, 2])
    found = entries(file)
    assert [found[f"{n}.jpg"].label for n in range(4)] == ["boots", None, None, None]
    assert found["3.jpg"].fault == "column label: class 2, but only 0 to 1 have names"
    texts = dataset(tmp_path / "t.parquet", numbered(1), ["socks"])
    assert entries(texts)["0.jpg"].label == "socks"


@pytest.mark.parametrize(
    "noted", ["{", "[]", '{"info": {"features": {"label": {"_type": "ClassLabel", "names": 1}}}}']
)
def test_damaged_names_of_classes_are_an_error(tmp_path: Path, noted: str) -> None:
    file = dataset(tmp_path / "t.parquet", numbered(1))
    table = pq.read_table(file).replace_schema_metadata({"huggingface": noted})
    pq.write_table(table, file)
    with pytest.raises(UserError, match=r"t\.parquet: the names of its classes cannot be read"):
        entries(file)


def test_several_images_with_bytes_in_a_row_are_an_error(tmp_path: Path) -> None:
    file = dataset(tmp_path / "t.parquet", [[image(JPEG)]], kind=pa.list_(IMAGE))
    with pytest.raises(UserError, match="hold the bytes of several images"):
        entries(file)


def test_listing_reads_no_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = dataset(tmp_path / "t.parquet", numbered(4))
    monkeypatch.setattr(parquet_images, "_batches", lambda *_: pytest.fail("bytes are read"))
    assert len(entries(file)) == 4


def test_row_groups_are_read_once_where_rows_are_hashed_and_not_again_if_nothing_changed(
    tmp_path: Path, photos: Photos, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_images, "MOST_KEPT", 1)
    file = dataset(tmp_path / "t.parquet", numbered(40), row_group_size=4)
    os.utime(file, ns=(10**18, 10**18))
    monkeypatch.setattr(manifest, "SETTLING_NS", -(10**12))  # the file counts as old
    read: list[int] = []
    batches = parquet_images._batches

    def counted(opened: pq.ParquetFile, group: int, *rest: Any) -> Any:
        read.append(group)
        return batches(opened, group, *rest)

    monkeypatch.setattr(parquet_images, "_batches", counted)
    hashes = tmp_path / "hashes.parquet"
    table = manifest.build(scan(file), hashes, photos=photos)
    assert read == list(range(10))
    by_image = dict(zip(table["image"].to_pylist(), table["content_id"].to_pylist(), strict=True))
    assert by_image == {
        f"{n}.jpg": hashlib.sha256(JPEG + bytes([n]) * 100).hexdigest() for n in range(40)
    }
    assert manifest.build(scan(file), hashes, photos=photos).equals(table)
    assert read == list(range(10))
    before = summarise(file).fingerprint
    dataset(file, [image(JPEG + b"new", f"{n}.jpg") for n in range(40)], row_group_size=4)
    assert summarise(file).fingerprint != before
    changed = manifest.build(scan(file), hashes, photos=photos)
    assert set(changed["content_id"].to_pylist()) == {hashlib.sha256(JPEG + b"new").hexdigest()}


def test_a_changed_or_removed_file_gives_no_other_bytes(tmp_path: Path, photos: Photos) -> None:
    file = dataset(tmp_path / "t.parquet", numbered(2))
    stored = entries(file)["0.jpg"].file
    content_id = photos.identify(stored)
    dataset(file, numbered(2, 50))
    with pytest.raises(UnavailableError, match="has changed"), photos.opened(content_id, stored):
        pass
    dataset(file, [])
    with pytest.raises(UnavailableError, match="no such row"), photos.opened(content_id, stored):
        pass
    file.unlink()
    with pytest.raises(UnavailableError, match="no such file"), photos.opened(content_id, stored):
        pass


def test_row_groups_that_are_too_large_or_expand_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_images, "MOST_BYTES", 10_000)
    large = dataset(tmp_path / "large.parquet", numbered(200))
    # All rows share the bytes of one: the file says that the column is small.
    bomb = dataset(tmp_path / "bomb.parquet", [image(JPEG * 1000)] * 100)
    for file in (large, bomb):
        with pytest.raises(StoredPhotoError, match="fewer rows in each row group"):
            RowGroups().read(os.fsencode(file), 1, "image")


@pytest.mark.parametrize("row", [b"0", b"9", b"99999999999999999"])
def test_rows_and_columns_that_are_not_there_are_errors(
    tmp_path: Path, photos: Photos, row: bytes
) -> None:
    file = os.fsencode(dataset(tmp_path / "t.parquet", numbered(2)))
    with pytest.raises(FileNotFoundError):
        photos.identify(b"parquet:%b!/%b/image" % (file, row))
    for column in (b"gone", b"\xff"):
        with pytest.raises(StoredPhotoError, match="no column"):
            photos.identify(b"parquet:%b!/1/%b" % (file, column))


def test_damaged_files_are_errors_or_faults(tmp_path: Path, photos: Photos) -> None:
    data = dataset(tmp_path / "t.parquet", numbered(20), row_group_size=5).read_bytes()
    random = Random(1)
    file = tmp_path / "bad.parquet"
    for _ in range(150):
        damaged = bytearray(data)
        for _ in range(random.randint(1, 4)):
            damaged[random.randrange(len(data))] = random.randrange(256)
        file.write_bytes(damaged)
        with suppress(UserError):
            for entry in entries(file).values():
                with suppress(StoredPhotoError, OSError):
                    photos.identify(entry.file)


def test_rows_are_exported_as_copies_and_neither_linked_nor_listed(
    tmp_path: Path, photos: Photos
) -> None:
    file = dataset(tmp_path / "t.parquet", numbered(2))
    members = [
        export.ExportedImage(one.file, one.label or "", photos.identify(one.file), None, one.image)
        for one in scan(file)
    ]
    export.export(tmp_path / "out", members, "copies", photos)
    assert (tmp_path / "out/boots/0.jpg").read_bytes() == JPEG + b"\0" * 100
    for how in ("links", "csv"):
        with pytest.raises(UserError, match=r"in a [Pp]arquet file"):
            export.export(tmp_path / how, members, how, photos)


@pytest.mark.parametrize("write", [lambda path: path, Path.resolve])
def test_a_place_in_a_file_is_written_and_read_the_same(write: Callable[[Path], Path]) -> None:
    path = os.fsencode(write(Path("a b/ü!.parquet")))
    file = parquet_images.file_of(path, 12, "my/image")
    assert parquet_images.parts_of(file) == (path, 12, "my/image")
    assert parquet_images.parts_of(b"zip:a.zip!/1/image") is None
