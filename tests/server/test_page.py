"""The page that asks about photos, from a real server, in a real browser."""

import csv
import hashlib
import json
import re
import shutil
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, FilePayload, Locator, Route, expect

from browser import HOSTILE, Visit, accessibility_findings, opened
from project import CLASSES, Project, lay_out
from serving import Served, serving

# A browser says so on its console if an answer is an error, or none comes.
FAILED = "Failed to load resource"
Open = Callable[..., Visit]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that has run, with a folder for photos to keep, and hostile classes."""
    project = lay_out(tmp_path_factory.mktemp("page") / "project")
    rows = []
    for number, class_ in enumerate([*CLASSES, *HOSTILE]):
        for n in range(4):
            name = f"catalogue/{number}/{class_ if class_ in CLASSES else '<b>&amp;'}-{n}.png"
            project.image(name, seed=10 * number + n)
            rows.append((name, class_))
    with project.photo("catalogue.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([("image", "label"), *rows])
    project.image("inbox/boots.png", seed=100)
    for seed, class_ in enumerate(CLASSES):
        project.image(f"asked/{class_}.png", seed=200 + seed)
    project.settle(
        catalogue="photos/catalogue.csv",
        queries={"inbox": "photos/inbox", "new": None},
        decisions="decisions.csv",
    )
    content = hashlib.sha256(project.photo("inbox/boots.png").read_bytes()).hexdigest()
    (project.folder / "decisions.csv").write_text(
        "content_id,image,set,decision,label,when,note\n"
        f"{content},boots.png,inbox,right,boots,2026-01-02T03:04:05Z,\n",
        encoding="utf-8",
    )
    project.run()
    return project


@pytest.fixture(scope="module")
def served(project: Project) -> Iterator[Served]:
    with serving(project.folder, "--inbox", "inbox") as served:
        yield served


@pytest.fixture
def visit(browser: Browser, served: Served) -> Iterator[Open]:
    """Open the page; nothing may be asked of another host, nor may the browser complain."""
    visits: list[tuple[Visit, str, bool]] = []
    with ExitStack() as stack:

        def open_page(address: str = served.address, fails: bool = False, **options: Any) -> Visit:
            visit = stack.enter_context(opened(browser, **options))
            visits.append((visit, address, fails))
            visit.page.goto(address)
            return visit

        yield open_page
        for visit, address, fails in visits:
            complaints = [text for text in visit.complaints if not (fails and FAILED in text)]
            assert complaints == []
            own = (address, "blob:", "data:")
            assert [url for url in visit.requests if not url.startswith(own)] == []


@pytest.fixture
def photo_of(project: Project) -> Callable[[str], Path]:
    """Return the path of a photo that is not in the catalogue, by its class."""
    return lambda name: project.photo(f"asked/{name}.png")


def choose(visit: Visit, *photos: Path) -> None:
    visit.page.locator("#choose").set_input_files(photos)


def card(visit: Visit, name: str) -> Locator:
    """Return the card of the photo with this file name, once there is an answer."""
    heading = visit.page.locator("h3", has_text=re.compile(f"^{re.escape(name)}$"))
    return visit.page.locator(".card:not(.asking)", has=heading)


def give(visit: Visit, event: str, *photos: Path, kind: str = "image/png") -> None:
    """Drop or paste photos."""
    files = [[photo.name, b64encode(photo.read_bytes()).decode(), kind] for photo in photos]
    visit.page.evaluate(
        """([event, files]) => {
          const given = new DataTransfer();
          for (const [name, text, type] of files) {
            const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
            given.items.add(new File([bytes], name, { type }));
          }
          const made = event === "drop"
            ? new DragEvent("drop", { dataTransfer: given, bubbles: true, cancelable: true })
            : new ClipboardEvent("paste", { clipboardData: given, bubbles: true });
          document.querySelector(".drop").dispatchEvent(made);
        }""",
        [event, files],
    )


def decisions(project: Project) -> list[dict[str, str]]:
    with (project.folder / "decisions.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def similar_classes(one: Locator) -> list[str]:
    return one.locator(".similar-class").all_text_contents()


def test_the_page_says_what_it_does_and_how_large_the_catalogue_is(visit: Open) -> None:
    page = visit().page
    expect(page.locator("header")).to_contain_text("28 photos of the catalogue (7 classes)")
    page.get_by_role("link", name="Report on inbox").click()
    expect(page.locator("h1")).to_have_text("inbox")
    page.get_by_role("link", name="Ask about a photo").click()
    expect(page.locator("h1")).to_have_text("Ask about a photo")


@pytest.mark.parametrize("width", [390, 1280])
def test_the_reason_of_an_unreadable_file_has_the_width_of_its_card(
    visit: Open, tmp_path: Path, width: int
) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("size 42")
    visited = visit(viewport={"width": width, "height": 844})
    choose(visited, text)
    one = card(visited, "notes.txt")
    expect(one.locator(".status")).to_contain_text("Cannot be read")
    wide, words = one.bounding_box(), one.locator(".words").bounding_box()
    status = one.locator(".status").bounding_box()
    assert wide
    assert words
    assert status
    assert words["width"] > 0.6 * wide["width"]
    assert status["height"] < 35  # One line.


@pytest.mark.parametrize("event", ["drop", "paste"])
def test_a_photo_that_is_dropped_or_pasted_is_answered(
    visit: Open, photo_of: Callable[[str], Path], event: str
) -> None:
    visited = visit()
    give(visited, event, photo_of("sandals"))
    one = card(visited, "sandals.png")
    expect(one.locator(".status")).to_have_text("sandals")
    expect(one.locator(".confidence")).to_have_text(re.compile(r"confidence (\d+%|not known)"))
    expect(one.locator(".votes li").first).to_have_text(re.compile(r"sandals\d of 5"))
    assert similar_classes(one) == ["sandals"] * 3
    for img in one.locator("img").all():
        assert img.evaluate("(img) => img.decode().then(() => img.naturalWidth)") > 0
    expect(visited.page.locator("#arrived")).to_contain_text("sandals.png: sandals")


def test_many_photos_have_cards_at_once_and_two_are_sent_at_a_time(
    visit: Open, project: Project
) -> None:
    visited = visit()
    photos = [project.image(f"many/boots-{n}.png", seed=300 + n) for n in range(30)]
    held: list[Route] = []
    visited.page.route("**/ask?*", lambda route: held.append(route))
    choose(visited, *photos)
    assert visited.cards() == [photo.name for photo in photos]
    expect(visited.page.locator(".asking")).to_have_count(30)
    expect(visited.page.locator(".shown")).to_have_text("30 photos, 30 to be answered")
    visited.page.wait_for_timeout(300)
    assert len(held) == 2
    visited.page.unroute("**/ask?*")  # Those held go on.
    expect(visited.page.locator(".answered")).to_have_count(30)
    expect(visited.page.locator(".shown")).to_have_text("30 photos")


def test_new_photos_are_above_the_earlier_ones(
    visit: Open, photo_of: Callable[[str], Path]
) -> None:
    visited = visit()
    choose(visited, photo_of("boots"))
    choose(visited, photo_of("sandals"), photo_of("sneakers"))
    assert visited.cards() == ["sandals.png", "sneakers.png", "boots.png"]
    visited.page.get_by_role("button", name="Clear").click()
    assert visited.cards() == []


def test_a_file_that_is_no_photo_says_so_and_is_not_decided_on(visit: Open, tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("size 42")
    visited = visit()
    give(visited, "drop", text, kind="text/plain")
    one = card(visited, "notes.txt")
    expect(one.locator(".status")).to_contain_text("Cannot be read")
    expect(one.locator(".named")).to_contain_text("save it as JPEG")
    expect(one.locator(".similar, .marks, .keeping button")).to_have_count(1)  # An empty list.
    expect(one.locator(".found")).to_be_hidden()


@pytest.mark.parametrize("length", [0, 400])
def test_a_damaged_file_is_to_be_got_again(
    visit: Open, photo_of: Callable[[str], Path], tmp_path: Path, length: int
) -> None:
    photo = tmp_path / "cut.jpg"
    with Image.open(photo_of("boots")) as image:
        image.resize((300, 300)).save(photo)
    photo.write_bytes(photo.read_bytes()[:length])
    visited = visit()
    choose(visited, photo)
    reason = card(visited, "cut.jpg").locator(".named")
    expect(reason).to_contain_text("Get the file again from where it came from.")
    expect(reason).not_to_contain_text("JPEG and")


def test_what_is_pasted_without_a_photo_is_named(visit: Open) -> None:
    visited = visit()
    give(visited, "paste")
    expect(visited.page.locator("#fault")).to_contain_text("no photo in the clipboard")


def test_a_photo_that_no_browser_shows_has_the_picture_of_the_server(
    visit: Open, photo_of: Callable[[str], Path], tmp_path: Path
) -> None:
    photo = tmp_path / "sandals.tif"
    with Image.open(photo_of("sandals")) as image:
        image.save(photo)
    visited = visit()
    choose(visited, photo)
    img = card(visited, "sandals.tif").locator(".query img")
    assert img.evaluate("(img) => img.decode().then(() => img.naturalWidth)") > 0
    img.click()
    large = visited.page.locator("dialog.large .asked img")
    assert large.evaluate("(img) => img.decode().then(() => img.naturalWidth)") > 0


def test_a_copy_names_the_photo_of_the_catalogue(visit: Open, project: Project) -> None:
    visited = visit()
    choose(visited, project.photo("catalogue/0/boots-1.png"))
    one = card(visited, "boots-1.png")
    expect(one.locator(".duplicate")).to_have_text("Same bytes as catalogue/0/boots-1.png")


def test_a_photo_of_the_catalogue_is_not_taken_into_it_again(visit: Open, project: Project) -> None:
    visited = visit()
    choose(visited, project.photo("catalogue/0/boots-2.png"))
    one = card(visited, "boots-2.png")
    expect(one.get_by_role("button", name="Leave out")).to_be_visible()
    expect(one.locator("[data-mark=catalogue]")).to_be_hidden()
    before = decisions(project)
    one.focus()
    visited.page.keyboard.press("c")
    expect(visited.page.locator(".message")).to_have_text("The catalogue has this photo already.")
    assert decisions(project) == before


def test_more_like_this_leads_on_and_back(visit: Open, photo_of: Callable[[str], Path]) -> None:
    visited = visit()
    choose(visited, photo_of("boots"))
    one = card(visited, "boots.png")
    first = one.locator(".similar").inner_text()
    steps = one.locator(".trail li")
    one.get_by_role("button", name="More like this").first.click()
    expect(steps).to_have_count(2)
    second = one.locator(".similar").inner_text()
    one.get_by_role("button", name="More like this").nth(1).click()
    expect(steps).to_have_count(3)
    expect(one.locator(".here")).to_be_focused()
    visited.page.go_back()
    expect(steps).to_have_count(2)
    expect(one.locator(".similar")).to_have_text(re.compile(".+"))
    assert one.locator(".similar").inner_text() == second
    visited.page.go_forward()
    expect(steps).to_have_count(3)
    steps.first.get_by_role("button").click()
    expect(steps).to_have_count(0)
    assert one.locator(".similar").inner_text() == first


def test_an_earlier_answer_does_not_replace_that_to_later_settings(
    visit: Open, photo_of: Callable[[str], Path]
) -> None:
    visited = visit()
    choose(visited, photo_of("boots"))
    one = card(visited, "boots.png")
    held: list[Route] = []
    visited.page.route(
        "**/similar?*",
        lambda route: route.continue_() if "label" in route.request.url else held.append(route),
    )
    one.get_by_role("button", name="More like this").first.click()
    visited.page.get_by_label("Only of class").select_option("sneakers")
    found = one.locator(".similar-class")
    expect(found).to_have_text(["sneakers"] * 3)
    expect(one.locator(".trail li")).to_have_count(2)
    with visited.page.expect_response("**/similar?neighbours=3&image=*"):
        held[0].continue_()
    visited.page.wait_for_timeout(200)
    expect(found).to_have_text(["sneakers"] * 3)


def test_answers_of_settings_that_change_quickly_are_never_mixed(
    visit: Open, project: Project
) -> None:
    visited = visit()
    photos = [project.image(f"mixed/boots-{n}.png", seed=600 + n) for n in range(100)]
    choose(visited, *photos)
    expect(visited.page.locator(".answered:not(.asking)")).to_have_count(100, timeout=60_000)
    for photo in photos[:5]:
        card(visited, photo.name).get_by_role("button", name="More like this").first.click()
    expect(visited.page.locator(".trail .here")).to_have_count(5)
    visited.page.evaluate(  # Answers come late, and in another order than they were asked for.
        """() => {
          const [asking, delays] = [window.fetch, [250, 10, 120, 0, 40]];
          window.fetch = async (...request) => {
            const delay = delays.push(delays.shift()) && delays[0];
            const response = await asking(...request);
            await new Promise((done) => setTimeout(done, delay));
            return response;
          };
        }"""
    )
    number = visited.page.get_by_label("Similar photos (3 to 50)")
    for n in range(5):
        number.fill(str(8 - n))
        number.press("Enter")
        visited.page.get_by_label("Only of class").select_option(["boots", "sneakers"][n % 2])
        visited.page.wait_for_timeout(100)
    visited.page.get_by_label("Only of class").select_option("sandals")
    number.fill("3")
    number.press("Enter")
    expect(visited.page.locator(".answered:not(.asking)")).to_have_count(100, timeout=60_000)
    visited.page.wait_for_timeout(500)
    assert similar_classes(visited.page.locator(".cards")) == ["sandals"] * 300
    expect(visited.page.locator(".shown")).to_have_text("100 photos")


def test_only_neighbours_of_a_class_are_listed_and_the_vote_stays(
    visit: Open, photo_of: Callable[[str], Path]
) -> None:
    visited = visit()
    choose(visited, photo_of("boots"), photo_of("sandals"))
    one = card(visited, "boots.png")
    votes = one.locator(".votes").inner_text()
    visited.page.get_by_label("Only of class").select_option("sneakers")
    for name in ("boots.png", "sandals.png"):
        found = card(visited, name).locator(".similar-class")
        expect(found).to_have_text(["sneakers"] * 3)
    assert one.locator(".votes").inner_text() == votes
    one.get_by_role("button", name="More like this").first.click()
    expect(one.locator(".trail li")).to_have_count(2)
    expect(one.locator(".similar-class")).to_have_text(["sneakers"] * 3)


def test_three_to_fifty_neighbours_are_listed(visit: Open, photo_of: Callable[[str], Path]) -> None:
    visited = visit()
    number = visited.page.get_by_label("Similar photos (3 to 50)")
    choose(visited, photo_of("boots"))
    one = card(visited, "boots.png")
    for given, listed in (("3", 3), ("12", 12), ("50", 28)):
        number.fill(given)
        number.press("Enter")
        expect(one.locator(".similar li")).to_have_count(listed)
    fault = visited.page.locator(".filters .fault")
    for given in ("2", "51", "3.5", ""):
        number.fill(given)
        number.press("Enter")
        expect(fault).to_have_text("Allowed are 3 to 50 similar photos.")
    expect(one.locator(".similar li")).to_have_count(28)


def test_the_page_is_used_by_keyboard_alone(
    visit: Open, photo_of: Callable[[str], Path], project: Project
) -> None:
    visited = visit()
    visited.page.once("filechooser", lambda chooser: chooser.set_files(photo_of("sneakers")))
    keyboard = visited.page.keyboard
    keyboard.press("Tab")  # The link that skips.
    while visited.page.evaluate("document.activeElement.dataset.add") != "choose":
        keyboard.press("Tab")
    keyboard.press("Enter")
    one = card(visited, "sneakers.png")
    expect(one).to_be_visible()
    while not visited.page.evaluate("document.activeElement.matches('.card')"):
        keyboard.press("Tab")
    keyboard.press("Enter")
    expect(visited.page.locator("dialog.large")).to_be_visible()
    keyboard.press("Escape")
    expect(one).to_be_focused()
    while visited.page.evaluate("document.activeElement.textContent") != "More like this":
        keyboard.press("Tab")
    keyboard.press("Enter")
    expect(one.locator(".here")).to_be_focused()
    visited.page.go_back()
    expect(one).to_be_focused()
    before = len(decisions(project))
    keyboard.press("o")
    expect(one.locator(".decision")).to_contain_text("Left out")
    wait_for_rows(visited, project, before + 1)


def wait_for_rows(visited: Visit, project: Project, number: int) -> list[dict[str, str]]:
    """Return the decisions in the file, once there are so many."""
    for _ in range(50):
        if len(decisions(project)) >= number:
            break
        visited.page.wait_for_timeout(100)
    rows = decisions(project)
    assert len(rows) == number
    return rows


def test_a_decision_keeps_the_photo_and_is_in_the_file_at_once(
    visit: Open, project: Project
) -> None:
    photo = project.image("asked/boots decided.png", seed=400)
    visited = visit()
    choose(visited, photo)
    one = card(visited, photo.name)
    before = len(decisions(project))
    one.get_by_role("button", name="Right: it is boots").click()
    expect(one.locator(".keeping")).to_contain_text("Kept in inbox as")
    row = wait_for_rows(visited, project, before + 1)[-1]
    assert row["decision"] == "right"
    assert (row["set"], row["label"]) == ("inbox", "boots")
    assert project.photo(f"inbox/{row['image']}").read_bytes() == photo.read_bytes()
    expect(visited.page.locator(".deciding")).to_contain_text("decisions.csv")
    expect(visited.page.locator(".deciding")).to_contain_text("snakemake --cores")
    one.get_by_role("button", name="Right: it is boots").click()
    taken_back = wait_for_rows(visited, project, before + 2)[-1]
    assert (taken_back["decision"], taken_back["content_id"]) == ("undecided", row["content_id"])


def test_another_class_is_decided_and_a_photo_goes_into_the_catalogue_and_out_again(
    visit: Open, project: Project
) -> None:
    photo = project.image("asked/sandals decided.png", seed=401)
    visited = visit()
    choose(visited, photo)
    one = card(visited, photo.name)
    before = len(decisions(project))
    one.get_by_role("button", name="Other class…").click()
    options = visited.page.locator("#classes-offered option")
    assert set(CLASSES) <= {option.get_attribute("value") for option in options.all()}
    one.get_by_label("Which class is it?").fill("boots")
    one.get_by_role("button", name="Decide", exact=True).click()
    row = wait_for_rows(visited, project, before + 1)[-1]
    assert (row["decision"], row["label"]) == ("wrong", "boots")
    one.get_by_role("button", name="Catalogue as boots").click()
    row = wait_for_rows(visited, project, before + 2)[-1]
    assert (row["decision"], row["label"], row["set"]) == ("catalogue", "boots", "inbox")
    one.get_by_role("button", name="Catalogue", exact=True).click()
    row = wait_for_rows(visited, project, before + 3)[-1]
    assert (row["decision"], row["set"]) == ("out", "catalogue")


def test_a_decision_that_the_last_run_applied_is_shown_as_done(
    visit: Open, project: Project
) -> None:
    visited = visit()
    choose(visited, project.photo("inbox/boots.png"))
    decision = card(visited, "boots.png").locator(".decision")
    expect(decision).to_have_text("Right: boots (done)")


def test_a_photo_that_was_decided_on_at_an_earlier_visit_is_shown_as_kept(
    visit: Open, project: Project
) -> None:
    visited = visit()
    choose(visited, project.photo("inbox/boots.png"))
    expect(card(visited, "boots.png").locator(".keeping")).to_have_text(
        "Kept in inbox as boots.png"
    )


def test_a_photo_that_was_not_kept_has_the_reason_on_its_card(
    visit: Open, project: Project
) -> None:
    photo = project.image("asked/boots not kept.png", seed=404)
    visited = visit(fails=True)
    full = json.dumps({"detail": "The disk is full."})
    visited.page.route("**/inbox", lambda route: route.fulfill(status=503, body=full))
    choose(visited, photo)
    one = card(visited, photo.name)
    one.get_by_role("button", name="Keep in inbox").click()
    expect(one.get_by_role("alert")).to_have_text("Not kept: The disk is full.")
    one.locator("button.picture").first.click()
    large = visited.page.locator("dialog.large")
    large.get_by_role("button", name="Leave out").click()
    expect(large.locator(".message")).to_have_text("Not kept: The disk is full.")
    visited.page.keyboard.press("Escape")
    visited.page.unroute("**/inbox")
    one.get_by_role("button", name="Keep in inbox").click()
    expect(one.locator(".keeping")).to_contain_text("Kept in inbox as")
    expect(one.get_by_role("alert")).to_have_count(0)


def test_the_bar_is_there_once_there_is_something_to_decide(
    visit: Open, photo_of: Callable[[str], Path], tmp_path: Path
) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("size 42")
    visited = visit()
    bar = visited.page.locator(".deciding")
    choose(visited, text)
    expect(card(visited, "notes.txt")).to_be_visible()
    expect(bar).to_be_hidden()
    choose(visited, photo_of("boots"))
    expect(bar).to_contain_text("0 of 1 decided, 1 left")
    visited.page.get_by_role("button", name="Clear").click()
    expect(bar).to_be_hidden()


def test_decisions_that_no_setting_names_need_the_setting_first(
    visit: Open, project: Project, tmp_path: Path
) -> None:
    copied = project.copy(tmp_path / "project")
    copied.settle(decisions=None)
    (copied.folder / "decisions.csv").unlink()
    copied.run()
    photo = copied.image("asked/boots without setting.png", seed=405)
    with serving(copied.folder, "--inbox", "inbox") as served:
        visited = visit(served.address)
        choose(visited, photo)
        one = card(visited, photo.name)
        one.get_by_role("button", name="Keep in inbox").click()
        hint = visited.page.locator(".hint.run")
        expect(hint).to_contain_text("run snakemake --cores 8")
        expect(hint).not_to_contain_text("config.yaml", use_inner_text=True)
        one.get_by_role("button", name="Right: it is boots").click()
        expect(hint).to_contain_text(
            "set decisions: decisions.csv in config.yaml", use_inner_text=True
        )


@pytest.mark.parametrize(("confidence", "is_unsure"), [(0.004, True), (0.2, False), (None, False)])
def test_a_class_of_little_confidence_does_not_look_certain(
    visit: Open,
    served: Served,
    photo_of: Callable[[str], Path],
    confidence: float | None,
    is_unsure: bool,
) -> None:
    visited = visit()
    bytes_ = photo_of("boots").read_bytes()
    photo = FilePayload(name="boots.png", mimeType="image/png", buffer=bytes_)
    said = visited.page.request.post(f"{served.address}/ask", multipart={"photo": photo}).json()
    said["answers"][0]["confidence"] = confidence
    visited.page.route("**/ask?*", lambda route: route.fulfill(json=said))
    choose(visited, photo_of("boots"))
    one = card(visited, "boots.png")
    colour = "(element) => getComputedStyle(element).color"
    expect(one.locator(".status")).to_have_text("boots")
    soft = one.locator(".confidence").evaluate(colour)
    assert (one.locator(".status").evaluate(colour) == soft) == is_unsure


def test_a_photo_is_kept_without_a_decision(visit: Open, project: Project) -> None:
    photo = project.image("asked/sneakers kept.png", seed=402)
    visited = visit(permissions=["clipboard-read", "clipboard-write"])
    choose(visited, photo)
    before = decisions(project)
    one = card(visited, photo.name)
    one.get_by_role("button", name="Keep in inbox").click()
    expect(one.locator(".keeping")).to_contain_text("Kept in inbox as")
    expect(one).to_be_focused()
    kept = [file.read_bytes() for file in project.photo("inbox").iterdir()]
    assert photo.read_bytes() in kept
    assert decisions(project) == before
    expect(visited.page.locator(".run .command")).to_have_text("snakemake --cores 8")
    visited.page.get_by_role("button", name="Copy").click()
    expect(visited.page.locator("#arrived")).to_have_text("Copied: snakemake --cores 8")
    assert visited.page.evaluate("navigator.clipboard.readText()") == "snakemake --cores 8"


def test_without_an_inbox_the_page_says_how_to_make_one(
    visit: Open, photo_of: Callable[[str], Path], project: Project
) -> None:
    with serving(project.folder) as served:
        visited = visit(served.address)
        choose(visited, photo_of("boots"))
        one = card(visited, "boots.png")
        expect(one.locator(".status")).to_have_text("boots")
        steps = visited.page.locator(".no-inbox li")
        expect(steps).to_contain_text(["may be empty", "snakemake --cores 8", "--inbox inbox"])
        expect(visited.page.locator(".marks")).to_have_count(0)
        expect(one.get_by_role("button", name="Keep")).to_have_count(0)
        expect(visited.page.locator(".deciding")).to_be_hidden()
        expect(visited.page.locator(".drop")).to_contain_text("and is not kept")


def test_without_an_inbox_a_phone_shows_the_answer_first_and_does_not_scroll_sideways(
    visit: Open, photo_of: Callable[[str], Path], project: Project
) -> None:
    with serving(project.folder) as served:
        visited = visit(served.address, viewport={"width": 390, "height": 844})
        choose(visited, photo_of("boots"))
        one = card(visited, "boots.png")
        expect(one.locator(".status")).to_have_text("boots")
        assert visited.page.evaluate("document.documentElement.scrollWidth") == 390
        top = one.bounding_box()
        below = visited.page.locator(".no-inbox").bounding_box()
        assert top
        assert below
        assert top["y"] < below["y"]


def test_the_page_says_before_that_deciding_keeps_a_photo(visit: Open) -> None:
    expect(visit().page.locator(".drop")).to_contain_text("if you keep it or decide on it")


def test_a_server_that_is_gone_is_named_and_can_be_tried_again(
    visit: Open, photo_of: Callable[[str], Path]
) -> None:
    visited = visit(fails=True)
    visited.page.route("**/ask?*", lambda route: route.abort())
    choose(visited, photo_of("boots"), photo_of("sandals"))
    one = card(visited, "boots.png")
    expect(one.locator(".named")).to_contain_text("The server cannot be reached.")
    expect(visited.page.locator("#arrived")).to_have_text(re.compile(r"[^.]\.$"))
    visited.page.unroute("**/ask?*")
    one.get_by_role("button", name="Try again").click()
    expect(one.locator(".status")).to_have_text("boots")
    expect(one).to_be_focused()


def test_where_more_like_this_fails_the_card_says_so_and_can_try_again(
    visit: Open, photo_of: Callable[[str], Path]
) -> None:
    visited = visit(fails=True)
    choose(visited, photo_of("boots"), photo_of("sandals"))
    visited.page.get_by_label("Only of class").select_option("sneakers")
    one, other = card(visited, "boots.png"), card(visited, "sandals.png")
    for answered in (one, other):  # else a later answer is announced after the fault
        expect(answered).to_be_visible()
    visited.page.route("**/similar?*", lambda route: route.abort())
    one.get_by_role("button", name="More like this").first.click()
    fault = one.locator(".not-found")
    expect(fault).to_contain_text("The server cannot be reached.")
    expect(one.locator(".none")).to_be_hidden()
    expect(visited.page.locator("#arrived")).to_contain_text("The server cannot be reached.")
    visited.page.unroute("**/similar?*")
    other.get_by_role("button", name="More like this").first.click()
    expect(other.locator(".here")).to_be_focused()
    expect(fault).to_contain_text("The server cannot be reached.")
    one.get_by_role("button", name="Try again").click()
    expect(one.locator(".similar-class")).to_have_text(["sneakers"] * 3)
    expect(fault).to_be_empty()
    expect(one.locator(".here")).to_be_focused()


def test_a_photo_of_a_catalogue_that_a_run_has_renewed_is_not_tried_again(
    visit: Open, photo_of: Callable[[str], Path]
) -> None:
    visited = visit(fails=True)
    choose(visited, photo_of("boots"))
    one = card(visited, "boots.png")
    gone = json.dumps({"detail": "The catalogue has no image boots-1.png."})
    visited.page.route("**/similar?*", lambda route: route.fulfill(status=404, body=gone))
    one.get_by_role("button", name="More like this").first.click()
    expect(one.locator(".not-found")).to_have_text("The catalogue has no image boots-1.png.")
    visited.page.go_back()
    expect(one.locator(".not-found")).to_be_empty()
    expect(one.locator(".similar-class")).to_have_count(3)


def test_a_page_of_another_project_keeps_no_photo(
    visit: Open, photo_of: Callable[[str], Path]
) -> None:
    visited = visit(fails=True)
    choose(visited, photo_of("boots"))
    sent: list[str | None] = []
    other = json.dumps({"detail": "The server is of another project. Reload the page."})

    def refuse(route: Route) -> None:
        sent.append(route.request.header_value("Project"))
        route.fulfill(status=409, body=other)

    visited.page.route("**/inbox", refuse)
    one = card(visited, "boots.png")
    one.get_by_role("button", name="Keep in inbox").click()
    expect(one.get_by_role("alert")).to_contain_text("another project. Reload the page.")
    project = visited.page.locator("meta[name=project]").get_attribute("content")
    assert sent == [project]


def test_a_busy_server_is_named_and_all_can_be_tried_again(
    visit: Open, photo_of: Callable[[str], Path]
) -> None:
    visited = visit(fails=True)
    busy = json.dumps({"detail": "The server answers other questions. Ask again in a second."})
    visited.page.route("**/ask?*", lambda route: route.fulfill(status=503, body=busy))
    choose(visited, photo_of("boots"), photo_of("sandals"))
    one = card(visited, "boots.png")
    expect(one.locator(".named")).to_contain_text("answers other questions")
    visited.page.unroute("**/ask?*")
    visited.page.get_by_role("button", name="Try 2 photos again").click()
    expect(visited.page.locator(".answered")).to_have_count(2)


def test_a_photo_that_was_deleted_since_is_named(visit: Open, project: Project) -> None:
    photo = project.image("asked/gone.png", seed=403)
    visited = visit(fails=True)
    choose(visited, photo)
    expect(card(visited, "gone.png")).to_be_visible()
    photo.unlink()
    visited.page.get_by_label("Only of class").select_option("boots")
    expect(card(visited, "gone.png").locator(".named")).to_contain_text("moved or deleted")


def test_hostile_names_are_shown_as_text(visit: Open, project: Project, tmp_path: Path) -> None:
    visited = visit()
    for number, name in enumerate(HOSTILE):
        photo = tmp_path / name.replace("/", "")
        shutil.copy(project.photo(f"catalogue/{3 + number}/<b>&amp;-0.png"), photo)
        choose(visited, photo)
        one = card(visited, photo.name)
        expect(one.locator(".duplicate")).to_contain_text("<b>&amp;-")
        one.get_by_role("button", name="More like this").first.click()
        expect(one.locator(".trail .here")).to_contain_text("<b>&amp;-")
    for name in HOSTILE:
        visited.page.get_by_label("Only of class").select_option(name)
        expect(visited.page.locator(".similar-class").first).to_have_text(name)
    assert visited.page.evaluate("window.hacked") is None


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_accessible(
    visit: Open, photo_of: Callable[[str], Path], tmp_path: Path, scheme: str
) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("size 42")
    damaged = tmp_path / "damaged.jpg"
    damaged.write_bytes(b"\xff\xd8\xff\xe0")
    visited = visit(color_scheme=scheme)
    assert accessibility_findings(visited) == []
    choose(visited, photo_of("boots"), text, damaged)
    expect(card(visited, "damaged.jpg").locator(".no-picture")).to_be_visible()
    one = card(visited, "boots.png")
    one.get_by_role("button", name="More like this").first.click()
    expect(one.locator(".here")).to_be_visible()
    one.get_by_role("button", name="Other class…").click()
    assert accessibility_findings(visited) == []
    one.locator("button.picture").first.click()
    assert accessibility_findings(visited) == []


def test_a_phone_shows_the_page_without_scrolling_sideways_and_offers_its_camera(
    visit: Open, photo_of: Callable[[str], Path]
) -> None:
    visited = visit(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    choose(visited, photo_of("boots"), photo_of("sandals"))
    one = card(visited, "boots.png")
    for _ in range(4):
        one.get_by_role("button", name="More like this").first.click()
        expect(one.locator(".here")).to_be_focused()
    assert visited.page.evaluate("document.documentElement.scrollWidth") == 390
    with visited.page.expect_file_chooser() as chooser:
        visited.page.get_by_role("button", name="Take a photo…").tap()
    assert chooser.value.element.get_attribute("capture") == "environment"
