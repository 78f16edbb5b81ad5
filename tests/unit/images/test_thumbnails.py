"""Tests of the thumbnails."""

import errno
from hashlib import sha256
from pathlib import Path

import pytest
from PIL import Image

from similar_images.images.thumbnails import SIDE, make, path_of


def save(path: Path, mode: str = "RGB", size: tuple[int, int] = (900, 600)) -> tuple[str, bytes]:
    """Save an image; return its content id and its path."""
    Image.new(mode, size, 1).save(path)
    return sha256(path.read_bytes()).hexdigest(), bytes(path)


def ignore(done: int) -> None:
    """Take no note of the progress."""


@pytest.mark.parametrize(
    ("name", "mode"),
    [("a.jpg", "RGB"), ("b.png", "RGBA"), ("c.png", "I;16"), ("d.gif", "P"), ("e.tif", "CMYK")],
)
def test_any_readable_image_becomes_one_jpeg_of_its_shape(
    tmp_path: Path, name: str, mode: str
) -> None:
    content_id, file = save(tmp_path / name, mode)
    assert make({content_id: file}, tmp_path / "made", 1, ignore) == {content_id}
    (path,) = (tmp_path / "made").glob("*/*")
    assert path == path_of(tmp_path / "made", content_id)
    with Image.open(path) as image:
        assert (image.format, image.mode) == ("JPEG", "RGB")
        assert image.width == SIDE
        assert abs(image.height - SIDE * 2 / 3) <= 1


def test_a_small_image_is_not_made_larger(tmp_path: Path) -> None:
    content_id, file = save(tmp_path / "a.png", size=(20, 10))
    make({content_id: file}, tmp_path / "made", 1, ignore)
    with Image.open(path_of(tmp_path / "made", content_id)) as image:
        assert image.size == (20, 10)


def test_a_photo_that_is_gone_changed_or_damaged_has_none_and_is_reported(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    gone = sha256(b"gone").hexdigest()
    changed, changed_file = save(tmp_path / "changed.png")
    save(tmp_path / "changed.png", size=(5, 5))
    damaged = tmp_path / "damaged.png"
    damaged.write_bytes(b"not an image")
    files = {
        gone: bytes(tmp_path / "gone.png"),
        changed: changed_file,
        sha256(b"not an image").hexdigest(): bytes(damaged),
    }
    assert make(files, tmp_path / "made", 2, ignore) == set()
    assert list((tmp_path / "made").glob("*/*")) == []
    assert "gone or changed: 3 photos" in caplog.text


def test_a_thumbnail_that_cannot_be_written_is_an_error_and_no_missing_photo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space left on device")

    content_id, file = save(tmp_path / "a.png")
    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="no space left"):
        make({content_id: file}, tmp_path / "made", 1, ignore)


def test_what_is_there_is_kept_and_what_is_not_shown_is_removed(tmp_path: Path) -> None:
    folder = tmp_path / "made"
    first, second = save(tmp_path / "a.png"), save(tmp_path / "b.png", size=(7, 7))
    make(dict([first, second]), folder, 1, ignore)
    path_of(folder, first[0]).write_bytes(b"as it was")
    assert make({first[0]: b"/nowhere"}, folder, 1, ignore) == {first[0]}
    assert path_of(folder, first[0]).read_bytes() == b"as it was"
    assert not path_of(folder, second[0]).exists()


def test_a_thumbnail_of_another_size_is_no_thumbnail_and_goes(tmp_path: Path) -> None:
    content_id, file = save(tmp_path / "a.png")
    former = tmp_path / "made" / "240" / f"{content_id}.jpg"
    former.parent.mkdir(parents=True)
    former.write_bytes(b"of a former version")
    assert make({content_id: file}, tmp_path / "made", 1, ignore) == {content_id}
    left = path_of(tmp_path / "made", content_id)
    assert sorted((tmp_path / "made").rglob("*")) == [left.parent, left]


def test_a_thumbnail_brings_nothing_along_that_is_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    Image.new("RGB", (60, 40), "red").save(path, comment=b"taken at home " * 5000)
    content_id = sha256(path.read_bytes()).hexdigest()
    folder = tmp_path / "made"
    assert make({content_id: bytes(path)}, folder, 1, ignore) == {content_id}
    with Image.open(path_of(folder, content_id)) as thumbnail:
        assert set(thumbnail.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
