"""Tests of what the server knows of its project, with an invented catalogue."""

import hashlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from similar_images.core.errors import InputError
from similar_images.server.service import Service


def service(project: Path, *decisions: str) -> Any:
    described = SimpleNamespace(decisions=[*decisions], folders={}, queries=["new"])
    catalogue: Any = SimpleNamespace(
        project=project, description=described, classes=["boots"], __len__=lambda: 1
    )
    return Service(catalogue, project / "results", None)


@pytest.mark.parametrize(
    ("named", "file"),
    [
        ([], "decisions.csv"),
        (["D.CSV"], "D.CSV"),
        (["predictions.xlsx"], "decisions.csv"),
        (["Predictions.XLSX", "ours.txt"], "ours.txt"),
    ],
)
def test_decisions_go_to_the_first_named_file_that_is_no_workbook(
    tmp_path: Path, named: list[str], file: str
) -> None:
    assert service(tmp_path, *named).decisions_file == file


def test_the_named_files_are_told_without_folders_of_this_machine(tmp_path: Path) -> None:
    made = service(tmp_path, "shop/predictions.xlsx", "/srv/d.csv")
    assert made.decisions_named == ["shop/predictions.xlsx", "d.csv"]


def test_a_project_is_told_from_others_and_stays_the_same(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "a")
    (tmp_path / "a").mkdir()
    first = service(tmp_path / "a").project
    assert service(tmp_path / "a").project == first
    assert service(tmp_path / "link").project == first
    assert service(tmp_path / "b").project != first
    assert first.isalnum()


def test_a_folder_that_a_later_run_names_is_left_out_of_messages_too(tmp_path: Path) -> None:
    made = service(tmp_path)
    made.catalogue.description.decisions = ["/srv/shop/d.csv"]
    assert made.without_folders("/srv/shop/d.csv is damaged") == "d.csv is damaged"


def test_a_set_that_is_no_collection_is_refused(tmp_path: Path) -> None:
    row = {
        "content_id": hashlib.sha256(b"").hexdigest(),
        "image": "a.jpg",
        "set": "nosuch",
        "decision": "right",
        "label": "boots",
        "when": "2026-01-02T03:04:05Z",
        "note": "",
    }
    with pytest.raises(InputError, match=r"set 'nosuch'; allowed: catalogue, new"):
        service(tmp_path).save([row | {"set": "new"}, row])
    assert not (tmp_path / "decisions.csv").exists()
