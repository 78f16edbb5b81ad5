"""Tests of what is kept of photos that were fetched."""

import os
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import pytest

from similar_images.storage.photo_cache import PhotoCache

PHOTOS = [bytes([n]) * 100 for n in range(30)]


def id_of(data: bytes) -> str:
    return sha256(data).hexdigest()


def put(cache: PhotoCache, photos: list[bytes]) -> None:
    for data in photos:
        cache.put(id_of(data), data)


def kept(cache: PhotoCache) -> list[bytes]:
    return [data for data in PHOTOS if cache.get(id_of(data)) is not None]


def test_what_is_kept_is_found_by_its_content(tmp_path: Path) -> None:
    put(PhotoCache(tmp_path, 10_000), PHOTOS[:3])
    assert kept(PhotoCache(tmp_path, 10_000)) == PHOTOS[:3]


def test_what_was_asked_for_last_is_kept_where_there_is_no_room_for_all(tmp_path: Path) -> None:
    put(PhotoCache(tmp_path, 1_500), PHOTOS[:15])
    for age, data in enumerate(PHOTOS[:15]):
        os.utime(tmp_path / id_of(data)[:2] / id_of(data), (age, age))
    cache = PhotoCache(tmp_path, 1_500)
    assert cache.get(id_of(PHOTOS[0])) == PHOTOS[0]
    put(cache, PHOTOS[15:16])
    left = kept(cache)
    assert {PHOTOS[0], *PHOTOS[5:16]} <= set(left)
    assert PHOTOS[1] not in left


def test_it_never_holds_more_than_it_may(tmp_path: Path) -> None:
    cache = PhotoCache(tmp_path, 1_000)
    for data in PHOTOS:
        put(cache, [data])
        assert sum(path.stat().st_size for path in tmp_path.glob("*/*")) <= 1_000
    assert PHOTOS[-1] in kept(cache)


@pytest.mark.parametrize("room", [0, 500])
def test_what_there_is_no_room_for_is_not_kept(tmp_path: Path, room: int) -> None:
    put(PhotoCache(tmp_path, room), PHOTOS[:1])
    assert not list(tmp_path.rglob("*"))


def test_a_damaged_file_is_not_taken_for_the_photo(tmp_path: Path) -> None:
    cache = PhotoCache(tmp_path, 10_000)
    put(cache, PHOTOS[:1])
    (path,) = tmp_path.glob("*/*")
    path.write_bytes(b"other")
    assert cache.get(id_of(PHOTOS[0])) is None


def test_threads_may_keep_one_photo_at_once_and_a_disk_that_is_full_keeps_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = PhotoCache(tmp_path, 10**9)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda data: put(cache, [data]), [bytes(10**6)] * 50))
    assert cache.get(id_of(bytes(10**6))) == bytes(10**6)

    def full(*_: object) -> None:
        raise OSError(28, "no space left")

    monkeypatch.setattr(Path, "write_bytes", full)
    put(cache, PHOTOS[:1])
    assert kept(cache) == []
