"""Tests of whole runs on photos at addresses, with a server that misbehaves."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from project import Project, lay_out_shoes
from proxy_server import proxying
from s3_server import s3_server
from web_server import KEEP, Request, Script, Server, broken_off, head, serving, status, well

SECRET = "signature=s3cr3t"


@pytest.fixture
def folders(tmp_path: Path) -> Project:
    return lay_out_shoes(tmp_path / "folders")


@pytest.fixture
def server(folders: Project) -> Iterator[Server]:
    """Serve the photos of the project with folders."""
    photos = folders.photo("")
    files = {str(path.relative_to(photos)): path.read_bytes() for path in photos.rglob("*.png")}
    with serving(files) as server:
        yield server


@pytest.fixture
def feed(folders: Project, server: Server, tmp_path: Path) -> Project:
    """A project that knows the same photos by their addresses alone."""
    project = lay_out_shoes(tmp_path / "feed")
    for name in ("catalogue", "new"):
        write_feed(project, name, server, sorted(folders.photo(name).rglob("*.png")))
    for path in project.photo("").rglob("*.png"):
        path.unlink()
    project.settle(
        catalogue="catalogue.csv",
        queries={"new": "new.jsonl"},
        columns=["product_id"],
        remote={"allowed": [server.origin], "private": True},
    )
    return project


def write_feed(project: Project, name: str, server: Server, photos: list[Path]) -> None:
    """Write a CSV for the catalogue, and JSON lines for queries."""
    rows = [
        {
            "image": f"{server.address('/'.join(photo.parts[-3:]))}?{SECRET}",
            "label": photo.parent.name,
            "product_id": f"P{number}",
        }
        for number, photo in enumerate(photos)
    ]
    lines = ["image,label,product_id", *(",".join(row.values()) for row in rows)]
    (project.folder / f"{name}.csv").write_text("\n".join(lines))
    (project.folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))


def answers(project: Project) -> dict[str, dict[str, str]]:
    """Return what is predicted, by the ends of the names, which folders and addresses share.

    They do not share the time at which their photos were first listed, nor lines of a list.
    """
    own = {"product_id", "added", "row"}
    named = ("image", *(f"similar_{n}" for n in (1, 2, 3)))
    rows = [
        row | {name: "/".join(row[name].partition("?")[0].split("/")[-2:]) for name in named}
        for row in project.rows("new/predictions.csv")
    ]
    return {row["image"]: {k: v for k, v in row.items() if k not in own} for row in rows}


def fetched(server: Server) -> int:
    return sum(count for (method, _), count in server.requests.items() if method == "GET")


def test_a_feed_gives_what_the_folders_give_and_fetches_each_photo_once(
    folders: Project, feed: Project, server: Server
) -> None:
    folders.run(*folders.answers())
    feed.run()
    assert answers(feed) == answers(folders)
    assert {row["product_id"] for row in feed.rows("new/predictions.csv")} == {
        f"P{n}" for n in range(6)
    }
    assert fetched(server) == 12 + 6
    again = feed.run()
    assert again.jobs == {}
    assert fetched(server) == 12 + 6


def test_only_new_and_changed_photos_are_fetched_and_known_bytes_are_not_extracted(
    feed: Project, folders: Project, server: Server
) -> None:
    feed.run(*feed.answers())
    shards = feed.shards()
    same = folders.photo("catalogue/boots/0.png").read_bytes()
    server.put("catalogue/boots/0.png", same, modified=1_750_000_000)
    server.requests.clear()
    feed.run(*feed.answers())
    assert fetched(server) == 0, "the version is that of the same bytes"
    server.put("new/boots/0.png", folders.photo("new/boots/1.png").read_bytes())
    run = feed.run(*feed.answers())
    assert fetched(server) == 1
    assert run.jobs["extract"] == 0
    assert feed.shards() == shards


def test_commands_that_run_no_job_ask_no_server_and_write_nothing(
    feed: Project, server: Server
) -> None:
    assert "no address was checked" in feed.run("--dry-run").console
    assert not server.requests
    assert not feed.result("").exists()
    feed.run(*feed.answers())
    server.requests.clear()
    server.put("new/boots/0.png", b"changed")
    before = written(feed)
    locks = feed.folder / ".snakemake/locks"
    for arguments in (["--dry-run"], ["--summary"], ["--touch", "results/new/predictions.csv"]):
        feed.run(*arguments)
    locks.mkdir(exist_ok=True)
    (locks / "0.output.lock").write_text("results/new/predictions.csv\n")
    assert "cannot be locked" in feed.run(fails=True).console
    feed.run("--unlock")
    assert not server.requests
    assert written(feed) == before
    feed.run(*feed.answers())
    assert server.requests


def written(project: Project) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in project.result("").rglob("*.json")}


def test_secrets_of_addresses_appear_in_no_file_and_not_on_the_console(feed: Project) -> None:
    run = feed.run()
    assert files_with(feed, b"s3cr3t") == []
    assert "s3cr3t" not in run.console


def files_with(project: Project, text: bytes) -> list[Path]:
    files = [path for path in project.folder.glob("*/**/*") if path.is_file()]
    assert len(files) > 50
    return [path for path in files if text in path.read_bytes()]


def test_a_feed_comes_through_a_proxy_whose_password_is_left_nowhere(
    folders: Project, feed: Project, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in (feed.folder / "catalogue.csv", feed.folder / "new.jsonl"):
        path.write_text(path.read_text().replace(server.origin, "http://shop.example"))
    feed.settle(remote={"allowed": ["http://shop.example"], "private": False})
    folders.run(*folders.answers())
    with proxying({"shop.example:80": server.origin}, password="me:hunter2") as proxy:
        monkeypatch.setenv("http_proxy", proxy.address)
        run = feed.run()
        assert len([asked for asked in proxy.asked if asked.startswith("GET http://shop.e")]) == 18
    assert answers(feed) == answers(folders)
    assert files_with(feed, b"hunter2") == []
    assert "hunter2" not in run.console
    assert "no connection to the proxy" in feed.run(fails=True).console


def test_a_shop_that_wants_a_token_gets_it_and_it_is_left_nowhere(
    folders: Project, feed: Project, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def guarded(request: Request) -> Script:
        return (well if b"Authorization: Bearer hunter2" in request.head else status(401))(request)

    server.faults = dict.fromkeys(
        [str(path.relative_to(folders.photo(""))) for path in folders.photo("").rglob("*.png")],
        guarded,
    )
    feed.settle(remote={"headers": {server.origin: {"Authorization": "SHOP_TOKEN"}}})
    run = feed.run(fails=True)
    assert "the environment variable SHOP_TOKEN is not set" in run.console
    assert not server.requests
    assert not feed.result("").exists()
    monkeypatch.setenv("SHOP_TOKEN", "Bearer hunter2")
    run = feed.run()
    folders.run(*folders.answers())
    assert answers(feed) == answers(folders)
    assert files_with(feed, b"hunter2") == []
    assert "hunter2" not in run.console
    monkeypatch.setenv("SHOP_TOKEN", "Bearer hunter3")
    server.faults.clear()
    assert feed.run().jobs == {}, "another token changes no photo"


def test_a_server_that_knows_no_head_and_calls_all_a_page_gives_what_folders_give(
    folders: Project, feed: Project, server: Server
) -> None:
    def odd(request: Request) -> Script:
        if request.method == "HEAD":
            return status(404)(request)
        headers = {"Content_Type": "text/html", "Content_Encoding": "aws-chunked", "ETag": '"1"'}
        return [head(200, **headers, **{"Content-Length": len(request.data)}) + request.data, KEEP]

    for path in folders.photo("").rglob("*.png"):
        server.faults[str(path.relative_to(folders.photo("")))] = odd
    feed.run()
    folders.run(*folders.answers())
    assert answers(feed) == answers(folders)
    assert feed.run().jobs == {}


def test_photos_that_fail_are_listed_and_tried_again_by_the_next_run(
    feed: Project, server: Server
) -> None:
    listed = feed.folder / "catalogue.csv"
    listed.write_text(listed.read_text().replace(",boots,", ",,", 1))
    server.faults["catalogue/boots/1.png"] = status(404)
    server.faults["new/boots/0.png"] = lambda request: (
        broken_off(request) if request.method == "GET" else status(200, ETag='"x"')(request)
    )
    feed.run()
    unlabelled, gone = feed.rows("catalogue/rejected.csv")
    assert unlabelled["reason"].startswith("no class")
    (broken,) = feed.rows("new/rejected.csv")
    assert gone["reason"] == "404: not found"
    assert "broke off" in broken["reason"]
    server.faults.clear()
    feed.run()
    assert feed.rows("catalogue/rejected.csv") == [unlabelled]
    assert feed.rows("new/rejected.csv") == []
    assert feed.run().jobs == {}


def test_while_a_server_is_busy_the_former_photo_is_used_and_later_it_is_fetched(
    feed: Project, folders: Project, server: Server
) -> None:
    path = "catalogue/boots/0.png"
    first = folders.photo(path).read_bytes()
    later = folders.photo("catalogue/boots/1.png").read_bytes()
    server.put(path, first, validators=False)
    feed.run(*feed.answers())
    before = feed.predictions()
    server.put(path, later, validators=False)
    server.faults[path] = lambda request: (status(503) if request.method == "GET" else well)(
        request
    )
    run = feed.run(*feed.answers())
    assert feed.rows("catalogue/rejected.csv") == []
    assert feed.predictions() == before
    assert "that the next run tries again: 1, such as" in run.console
    server.faults.clear()
    server.put(path, later)
    feed.run(*feed.answers())
    assert len(feed.rows("catalogue/duplicates.csv")) == 2
    assert feed.run(*feed.answers()).jobs == {}


def test_if_the_server_is_down_nothing_changes_and_the_error_says_so(
    feed: Project, server: Server
) -> None:
    feed.run(*feed.answers())
    before = feed.predictions()
    for path in {path for _, path in server.requests}:
        server.faults[path] = status(503)
    run = feed.run(fails=True)
    assert "catalogue: 12 of 12 photos cannot be fetched" in run.console
    assert "503" in run.console
    assert "Traceback" not in run.console
    assert feed.predictions() == before


def test_an_address_that_is_not_allowed_is_never_asked(feed: Project, server: Server) -> None:
    feed.settle(remote={"allowed": ["https://shop.example"]})
    run = feed.run(fails=True)
    assert f"{server.origin} is not in remote.allowed" in run.console
    assert not server.requests


def test_without_a_cache_photos_are_fetched_again_when_needed(
    feed: Project, folders: Project, server: Server
) -> None:
    feed.settle(remote={"cache_gigabytes": 0})
    feed.run()
    folders.run(*folders.answers())
    assert answers(feed) == answers(folders)
    assert not feed.result("fetched").exists()
    assert fetched(server) > 12 + 6


def test_a_bucket_gives_what_the_folders_give_and_nothing_is_fetched_twice(
    folders: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders.run(*folders.answers())
    project = lay_out_shoes(tmp_path / "bucket")
    with s3_server(tmp_path) as store:
        for name, value in store.environment.items():
            monkeypatch.setenv(name, value)
        for path in folders.photo("").rglob("*.png"):
            store.put(str(path.relative_to(folders.photo(""))), path.read_bytes())
        shutil.rmtree(project.photo(""))
        project.settle(
            catalogue=f"s3://{store.bucket}/catalogue",
            queries={"new": f"s3://{store.bucket}/new"},
            remote={"allowed": [f"s3://{store.bucket}"]},
        )
        project.run()
        assert project.predictions() == folders.predictions()
        assert project.run().jobs == {}
        project.settle(catalogue=f"s3a://{store.bucket}/catalogue")  # the same photos
        store.put("new/boots/later.png", folders.photo("new/boots/0.png").read_bytes())
        run = project.run()
    assert run.jobs["extract"] == 0
    assert len(project.rows("new/predictions.csv")) == 7


def test_a_comparison_of_settings_fetches_no_photo_again_and_loses_none(
    feed: Project, server: Server
) -> None:
    feed.run(*feed.answers())
    server.requests.clear()
    server.faults["catalogue/boots/0.png"] = status(503)
    feed.settle(compare={"one": {"search": {"neighbours": 1}}, "many": {"search": {"parts": 2}}})
    feed.run("compare")
    assert fetched(server) == 0
    assert len(feed.rows("compare.csv")) == 3
    assert feed.rows("compare/one/results/catalogue/rejected.csv") == []
