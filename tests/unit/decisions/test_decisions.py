"""Tests of the files of decisions: what counts, and what is refused."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from similar_images.core.errors import UserError
from similar_images.core.file_formats import write_csv
from similar_images.decisions import decisions
from similar_images.images.fingerprint import Summary
from similar_images.report.templates import TEMPLATES

ROOT = Path(__file__).parents[3]
A, B = "a" * 64, "b" * 64
NOON, LATER = "2026-11-24T12:00:00Z", "2026-11-24T13:00:00Z"
FIRST = ",".join(decisions.TABLE.names)


def row(
    content_id: str = A,
    set_: str = "new",
    decision: str = "right",
    label: str = "boots",
    when: str = NOON,
    image: str = "boots/0.png",
    note: str = "",
) -> tuple[str, ...]:
    return content_id, image, set_, decision, label, when, note


def put(path: Path, *rows: tuple[str, ...]) -> Path:
    write_csv(path, decisions.TABLE.names, rows)
    return path


def line(**cells: str) -> str:
    return ",".join(row(**cells))


def test_a_decision_is_read_as_it_was_written(tmp_path: Path) -> None:
    note = 'said "so",\nand -- on a second line\r\n=HYPERLINK("x")'
    file = put(tmp_path / "d.csv", row(label="=boots", image="+a;=b.png", note=note))
    (decision,) = decisions.read([file])
    assert decision[:5] == (A, "+a;=b.png", "new", "right", "=boots")
    assert decision.note == note
    assert decision.when.isoformat() == "2026-11-24T12:00:00+00:00"


def test_a_note_of_any_length_is_read_as_the_page_reads_it(tmp_path: Path) -> None:
    file = put(tmp_path / "d.csv", row(note="x" * 200_000))
    assert len(decisions.read([file])[0].note) == 200_000


def test_what_counts_is_given_to_the_pages_as_the_rows_of_a_file(tmp_path: Path) -> None:
    late = row(decision="out", label="", when="2026-11-25T12:00:00+01:00", note="n")
    file = put(tmp_path / "d.csv", row(), late, row(B))
    first, second = decisions.rows(decisions.read([file]))
    assert tuple(first) == decisions.TABLE.names
    assert tuple(first.values()) == late
    assert tuple(second.values()) == row(B, when="2026-11-24T12:00:00+00:00")


def test_a_mark_of_the_byte_order_and_the_line_ends_of_a_spreadsheet_do_no_harm(
    tmp_path: Path,
) -> None:
    file = tmp_path / "d.csv"
    file.write_bytes(b"\xef\xbb\xbf" + f"{FIRST}\r\n{line()}\r\n\r\n".encode())
    assert decisions.read([file])[0].label == "boots"


def test_semicolons_between_the_cells_are_read_as_excel_saves_them(tmp_path: Path) -> None:
    file = tmp_path / "d.csv"
    cells = [*row(image="a,b.png", note='"one; two"')]
    rows = [FIRST.replace(",", ";"), ";".join(cells)]
    file.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(rows).encode())
    (decision,) = decisions.read([file])
    assert (decision.image, decision.note) == ("a,b.png", "one; two")


def test_a_decision_that_is_taken_back_is_kept_as_a_row_without_a_class(tmp_path: Path) -> None:
    back = row(decision="undecided", label="", when=LATER)
    one, other = put(tmp_path / "1.csv", row()), put(tmp_path / "2.csv", back)
    for files in ([one, other], [other, one]):
        (decision,) = decisions.read(files)
        assert decision[3:5] == ("undecided", None)
    # Nothing is lost when its row goes.
    applied, lost = tmp_path / "applied.csv", tmp_path / "lost.csv"
    decisions.remember([decision], applied, lost)
    assert decisions.remember([], applied, lost) == []


def test_of_several_decisions_on_a_content_the_later_counts_whatever_is_first(
    tmp_path: Path,
) -> None:
    early = put(tmp_path / "1.csv", row(label="sandals", when="2026-11-24T13:00:00+00:00"), row(B))
    late = put(
        tmp_path / "2.csv",
        row(decision="out", label="", when="2026-11-24T14:30:00+01:00"),
        row(label="hats", when="2026-11-24T13:30:00.000001Z"),
    )
    for files in ([early, late], [late, early]):
        found = {decision.content_id: decision.label for decision in decisions.read(files)}
        assert found == {A: "hats", B: "boots"}


def test_of_equally_late_decisions_in_two_files_that_of_the_last_file_counts(
    tmp_path: Path,
) -> None:
    one, other = put(tmp_path / "1.csv", row()), put(tmp_path / "2.csv", row(label="hats"))
    assert decisions.read([one, other])[0].label == "hats"
    assert decisions.read([other, one])[0].label == "boots"


def test_the_same_said_twice_is_no_contradiction(tmp_path: Path) -> None:
    file = put(tmp_path / "d.csv", row(), row(image="moved.png", note="again"))
    assert len(decisions.read([file])) == 1


def test_without_files_nothing_is_decided() -> None:
    assert decisions.paths(None) == []
    assert decisions.paths("a.csv") == [Path("a.csv")]
    assert decisions.paths(["a.csv", "b.csv"]) == [Path("a.csv"), Path("b.csv")]
    assert decisions.read([]) == []


def test_a_file_with_a_header_alone_decides_nothing(tmp_path: Path) -> None:
    assert decisions.read([put(tmp_path / "d.csv")]) == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", ["line 1: ''", "not the header", f"allowed: {FIRST}"]),
        ("\n", ["line 1", "not the header"]),
        ("image,label\na.png,boots\n", ["line 1: 'image,label'", f"allowed: {FIRST}"]),
        (FIRST.replace(",", "|"), ["line 1", "not the header"]),
        (f" {FIRST}", ["line 1", "not the header"]),
        ("<!DOCTYPE html>\n<html>", ["line 1: '<!DOCTYPE html>'"]),
        (f"{FIRST}\n{line(content_id='abc')}", ["line 2: content_id 'abc'", "64 digits"]),
        (f"{FIRST}\n{line(content_id=A.upper())}", ["line 2: content_id 'AAA"]),
        (f"{FIRST}\n{line(content_id=A[1:] + '٣')}", ["line 2: content_id"]),
        (f"{FIRST}\n{line(set_='../up')}", ["line 2: set '../up'", "the name of a query set"]),
        (f"{FIRST}\n{line(set_='')}", ["line 2: set ''"]),
        (f"{FIRST}\n{line(decision='Right')}", ["decision 'Right'", "right, wrong, out, catal"]),
        (f"{FIRST}\n{line(label='')}", ["line 2: no label with the decision right"]),
        (f"{FIRST}\n{line(decision='wrong', label=' ')}", ["no label with the decision wrong"]),
        (f"{FIRST}\n{line(decision='catalogue', label='')}", ["no label", "catalogue"]),
        (f"{FIRST}\n{line(decision='out')}", ["label 'boots' with the decision out"]),
        (f"{FIRST}\n{line(decision='undecided')}", ["label 'boots' with the decision undecided"]),
        (f"{FIRST}\n{line(label='x' * 1001)}", ["a label of 1,001 characters"]),
        (f"{FIRST}\n{line(label='a' + chr(7))}", ["line 2: label 'a\\x07'", "control character"]),
        (f"{FIRST}\n{line(label=chr(0x200B))}", ["line 2: no label with the decision right"]),
        (
            f"{FIRST}\n{line(set_='catalogue', decision='catalogue')}",
            ["line 2: decision catalogue of a photo of the catalogue", "query set"],
        ),
        (f"{FIRST}\n{line(when='yesterday')}", ["when 'yesterday'", "2026-11-24T17:03:12Z"]),
        (f"{FIRST}\n{line(when='2026-11-24T12:00:00')}", ["when '2026-11-24T12:00:00'"]),
        (f"{FIRST}\n{line(when='2026-13-24T12:00:00Z')}", ["when '2026-13-24T12:00:00Z'"]),
        (f"{FIRST}\n{line(when='2026-11-24')}", ["when '2026-11-24'"]),
        (f"{FIRST}\n{line()},more", ["line 2: 8 cells; allowed: 7"]),
        (f"{FIRST}\n{A},x,new,right", ["line 2: 4 cells; allowed: 7"]),
        (f"{FIRST}\n{line()}\n{line(note=chr(34) + 'open')}", ["line 3: not a row of a CSV"]),
        (f"{FIRST}\n{line(note=chr(34) + 'a' + chr(34) + 'b')}", ["line 2: not a row of a CSV"]),
        (f"{FIRST}\n{line()}\n{line(note='a' + chr(0))}", ["line 3: a NUL byte"]),
        (f"{FIRST}\n{line(note='é')}".encode("latin-1"), ["line 2: not UTF-8"]),
        (f"{FIRST}\n{line()}".encode("utf-16"), ["line 1", "allowed: text in UTF-8"]),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", ["line 3: a NUL byte"]),
        (
            f"{FIRST}\n{line()}\n{line(content_id=B)}\n{line(decision='wrong', label='hats')}",
            ["lines 2 and 4 contradict each other", "'right' 'boots'", "'wrong' 'hats'"],
        ),
        (
            f"{FIRST}\n{line()}\n{line(decision='catalogue')}",
            ["lines 2 and 3 contradict each other", "'right' 'boots'", "'catalogue' 'boots'"],
        ),
        (
            f"{FIRST}\n{line()}\n{line(label='hats', when='2026-11-24T13:00:00+01:00')}",
            ["lines 2 and 3 contradict each other"],
        ),
    ],
)
def test_a_bad_file_is_refused_with_the_line_and_what_is_allowed(
    tmp_path: Path, content: str | bytes, words: list[str]
) -> None:
    file = tmp_path / "decisions.csv"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(UserError) as refused:
        decisions.read([file])
    for word in (str(file), *words, "Correct or remove these lines"):
        assert word in str(refused.value)


def test_a_row_that_begins_on_one_line_and_ends_on_another_is_named_by_the_first(
    tmp_path: Path,
) -> None:
    file = put(tmp_path / "d.csv", row(note="one\ntwo\nthree"), row(B, decision="?"))
    with pytest.raises(UserError, match=r"\n  line 5: decision '\?'"):
        decisions.read([file])


def test_all_faults_are_reported_at_once_but_no_more_than_twenty(tmp_path: Path) -> None:
    file = put(tmp_path / "d.csv", *(row(f"{n}", when="") for n in range(15)))
    with pytest.raises(UserError) as refused:
        decisions.read([file])
    reported = str(refused.value).splitlines()
    assert [text.startswith("  line ") for text in reported].count(True) == 20
    assert "  and 10 more" in reported


def test_what_a_file_holds_cannot_break_out_of_its_complaint(tmp_path: Path) -> None:
    file = put(tmp_path / "d.csv", row("\x1b[31m\nError: " + "x" * 999))
    with pytest.raises(UserError) as refused:
        decisions.read([file])
    assert "\x1b" not in str(refused.value)
    assert max(map(len, str(refused.value).splitlines())) < 300


def test_a_file_of_absurd_size_is_refused_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decisions, "MOST_BYTES", 100)
    with pytest.raises(UserError, match=r"it has [0-9]+ bytes; allowed: 100"):
        decisions.read([put(tmp_path / "d.csv", row())])


@pytest.mark.parametrize(
    ("name", "words"),
    [("gone.csv", "no such file"), (".", "not a regular file"), ("pipe", "not a regular file")],
)
def test_a_file_that_is_not_there_is_reported_with_what_to_do(
    tmp_path: Path, name: str, words: str
) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UserError, match=f"{words}.*(Save the decisions|Name another file)"):
        decisions.read([tmp_path / name])


def test_the_catalogue_can_have_the_classes_and_images_that_were_decided(tmp_path: Path) -> None:
    file = put(tmp_path / "d.csv", row(), row(B, decision="out", label=""))
    most = decisions.at_most(Summary("x", 1, frozenset({"hats"})), decisions.read([file]))
    assert (most.images, most.classes) == (2, frozenset({"boots", "hats"}))


def test_classes_that_only_decisions_name_are_counted_by_photos(tmp_path: Path) -> None:
    taken = row(decision="catalogue", label="jaket", when="2026-11-25T12:00:00Z")
    rows = (row(decision="wrong", label="jaket"), taken, row(B, decision="out", label=""))
    decided = decisions.read([put(tmp_path / "d.csv", *rows)])
    assert decisions.new_classes(decided, {"jacket"}) == {"jaket": 1}
    assert decisions.new_classes(decided, {"jaket"}) == {}


def test_nothing_slow_is_imported() -> None:
    code = "import similar_images.decisions.decisions, sys; print(*sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT / "workflow/scripts",
        capture_output=True,
        text=True,
        check=True,
    )
    assert not {"numpy", "openpyxl", "pyarrow", "pandas", "PIL"} & set(run.stdout.split())


def test_in_each_set_and_on_each_subject_the_latest_decision_counts(tmp_path: Path) -> None:
    file = put(
        tmp_path / "d.csv",
        row(set_="catalogue", decision="wrong", label="hats"),
        row(decision="catalogue", when="2026-11-24T13:00:00Z"),
        row(when="2026-11-24T14:00:00Z"),
        row(label="sandals", when="2026-11-24T15:00:00Z"),
    )
    assert [decision[2:5] for decision in decisions.read([file])] == [
        ("catalogue", "wrong", "hats"),
        ("new", "catalogue", "boots"),
        ("new", "right", "sandals"),
    ]


def test_a_label_is_brought_to_the_form_in_which_classes_are_compared(tmp_path: Path) -> None:
    file = put(tmp_path / "d.csv", row(label="Ho\u0308he"))
    assert decisions.read([file])[0].label == "H\u00f6he"


def test_decisions_that_a_run_applied_and_no_file_has_any_more_are_reported_and_kept(
    tmp_path: Path,
) -> None:
    applied, lost = tmp_path / "applied.csv", tmp_path / "lost.csv"
    first = decisions.read([put(tmp_path / "1.csv", row(), row(decision="catalogue", when=LATER))])
    assert decisions.remember(first, applied, lost) == []
    assert not lost.exists()
    changed = decisions.read([put(tmp_path / "2.csv", row(label="hats", when=LATER))])
    (missing,) = decisions.remember(changed, applied, lost)
    assert missing.decision == "catalogue"
    assert decisions.read([lost]) == [missing]
    assert decisions.remember(changed, applied, lost) == []
    both = decisions.read([tmp_path / "2.csv", lost])
    assert decisions.remember(both, applied, lost) == []
    applied.write_text("damaged")
    assert decisions.remember([], applied, lost) == []


def test_a_file_of_missing_decisions_keeps_those_of_earlier_runs(tmp_path: Path) -> None:
    applied, lost = tmp_path / "applied.csv", tmp_path / "lost.csv"
    both = decisions.read([put(tmp_path / "1.csv", row(), row(B))])
    decisions.remember(both, applied, lost)
    decisions.remember(both[1:], applied, lost)
    decisions.remember([], applied, lost)
    assert decisions.read([lost]) == both


def test_the_pages_write_the_columns_of_the_table() -> None:
    script = (TEMPLATES / "decisions.js").read_text("utf-8")
    columns = ", ".join(f'"{name}"' for name in decisions.TABLE.names)
    assert f"const COLUMNS = [{columns}];" in script
