"""Single photos get the answers that a run gives them, with any settings."""

import json
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
import pytest
from PIL import Image

import user_networks
from changes import decide
from project import CLASSES, Project, lay_out_shoes
from similar_images import Answer, Catalogue, UserError
from similar_images.classification import conformal, nearest
from similar_images.classification.tables import PREDICTIONS, VOTE_COUNTS
from similar_images.core.names import as_text
from similar_images.images import manifest
from similar_images.search import neighbours

SHOWN = (
    *("prediction", "votes", "voters", "confidence", "likely_classes", "refused", "duplicate"),
    *("duplicate_of", "metric", "note", "error"),
)


def own_network(project: Project) -> dict[str, Any]:
    user_networks.convolutional(project.folder / "own.onnx")
    return {"backbone": {"file": "own.onnx", "family": "clip"}}


def quantised(project: Project) -> dict[str, Any]:
    return own_network(project) | {"precision": "int8"}


def products(project: Project) -> dict[str, Any]:
    for name, images in (("catalogue", range(8)), ("new", range(4))):
        rows = [f"photos/{name}/{c}/{n}.png,{c},{c}{n // 2}" for c in CLASSES for n in images]
        (project.folder / f"{name}.csv").write_text("\n".join(["image,label,sku", *rows]))
    lists = {"catalogue": "catalogue.csv", "queries": {"new": "new.csv"}}
    return lists | {"product": "sku", "search": {"neighbours": 2}}


def zipped(project: Project) -> dict[str, Any]:
    archive = shutil.make_archive(str(project.folder / "shoes"), "zip", project.photo("catalogue"))
    return {"catalogue": Path(archive).name}


def searched(**search: Any) -> Callable[[Project], dict[str, Any]]:
    return lambda project: {"search": search}


ADAPTED = {"search": {"metric": "adapted"}}
SETTINGS = {
    "cosine": searched(metric="cosine"),
    "weighted": searched(vote="weighted", reject=0.9),
    "adapted": searched(metric="adapted", reject="auto"),
    "adapted-top": searched(metric="adapted-top"),
    "auto": searched(metric="auto"),
    "approximate": searched(index="approximate"),
    "adapted and approximate": searched(metric="adapted", index="approximate"),
    "few neighbours": searched(neighbours=1),
    "own network": own_network,
    "own network, adapted": lambda project: own_network(project) | ADAPTED,
    "int8": quantised,
    "products": products,
    "zip": zipped,
}


@pytest.fixture
def shoes(tmp_path: Path) -> Project:
    """A project of photos with copies, notes and faults among the queries."""
    project = lay_out_shoes(tmp_path / "project")
    for number, class_ in enumerate(CLASSES):
        for n in range(8):
            project.image(f"catalogue/{class_}/{n}.png", seed=10 * number + n, size=(40, 50))
            project.image(f"new/{class_}/{n}.png", seed=500 + 10 * number + n, size=(50, 40))
        project.blots(f"catalogue/{class_}/6.png", seed=number)
        blots = Image.open(project.photo(f"catalogue/{class_}/6.png"))
        blots.resize((200, 160)).save(project.photo(f"new/{class_}/smaller.jpg"))
        blots.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(project.photo(f"new/{class_}/m.webp"))
    shutil.copy(project.photo("catalogue/boots/0.png"), project.photo("new/boots/same.png"))
    pillow_heif.from_pillow(Image.new("RGB", (64, 48), "red")).save(project.photo("new/phone.heic"))
    whole = project.photo("new/boots/smaller.jpg").read_bytes()
    project.photo("new/boots/cut.jpg").write_bytes(whole[: 4 * len(whole) // 5])
    project.photo("new/boots/damaged.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(90))
    project.photo("new/boots/empty.png").touch()
    project.image("new/boots/large.png", size=(2000, 2000))
    project.settle(images={"max_pixels": 1_000_000})
    return project


def asked(project: Project, name: str = "new", **options: Any) -> dict[str, Answer]:
    """Return the answer to each photo of a query set, by its name there."""
    listed = manifest.TABLE.read(project.result(f"{name}/manifest.parquet"))
    files = {
        image: project.folder / os.fsdecode(file)
        for image, file in zip(listed["image"].to_pylist(), listed["file"].to_pylist(), strict=True)
    }
    answers = Catalogue.open(project.result("")).ask_many(files.values(), **options)
    return dict(zip(files, answers, strict=True))


def cells(answer: Answer) -> dict[str, str]:
    """Return an answer as predictions.csv has it."""
    values = {name: getattr(answer, name) for name in SHOWN}
    values["likely_classes"] = conformal.joined(answer.likely_classes)
    if answer.error:
        values["voters"] = None
    if answer.confidence is not None:
        values["confidence"] = f"{answer.confidence:.4f}"
    for n, near in enumerate(answer.neighbours[: nearest.SHOWN], 1):
        values |= {f"similar_{n}": near.image, f"class_{n}": near.label}
        values[f"similarity_{n}"] = f"{near.similarity:.6f}"
    return {name: "" if value is None else str(value) for name, value in values.items()}


def assert_same(project: Project, name: str = "new") -> list[dict[str, str]]:
    """Check that each photo gets the answer that predictions.csv and the neighbours have."""
    rows = PREDICTIONS.read(project.result(f"{name}/predictions.csv"), extra_columns(project, name))
    votes = VOTE_COUNTS.read(project.result(f"{name}/votes.csv"))
    found = neighbours.TABLE.read(project.result(f"{name}/neighbours.parquet")).to_pylist()
    near = {query["image"]: nearest.images(query) for query in found}
    answers = asked(project, name, neighbours=20)
    assert {row["image"] for row in rows} == answers.keys()
    for row in rows:
        answer = answers[row["image"]]
        if "taken into" in (answer.note or ""):
            answer = replace(answer, note=None)  # a run does not say this
        assert cells(answer) == {key: row[key] for key in cells(answer)}, row["image"]
        counts = [(v["class"], int(v["votes"])) for v in votes if v["image"] == row["image"]]
        assert answer.vote_counts == counts
        if not project.json("catalogue/description.json")["products"]:
            expected = [(*one[:2], round(one[2], 6)) for one in near.get(row["image"], [])]
            assert [n[:3] for n in answer.neighbours] == expected[:20]
    return rows


def extra_columns(project: Project, name: str) -> list[str]:
    header = project.result(f"{name}/predictions.csv").read_text("utf-8").splitlines()[0]
    return header.split(",")[len(PREDICTIONS.names) :]


@pytest.mark.parametrize("settings", SETTINGS)
def test_every_query_gets_the_answer_that_the_run_gave(shoes: Project, settings: str) -> None:
    shoes.settle(**SETTINGS[settings](shoes))
    shoes.run(*shoes.answers())
    rows = assert_same(shoes)
    if settings == "cosine":  # the photos are as hard as they should be
        assert {row["duplicate"] for row in rows} == {"", "exact", "near", "mirrored"}
        assert sum(bool(row["error"]) for row in rows) == 3
        assert any(row["note"] for row in rows)


def test_a_query_that_was_taken_into_the_catalogue_is_not_compared_with_itself(
    shoes: Project,
) -> None:
    shoes.run()
    decide(shoes, ("new/boots/1.png", "catalogue", "boots"))
    shoes.settle(decisions="decisions.csv")
    shoes.run()
    assert len(shoes.rows("catalogue/members.csv")) == 25
    note = "taken into the catalogue, and not compared with new:"
    taken = asked(shoes)["boots/1.png"]
    assert (taken.note or "").startswith(note)
    assert_same(shoes)


def test_a_photo_may_be_a_path_bytes_a_file_or_a_picture(shoes: Project) -> None:
    shoes.run()
    catalogue, path = Catalogue.open(shoes.result("")), shoes.photo("new/sandals/1.png")
    expected = catalogue.ask(path)
    assert expected.image == as_text(os.fsencode(path))
    photos: list[Any] = [str(path), path.read_bytes(), BytesIO(path.read_bytes())]
    with path.open("rb") as file:
        photos.append(file)
        for photo in photos:
            assert cells(catalogue.ask(photo)) == cells(expected)
    with Image.open(path) as picture:
        assert cells(catalogue.ask(picture)) == cells(expected)
    turned = Image.fromarray(np.rot90(np.array(Image.open(path))))
    exif = Image.Exif()
    exif[0x0112] = 6
    turned.save(shoes.photo("turned.png"), exif=exif)
    with Image.open(shoes.photo("turned.png")) as picture:
        assert catalogue.ask(picture).neighbours == expected.neighbours
    with pytest.raises(TypeError, match="a photo is a path, bytes"):
        catalogue.ask(7)  # type: ignore[arg-type]


def test_a_photo_that_cannot_be_read_is_an_error_but_does_not_stop_others(shoes: Project) -> None:
    shoes.run()
    catalogue = Catalogue.open(shoes.result(""))
    gone, good = shoes.photo("new/gone.png"), shoes.photo("new/boots/1.png")
    for path, fault in (
        (gone, "no such file"),
        (shoes.photo("new"), "is a folder"),
        (shoes.photo("new/boots/empty.png"), "empty file"),
        (shoes.photo("new/boots/large.png"), "too many pixels"),
        (shoes.folder / "config.yaml", "not a JPEG"),
    ):
        with pytest.raises(UserError, match=fault):
            catalogue.ask(path)
    whole = shoes.photo("new/sandals/1.png").read_bytes()
    truncated = Image.open(BytesIO(whole[: len(whole) // 2]))
    closed = good.open("rb")
    closed.close()
    large = shoes.photo("large.txt")
    with large.open("wb") as file:
        file.truncate(100_000_000)
    odd: list[Any] = [truncated, closed, "a\0b", "\ud800", large, good]
    *faulty, last = catalogue.ask_many(odd)
    assert [bool(answer.error) for answer in faulty] == [True] * 5
    assert last.prediction == "boots"
    with pytest.raises(TypeError, match="a binary file"):
        catalogue.ask(StringIO("boots"))  # type: ignore[arg-type]
    first, second, third = catalogue.ask_many([gone, good, good], names=["a", "b", None])
    assert (first.image, first.prediction, first.content_id) == ("a", None, None)
    assert first.error is not None
    assert (second.image, second.prediction, second.error) == ("b", "boots", None)
    assert third.neighbours == second.neighbours
    with pytest.raises(ValueError, match="neighbours is 0"):
        catalogue.ask(good, 0)


def test_as_many_neighbours_as_asked_are_listed_also_of_one_class(shoes: Project) -> None:
    shoes.run()
    catalogue, photo = Catalogue.open(shoes.result("")), shoes.photo("new/boots/1.png")
    assert len(catalogue) == 24
    assert catalogue.classes == sorted(CLASSES)
    everything = catalogue.ask(photo, 100)
    assert len(everything.neighbours) == 24
    assert [len(catalogue.ask(photo, n).neighbours) for n in (1, 3, 20)] == [1, 3, 20]
    sandals = catalogue.ask(photo, 100, label="sandals")
    assert sandals.neighbours == [n for n in everything.neighbours if n.label == "sandals"]
    assert sandals.vote_counts == everything.vote_counts
    with pytest.raises(UserError, match=r"no class boot\. Did you mean boots\?"):
        catalogue.ask(photo, label="boot")
    member = everything.neighbours[0]
    similar = catalogue.similar_to(member.image, 5)
    by_file = catalogue.ask(shoes.photo(f"catalogue/{member.image}"), 6).neighbours
    assert similar == [near for near in by_file if near.image != member.image][:5]
    assert {near.label for near in catalogue.similar_to(member.image, label="sneakers")} == {
        "sneakers"
    }
    with pytest.raises(UserError, match=r"nothing\.png: the catalogue has no such image"):
        catalogue.similar_to("nothing.png")
    picture = catalogue.picture(member.content_id)
    assert picture is not None
    assert Image.open(BytesIO(picture)).format == "JPEG"
    assert catalogue.picture("0" * 64) is None


def test_the_project_can_be_asked_from_any_folder(
    shoes: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shoes.run()
    photo = shoes.photo("new/boots/smaller.jpg")
    expected = Catalogue.open(shoes.result("")).ask(photo)
    assert expected.duplicate == "near"
    moved = tmp_path / "elsewhere"
    shoes.folder.rename(moved)
    monkeypatch.chdir(tmp_path)
    answer = Catalogue.open("elsewhere/results").ask(moved / photo.relative_to(shoes.folder))
    assert cells(answer) == cells(expected)


def test_if_a_run_renews_the_results_the_next_question_uses_them(shoes: Project) -> None:
    shoes.run()
    catalogue, photo = Catalogue.open(shoes.result("")), shoes.photo("new/sandals/1.png")
    before = catalogue.ask(photo)
    shutil.copy(photo, shoes.photo("catalogue/sandals/now.png"))
    assert catalogue.ask(photo) == before
    shoes.run()
    after = catalogue.ask(photo)
    assert (after.duplicate, after.duplicate_of) == ("exact", "sandals/now.png")
    shoes.settle(search={"neighbours": 3})
    shoes.run()
    assert catalogue.ask(photo).voters == 3
    own = shoes.result("catalogue/mapped")
    assert len([*own.glob("*.npy")]) == 1
    shoes.settle(**own_network(shoes))
    shoes.run()
    assert catalogue.ask(photo) == Catalogue.open(shoes.result("")).ask(photo)


def test_results_that_are_not_complete_damaged_or_of_another_version_are_refused(
    shoes: Project,
) -> None:
    results = shoes.result("")
    with pytest.raises(UserError, match=r"has no complete results.*Run snakemake"):
        Catalogue.open(results)
    shoes.run()
    catalogue = Catalogue.open(results)
    photo = shoes.photo("new/boots/1.png")
    catalogue.ask(photo)
    description = results / "catalogue/description.json"
    text = description.read_text()
    for path in ("catalogue/images.parquet", "catalogue/quality.json", "model/backbone"):
        whole = results / path
        whole.rename(results / "aside")
        with pytest.raises(UserError, match=r"missing.*snakemake --cores 8"):
            Catalogue.open(results).ask(photo)
        (results / "aside").rename(whole)
    other = json.loads(text) | {"version": "0.9"}
    checksum = description.with_name(".description.json.sha256")
    kept = checksum.read_text()
    checksum.unlink()
    description.write_text(json.dumps(other))
    with pytest.raises(UserError, match=r"written by version 0\.9"):
        Catalogue.open(results)
    description.write_text(text)
    checksum.write_text(kept)
    (mapped,) = results.glob("catalogue/mapped/*.npy")
    for damaged in (results / "catalogue/images.parquet", description, mapped):
        content = damaged.read_bytes()
        damaged.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        if damaged == mapped:  # it is written again
            Catalogue.open(results)
            assert mapped.read_bytes() == content
            continue
        with pytest.raises(UserError, match=r"is damaged .*Delete it, and run snakemake"):
            Catalogue.open(results)
        damaged.write_bytes(content)
    assert cells(Catalogue.open(results).ask(photo)) == cells(catalogue.ask(photo))


def test_a_network_that_a_run_has_replaced_answers_no_question_on_earlier_results(
    shoes: Project,
) -> None:
    shoes.run()
    catalogue, photo = Catalogue.open(shoes.result("")), shoes.photo("new/boots/1.png")
    shoes.settle(**own_network(shoes))
    shoes.run("results/model/model.json")
    with pytest.raises(UserError, match=r"model\.json is newer than the last complete run"):
        catalogue.ask(photo)
    shoes.run()
    assert catalogue.ask(photo).neighbours


def test_an_empty_folder_may_be_a_query_set_before_its_first_photo(shoes: Project) -> None:
    inbox = shoes.photo("inbox")
    inbox.mkdir()
    shoes.settle(queries={"inbox": "photos/inbox"})
    run = shoes.run()
    assert "queries.inbox: the folder photos/inbox is empty, so this run leaves" in run.console
    described = Catalogue.open(shoes.result("")).description
    assert (described.queries, described.folders["inbox"]) == (["new"], "photos/inbox")
    shutil.copy(shoes.photo("new/boots/1.png"), inbox / "1.png")
    shoes.run()
    assert [row["prediction"] for row in shoes.rows("inbox/predictions.csv")] == ["boots"]


def test_a_file_of_decisions_that_no_setting_names_is_told(shoes: Project) -> None:
    shoes.run()
    decide(shoes, ("new/boots/1.png", "out", ""))
    shoes.settle(decisions=None)
    assert "decisions.csv has no effect, since no setting names it" in shoes.run().console


def test_a_new_query_of_a_product_in_the_catalogue_is_not_compared_with_that_product(
    shoes: Project,
) -> None:
    shoes.settle(**products(shoes))
    shoes.run()
    decide(shoes, ("new/boots/1.png", "catalogue", "boots"))
    content = shoes.folder / "decisions.csv"
    content.write_text(content.read_text().replace("boots/1.png", "photos/new/boots/1.png"))
    shoes.run()
    catalogue = Catalogue.open(shoes.result(""))
    shoes.image("new/boots/other.png", seed=777)
    with (shoes.folder / "new.csv").open("a") as file:
        file.write("\nphotos/new/boots/other.png,boots,boots0")
    run = shoes.run()
    assert not run.jobs["describe_catalogue"]
    answer = catalogue.ask(shoes.photo("new/boots/other.png"), 30)
    assert "taken into the catalogue" in (answer.note or "")
    assert_same(shoes)


def test_threads_that_open_the_results_at_once_write_the_features_once(shoes: Project) -> None:
    shoes.run()
    with ThreadPoolExecutor(6) as pool:
        opened = list(pool.map(Catalogue.open, [shoes.result("")] * 6))
    answers = [catalogue.ask(shoes.photo("new/boots/1.png")) for catalogue in opened]
    assert all(answer == answers[0] for answer in answers)


def test_results_behind_a_link_find_the_photos_of_the_project(
    shoes: Project, tmp_path: Path
) -> None:
    disk = tmp_path / "large disk" / "shoes"
    disk.mkdir(parents=True)
    shoes.result("").symlink_to(disk)
    shoes.run()
    catalogue = Catalogue.open(shoes.result(""))
    assert catalogue.project == shoes.folder.resolve()
    assert catalogue.ask(shoes.photo("new/boots/smaller.jpg")).duplicate == "near"
