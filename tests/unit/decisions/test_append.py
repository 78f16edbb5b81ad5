"""Tests of adding decisions to a file: nothing is lost while others write or read."""

import csv
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from similar_images.core.errors import ConflictError, InputError, UserError
from similar_images.decisions import append as appending
from similar_images.decisions import decisions
from similar_images.decisions.append import append

Row = dict[str, str]
LIBRARY = Path(__file__).parents[3] / "workflow" / "scripts"
A, B = "a" * 64, "b" * 64
NOON, LATER = "2026-11-24T12:00:00Z", "2026-11-24T13:00:00Z"
HEADER = ",".join(decisions.TABLE.names)

# Adds decisions on photos of its own, one at a time, and says so after each.
WRITER = """
import sys
from pathlib import Path
from similar_images.decisions.append import append

path, first, number = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
for n in range(first, first + number):
    row = {"content_id": f"{n:064x}", "image": f"{n}.jpg", "set": "new", "decision": "right",
           "label": "boots", "when": "2026-11-24T12:00:00Z", "note": "x" * 2000}
    append(path, [row])
    print(n, flush=True)
"""


def row(content_id: str = A, decision: str = "right", label: str = "boots", **more: str) -> Row:
    given = {"content_id": content_id, "image": "boots/0.png", "set": "new", "decision": decision}
    return given | {"label": label, "when": NOON, "note": ""} | more


def line(content_id: str = A, separator: str = ",", **more: str) -> str:
    return separator.join(row(content_id, **more).values())


def said(path: Path) -> list[tuple[str, str, str | None]]:
    """Return what counts."""
    return [(one.content_id, one.decision, one.label) for one in decisions.read([path])]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "decisions.csv"


def writer(file: Path, first: int, number: int) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(file), str(first), str(number)],
        env=os.environ | {"PYTHONPATH": str(LIBRARY)},
        stdout=subprocess.PIPE,
        text=True,
    )


def test_the_first_decision_makes_the_file(file: Path) -> None:
    append(file, [row()])
    assert file.read_text("utf-8") == f"{HEADER}\n{line()}\n"


def test_a_decision_is_added_after_the_others(file: Path) -> None:
    append(file, [row()])
    append(file, [row(B, "out", ""), row("c" * 64)])
    assert said(file) == [(A, "right", "boots"), (B, "out", None), ("c" * 64, "right", "boots")]


def test_an_empty_file_gets_its_header(file: Path) -> None:
    file.touch()
    append(file, [row()])
    assert said(file) == [(A, "right", "boots")]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", ["", "end", "end and an empty line"])
@pytest.mark.parametrize("separator", [",", ";"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_file_that_a_spreadsheet_saved_keeps_every_byte_and_its_dialect(
    file: Path, end: str, last: str, separator: str, mark: bytes
) -> None:
    rows = [HEADER.replace(",", separator), line(B, separator, label='" ""hats""  "')]
    closing = {"": "", "end": end}.get(last, end + end)
    before = mark + (end.join(rows) + closing).encode()
    file.write_bytes(before)
    hard = row(image='a,b;c\n"d"', note="=1+1; -2")
    append(file, [hard])
    after = file.read_bytes()
    added = after.removeprefix(before)
    assert added != after
    assert added.endswith(end.encode())
    assert b"'=1" in added
    kept, new = decisions.read([file])
    assert kept.label == ' "hats"  '
    assert (new.image, new.note) == (hard["image"], hard["note"])


def test_texts_that_a_spreadsheet_would_run_are_protected_and_read_as_they_were(
    file: Path,
) -> None:
    append(file, [row(label="=boots", image="+a;=b.png", note='\t=HYPERLINK("x")')])
    with file.open(newline="", encoding="utf-8") as stream:
        _, cells = csv.reader(stream)
    assert not [cell for cell in cells if cell.startswith(("=", "+", "\t"))]
    (decision,) = decisions.read([file])
    assert decision[1:5] == ("+a;=b.png", "new", "right", "=boots")
    assert decision.note == '\t=HYPERLINK("x")'


# ---- Times


def test_a_time_that_is_not_yet_is_refused(file: Path) -> None:
    for when in ("9999-12-31T00:00:00Z", "9999-12-31T23:59:59-23:59"):
        with pytest.raises(InputError, match="at most a day from now"):
            append(file, [row(when=when)])
    assert not file.exists()


def test_a_decision_that_is_added_counts_even_if_its_clock_is_slow(file: Path) -> None:
    append(file, [row(when=LATER)])
    append(file, [row(decision="wrong", label="hats", when=NOON)])
    (decision,) = decisions.read([file])
    assert decision.label == "hats"
    assert decision.when.isoformat() == "2026-11-24T13:00:01+00:00"


def test_of_two_at_the_same_time_the_one_that_is_added_last_counts(file: Path) -> None:
    append(file, [row(), row(decision="wrong", label="hats")])
    append(file, [row(decision="out", label="")])
    assert said(file) == [(A, "out", None)]


def test_other_questions_about_the_same_photo_do_not_contradict_each_other(file: Path) -> None:
    append(file, [row(), row(decision="catalogue")])
    append(file, [row(set="catalogue", decision="out", label="")])
    assert len(decisions.read([file])) == 3


def test_rows_on_one_photo_keep_the_order_of_their_times(file: Path) -> None:
    append(file, [row(decision="out", label="", when=LATER), row(when=NOON)])
    assert said(file) == [(A, "out", None)]


def test_a_later_decision_keeps_its_time(file: Path) -> None:
    append(file, [row()])
    append(file, [row(decision="out", label="", when="2026-11-24T14:30:00.5+01:00")])
    assert "2026-11-24T14:30:00.5+01:00" in file.read_text("utf-8")


def test_what_is_sent_again_is_not_added_twice(file: Path) -> None:
    append(file, [row(when=LATER, decision="out", label="")])
    append(file, [row(), row(B)])
    before = file.read_bytes()
    append(file, [row(), row(B)])
    append(file, [row(when="2026-11-24T13:00:00+01:00")])
    assert file.read_bytes() == before


def test_an_answer_that_was_lost_does_not_bring_back_an_earlier_decision(file: Path) -> None:
    append(file, [row()])
    append(file, [row(decision="out", label="", when=LATER)])
    append(file, [row()])
    assert said(file) == [(A, "out", None)]


def test_no_time_is_later_than_the_last_one(file: Path) -> None:
    file.write_text(f"{HEADER}\n{line(when='9999-12-31T23:59:59Z')}\n", "utf-8")
    with pytest.raises(ConflictError, match=r"9999-12-31.*no later time.*Correct"):
        append(file, [row(decision="out", label="")])


# ---- What is refused


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (row(content_id="x"), "content_id 'x'"),
        (row(decision="maybe"), "decision 'maybe'"),
        (row(when="today"), "when 'today'"),
        (row(label=""), "no label"),
        (row(note="a\0b"), "note 'a.x00b'"),
        (row(image="\ud800"), "image '.ud800'"),
        ({"content_id": A}, "no text for image"),
        (row() | {"note": None}, "no text for note"),
        (row() | {"colour": "red"}, "'colour' is no column"),
    ],
)
def test_a_decision_that_could_not_be_read_again_is_refused_and_nothing_is_added(
    file: Path, given: Mapping[str, str], words: str
) -> None:
    with pytest.raises(UserError, match=f"decision 2: {words}"):
        append(file, [row(B), given])
    assert not file.exists()


def test_many_faults_are_counted(file: Path) -> None:
    with pytest.raises(UserError, match="and 5 more"):
        append(file, [row(content_id="x")] * 25)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"PK\x03\x04 and so on", "a workbook.*decisions: .decisions.csv, decisions.xlsx."),
        (f"{HEADER}\n{line()}\n{line()},more\n".encode(), "line 3: 8 cells"),
        (f"{HEADER}\n{line()}\n{line(decision='out', label='')}\n".encode(), "contradict"),
        (f'{HEADER}\n{line()}"unclosed\n{line()}'.encode(), "line 2"),
        (b"image,label\n", "not the header"),
        (b"\xff\xfeh", "not UTF-8"),
    ],
)
def test_a_file_that_is_damaged_or_another_one_stays_as_it_is(
    file: Path, content: bytes, words: str
) -> None:
    file.write_bytes(content)
    with pytest.raises(UserError, match=f"(?s){words}"):
        append(file, [row(B)])
    assert file.read_bytes() == content


def test_a_file_would_not_be_read_if_it_became_too_large(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(file, [row()])
    before = file.read_bytes()
    monkeypatch.setattr(decisions, "MOST_BYTES", len(before) + 50)
    with pytest.raises(UserError, match="allowed"):
        append(file, [row(B)])
    assert file.read_bytes() == before


# ---- The file system


def test_a_link_stays_a_link_and_its_file_gets_the_decision(tmp_path: Path, file: Path) -> None:
    target = tmp_path / "shared" / "ours.csv"
    target.parent.mkdir()
    file.symlink_to("shared/ours.csv")
    append(file, [row()])
    append(file, [row(B)])
    assert file.is_symlink()
    assert not target.is_symlink()
    assert len(said(target)) == 2
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_permissions_and_owner_stay(file: Path) -> None:
    append(file, [row()])
    file.chmod(0o640)
    owner = (1234, 5678) if os.geteuid() == 0 else (os.getuid(), os.getgid())
    os.chown(file, *owner)
    os.utime(file, (0, 0))
    append(file, [row(B)])
    status = file.stat()
    assert (status.st_mode & 0o777, status.st_uid, status.st_gid) == (0o640, *owner)
    assert status.st_mtime > 1_000_000  # Snakemake must see the change.


def test_a_file_that_is_read_only_is_not_replaced(file: Path) -> None:
    append(file, [row()])
    before = file.read_bytes()
    file.chmod(0o444)
    with pytest.raises(UserError, match=r"decisions.csv.*read-only.*chmod"):
        append(file, [row(B)])
    assert file.read_bytes() == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
def test_a_folder_that_is_read_only_is_named(tmp_path: Path, file: Path) -> None:
    tmp_path.chmod(0o555)
    with pytest.raises(UserError, match=r"decisions.csv cannot be saved: permission denied"):
        append(file, [row()])


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file or directory"):
        append(tmp_path / "none" / "decisions.csv", [row()])


def test_links_in_a_circle_are_refused(file: Path) -> None:
    file.symlink_to(file.name)
    with pytest.raises(UserError, match=r"decisions.csv"):
        append(file, [row()])


@pytest.mark.parametrize("kind", ["pipe", "folder"])
def test_what_is_no_file_is_refused(file: Path, kind: str) -> None:
    os.mkfifo(file) if kind == "pipe" else file.mkdir()
    with pytest.raises(UserError, match="not a regular file"):
        append(file, [row()])


@pytest.fixture
def small_files() -> Iterator[None]:
    """Let no file become larger than 3,000 bytes, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("small_files")
def test_on_a_full_disk_the_file_stays_as_it_was_and_nothing_is_left_behind(
    tmp_path: Path, file: Path
) -> None:
    append(file, [row()])
    before = file.read_bytes()
    with pytest.raises(UserError, match=r"decisions.csv cannot be saved: file too large.*space"):
        append(file, [row(B, note="x" * 5_000)])
    assert file.read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {file.name, ".decisions.csv.lock"}


# ---- Several at once


def test_eight_processes_lose_nothing_and_a_reader_always_sees_a_whole_file(file: Path) -> None:
    append(file, [row()])
    numbers = [1]
    done = threading.Event()

    def reading() -> None:
        while not done.is_set():
            numbers.append(len(decisions.read([file])))

    reader = threading.Thread(target=reading)
    reader.start()
    writers = [writer(file, 1000 * n, 25) for n in range(1, 9)]
    codes = [one.wait(timeout=120) for one in writers]
    done.set()
    reader.join()
    assert codes == [0] * 8
    assert len(said(file)) == 201
    assert numbers == sorted(numbers)
    assert len(numbers) > 10


def test_threads_of_one_process_lose_nothing(file: Path) -> None:
    threads = [
        threading.Thread(target=append, args=(file, [row(f"{n:064x}")])) for n in range(1, 21)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(said(file)) == 20


def test_a_killed_process_leaves_a_whole_file_with_all_that_it_had_confirmed(file: Path) -> None:
    confirmed = 0
    for round_ in range(12):
        process = writer(file, 1000 * round_, 1000)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.002 * round_)  # another moment in each round
        process.send_signal(signal.SIGKILL)
        confirmed += 1 + len(process.stdout.readlines())
        process.wait()
        assert len(said(file)) >= confirmed
    append(file, [row()])
    assert {path.name for path in file.parent.iterdir()} == {file.name, ".decisions.csv.lock"}


def test_a_file_that_another_process_keeps_locked_is_named(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(appending, "SECONDS_TO_WAIT", 0.2)
    code = """
import fcntl, sys
lock = open(sys.argv[1], "w")
fcntl.flock(lock, fcntl.LOCK_EX)
print("locked", flush=True)
sys.stdin.read()
"""
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(file.with_name(".decisions.csv.lock"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    holder.stdout.readline()
    with pytest.raises(UserError, match=r"decisions.csv.*another program.*again"):
        append(file, [row()])
    holder.communicate()
    append(file, [row()])
    assert said(file) == [(A, "right", "boots")]
