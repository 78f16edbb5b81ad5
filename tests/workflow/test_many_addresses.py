"""Ten thousand addresses, some of which fail, in every possible way."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from project import Project, lay_out_shoes
from web_server import (
    Fault,
    Request,
    Script,
    broken_off,
    closed,
    drip,
    huge,
    no_head,
    redirect,
    serving,
    silent,
    status,
    status_at_first,
    with_headers,
)

COUNT = 10_000
PHOTO = bytes(100_000)


def dripping(request: Request) -> Script:
    return drip(0.2)(request)


def circle(request: Request) -> Script:
    return redirect(f"/{request.path}")(request)


# One in a hundred for each. What is tried again may come to the end of its time on the way.
LASTING: dict[str, Fault] = {
    "404": status(404),
    "403": status(403),
    "410": status(410),
    "503|more than 8 s": status(503),
    "asks to wait": status(429, Retry_After=100),
    "broke off|more than 8 s": broken_off,
    "more than 8 s": dripping,
    "more than 200,000 bytes": huge(announced=False),
    "more than 200,000 bytes, announced": huge(),
    "in place of a picture": with_headers(b"<html>", Content_Type="text/html"),
    "circle": circle,
    "remote.allowed": redirect("http://elsewhere.example/"),
    "connection|more than 8 s": closed,
    "no answer|more than 8 s": silent,
}
TRANSIENT: list[Fault] = [status_at_first(500, 1), status_at_first(429, 1), no_head()]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return lay_out_shoes(tmp_path / "project")


def test_of_many_addresses_each_gets_a_row_and_only_failed_ones_are_fetched_again(
    project: Project,
) -> None:
    names = [f"{n}.jpg" for n in range(COUNT)]
    faults = [*LASTING.values(), *TRANSIENT]
    with serving(dict.fromkeys(names, PHOTO)) as server:
        server.faults = {f"{n}.jpg": faults[n % 100] for n in range(COUNT) if n % 100 < len(faults)}
        lines = [f"{server.address(name)},class {n % 2}" for n, name in enumerate(names)]
        (project.folder / "feed.csv").write_text("\n".join(["image,label", *lines]))
        limits = {"private": True, "connections": 64, "seconds": 8, "max_bytes": 200_000}
        project.settle(
            catalogue="feed.csv",
            remote={"allowed": [server.origin], **limits, "cache_gigabytes": 0.1},
        )
        manifest = project.result("catalogue/manifest.parquet")
        peak = project.peak("results/catalogue/manifest.parquet")
        assert peak < 500 * 1024, "what was fetched, a gigabyte, is held in memory"
        rows = pq.ParquetFile(manifest).read().to_pylist()
        assert len(rows) == COUNT
        failed = {row["file"].decode() for row in rows if row["fault"]}
        lasting = [n for n in range(COUNT) if n % 100 < len(LASTING)]
        assert failed == {server.address(f"{n}.jpg") for n in lasting}
        for row in rows:
            if row["fault"]:
                number = int(row["file"].rpartition(b"/")[2].removesuffix(b".jpg"))
                expected = list(LASTING)[number % 100].partition(",")[0].split("|")
                assert any(words in row["fault"] for words in expected), row["fault"]
        for words in ("503", "broke off", "connection"):
            assert any(words in row["fault"] for row in rows if row["fault"]), words
        server.faults.clear()
        server.requests.clear()
        project.run("results/catalogue/manifest.parquet")
        rows = pq.ParquetFile(manifest).read().to_pylist()
        assert not [row for row in rows if row["fault"]]
        got = {path for method, path in server.requests if method == "GET"}
        assert got == {f"{n}.jpg" for n in lasting}
    kept = sum(path.stat().st_size for path in project.result("fetched").rglob("*"))
    assert kept <= 100_000_000
