"""Decisions and photos that the server saves in the project."""

import hashlib
import os
import resource
import shutil
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from http_clients import post, post_json, request
from project import Project
from serving import Served, serving
from similar_images.decisions import decisions

RUN = "snakemake --cores 8"


def decision(photo: bytes, label: str = "sandals") -> dict[str, str]:
    return {
        "content_id": hashlib.sha256(photo).hexdigest(),
        "image": "boots/0.png",
        "set": "new",
        "decision": "wrong",
        "label": label,
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "note": "",
    }


def test_a_decision_is_used_by_the_next_run_and_the_page_says_so_until_then(
    copied: Project, photo: bytes
) -> None:
    with serving(copied.folder) as served:
        reply = post_json(served, "/decisions", {"decisions": [decision(photo)]})
        assert reply.json == {"file": "decisions.csv", "saved": 1, "run": RUN}
        assert request(served, "/catalogue").json["run"] == RUN
        (row,) = request(served, "/decisions").json["decisions"]
        assert row["label"] == "sandals"
    (made,) = decisions.read([copied.folder / "decisions.csv"])
    assert made.label == "sandals"
    with serving(copied.folder) as served:
        assert request(served, "/catalogue").json["run"] == RUN  # also after a restart
        copied.settle(decisions="decisions.csv")
        copied.run()
        overview = request(served, "/catalogue").json
        assert overview["decisions_used"]
        assert overview["run"] is None
    labels = {row["image"]: row["label"] for row in copied.rows("new/predictions.csv")}
    assert labels["boots/0.png"] == "sandals"


def test_faulty_decisions_are_refused_as_a_whole(copied: Project, photo: bytes) -> None:
    faulty = decision(photo) | {"decision": "maybe"}
    with serving(copied.folder) as served:
        reply = post_json(served, "/decisions", {"decisions": [decision(photo), faulty]})
        assert reply.status == 422
        assert "decision 2: decision 'maybe'; allowed: right, wrong" in reply.detail
        (copied.folder / "decisions.csv").write_text("damaged")
        reply = post_json(served, "/decisions", {"decisions": [decision(photo)]})
        assert reply.status == 409
        assert request(served, "/decisions").status == 409
        assert reply.detail.startswith("decisions.csv is not a file of decisions")
    assert (copied.folder / "decisions.csv").read_text() == "damaged"


def test_a_kept_photo_is_a_query_of_the_next_run(copied: Project) -> None:
    data = copied.photo("new/sandals/1.png").read_bytes()
    with serving(copied.folder, "--inbox", "inbox") as served:
        assert request(served, "/catalogue").json["inbox"] == "inbox"
        assert request(served, "/catalogue").json["run"] is None
        kept = post(served, "/inbox", ("my sandals.jpeg", data)).json
        assert kept == {
            "set": "inbox",
            "image": f"my sandals-{kept['content_id'][:16]}.png",
            "content_id": hashlib.sha256(data).hexdigest(),
            "run": RUN,
        }
        assert copied.photo(f"inbox/{kept['image']}").read_bytes() == data
        assert request(served, "/catalogue").json["run"] == RUN
        copied.run()
        assert request(served, "/catalogue").json["run"] is None
    rows = {row["image"]: row["prediction"] for row in copied.rows("inbox/predictions.csv")}
    assert rows[kept["image"]] == "sandals"


def test_the_same_bytes_are_kept_once(copied: Project) -> None:
    data = copied.photo("inbox/first boots.png").read_bytes()
    new = copied.photo("new/sandals/1.png").read_bytes()
    with serving(copied.folder, "--inbox", "inbox") as served:
        assert post(served, "/inbox", ("b.png", data)).json["image"] == "first boots.png"
        first = post(served, "/inbox", ("c.png", new)).json["image"]
        assert post(served, "/inbox", ("d.png", new)).json["image"] == first
    assert sorted(os.listdir(copied.photo("inbox"))) == [first, "first boots.png"]


HOSTILE = [
    *("../../x.png", "/etc/passwd", "..\\..\\x.png", ".hidden.png", "..", "", "con.txt.png"),
    *("a\x00b.png", "a\x1fb\x7f.png", "x" * 3000 + ".png", "é" * 200, "a\u202egnp.exe", "~$a.png"),
]


def test_a_name_leads_nowhere_else(copied: Project, photo: bytes) -> None:
    folder = copied.photo("inbox")
    with serving(copied.folder, "--inbox", "inbox") as served:
        before = {path for path in copied.folder.rglob("*") if path.parent != folder}
        for number, name in enumerate(HOSTILE):
            data = photo + bytes(number)
            reply = post(served, "/inbox", (name, data))
            kept = reply.json["image"]
            assert (folder / kept).read_bytes() == data
            assert kept.isprintable()
            assert not kept.startswith((".", "~"))
            assert len(kept.encode()) <= 255
        assert {path for path in copied.folder.rglob("*") if path.parent != folder} == before
    assert len(os.listdir(folder)) == 1 + len(HOSTILE)


def test_the_ending_is_that_of_the_content(copied: Project) -> None:
    with serving(copied.folder, "--inbox", "inbox") as served:
        for kind, ending in (("JPEG", ".jpg"), ("WEBP", ".webp"), ("TIFF", ".tif")):
            file = BytesIO()
            Image.new("RGB", (20, 20)).save(file, kind)
            kept = post(served, "/inbox", ("x.exe", file.getvalue())).json["image"]
            assert kept.endswith(ending)
        reply = post(served, "/inbox", ("x.jpg", b"<script>"))
    assert reply.status == 422
    assert "no photo" in reply.detail


def test_without_an_inbox_no_photo_is_kept(served: Served, photo: bytes) -> None:
    reply = post(served, "/inbox", ("0.png", photo))
    assert reply.status == 409
    assert "--inbox" in reply.detail


def test_an_inbox_is_a_set_that_is_a_folder(asked: Project) -> None:
    with (
        pytest.raises(AssertionError, match=r"--inbox shoes: .* there are: inbox, new"),
        serving(asked.folder, "--inbox", "shoes"),
    ):
        pass


def test_a_folder_that_is_gone_or_read_only_is_named(copied: Project, photo: bytes) -> None:
    folder = copied.photo("inbox")
    with serving(copied.folder, "--inbox", "inbox") as served:
        if os.geteuid():  # root may write everywhere
            folder.chmod(0o500)
            assert "permission denied" in post(served, "/inbox", ("0.png", photo)).detail
            folder.chmod(0o700)
        shutil.rmtree(folder)
        reply = post(served, "/inbox", ("0.png", photo))
        assert reply.status == 503
        assert "set inbox: no such file" in reply.detail
        folder.touch()
        assert "not a directory" in post(served, "/inbox", ("0.png", photo)).detail


def test_on_a_full_disk_nothing_is_saved_in_part(copied: Project, photo: bytes) -> None:
    saved = copied.folder / "decisions.csv"
    with serving(copied.folder, "--inbox", "inbox") as served:
        post_json(served, "/decisions", {"decisions": [decision(photo)]})
        before = saved.read_bytes()
        post(served, "/ask", ("0.png", photo))  # it prepares the search
        resource.prlimit(served.process.pid, resource.RLIMIT_FSIZE, (100, 100))
        kept = post(served, "/inbox", ("0.png", photo))
        later = post_json(served, "/decisions", {"decisions": [decision(photo, "sneakers")]})
        assert post(served, "/ask", ("0.png", photo)).status == 200
    for reply in (kept, later):
        assert reply.status == 503
        assert "space on the disk" in reply.detail
        assert str(copied.folder) not in reply.detail
    assert saved.read_bytes() == before
    assert os.listdir(copied.photo("inbox")) == ["first boots.png"]


def test_nothing_of_an_asked_photo_is_kept(copied: Project, photo: bytes, tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    with serving(copied.folder, environment={"TMPDIR": str(temporary)}) as served:
        post(served, "/ask", ("0.png", photo))
        before = sorted(copied.folder.rglob("*"))
        large = photo + bytes(5_000_000)
        assert post(served, "/ask", ("0.png", large)).status == 200
        assert sorted(copied.folder.rglob("*")) == before
        assert list(temporary.iterdir()) == []
