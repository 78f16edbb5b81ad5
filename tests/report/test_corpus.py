"""A run over every malformed and odd file: none stops it, and each is read or listed."""

from collections.abc import Callable
from pathlib import Path

import pytest

from browser import Visit
from corpus import CORPUS, NAMES, READ
from corpus import lay_out as lay_out_corpus
from project import CLASSES, Project, lay_out
from similar_images.core.file_formats import read_csv
from similar_images.core.names import as_text

EXPECTED = {as_text(odd.name): odd.reason for odd in CORPUS} | {
    "files/folder loop": "the same folder as ",
}


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, int]:
    """A project that has run over the corpus, and the memory of its largest process, in KiB."""
    project = lay_out(tmp_path_factory.mktemp("corpus") / "project")
    for number, class_ in enumerate(CLASSES):
        project.image(f"catalogue/{class_}/0.png", seed=number)
    lay_out_corpus(project.photo("catalogue"), NAMES)
    lay_out_corpus(project.photo("odd"), CORPUS)
    project.settle(queries={"new": None, "odd": "photos/odd"})
    return project, project.peak()


def test_each_file_is_read_or_listed_with_its_reason(ran: tuple[Project, int]) -> None:
    project, _ = ran
    rejected = {row["image"]: row["reason"] for row in read_csv(project.result("odd/rejected.csv"))}
    predicted = read_csv(project.result("odd/predictions.csv"))
    assert len(predicted) == len({row["image"] for row in predicted}) == len(CORPUS)
    for row in predicted:
        reason = rejected.pop(row["image"], READ)
        expected = EXPECTED[row["image"]]
        assert row["error"] == (reason or "")
        assert bool(row["prediction"]) == (reason is READ)
        assert reason is expected if expected is READ else (reason or "").startswith(expected), row
    assert not rejected


def test_no_process_swells(ran: tuple[Project, int]) -> None:
    _, peak = ran
    assert peak < 500 * 1024


def test_the_report_of_the_run_shows_every_file(
    ran: tuple[Project, int], visit: Callable[[Path], Visit]
) -> None:
    project, _ = ran
    project.run("portable")
    for page in ("report.html", "report_portable.html"):
        shown = visit(project.result(f"odd/{page}"))
        shown.page.evaluate("dispatchEvent(new Event('beforeprint'))")
        names = [path.rsplit("/", 1)[-1] for path in EXPECTED]
        assert sorted(shown.cards()) == sorted(names)
        assert shown.page.locator(".card .query img").count() > len(NAMES)


def test_nothing_is_written_outside_the_results(ran: tuple[Project, int]) -> None:
    project, _ = ran
    made = {path.name for path in project.folder.iterdir()}
    own = {"Snakefile", "workflow", "profiles", "config.yaml", "photos"}
    assert made == own | {"results", "logs", ".snakemake"}
    names = {path.name for path in project.result("").glob("[!.]*")}
    assert names == {"model", "features", "plan", "catalogue", "odd", "history.csv"}
    assert not list(project.folder.rglob("hacked"))
