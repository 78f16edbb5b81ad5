"""Saving each decision in the project's file, on pages that a server sends to a real browser."""

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from playwright.sync_api import Browser, Locator, expect

from browser import HOSTILE, Visit, accessibility_findings
from deciding_page import (
    CLASSES,
    LATER,
    NOW,
    STORE,
    card,
    decided,
    drop,
    load,
    press,
    reported,
    row,
    six,
    text,
)
from report_factory import made_cards, write_audit, write_page
from similar_images.core.errors import UserError
from similar_images.decisions import decisions
from similar_images.decisions.append import append

META = (
    '<head>\n<meta name="decisions-address" content="/decisions">'
    '<meta name="project" content="{project}">'
)
RUN = "snakemake --cores 8"
OTHER = "The server is of another project than this page. Reload the page."
Open = Callable[..., Visit]


@dataclass
class Site:
    """A server of the pages in a folder, which saves decisions in a file beside them.

    Attributes:
        folder: of the pages.
        fault: what it says in place of saving, if anything.
        used: whether the settings name the file.
        named: the files that the settings name.
        project: which project it is of.
        posts: the decisions in each request.
    """

    folder: Path
    fault: str = ""
    used: bool = True
    named: list[str] = field(default_factory=list)
    project: str = "shoes"
    posts: list[list[dict[str, str]]] = field(default_factory=list)
    server: ThreadingHTTPServer | None = None
    port: int = 0

    @property
    def file(self) -> Path:
        return self.folder / "decisions.csv"

    def address(self, page: str) -> str:
        return f"http://127.0.0.1:{self.port}/reports/{page}/report.html"

    def start(self) -> None:
        self.server = ThreadingHTTPServer(("127.0.0.1", self.port), handler(self))
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, args=(0.01,)).start()

    def stop(self) -> None:
        if self.server:
            self.server.shutdown()
            self.server.server_close()
        self.server = None

    def said(self) -> list[tuple[str, str, str, str, str]]:
        """Return what counts by the file, as the next run reads it."""
        made = decisions.read([self.file]) if self.file.exists() else []
        return [(one.image, one.set, one.decision, one.label or "", one.note) for one in made]


def handler(site: Site) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            if self.path == "/decisions":
                made = decisions.read([site.file]) if site.file.exists() else []
                self.answer(200, {"decisions": decisions.rows(made)})
            elif self.path == "/catalogue":
                used = {"decisions": "decisions.csv", "decisions_used": site.used}
                named = {"decisions_named": site.named, "project": site.project}
                self.answer(200, {**used, **named, "run": None})
            else:
                self.send_file(site.folder / self.path.removeprefix("/reports/"))

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            rows = json.loads(self.rfile.read(length))["decisions"]
            if self.headers["Project"] != site.project:
                self.answer(409, {"detail": OTHER})
                return
            site.posts.append(rows)
            try:
                if site.fault:
                    raise UserError(site.fault)
                append(site.file, rows)
            except UserError as error:
                self.answer(409, {"detail": str(error)})
            else:
                self.answer(200, {"file": "decisions.csv", "saved": len(rows), "run": RUN})

        def send_file(self, path: Path) -> None:
            if not path.is_file():
                self.send(404, "text/plain", b"")
            elif path.suffix == ".html":
                page = path.read_text("utf-8")
                page = page.replace("<head>", META.format(project=site.project), 1)
                self.send(200, "text/html; charset=utf-8", page.encode())
            else:
                self.send(200, "image/jpeg", path.read_bytes())

        def answer(self, status: int, content: Mapping[str, Any]) -> None:
            self.send(status, "application/json", json.dumps(content).encode())

        def send(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Connection", "close")  # so that nothing is answered after `stop`
            self.end_headers()
            self.wfile.write(body)
            self.close_connection = True

    return Handler


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    write_page(tmp_path / "set", six(), CLASSES)
    site = Site(tmp_path)
    site.start()
    yield site
    site.stop()


@pytest.fixture
def open_page(browser: Browser, site: Site) -> Iterator[Open]:
    """Open a page of the site; nothing may be asked of anyone else."""
    visits: list[Visit] = []
    with ExitStack() as stack:

        def open_it(page: str = "set", beside: Visit | None = None, **options: Any) -> Visit:
            context = (
                beside.page.context
                if beside
                else stack.enter_context(browser.new_context(**options))
            )
            context.set_default_timeout(5_000)
            visit = Visit(context.new_page())
            visit.page.on("request", lambda request: visit.requests.append(request.url))
            visit.page.on("pageerror", lambda error: visit.complaints.append(str(error)))
            visit.page.on("dialog", lambda dialog: dialog.accept())
            visit.page.on("console", lambda message: visit.complaints.append(message.text))
            visit.page.clock.set_fixed_time(datetime.fromisoformat(NOW))
            visit.page.goto(site.address(page))
            visits.append(visit)
            return visit

        yield open_it
        home = f"http://127.0.0.1:{site.port}/"
        for visit in visits:
            # The console also shows each request that failed.
            assert [one for one in visit.complaints if "Failed to load resource" not in one] == []
            assert [one for one in visit.requests if not one.startswith((home, "data:"))] == []


@pytest.fixture
def seen(open_page: Open) -> Visit:
    return open_page()


def status(visit: Visit) -> Locator:
    return visit.page.locator(".to-save")


def hint(visit: Visit) -> Locator:
    return visit.page.locator(".deciding .next")


def stored(visit: Visit) -> list[Any]:
    """Return the decisions that the browser itself keeps."""
    kept = visit.page.evaluate(f"localStorage.getItem('{STORE}') ?? '{{}}'")
    return list(json.loads(kept).values())


def saved(visit: Visit, number: int = 1) -> None:
    noun = "decision" if number == 1 else "decisions"
    expect(status(visit)).to_have_text(f"Saved in decisions.csv: {number} {noun} not applied yet")


def look(visit: Visit) -> None:
    """Do what the browser does when somebody comes back to the page."""
    visit.page.evaluate("window.dispatchEvent(new Event('focus'))")


def test_a_decision_is_in_the_file_at_once_and_the_bar_says_how_to_apply_it(
    site: Site, seen: Visit
) -> None:
    expect(seen.page.get_by_role("button", name="Save decisions.csv")).to_be_hidden()
    expect(seen.page.get_by_role("button", name="Load decisions.csv")).to_be_visible()
    press(seen, 0, "Right")
    saved(seen)
    expect(hint(seen)).to_have_text(f"To apply your decisions, run {RUN}.")
    assert site.said() == [("0.jpg", "invented", "right", "boots", "")]
    assert stored(seen) == []
    assert site.file.read_bytes() == text([row(0, "right")], site.folder)
    expect(seen.page.locator(".pending button")).to_have_count(0)


def test_without_the_setting_the_bar_says_to_set_it(site: Site, open_page: Open) -> None:
    site.used = False
    seen = open_page()
    press(seen, 0, "Right")
    expect(hint(seen)).to_have_text(
        f"To apply your decisions, set “decisions: decisions.csv” in config.yaml, and run {RUN}."
    )


@pytest.mark.parametrize(
    ("names", "setting"),
    [
        (["predictions.xlsx"], "[predictions.xlsx, decisions.csv]"),
        (["to/A.CSV", "my file.xlsx"], "[to/A.CSV, my file.xlsx, decisions.csv]"),
        (["a, b.xlsx", '"<b>.csv'], r'["a, b.xlsx", "\"<b>.csv", decisions.csv]'),
    ],
)
def test_files_that_the_setting_names_already_stay_in_it(
    site: Site, open_page: Open, names: list[str], setting: str
) -> None:
    site.used, site.named = False, names
    seen = open_page()
    press(seen, 0, "Right")
    expect(hint(seen)).to_have_text(
        f"To apply your decisions, set “decisions: {setting}” in config.yaml, and run {RUN}."
    )
    assert yaml.safe_load(setting) == [*names, "decisions.csv"]


def test_all_ways_to_decide_are_saved(site: Site, seen: Visit) -> None:
    press(seen, 1, "Leave out")
    press(seen, 2, "Catalogue")
    press(seen, 5, "Other class")
    card(seen, 5).get_by_label("Which class is it?").fill("hats")
    card(seen, 5).get_by_role("button", name="Decide").click()
    saved(seen, 3)
    assert sorted(site.said()) == [
        ("1.jpg", "invented", "out", "", ""),
        ("2.jpg", "invented", "catalogue", "boots", ""),
        ("5.jpg", "invented", "wrong", "hats", ""),
    ]


def test_a_note_is_saved(site: Site, seen: Visit) -> None:
    press(seen, 0, "Right")
    card(seen, 0).focus()
    seen.page.keyboard.press("Enter")
    note = seen.page.locator("dialog.large [name=note]")
    note.fill("=1+1; a new box\n")
    note.press("Tab")
    expect(card(seen, 0).locator(".decision")).to_contain_text("a new box")
    saved(seen)
    (decision,) = site.said()
    assert decision[-1] == "=1+1; a new box"


def test_undo_is_saved_as_another_decision_since_the_file_keeps_all(
    site: Site, seen: Visit
) -> None:
    press(seen, 0, "Right")
    saved(seen)  # Before the next one: of two that wait for the server, only the later is sent.
    press(seen, 0, "Leave out")
    saved(seen)
    seen.page.keyboard.press("z")
    expect(reported(seen)).to_have_text("Undone.")
    expect(card(seen, 0).locator(".decision")).to_have_text("Right: boots")
    saved(seen)
    assert site.said() == [("0.jpg", "invented", "right", "boots", "")]
    seen.page.keyboard.press("z")
    expect(card(seen, 0).locator(".decision")).to_have_text("Decision taken back")
    expect(decided(seen)).to_have_text("0 of 6 decided, 6 left")
    saved(seen)
    assert site.said() == [("0.jpg", "invented", "undecided", "", "")]
    assert len(decisions.parsed(site.file, site.file.read_bytes())) == 4


def test_the_same_button_again_takes_a_decision_back(site: Site, seen: Visit) -> None:
    for _ in range(2):
        press(seen, 0, "Right")
        press(seen, 1, "Catalogue")
    expect(decided(seen)).to_have_text("0 of 6 decided, 6 left")
    expect(status(seen)).to_contain_text("Saved in decisions.csv")
    made = {(set_, decision) for _, set_, decision, *_ in site.said()}
    assert made == {("invented", "undecided"), ("invented", "catalogue"), ("catalogue", "out")}
    assert decisions.joining(decisions.read([site.file])) is None
    seen.page.keyboard.press("z")
    expect(card(seen, 1).locator(".decision")).to_have_text("Into the catalogue as boots")
    expect(status(seen)).to_contain_text("Saved in decisions.csv")
    assert decisions.joining(decisions.read([site.file])) is not None


def test_many_at_once_are_one_request_and_one_undo(site: Site, seen: Visit) -> None:
    seen.page.locator(".many").get_by_role("button").click()
    expect(decided(seen)).not_to_have_text("0 of 6 decided, 6 left")
    expect(status(seen)).to_contain_text("Saved in decisions.csv")
    assert len(site.posts) == 1
    number = len(site.posts[0])
    assert number > 2
    assert {decision for _, _, decision, *_ in site.said()} == {"catalogue"}
    seen.page.keyboard.press("z")
    expect(decided(seen)).to_have_text("0 of 6 decided, 6 left")
    expect(status(seen)).to_contain_text("Saved in decisions.csv")
    assert len(site.posts) == 2
    assert len(site.posts[1]) == number


def test_a_file_of_somebody_else_is_read_and_saved(site: Site, seen: Visit) -> None:
    press(seen, 0, "Right")
    saved(seen, 1)
    append(site.file, [row(1, "out", "", when=LATER)])  # which this page does not know yet
    theirs = [row(0, "out", ""), row(1, "right"), row(2, "right"), row(9, "right")]
    load(seen, text(theirs, site.folder), "anna.csv")
    expect(reported(seen)).to_have_text(
        "anna.csv: 2 of 4 decisions added, the rest known or older; 1 for photos that are not on "
        "this page."
    )
    saved(seen, 4)
    assert [decision for _, _, decision, *_ in site.said()] == ["right", "out", "right", "right"]


# ---- Two pages


def test_a_page_shows_what_the_file_has_and_the_later_decision_counts(
    site: Site, open_page: Open
) -> None:
    rows = [row(0, "out", "", when=LATER), row(1, "right"), row(7, "right", set="other")]
    append(site.file, rows)
    seen = open_page()
    expect(card(seen, 0).locator(".decision")).to_have_text("Left out")
    saved(seen, 3)
    press(seen, 0, "Right")  # with a clock that is an hour slow
    expect(card(seen, 0).locator(".decision")).to_have_text("Right: boots")
    saved(seen, 3)
    assert ("0.jpg", "invented", "right", "boots", "") in site.said()


def test_two_browsers_lose_nothing_and_see_each_other(site: Site, open_page: Open) -> None:
    first, second = open_page(), open_page()
    press(first, 0, "Right")
    saved(first)
    press(second, 1, "Leave out")
    press(second, 0, "Leave out")  # at the same second, and without having seen the other
    saved(second, 2)
    assert sorted(site.said()) == [
        ("0.jpg", "invented", "out", "", ""),
        ("1.jpg", "invented", "out", "", ""),
    ]
    look(first)
    expect(card(first, 0).locator(".decision")).to_have_text("Left out")
    expect(decided(first)).to_have_text("2 of 6 decided, 4 left")
    first.page.keyboard.press("z")
    expect(reported(first)).to_have_text("Not undone: it was decided again in another tab.")


def test_two_tabs_of_a_browser_show_the_same_at_once(site: Site, open_page: Open) -> None:
    first = open_page()
    second = open_page(beside=first)
    press(first, 0, "Right")
    expect(card(second, 0).locator(".decision")).to_have_text("Right: boots")
    saved(second)
    press(second, 0, "Leave out")
    expect(card(first, 0).locator(".decision")).to_have_text("Left out")
    saved(second)
    assert [decision for _, _, decision, *_ in site.said()] == ["out"]


def test_the_audit_saves_in_the_same_file(site: Site, open_page: Open) -> None:
    write_audit(site.folder / "catalogue")
    audit = open_page("catalogue")
    item = audit.page.locator("li.item, .item").filter(has_text="boots/1").first
    item.get_by_role("button", name=re.compile("^Leave out")).click()
    expect(status(audit)).to_contain_text("Saved in decisions.csv")
    assert site.said() == [("boots/1", "catalogue", "out", "", "")]
    seen = open_page()
    saved(seen)


# ---- Faults


def test_while_the_server_is_gone_decisions_stay_in_the_browser_and_are_saved_later(
    site: Site, seen: Visit
) -> None:
    press(seen, 0, "Right")
    saved(seen)
    site.stop()
    press(seen, 1, "Right")
    expect(reported(seen)).to_have_text(
        "Not saved: The server does not answer. Start it again: python -m similar_images serve. "
        "This browser keeps your decisions, and sends them again with the next one."
    )
    expect(status(seen)).to_have_text("1 decision not saved yet")
    press(seen, 2, "Leave out")
    expect(status(seen)).to_have_text("2 decisions not saved yet")
    assert len(stored(seen)) == 2
    site.start()
    press(seen, 3, "Right")
    saved(seen, 4)
    expect(reported(seen)).to_have_text("")
    assert len(site.said()) == 4
    assert stored(seen) == []


@pytest.mark.parametrize("how", ["reload", "come back"])
def test_what_was_not_saved_is_sent_when_the_page_is_opened_or_looked_at_again(
    site: Site, seen: Visit, how: str
) -> None:
    site.stop()
    press(seen, 1, "Right")
    expect(status(seen)).to_have_text("1 decision not saved yet")
    site.start()
    seen.reload() if how == "reload" else look(seen)
    saved(seen)
    expect(reported(seen)).to_have_text("")
    assert site.said() == [("1.jpg", "invented", "right", "boots", "")]


@pytest.mark.parametrize("how", ["come back", "decide"])
def test_a_later_decision_of_somebody_else_is_not_overwritten_by_one_that_waited(
    site: Site, seen: Visit, how: str
) -> None:
    site.stop()
    press(seen, 1, "Right")
    expect(status(seen)).to_have_text("1 decision not saved yet")
    append(site.file, [row(1, "out", "", when=LATER)])
    site.start()
    look(seen) if how == "come back" else press(seen, 2, "Leave out")
    expect(card(seen, 1).locator(".decision")).to_have_text("Left out")
    expect(reported(seen)).to_have_text(
        "decisions.csv has later decisions than this browser: 1 decision here no longer count."
    )
    assert {decision for _, _, decision, *_ in site.said()} == {"out"}


def test_a_file_that_is_read_only_is_named_with_what_to_do(site: Site, seen: Visit) -> None:
    append(site.file, [row(0, "right")])
    site.file.chmod(0o444)
    press(seen, 1, "Right")
    expect(reported(seen)).to_contain_text(
        "decisions.csv is read-only. Allow writing (chmod u+w decisions.csv), and save again."
    )
    expect(reported(seen)).to_contain_text("This browser keeps your decisions")
    site.file.chmod(0o644)
    press(seen, 2, "Right")
    saved(seen, 3)
    assert len(site.said()) == 3


def test_a_fault_is_also_shown_over_the_large_view(site: Site, seen: Visit) -> None:
    site.fault = "The disk is full. Free some space."
    card(seen, 0).focus()
    seen.page.keyboard.press("Enter")
    seen.page.keyboard.press("r")
    expect(seen.page.locator("dialog.large .message")).to_contain_text(
        "Not saved: The disk is full"
    )


def test_a_browser_that_stores_nothing_says_that_the_decisions_are_only_on_the_page(
    site: Site, seen: Visit
) -> None:
    site.fault = "The disk is full."
    seen.page.add_init_script(
        "Object.defineProperty(window, 'localStorage', { get() { throw new Error('no'); } })"
    )
    seen.reload()
    press(seen, 0, "Right")
    expect(reported(seen)).to_have_text(
        "Not saved: The disk is full. This browser does not keep your decisions, so do not leave "
        "this page."
    )
    site.fault = ""
    press(seen, 1, "Right")
    saved(seen, 2)
    assert len(site.said()) == 2


def test_a_damaged_file_is_named_when_the_page_is_opened(site: Site, open_page: Open) -> None:
    append(site.file, [row(0, "right")])
    seen = open_page()
    saved(seen)
    site.fault = "decisions.csv is damaged: line 3. Correct it."
    press(seen, 1, "Right")
    expect(reported(seen)).to_contain_text("Not saved: decisions.csv is damaged: line 3.")


def test_decisions_of_another_project_at_the_same_address_are_saved_only_if_asked_for(
    site: Site, seen: Visit
) -> None:
    site.stop()
    load(seen, text([row(0, "right"), row(8, "right"), row(9, "right")], site.folder))
    expect(status(seen)).to_have_text("3 decisions not saved yet")
    site.start()
    seen.reload()
    saved(seen, 1)
    assert len(site.said()) == 1
    waiting = seen.page.locator(".waiting")
    expect(waiting).to_contain_text("for other photos than these: 2 decisions")
    waiting.get_by_role("button", name="Save").click()
    expect(waiting).to_be_hidden()
    saved(seen, 3)
    assert len(site.said()) == 3


def test_decisions_of_another_project_can_be_forgotten(site: Site, seen: Visit) -> None:
    site.stop()
    load(seen, text([row(9, "right")], site.folder))
    expect(status(seen)).to_have_text("1 decision not saved yet")
    site.start()
    seen.reload()
    seen.page.locator(".waiting").get_by_role("button", name="Forget").click()
    expect(seen.page.locator(".waiting")).to_be_hidden()
    assert stored(seen) == []
    assert site.said() == []


def test_a_page_of_another_project_saves_nothing_until_it_is_loaded_again(
    site: Site, seen: Visit
) -> None:
    press(seen, 0, "Right")
    saved(seen)
    site.project = "hats"
    site.posts.clear()
    press(seen, 1, "Right")
    expect(reported(seen)).to_have_text(f"Not saved: {OTHER} This browser keeps your decisions.")
    before = len(seen.requests)
    press(seen, 2, "Leave out")
    look(seen)
    expect(status(seen)).to_have_text("2 decisions not saved yet")
    expect(reported(seen)).to_contain_text(OTHER)
    assert seen.requests[before:] == []
    seen.reload()  # The project that is served now has the same photos, and other decisions.
    saved(seen)
    assert site.posts == []
    site.project = "shoes"
    seen.reload()
    saved(seen, 3)


def test_decisions_of_another_project_are_not_shown(site: Site, seen: Visit) -> None:
    press(seen, 1, "Right")
    saved(seen)
    site.project = "hats"
    append(site.file, [row(0, "out", "")])
    look(seen)
    expect(reported(seen)).to_contain_text("another project")
    expect(decided(seen)).to_have_text("1 of 6 decided, 5 left")


# ---- Names, accessibility, and pages without a server


def test_hostile_names_are_saved_as_they_are_and_run_nowhere(
    site: Site, open_page: Open, tmp_path: Path
) -> None:
    cards = made_cards(4, ["boots", "hats"])
    for one, name in zip(cards, HOSTILE, strict=True):
        object.__setattr__(one, "name", name)
    write_page(tmp_path / "hostile", cards, ["boots", "hats"])
    seen = open_page("hostile")
    for number in range(4):
        press(seen, number, "Other class")
        box = card(seen, number).get_by_label("Which class is it?")
        box.fill(HOSTILE[number])
        box.press("Enter")
        card(seen, number).get_by_role("button", name="Use the new class").click()
    saved(seen, 4)
    assert [label for _, _, _, label, _ in site.said()] == HOSTILE
    assert [image for image, *_ in site.said()] == HOSTILE
    append(site.file, [row(0, "right", HOSTILE[0], when=LATER, note=HOSTILE[1])])
    site.fault = HOSTILE[1]
    seen.reload()
    press(seen, 1, "Leave out")
    expect(reported(seen)).to_contain_text(HOSTILE[1])
    assert seen.page.evaluate("window.hacked") is None


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_accessibility_checker_finds_nothing_in_the_bar(
    site: Site, open_page: Open, scheme: str
) -> None:
    seen = open_page(color_scheme=scheme)
    press(seen, 0, "Right")
    saved(seen)
    assert accessibility_findings(seen) == []
    site.fault = "The disk is full."
    press(seen, 1, "Right")
    expect(reported(seen)).to_contain_text("Not saved")
    assert accessibility_findings(seen) == []


def test_a_page_that_was_sent_as_one_file_saves_nothing(site: Site, open_page: Open) -> None:
    page = site.folder / "set" / "report.html"
    content = page.read_text("utf-8")
    portable = {"all": 6, "address": "x", "which": "y", "pictures": {}}
    alone = content.replace('"folder":', f'"portable": {json.dumps(portable)}, "folder":', 1)
    assert alone != content
    page.write_text(alone, "utf-8")
    seen = open_page()
    press(seen, 0, "Right")
    expect(seen.page.get_by_role("button", name="Save decisions.csv")).to_be_enabled()
    assert site.posts == []


def test_a_page_that_is_opened_as_a_file_saves_nothing(
    visit: Callable[..., Visit], site: Site
) -> None:
    seen = visit(site.folder / "set" / "report.html")
    press(seen, 0, "Right")
    expect(seen.page.get_by_role("button", name="Save decisions.csv")).to_be_enabled()
    drop(seen, text([row(1, "right")], site.folder))
    expect(decided(seen)).to_have_text("2 of 6 decided, 4 left")
    assert site.posts == []
