"""Photos of phones and studios, from the files to the results; and results of earlier versions."""

import io
from hashlib import sha256
from pathlib import Path

import pytest
from PIL import Image

import earlier
from project import Project
from similar_images.features import shards
from similar_images.images import decoding  # registers the format HEIF  # noqa: F401

CUT = "the last "


def put(project: Project, path: str, data: bytes) -> str:
    """Write a photo and return its content id."""
    file = project.photo(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    return sha256(data).hexdigest()


def encode(project: Project, source: str, format_: str, **options: object) -> bytes:
    stream = io.BytesIO()
    with Image.open(project.photo(source)) as image:
        image.convert("RGB").resize((200, 200)).save(stream, format_, **options)
    return stream.getvalue()


def test_photos_of_phones_get_predictions_and_what_was_lost_is_told(project: Project) -> None:
    put(project, "new/boots/phone.heic", encode(project, "new/boots/0.png", "HEIF"))
    put(project, "new/boots/shop.avif", encode(project, "new/boots/0.png", "AVIF"))
    whole = encode(project, "new/boots/0.png", "JPEG")
    put(project, "new/boots/cut.jpg", whole[: -len(whole) // 10])
    put(project, "catalogue/boots/cut.jpg", whole[: -len(whole) // 5])
    run = project.run()
    rows = {row["image"]: row for row in project.rows("new/predictions.csv")}
    for name in ("phone.heic", "shop.avif", "cut.jpg"):
        assert rows[f"boots/{name}"]["error"] == ""
        assert rows[f"boots/{name}"]["prediction"] == "boots"
    notes = {name: row["note"] for name, row in rows.items() if row["note"]}
    assert list(notes) == ["boots/cut.jpg"]
    assert notes["boots/cut.jpg"].startswith(CUT)
    assert f"new: 1 photo read with a note, such as “{notes['boots/cut.jpg']}”" in run.console
    members = {row["image"]: row["note"] for row in project.rows("catalogue/members.csv")}
    assert members.pop("boots/cut.jpg").startswith(CUT)
    assert set(members.values()) == {""}
    assert "catalogue: 1 photo read with a note" in run.console
    thumbnails = {path.stem for path in project.result("new").rglob("*.jpg")}
    assert sha256(project.photo("new/boots/phone.heic").read_bytes()).hexdigest() in thumbnails
    assert notes["boots/cut.jpg"] in project.result("new/report.html").read_text("utf-8")


@pytest.mark.parametrize("stopped", [False, True])
def test_features_of_an_earlier_version_are_kept_where_they_are_the_same(
    project: Project, stopped: bool
) -> None:
    whole = encode(project, "new/boots/0.png", "JPEG")
    cut = put(project, "new/boots/cut.jpg", whole[: -len(whole) // 10])
    noted = put(
        project,
        "new/hats/profile.png",
        encode(project, "new/boots/0.png", "PNG", icc_profile=b"nonsense"),
    )
    project.run(*project.answers())
    expected = project.predictions()
    before = project.shards()
    for path in before:
        earlier.rewrite(Path(path), {cut: "damaged or truncated: of old", noted: None})
        if stopped:
            part = Path(path).with_suffix(".partial")
            Path(path).rename(part)
    # As after an update, when the plan is made again.
    run = project.run(*project.answers(), "--forcerun", "plan")
    assert project.predictions() == expected
    assert ("from an earlier version of this program" in run.console) != stopped
    new = project.shards() if stopped else project.shards() - before
    assert {shards.read_contents(Path(path)).decoding for path in new} == {shards.DECODING}
    again = project.run(*project.answers())
    assert not again.jobs
    if not stopped:
        assert project.run("tidy").jobs == {"tidy": 1}
        assert project.shards() == new
        assert not project.run(*project.answers()).jobs
    assert project.run(*project.answers(), "--forcerun", "plan").jobs["extract"] == 0
