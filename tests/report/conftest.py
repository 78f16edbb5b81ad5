"""The report's pages, made by the pipeline or out of invented answers, in a real browser."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from browser import HOSTILE, Visit, opened
from project import CLASSES, Project, lay_out
from report_factory import made_cards, write_page


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that has run: sets with and without labels, of hostile names, of no image."""
    project = lay_out(tmp_path_factory.mktemp("report") / "project")
    for number, class_ in enumerate(CLASSES):
        for n in range(4):
            project.image(f"catalogue/{class_}/{n}.png", seed=10 * number + n)
        for n in range(2):
            project.image(f"new/{class_}/{n}.png", seed=100 + 10 * number + n, size=(30, 60))
            project.image(f"plain/{class_}-{n}.png", seed=200 + 10 * number + n)
    project.image("new/sandals/looks like boots.png", seed=300)
    project.image("new/boots without a label.png", seed=301)
    for folder in ("new/boots", "broken", "catalogue/boots"):
        project.photo(folder).mkdir(exist_ok=True)
        project.photo(f"{folder}/empty.jpg").touch()
        project.photo(f"{folder}/notes.jpg").write_text("size 42")
    project.image("known/boots/0.png", seed=500)
    shutil.copy(project.photo("catalogue/boots/0.png"), project.photo("known/boots/same.png"))
    hostile_collection(project)
    project.settle(
        catalogue="photos/catalogue.csv",
        queries={name: f"photos/{name}" for name in ("plain", "broken", "known")}
        | {"hostile": "photos/hostile.csv"},
        search={"neighbours": 3},
    )
    project.run(
        "results/new/confusion.png",
        "results/new/report_portable.html",
        "results/catalogue/report.html",
        *(f"results/{name}/report.html" for name in ("new", "plain", "broken", "known", "hostile")),
    )
    return project


def hostile_collection(project: Project) -> None:
    """Write a catalogue with hostile classes besides the others, and queries that have them."""
    lines = [f"catalogue/{c}/{n}.png,{c}" for c in CLASSES for n in range(4)]
    lines += ["catalogue/boots/empty.jpg,boots", "catalogue/boots/notes.jpg,boots"]
    queries = []
    for number, label in enumerate(HOSTILE):
        quoted = '"' + label.replace('"', '""') + '"'
        for n in range(3):
            name = f"hostile/<b onclick='x'>{number}{n}&amp;.png"
            project.image(name, seed=400 + number)
            lines.append(f"{name},{quoted}")
        queries.append(f"{name},{quoted}")
    for name, rows in (("catalogue", lines), ("hostile", queries)):
        text = "\n".join(["image,label", *rows])
        project.photo(f"{name}.csv").write_text(text, encoding="utf-8")


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Visit]]:
    """Open a page; whatever a test does there, nothing may be asked of anyone else."""
    visits = []
    with ExitStack() as stack:

        def open_page(path: Path, fragment: str = "", **options: Any) -> Visit:
            visit = stack.enter_context(opened(browser, **options))
            # Photos without thumbnails are shown from the project.
            visits.append((visit, path.parents[2].as_uri()))
            visit.page.goto(path.as_uri() + fragment)
            return visit

        yield open_page
        for visit, home in visits:
            assert visit.complaints == []
            own = (home, "data:image/jpeg;base64,")
            assert [url for url in visit.requests if not url.startswith(own)] == []


@pytest.fixture(scope="session")
def report_factory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of 2,000 invented answers with as many pictures."""
    classes = [f"class {n:02}" for n in range(30)]
    return write_page(tmp_path_factory.mktemp("invented"), made_cards(2000, classes), classes)
