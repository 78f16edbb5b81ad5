"""Tests of files that are complete or absent."""

import csv
import hashlib
import json
from pathlib import Path

import pytest

from similar_images import files


def test_the_file_takes_its_place_only_when_the_block_has_succeeded(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "file.txt"
    with files.replacing(path) as temporary:
        temporary.write_text("whole")
        assert temporary.parent == path.parent
        assert not path.exists()
    assert path.read_text() == "whole"
    assert list(path.parent.iterdir()) == [path]


def test_who_has_the_old_file_open_reads_it_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")
    with path.open() as reader:
        with files.replacing(path) as temporary:
            temporary.write_text("new")
        assert reader.read() == "old"
    assert path.read_text() == "new"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_after_an_exception_the_old_file_stands_and_no_other(
    tmp_path: Path, error: type[BaseException]
) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")

    def work() -> None:
        with files.replacing(path) as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(error):
        work()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_block_that_fails_before_it_writes_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="early"), files.replacing(tmp_path / "file.txt"):
        raise ValueError("early")
    assert list(tmp_path.iterdir()) == []


def test_a_csv_that_fails_half_way_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    files.write_csv(path, ["a"], [[1]])
    with pytest.raises(ZeroDivisionError):
        files.write_csv(path, ["a"], ([1 / n] for n in (2, 1, 0)))
    assert path.read_text() == "a\n1\n"


def test_json_is_readable_by_people_and_programs(tmp_path: Path) -> None:
    content = {"b": None, "a": ["Stöckel", 'x"\n', 1.5, True]}
    files.write_json(tmp_path / "file.json", content)
    text = (tmp_path / "file.json").read_text("utf-8")
    assert "Stöckel" in text
    assert text.startswith('{\n  "b": null,\n')
    assert text.endswith("}\n")
    assert json.loads(text) == content


def test_nothing_becomes_an_empty_cell(tmp_path: Path) -> None:
    files.write_csv(tmp_path / "x.csv", ["a", "b", "c"], [(None, 0, ""), (True, "é", 1.5)])
    assert (tmp_path / "x.csv").read_bytes() == "a,b,c\n,0,\nTrue,é,1.5\n".encode()


@pytest.mark.parametrize("text", ["\n", "\r", "\r\n", '"', "''", ",", " x ", "\t", "é€", "#", "\\"])
def test_a_cell_is_read_as_it_was_written(tmp_path: Path, text: str) -> None:
    rows = [[text, "x"], [f"a{text}b", text]]
    files.write_csv(tmp_path / "x.csv", ["a", "b"], rows)
    with (tmp_path / "x.csv").open(encoding="utf-8", newline="") as stream:
        assert list(csv.reader(stream)) == [["a", "b"], *rows]


@pytest.mark.parametrize("algorithm", ["sha256", "md5"])
@pytest.mark.parametrize("data", [b"", b"abc", bytes(3_000_000)])
def test_a_digest_is_that_of_the_bytes(tmp_path: Path, data: bytes, algorithm: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    expected = hashlib.new(algorithm, data).hexdigest()
    assert files.digest(path, algorithm) == expected
    assert files.digest(str(path).encode(), algorithm) == expected


def test_a_digest_of_a_missing_file_fails(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="gone"):
        files.digest(tmp_path / "gone")
