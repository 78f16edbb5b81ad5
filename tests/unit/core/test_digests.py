"""Tests of the digests of files that people name."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from similar_images.core import digests
from similar_images.core.digests import Digests
from similar_images.core.errors import UserError
from similar_images.core.files import digest

LONG_AGO = 1_700_000_000


@pytest.fixture
def network(tmp_path: Path) -> Path:
    path = tmp_path / "net.onnx"
    path.write_bytes(b"one")
    os.utime(path, (LONG_AGO, LONG_AGO))
    return path


def read(memory: Path, path: Path) -> str:
    """Return the digest as a run learns it."""
    known = Digests(memory)
    found = known.of(path)
    known.keep()
    return found


@pytest.mark.parametrize("mtime", [LONG_AGO, LONG_AGO - 7200])
@pytest.mark.parametrize("settling", [0, digests.SETTLING_NS])
@pytest.mark.parametrize("replace", [os.replace, shutil.copy2, shutil.copy])
def test_a_file_replaced_by_an_older_one_of_its_size_has_another_digest(
    tmp_path: Path,
    network: Path,
    replace: Callable[[Path, Path], object],
    settling: int,
    mtime: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(digests, "SETTLING_NS", settling)
    memory = tmp_path / "digests.json"
    before = read(memory, network)
    other = tmp_path / "new.onnx"
    other.write_bytes(b"two")
    os.utime(other, (mtime, mtime))
    replace(other, network)
    after = read(memory, network)
    assert after != before
    assert after == digest(network)


def test_a_file_that_is_as_it_was_is_not_read_again(
    tmp_path: Path, network: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digests, "SETTLING_NS", 0)
    memory = tmp_path / "digests.json"
    found = read(memory, network)
    monkeypatch.setattr(digests, "digest", lambda path: pytest.fail(f"{path} is read"))
    assert read(memory, network) == found
    (tmp_path / "link.onnx").symlink_to(network)
    assert read(memory, tmp_path / "link.onnx") == found


def test_a_touched_file_keeps_its_digest(tmp_path: Path, network: Path) -> None:
    before = read(tmp_path / "digests.json", network)
    network.touch()
    assert read(tmp_path / "digests.json", network) == before


def test_a_damaged_cache_is_made_again(
    tmp_path: Path, network: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digests, "SETTLING_NS", 0)
    memory = tmp_path / "digests.json"
    before = read(memory, network)
    sound = memory.read_bytes()
    memory.write_bytes(b"{")
    assert read(memory, network) == before
    assert memory.read_bytes() == sound


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("gone.h5", "cannot be read: no such file"),
        ("x" * 5000, "cannot be read: file name too long"),
        ("/proc/self/mem", "cannot be read: "),
        (".", "is not a regular file"),
        ("/dev/zero", "is not a regular file"),
    ],
)
def test_what_cannot_be_read_is_reported(tmp_path: Path, path: str, reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        Digests(tmp_path / "digests.json").of(tmp_path / path)
