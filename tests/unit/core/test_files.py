"""Tests of files that are complete or absent."""

import contextlib
import csv
import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from similar_images.core import file_formats, files
from similar_images.core.errors import DamagedFileError, UserError


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
def test_after_an_exception_the_old_file_stays_and_no_other(
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
    file_formats.write_csv(path, ["a"], [[1]])
    with pytest.raises(ZeroDivisionError):
        file_formats.write_csv(path, ["a"], ([1 / n] for n in (2, 1, 0)))
    assert path.read_text() == "a\n1\n"


def test_json_is_readable_by_people_and_programs(tmp_path: Path) -> None:
    content = {"b": None, "a": ["Stöckel", 'x"\n', 1.5, True]}
    file_formats.write_json(tmp_path / "file.json", content)
    text = (tmp_path / "file.json").read_text("utf-8")
    assert "Stöckel" in text
    assert text.startswith('{\n  "b": null,\n')
    assert text.endswith("}\n")
    assert json.loads(text) == content


def test_nothing_becomes_an_empty_cell(tmp_path: Path) -> None:
    file_formats.write_csv(tmp_path / "x.csv", ["a", "b", "c"], [(None, 0, ""), (True, "é", 1.5)])
    assert (tmp_path / "x.csv").read_bytes() == "a,b,c\n,0,\nTrue,é,1.5\n".encode()


@pytest.mark.parametrize("text", ["\n", '"', "''", ",", " x ", "é€", "#", "\\", "x=1", "a-b"])
def test_a_harmless_cell_is_read_by_any_program_as_it_was_written(
    tmp_path: Path, text: str
) -> None:
    rows = [[f"a{text}", "x"], [f"a{text}b", f"b{text}"]]
    file_formats.write_csv(tmp_path / "x.csv", ["a", "b"], rows)
    with (tmp_path / "x.csv").open(encoding="utf-8", newline="") as stream:
        assert list(csv.reader(stream)) == [["a", "b"], *rows]


def test_a_folder_takes_its_place_as_a_file_does(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    with contextlib.suppress(KeyboardInterrupt), files.replacing(path) as temporary:
        temporary.mkdir()
        (temporary / "file").touch()
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []
    with files.replacing(path) as temporary:
        temporary.mkdir()
    assert list(tmp_path.iterdir()) == [path]


def test_what_killed_jobs_have_left_can_be_removed(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    left = [tmp_path / "a/.file.txt.1.tmp", tmp_path / ".folder.1.tmp"]
    left[0].touch()
    left[1].mkdir()
    (left[1] / ".file.2.tmp").touch()
    file_formats.write_json(tmp_path / "a/file.txt", {"kept": 1})
    files.remove_temporaries(tmp_path)
    assert file_formats.read_json(tmp_path / "a/file.txt") == {"kept": 1}
    assert sorted(path.name for path in tmp_path.rglob("*")) == [
        ".file.txt.sha256",
        "a",
        "file.txt",
    ]
    files.remove_temporaries(tmp_path / "nowhere")


def write_folder(path: Path) -> None:
    with files.write_checked(path) as folder:
        (folder / "part").mkdir(parents=True)
        (folder / "part/network.bin").write_bytes(bytes(100))
        (folder / "network.xml").write_text("<network/>")


WRITTEN = {
    "x.json": lambda path: file_formats.write_json(path, {"a": "b"}),
    "x.csv": lambda path: file_formats.write_csv(path, ["a"], [["b"]]),
}
READ = {"x.json": file_formats.read_json, "x.csv": file_formats.read_csv}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_flipped_bit_or_a_cut_is_noticed_wherever_it_is(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    WRITTEN[name](path)
    sound = path.read_bytes()
    whole = READ[name](path)
    for position in range(len(sound)):
        flipped = bytearray(sound)
        flipped[position] ^= 1
        for damaged in (flipped, sound[:position]):
            path.write_bytes(damaged)
            with pytest.raises(DamagedFileError, match=f"{name} is damaged") as reported:
                READ[name](path)
            assert reported.value.path == path
    path.write_bytes(sound)
    assert READ[name](path) == whole
    files.remove(path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "network.xml").write_text("<network>"),
        lambda folder: (folder / "network.xml").unlink(),
        lambda folder: (folder / "part/network.bin").rename(folder / "network.bin"),
        lambda folder: (folder / "another").touch(),
    ],
    ids=["changed", "lost", "moved", "added"],
)
def test_a_change_anywhere_in_a_folder_is_noticed(
    tmp_path: Path, damage: Callable[[Path], object]
) -> None:
    path = tmp_path / "backbone"
    write_folder(path)
    (path / ".snakemake_timestamp").touch()
    files.check(path)
    damage(path)
    with pytest.raises(DamagedFileError, match="backbone is damaged"):
        files.check(path)


def test_a_file_without_a_checksum_is_read_if_it_can_be(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text("{}")
    assert file_formats.read_json(path) == {}
    path.write_text("{")
    with pytest.raises(DamagedFileError, match=r"x\.json is damaged"):
        file_formats.read_json(path)


def test_a_file_that_the_system_does_not_let_be_read_is_not_damaged(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"x\.json cannot be read: .*o such file") as reported:
        file_formats.read_json(tmp_path / "x.json")
    assert not isinstance(reported.value, DamagedFileError)


def test_want_of_memory_is_not_damage(tmp_path: Path) -> None:
    with pytest.raises(MemoryError), files.checked(tmp_path / "x"):
        raise MemoryError


def test_a_job_killed_after_the_checksum_leaves_no_file_that_counts_as_sound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.json"
    file_formats.write_json(path, {"old": 1})
    replace = os.replace

    def stop(source: Path, target: Path) -> None:
        if target == path:
            raise KeyboardInterrupt
        replace(source, target)

    monkeypatch.setattr("os.replace", stop)
    with pytest.raises(KeyboardInterrupt):
        file_formats.write_json(path, {"new": 1})
    with pytest.raises(DamagedFileError):
        file_formats.read_json(path)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t'=1"),
        ("\r=1", "'\r'=1"),
        ("a\n=1", "a\n'=1"),
        ("a;=1", "a;'=1"),
        ("  =1", "'  =1"),
        ("\uff1d1", "'\uff1d1"),
        ("'=1", "''=1"),
        ("'a", "'a"),
        ("a=1", "a=1"),
    ],
)
def test_a_cell_that_would_be_a_formula_begins_with_an_apostrophe(
    tmp_path: Path, text: str, written: str
) -> None:
    path = tmp_path / "x.csv"
    file_formats.write_csv(path, [text], [[text]])
    with path.open(encoding="utf-8", newline="") as stream:
        assert list(csv.reader(stream)) == [[written]] * 2
    assert file_formats.read_csv(path) == [{text: text}]


def test_numbers_stay_numbers(tmp_path: Path) -> None:
    file_formats.write_csv(tmp_path / "x.csv", ["a"], [[-1], [-0.5], [Decimal("-0.500000")]])
    assert (tmp_path / "x.csv").read_text() == "a\n-1\n-0.5\n-0.500000\n"


def test_the_rule_in_the_documentation_gives_the_true_text(tmp_path: Path) -> None:
    documentation = Path(__file__).parents[3] / "docs" / "results.md"
    rule = re.search(r"`(re\.sub\(.*\))`", documentation.read_text("utf-8"))
    assert rule
    for text in ("=1", "'=1", "a", "'a", "a;-1", "\t@", "\uff1d"):
        file_formats.write_csv(tmp_path / "x.csv", ["a"], [[text]])
        with (tmp_path / "x.csv").open(encoding="utf-8", newline="") as stream:
            _, (cell,) = csv.reader(stream)
        assert eval(rule[1], {"re": re, "text": cell}) == text


CELLS = st.text(st.one_of(st.sampled_from("=+-@\t\r\n;,'\" a\uff1d"), st.characters(codec="utf-8")))


@given(rows=st.lists(st.tuples(CELLS, CELLS)))
def test_any_cell_is_read_as_it_was_written_and_is_no_formula_whatever_separates_the_cells(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    path = tmp_path_factory.mktemp("csv") / "x.csv"
    file_formats.write_csv(path, ["a", "b"], rows)
    assert file_formats.read_csv(path) == [{"a": a, "b": b} for a, b in rows]
    with path.open(encoding="utf-8", newline="") as stream:
        cells = {cell for row in csv.reader(stream) for cell in row}
    pieces = {piece for cell in cells for piece in re.split("[;\t\r\n]", cell)}
    assert not [
        piece
        for piece in cells | pieces
        if re.match("[ ']*[=+@-]", piece) and piece.lstrip(" ")[0] != "'"
    ]


def test_a_cell_of_any_length_is_read_as_it_was_written(tmp_path: Path) -> None:
    code = (  # in a process of its own, in which nothing has read a CSV before
        "import sys; from pathlib import Path\n"
        "from similar_images.core.file_formats import read_csv, write_csv\n"
        "path = Path(sys.argv[1])\n"
        "write_csv(path, ['a', 'b'], [['x' * 200_000, 'y']])\n"
        "print([{name: len(cell) for name, cell in row.items()} for row in read_csv(path)])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "x.csv")],
        cwd=Path(file_formats.__file__).parents[2],
        capture_output=True,
        text=True,
    )
    assert run.stdout == "[{'a': 200000, 'b': 1}]\n", run.stderr


def test_a_row_that_is_not_whole_is_reported_with_the_line_it_begins_in() -> None:
    rows = file_formats.csv_rows(['a,"b\n', 'c"\n', 'd,"e\n', "f\n"])
    assert next(rows) == (1, ["a", "b\nc"])
    with pytest.raises(ValueError, match=r"^line 3: not a row of a CSV file"):
        next(rows)


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


@pytest.mark.parametrize(
    "text", ["[]", "{}", '{"count": "x"}', '{"count": null}', "{", None], ids=str
)
def test_a_cache_with_another_content_than_expected_counts_as_empty(
    tmp_path: Path, text: str | None
) -> None:
    path = tmp_path / "cache.json"
    if text is not None:
        path.write_text(text)
    assert file_formats.read_json_cache(path, {"count": 0}) == {"count": 0}


def test_a_json_file_that_is_no_object_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "metrics.json"
    path.write_text("[]")
    with pytest.raises(DamagedFileError):
        file_formats.read_json(path)
