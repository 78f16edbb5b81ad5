"""`python -m similar_images ask`: what people see of the answers, and exit codes."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence

import pytest

from project import ROOT, Project

PHOTO = "photos/new/boots/0.png"


@pytest.fixture(scope="module")
def asked(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that has run, for all questions of this module."""
    return finished.copy(tmp_path_factory.mktemp("asked") / "project")


def ask(
    project: Project, *arguments: str | bytes, stdin: bytes = b"", **environment: str
) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "similar_images", "ask", *arguments]
    return run(project, command, stdin, **environment)


def run(
    project: Project, command: Sequence[str | bytes], stdin: bytes = b"", **environment: str
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        command,
        cwd=project.folder,
        env=os.environ | {"PYTHONPATH": str(ROOT / "workflow/scripts")} | environment,
        input=stdin,
        capture_output=True,
        check=False,
    )


def test_the_answer_to_a_query_is_that_in_the_predictions(asked: Project) -> None:
    done = ask(asked, PHOTO, "photos/new/sandals/1.png", "--json")
    assert (done.returncode, done.stderr) == (0, b"")
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    rows = {row["image"]: row for row in asked.rows("new/predictions.csv")}
    for answer in answers:
        row = rows[answer["image"].removeprefix("photos/new/")]
        assert [answer["prediction"], str(answer["votes"])] == [row["prediction"], row["votes"]]
        assert [found["image"] for found in answer["neighbours"]] == [
            row[name] for name in ("similar_1", "similar_2", "similar_3")
        ]


def test_a_photo_has_a_few_lines_and_the_class_of_its_neighbours_can_be_chosen(
    asked: Project,
) -> None:
    lines = ask(asked, PHOTO, "--neighbours", "2", "--class", "sandals").stdout.decode().split("\n")
    assert lines[0] == PHOTO
    assert lines[1].startswith("  boots, confidence ")
    assert [line.split()[1] for line in lines[-3:-1]] == ["sandals", "sandals"]


def test_a_photo_can_come_from_standard_input(asked: Project) -> None:
    done = ask(asked, "-", "--json", stdin=(asked.folder / PHOTO).read_bytes())
    assert json.loads(done.stdout)["prediction"] == "boots"


def test_photos_that_cannot_be_read_are_named_and_all_others_answered(asked: Project) -> None:
    (asked.folder / "text.jpg").write_text("no photo")
    done = ask(asked, "text.jpg", PHOTO, "missing.jpg", "photos/new", "-")
    assert done.returncode == 1
    assert done.stdout.startswith(PHOTO.encode())
    errors = done.stderr.decode().splitlines()
    assert [line.split(": ")[:2] for line in errors] == [
        ["Error", name] for name in ("text.jpg", "missing.jpg", "photos/new", "<stdin>")
    ]
    assert "name its photos, or make it a query set" in errors[2]


def test_names_of_any_bytes_are_shown_on_any_terminal(asked: Project) -> None:
    for name in (b"\xff\x1b[31m.png", "Stiefel für 靴.png".encode()):
        shutil.copy(asked.folder / PHOTO, asked.folder / os.fsdecode(name))
        for encoding in ("utf-8", "ascii"):
            done = ask(asked, name, name + b".missing", PYTHONIOENCODING=encoding)
            assert done.returncode == 1
            assert b"  boots, confidence" in done.stdout
            assert b"Traceback" not in done.stderr
            assert b"\x1b" not in done.stdout + done.stderr
    assert ask(asked, name, PYTHONIOENCODING="utf-8").stdout.startswith(name)


def test_a_reader_that_goes_away_ends_the_program_without_a_word(asked: Project) -> None:
    command = f"{sys.executable} -m similar_images ask {PHOTO} 2>errors | true; cat errors"
    done = run(asked, ["bash", "-c", command])
    assert (done.returncode, done.stdout) == (0, b"")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([PHOTO, "--results", "elsewhere"], 1, "Error: elsewhere has no complete results"),
        ([PHOTO, "--class", "boot"], 1, "Error: The catalogue has no class boot. Did you mean"),
        ([PHOTO, "--class", "hats"], 1, "Error: The catalogue has no class hats. Classes: "),
        ([PHOTO, "--neighbours", "0"], 2, "--neighbours: 0 is not from 1 to 1,000"),
        ([PHOTO, "--neighbours", "many"], 2, "--neighbours: many is not from 1 to 1,000"),
        ([], 2, "PHOTO"),
    ],
)
def test_what_is_wrong_is_said(
    asked: Project, arguments: list[str], code: int, message: str
) -> None:
    done = ask(asked, *arguments)
    assert (done.returncode, done.stdout) == (code, b"")
    assert message in done.stderr.decode()
    assert b"Traceback" not in done.stderr


def test_the_example_of_the_documents_works(asked: Project) -> None:
    page = (ROOT / "docs/asking.md").read_text("utf-8")
    [example] = re.findall(r"^```python\n(.*?)^```", page, re.M | re.S)
    shutil.copy(asked.folder / PHOTO, asked.folder / "photo.jpg")
    done = run(asked, [sys.executable, "-c", example])
    assert done.returncode == 0
    assert done.stdout.startswith(b"boots ")
    assert len(done.stdout.splitlines()) == 12  # the class, 10 neighbours, and those of the first


def test_an_answer_loads_nothing_slow_that_it_does_not_need(asked: Project) -> None:
    code = f"""
import sys
from similar_images.__main__ import main
sys.argv[1:] = ["ask", {PHOTO!r}]
main()
print(*sys.modules)
"""
    done = run(asked, [sys.executable, "-c", code])
    assert done.returncode == 0
    slow = {"aiohttp", "fastapi", "fsspec", "keras", "matplotlib", "openpyxl", "pandas", "scipy"}
    assert not (slow | {"snakemake", "sklearn", "tensorflow"}) & {*done.stdout.decode().split()}


def test_the_command_line_alone_imports_nothing_slow() -> None:
    code = "import sys; from similar_images import __main__; print(*sys.modules)"
    folder = ROOT / "workflow/scripts"
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True
    )
    assert not {"numpy", "pyarrow", "PIL", "fastapi"} & {*run.stdout.split()}


@pytest.mark.parametrize(
    ("redirected", "said"),
    [
        ("- <&-", "-: standard input is closed"),
        (f"{PHOTO} >&-", "standard output is closed"),
        (f"{PHOTO} >/dev/full", "the answers cannot be printed: no space left on device"),
    ],
)
def test_a_stream_that_cannot_be_used_is_an_error_in_one_line(
    asked: Project, redirected: str, said: str
) -> None:
    done = run(asked, ["bash", "-c", f"{sys.executable} -m similar_images ask {redirected}"])
    assert done.returncode == 1
    assert done.stderr.decode().startswith(f"Error: {said}")
    assert len(done.stderr.splitlines()) == 1
