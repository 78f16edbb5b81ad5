"""The report's pages, made by the pipeline or out of invented answers, and a real browser."""

import logging
import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from browser import HOSTILE, Visit
from project import CLASSES, Project, lay_out
from similar_images.networks.model import Model
from similar_images.pages.cards import Card, Similar
from similar_images.pages.confusion import Confusion
from similar_images.pages.report import Catalogue, Report, render
from similar_images.photos import thumbnails

CHROMIUM = shutil.which("chromium")
ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
]


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
        project.photo(f"{folder}/notes.txt").write_text("size 42")
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
        "results/catalogue/report.html",
        *(f"results/{name}/report.html" for name in ("new", "plain", "broken", "known", "hostile")),
    )
    return project


def hostile_collection(project: Project) -> None:
    """Write a catalogue with hostile classes besides the others, and queries that have them."""
    lines = [f"catalogue/{c}/{n}.png,{c}" for c in CLASSES for n in range(4)]
    lines += ["catalogue/boots/empty.jpg,boots", "catalogue/boots/notes.txt,boots"]
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


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium to show the report: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Visit]]:
    """Open a page; whatever a test does there, nothing may be asked of anyone else."""
    visits = []
    with ExitStack() as stack:

        def open_page(path: Path, fragment: str = "", **options: Any) -> Visit:
            context = stack.enter_context(browser.new_context(**options))
            context.set_default_timeout(5_000)
            visit = Visit(context.new_page())
            visit.page.on("request", lambda request: visit.requests.append(request.url))
            visit.page.on("pageerror", lambda error: visit.complaints.append(str(error)))
            visit.page.on("dialog", lambda dialog: visit.complaints.append(dialog.message))
            visit.page.on(
                "console",
                lambda message: visit.complaints.append(f"{message.type}: {message.text}"),
            )
            visits.append((visit, path.parent.as_uri()))
            visit.page.goto(path.as_uri() + fragment)
            return visit

        yield open_page
        for visit, home in visits:
            assert visit.complaints == []
            own = (home, "data:image/jpeg;base64,")
            assert [url for url in visit.requests if not url.startswith(own)] == []


@pytest.fixture(scope="session")
def invented(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of 2,000 invented answers with as many pictures."""
    logging.getLogger("PIL").setLevel(logging.WARNING)
    folder = tmp_path_factory.mktemp("invented")
    random_ = random.Random(1)
    classes = [f"class {n:02}" for n in range(30)]
    pictures = draw(folder / "report_files", 2000)
    cards = [invented_card(n, random_, classes, pictures) for n in range(2000)]
    counts = np.zeros((30, 30), np.int64)
    for card in cards:
        counts[classes.index(card.label), classes.index(card.prediction)] += 1
    right = sum(card.status == "right" for card in cards)
    report = Report(
        name="invented",
        made=datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
        model=Model(
            *("EfficientNetLite2", "EfficientNetB3", True, "the weights cannot be had", None, None),
            *(1280, 260, "bicubic", "openvino", "f32", "fingerprint"),
        ),
        neighbours=10,
        catalogue=Catalogue(13_000, 30),
        metrics={
            **{"images": 2000, "readable": 2000, "labelled": 2000, "correct": right},
            **{"accuracy": right / 2000, "accuracy_interval_95": [0.7, 0.9], "classes": {}},
            "duplicates": {"exact": 0, "near": 0},
        },
        quality=invented_quality(),
        cards=cards,
        confusion=Confusion(classes, counts, 30),
        rejected={"invented": [], "catalogue": []},
    )
    page = folder / "report.html"
    page.write_text(render(report, folder / "report_files", portable=False), "utf-8")
    return page


def invented_quality() -> dict[str, Any]:
    point = {"correct": 80, "accuracy": 0.8, "accuracy_interval_95": [0.7, 0.9]}
    curve = [{"neighbours": n, "majority": point, "weighted": point} for n in (1, 10, 50)]
    configured = {"neighbours": 10, "vote": "majority", "metric": "cosine", "asked": 100}
    return {**configured, **point, "method": "leave-one-out", "curve": curve}


def draw(folder: Path, number: int) -> list[str]:
    """Put `number` thumbnails into `folder` and return their content ids."""
    sample = folder / "sample.jpg"
    folder.mkdir()
    noise = np.random.default_rng(0).integers(0, 255, (60, 45, 3), np.uint8)
    Image.fromarray(noise).resize((180, 240)).save(sample, quality=80)
    content_ids = [f"{n:064x}" for n in range(number)]
    for size in (thumbnails.SMALL, thumbnails.LARGE):
        (folder / str(size)).mkdir()
        for content_id in content_ids:
            shutil.copy(sample, thumbnails.path_of(folder, size, content_id))
    return content_ids


def invented_card(
    number: int, random_: random.Random, classes: list[str], pictures: list[str]
) -> Card:
    label, other = random_.sample(classes, 2)
    right = random_.random() < 0.8
    similar = [
        Similar(f"{label}/{n}.jpg", f"photos/{label}/{n}.jpg", random_.choice(pictures), label, s)
        for n, s in enumerate(sorted((random_.random() for _ in range(3)), reverse=True))
    ]
    return Card(
        *(f"{label}/{number:04}.jpg", f"photos/{label}/{number:04}.jpg", pictures[number]),
        status="right" if right else "wrong",
        label=label,
        prediction=label if right else other,
        votes=[(label if right else other, 6), ("class 00", 4)],
        voters=10,
        similar=similar,
        confidence=0.75,
        duplicate="",
        duplicate_of="",
        reason="",
    )
