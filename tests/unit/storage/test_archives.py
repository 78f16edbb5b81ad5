"""Tests of zip archives as collections."""

import hashlib
import os
import struct
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

import pytest

from similar_images.core.errors import UserError
from similar_images.images import manifest
from similar_images.images.collection import scan
from similar_images.images.fingerprint import summarise
from similar_images.images.photos import Photos, UnavailableError
from similar_images.lists.lists import is_list
from similar_images.storage import archives
from similar_images.storage.access import NO_ACCESS
from similar_images.storage.photo_cache import PhotoCache
from similar_images.storage.skipping import Skipping

MAC, DOS = 19, 0
UTF_8 = 0x800
# Two photos of two classes.
SHOES = {"boots/1.jpg": b"a boot", "sandals/2.jpg": b"a sandal"}


@pytest.fixture
def photos(tmp_path: Path) -> Photos:
    return Photos(NO_ACCESS, PhotoCache(tmp_path / "fetched", 0))


def pack(path: Path, members: dict[str, bytes], method: int = ZIP_DEFLATED) -> Path:
    with ZipFile(path, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def patch(path: Path, change: Callable[[bytearray, int, int], object]) -> None:
    """Change the headers of the first member: its local one, and that of the directory."""
    data = bytearray(path.read_bytes())
    change(data, data.index(b"PK\x03\x04"), data.index(b"PK\x01\x02"))
    path.write_bytes(data)


def encrypted(data: bytearray, local: int, central: int) -> None:
    data[local + 6] |= 1
    data[central + 8] |= 1


def understated(data: bytearray, local: int, central: int) -> None:
    """State fewer bytes than the member expands to."""
    for place in (local + 22, central + 24):
        data[place : place + 4] = struct.pack("<I", 1000)


def labels(path: Path) -> dict[str, str | None]:
    return {entry.image: entry.label for entry in scan(path) if entry.fault is None}


def faults(path: Path) -> dict[str, str]:
    return {entry.image: entry.fault for entry in scan(path) if entry.fault is not None}


def contents(path: Path, photos: Photos) -> dict[str, bytes]:
    """Return what can be read of each photo."""
    found = {}
    for entry in scan(path):
        with photos.opened(photos.identify(entry.file), entry.file) as stream:
            found[entry.image] = stream.read()
    return found


def test_a_zip_is_a_collection_whose_folders_are_the_classes(
    tmp_path: Path, photos: Photos
) -> None:
    path = pack(tmp_path / "shoes.ZIP", {**SHOES, "3.jpg": b"loose", "boots/x/4.jpg": b"deep"})
    assert not is_list(path)
    assert labels(path) == {
        "3.jpg": None,
        "boots/1.jpg": "boots",
        "boots/x/4.jpg": "boots",
        "sandals/2.jpg": "sandals",
    }
    assert contents(path, photos)["boots/1.jpg"] == b"a boot"
    summary = summarise(path)
    assert (summary.images, summary.classes) == (4, frozenset({"boots", "sandals"}))
    assert not list(tmp_path.glob("*/*"))  # nothing is unpacked


def test_a_zip_as_finder_makes_it_is_read_like_the_folder(tmp_path: Path, photos: Photos) -> None:
    path = tmp_path / "my photos.zip"
    with ZipFile(path, "w") as archive:
        for name in ("photos/", "photos/Stie\u0308fel/", "__MACOSX/photos/"):
            archive.writestr(info_of(name), b"")
        for name in ("photos/.DS_Store", "__MACOSX/photos/._.DS_Store"):
            archive.writestr(info_of(name), b"data")
        archive.writestr(info_of("photos/Stie\u0308fel/1.jpg"), b"a boot")
        archive.writestr(info_of("__MACOSX/photos/Stie\u0308fel/._1.jpg"), b"data")
        archive.writestr(info_of("photos/sandals/2.jpg"), b"a sandal")
    unmark_utf_8(path)
    skipped: set[bytes] = set()
    assert len(list(scan(path, skipped=skipped))) == 2
    assert skipped == {b"photos/.DS_Store", b"__MACOSX"}
    assert labels(path) == {"Stie\u0308fel/1.jpg": "Stiëfel", "sandals/2.jpg": "sandals"}
    assert contents(path, photos)["Stie\u0308fel/1.jpg"] == b"a boot"


def info_of(name: str) -> ZipInfo:
    info = ZipInfo(name)
    info.create_system = MAC
    return info


def unmark_utf_8(path: Path) -> None:
    """Remove the mark of UTF-8 from all names: Finder writes UTF-8 without it."""
    data = bytearray(path.read_bytes())
    for signature, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = data.find(signature)
        while start >= 0:
            flags = struct.unpack_from("<H", data, start + place)[0]
            struct.pack_into("<H", data, start + place, flags & ~UTF_8)
            start = data.find(signature, start + 1)
    path.write_bytes(data)


def test_names_in_an_old_code_page_and_with_backslashes_are_read(
    tmp_path: Path, photos: Photos
) -> None:
    path = tmp_path / "x.zip"
    with ZipFile(path, "w") as archive:
        for name in ("B#den\\1.jpg", "sandals\\x\\2.jpg"):
            info = ZipInfo(name)
            info.create_system = DOS
            archive.writestr(info, b"photo")
    path.write_bytes(path.read_bytes().replace(b"B#den", "Böden".encode("cp437")))
    assert labels(path) == {"Böden/1.jpg": "Böden", "sandals/x/2.jpg": "sandals"}
    assert contents(path, photos)["Böden/1.jpg"] == b"photo"


@pytest.mark.parametrize(
    ("stem", "names", "outer"),
    [
        ("x", ["photos/boots/1.jpg", "photos/sandals/2.jpg"], "photos/"),
        ("x", ["photos/boots/1.jpg", "photos/sandals/2.jpg", "photos/prices.pdf"], "photos/"),
        ("x", ["README.txt", "photos/boots/1.jpg", "photos/sandals/2.jpg"], "photos/"),
        ("x", ["photos/boots/1.jpg", "prices/list.pdf"], "photos/"),
        ("x", ["README.txt", "photos/README.txt", "photos/boots/1.jpg"], ""),
        ("x", ["README.txt", "prices/list.pdf"], ""),
        ("x", ["photos/boots/1.jpg", "photos/2.jpg"], ""),
        ("x", ["photos/boots/1.jpg", "2.jpg"], ""),
        ("x", ["boots/1.jpg", "boots/2.jpg"], ""),
        ("Boots", ["boots/1.jpg", "boots/2.jpg"], "boots/"),
        ("x", ["boots/1.jpg", "sandals/2.jpg"], ""),
        ("x", ["a/b/c/1.jpg"], "a/"),
        ("x", ["1.jpg"], ""),
        ("x", [], ""),
    ],
)
def test_the_folder_around_all_photos_is_no_class(stem: str, names: list[str], outer: str) -> None:
    paths = [name.encode() for name in names]
    assert archives.outer_folder(Path(f"{stem}.zip"), paths) == outer.encode()


@pytest.mark.parametrize("name", ["/etc/boots/1.jpg", "../../boots/1.jpg", "C:/boots/1.jpg"])
def test_names_that_lead_elsewhere_are_only_names(
    tmp_path: Path, photos: Photos, name: str
) -> None:
    path = pack(tmp_path / "x.zip", {name: b"photo", **SHOES})
    assert contents(path, photos)[name] == b"photo"
    assert name in labels(path)


def test_of_two_members_with_one_name_the_last_counts(tmp_path: Path, photos: Photos) -> None:
    path = tmp_path / "x.zip"
    with warnings.catch_warnings(), ZipFile(path, "w") as archive:
        warnings.simplefilter("ignore")
        for data in (b"first", b"last"):
            archive.writestr("boots/1.jpg", data)
        archive.writestr("sandals/2.jpg", b"x")
    assert contents(path, photos) == {"boots/1.jpg": b"last", "sandals/2.jpg": b"x"}


def bomb(path: Path) -> None:
    pack(path, {**SHOES, "boots/1.jpg": bytes(90_000_000)})


def too_large(path: Path) -> None:
    pack(path, {**SHOES, "boots/1.jpg": bytes(100_000_001)})


def locked(path: Path) -> None:
    patch(pack(path, {**SHOES, "boots/1.jpg": b"photo"}), encrypted)


def bzip2(path: Path) -> None:
    pack(path, {"boots/1.jpg": b"photo"}, ZIP_BZIP2)
    with ZipFile(path, "a") as archive:
        archive.writestr("sandals/2.jpg", b"a sandal")


def link(path: Path) -> None:
    info = ZipInfo("boots/1.jpg")
    info.external_attr = 0o120777 << 16
    with ZipFile(path, "w") as archive:
        archive.writestr(info, b"/etc/passwd")
        archive.writestr("sandals/2.jpg", b"a sandal")


def empty(path: Path) -> None:
    pack(path, {**SHOES, "boots/1.jpg": b""})


@pytest.mark.parametrize(
    ("make", "fault"),
    [
        (bomb, "expands to over 200 times its size, as a decompression bomb: unpack it"),
        (too_large, "more than 100,000,000 bytes in a zip: unpack it"),
        (locked, "encrypted: make the zip without a password"),
        (bzip2, "compressed by method 12: make the zip with Deflate"),
        (link, "not a regular file"),
        (empty, "empty file"),
    ],
)
def test_a_member_that_is_not_read_has_a_fault_before_any_is_opened(
    tmp_path: Path, photos: Photos, make: Callable[[Path], None], fault: str
) -> None:
    path = tmp_path / "x.zip"
    make(path)
    assert faults(path) == {"boots/1.jpg": fault}
    (entry,) = (entry for entry in scan(path) if entry.fault)
    with pytest.raises(archives.StoredPhotoError, match=fault):
        photos.identify(entry.file)


def test_an_archive_of_which_no_file_can_be_read_is_refused_with_the_reason(tmp_path: Path) -> None:
    path = pack(tmp_path / "x.zip", {"boots/1.jpg": b"photo"})
    patch(path, encrypted)
    with pytest.raises(UserError, match=r"boots/1\.jpg: encrypted: make the zip without"):
        summarise(path)


def damaged(data: bytearray, local: int, central: int) -> None:
    data[local + 30 + len("boots/1.jpg")] ^= 0xFF


@pytest.mark.parametrize("method", [ZIP_STORED, ZIP_DEFLATED])
@pytest.mark.parametrize("change", [damaged, understated])
def test_a_damaged_or_forged_member_is_rejected_and_not_tried_again(
    tmp_path: Path,
    photos: Photos,
    method: int,
    change: Callable[[bytearray, int, int], None],
) -> None:
    path = pack(tmp_path / "x.zip", {**SHOES, "boots/1.jpg": bytes(20_000)}, method)
    if change is damaged:
        path = pack(path, {**SHOES, "boots/1.jpg": b"photo"}, method)
    patch(path, change)
    table = manifest.build(scan(path), tmp_path / "hashes.parquet", photos=photos)
    found = dict(zip(table["image"].to_pylist(), table["fault"].to_pylist(), strict=True))
    assert found.pop("boots/1.jpg").startswith("damaged in the zip (")
    assert set(found.values()) == {None}
    assert not photos.unread


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"no archive", "not a zip archive, or damaged"),
        (b"", "not a zip archive, or damaged"),
    ],
)
def test_what_is_no_archive_is_refused(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(data)
    with pytest.raises(UserError, match=rf"x\.zip: {message}.*unpack it and name the folder"):
        list(scan(path))


@pytest.mark.parametrize("kept", [20, 60, 150])
def test_a_cut_archive_is_refused(tmp_path: Path, kept: int) -> None:
    path = pack(tmp_path / "x.zip", SHOES)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(UserError, match="damaged"):
        list(scan(path))


def test_an_archive_with_too_many_files_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "MOST_FILES", 1)
    with pytest.raises(UserError, match=r"x\.zip: more than 1 file\. .*unpack it"):
        list(scan(pack(tmp_path / "x.zip", SHOES)))


def test_members_that_share_their_bytes_are_refused(tmp_path: Path) -> None:
    """As in the bombs of a few kilobytes that expand to terabytes."""
    path = tmp_path / "x.zip"
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        archive.writestr("boots/1.jpg", os.urandom(5000))
        (info,) = archive.infolist()
        archive.filelist += [info] * 5
    with pytest.raises(UserError, match="its files overlap"):
        list(scan(path))


@pytest.mark.parametrize("seed", range(300))
def test_whatever_the_bytes_a_zip_is_read_or_refused_and_no_disk_is_blamed(
    tmp_path: Path, photos: Photos, seed: int
) -> None:
    path = pack(tmp_path / "x.zip", {**SHOES, "bö/3.jpg": bytes(300)})
    random, data = Random(seed), bytearray(path.read_bytes())
    for _ in range(random.randint(1, 4)):
        data[random.randrange(len(data))] = random.choice([0, 255, random.randrange(256)])
    path.write_bytes(data)
    with suppress(UserError):
        for entry in scan(path):
            with suppress(archives.StoredPhotoError):
                photos.identify(entry.file)
    assert not photos.unread


def test_patterns_apply_to_paths_in_the_archive(tmp_path: Path) -> None:
    path = pack(tmp_path / "x.zip", {**SHOES, "boots/old/3.jpg": b"x"})
    found = scan(path, skipping=Skipping(["old"]))
    assert [entry.image for entry in found] == ["boots/1.jpg", "sandals/2.jpg"]


def added(path: Path) -> None:
    with ZipFile(path, "a") as archive:
        archive.writestr("boots/new.jpg", b"new")


def replaced(path: Path) -> None:
    pack(path, {**SHOES, "boots/1.jpg": b"A boot"})


@pytest.mark.parametrize("change", [added, replaced, Path.touch])
def test_a_change_of_the_archive_changes_the_fingerprint(
    tmp_path: Path, change: Callable[[Path], None]
) -> None:
    path = pack(tmp_path / "x.zip", SHOES)
    os.utime(path, ns=(0, 10**18))
    before = summarise(path).fingerprint
    assert summarise(path).fingerprint == before
    change(path)
    assert summarise(path).fingerprint != before


def test_only_members_that_changed_are_hashed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, photos: Photos
) -> None:
    cache = tmp_path / "hashes.parquet"
    path = pack(tmp_path / "x.zip", SHOES)
    first = manifest.build(scan(path), cache, photos=photos)
    replaced(path)
    hashed = []

    def identify(file: bytes) -> str:
        hashed.append(file)
        return Photos.identify(photos, file)

    monkeypatch.setattr(photos, "identify", identify)
    second = manifest.build(scan(path), cache, photos=photos)
    assert hashed == [archives.file_of(os.fsencode(path), b"boots/1.jpg")]
    assert first["content_id"][1] == second["content_id"][1]
    assert second["content_id"][0].as_py() == hashlib.sha256(b"A boot").hexdigest()


def test_a_photo_that_has_changed_or_gone_is_not_opened(tmp_path: Path, photos: Photos) -> None:
    path = pack(tmp_path / "x.zip", SHOES)
    (boot, sandal) = scan(path)
    ids = [photos.identify(entry.file) for entry in (boot, sandal)]
    pack(path, {"boots/1.jpg": b"another"})
    for entry, content_id, message in zip(
        (boot, sandal), ids, ("the photo has changed", "no such file in the zip"), strict=True
    ):
        with pytest.raises(UnavailableError, match=message), photos.opened(content_id, entry.file):
            pass
    path.write_bytes(b"no archive")
    with pytest.raises(UnavailableError, match="not a zip"), photos.opened(ids[0], boot.file):
        pass
    path.unlink()
    with pytest.raises(UnavailableError, match="no such file"), photos.opened(ids[0], boot.file):
        pass


@pytest.mark.parametrize("archive", [b"x.zip", b"/a b/X.ZIP", b"Sale!/x.zip", b"\xff.zip"])
@pytest.mark.parametrize("member", [b"1.jpg", b"a!/b.zip!/c", b"../1.jpg", b"new\nline"])
def test_the_name_of_a_member_gives_back_its_parts(archive: bytes, member: bytes) -> None:
    assert archives.parts_of(archives.file_of(archive, member)) == (archive, member)


@pytest.mark.parametrize("file", [b"a.jpg", b"x.zip", b"x.zip!/a.jpg", b"zip:/a.jpg", b"s3://x/a"])
def test_other_names_are_no_members(file: bytes) -> None:
    assert archives.parts_of(file) is None


def test_an_archive_in_a_folder_that_looks_like_one_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "a.zip!"
    folder.mkdir()
    with pytest.raises(UserError, match=r"ends in \.zip!"):
        list(scan(pack(folder / "x.zip", SHOES)))
