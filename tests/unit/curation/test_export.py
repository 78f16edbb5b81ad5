"""Tests of the export of the catalogue."""

import os
import runpy
import signal
import subprocess
import sys
import unicodedata
from pathlib import Path
from types import SimpleNamespace
from zipfile import ZipFile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from similar_images.core.errors import UserError
from similar_images.core.files import digest
from similar_images.core.names import fault_of_label, listed_label
from similar_images.curation import export
from similar_images.curation.export import ExportedImage
from similar_images.features import sharded_features
from similar_images.images.collection import scan
from similar_images.images.folders import EXPORTED, OWN
from similar_images.images.photos import LOCAL
from similar_images.storage.addresses import name_of

LABELS = [
    *("boots", "Boots", "../x", "/etc", "..", ".", ".hidden", "a/b", "a_b"),
    *("\u00e9", "e\u0301", "é" * 300),
]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    (tmp_path / "photos").mkdir()
    return tmp_path / "photos"


MARK = os.fsdecode(EXPORTED)


def put(folder: Path, name: str, label: str = "boots", content: str = "") -> ExportedImage:
    """Write a file and return it as a member of a class."""
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content or name)
    return ExportedImage(os.fsencode(file), label, digest(file))


def tree(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in folder.rglob("*")
        if path.is_file() and path.name != MARK
    }


def classes(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.name != MARK)


@pytest.mark.parametrize("how", ["links", "copies"])
def test_each_class_has_a_folder_with_its_photos(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.chdir(tmp_path)
    members = [put(photos, "a/1.jpg"), put(photos, "2.jpg", "hats")]
    files = (b"photos/a/1.jpg", b"photos/2.jpg")
    members = [one._replace(file=file) for one, file in zip(members, files, strict=True)]
    assert export.export(Path("out/export"), members, how) == {}
    assert tree(tmp_path / "out/export") == {"boots/1.jpg": "a/1.jpg", "hats/2.jpg": "2.jpg"}
    assert (tmp_path / "out/export/boots/1.jpg").is_symlink() == (how == "links")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["export"]


def test_the_list_is_read_as_a_collection(photos: Path, tmp_path: Path) -> None:
    members = [put(photos, "1.jpg", "=boots"), put(photos, "ü, 2.jpg", "a/b")]
    export.export(tmp_path / "export", members, "csv")
    assert tree(tmp_path / "export").keys() == {"catalogue.csv", ".catalogue.csv.sha256"}
    found = list(scan(tmp_path / "export/catalogue.csv"))
    assert [entry.file for entry in found] == [member.file for member in members]
    assert [entry.label for entry in found] == ["=boots", "a/b"]
    assert [entry.fault for entry in found] == [None, None]


def test_the_list_keeps_the_products_of_the_photos(photos: Path, tmp_path: Path) -> None:
    members = [put(photos, "1.jpg")._replace(product="P1"), put(photos, "2.jpg")]
    export.export(tmp_path / "export", members, "csv", product="sku")
    found = scan(tmp_path / "export/catalogue.csv", extra_columns=["sku"])
    assert [entry.extra_columns for entry in found] == [("P1",), ("",)]


TEXTS = st.text(
    st.one_of(st.sampled_from("=+-@'\"%,; \t\r\n\uff1de\u0301"), st.characters(codec="utf-8"))
)
# What a folder of the catalogue may be called, so that there is a class of this name.
CLASSES = TEXTS.map(listed_label).filter(lambda label: label and not fault_of_label(label))
FILES = TEXTS.map(lambda name: name.replace("/", "").replace("\0", "")).filter(
    lambda name: name not in ("", ".", "..") and len(os.fsencode(name)) < 250
)


@given(
    rows=st.lists(
        st.tuples(FILES, CLASSES, st.one_of(st.none(), TEXTS.map(str.strip))),
        min_size=1,
        unique_by=lambda row: row[0],
    )
)
def test_a_list_of_any_classes_files_and_products_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, str | None]]
) -> None:
    folder = tmp_path_factory.mktemp("export")
    (folder / "photos").mkdir()
    members = [
        put(folder / "photos", name, label, "x")._replace(product=product)
        for name, label, product in rows
    ]
    export.export(folder / "list", members, "csv", product="=sku")
    found = {
        entry.file: entry for entry in scan(folder / "list/catalogue.csv", extra_columns=["=sku"])
    }
    assert [found[member.file].label for member in members] == [label for _, label, _ in rows]
    assert [found[member.file].extra_columns[0] for member in members] == [
        product or "" for _, _, product in rows
    ]
    assert {entry.fault for entry in found.values()} == {None}
    assert len(found) == len(rows)


@pytest.mark.parametrize("label", [" boots", "boots\u00a0"])
def test_a_class_that_a_list_would_rename_is_not_listed(
    photos: Path, tmp_path: Path, label: str
) -> None:
    members = [put(photos, "1.jpg", "boots"), put(photos, "2.jpg", label)]
    with pytest.raises(UserError, match=r"has spaces around its name.*export\.as: links"):
        export.export(tmp_path / "export", members, "csv")
    assert not (tmp_path / "export").exists()
    export.export(tmp_path / "export", members, "copies")
    assert len(classes(tmp_path / "export")) == 2


@pytest.mark.parametrize("there", ["a file", "a folder", "an empty folder", "a dead link"])
@pytest.mark.parametrize("how", ["links", "copies", "csv"])
def test_nothing_is_written_over_what_exists(
    photos: Path, tmp_path: Path, there: str, how: str
) -> None:
    folder = tmp_path / "export"
    match there:
        case "a file":
            folder.write_text("mine")
        case "a folder":
            put(folder, "mine")
        case "an empty folder":
            folder.mkdir()
        case _:
            folder.symlink_to("nowhere")
    before = folder.lstat()
    with pytest.raises(UserError, match=r"exists, .* Name another folder in export\.folder"):
        export.export(folder, [put(photos, "1.jpg")], how)
    assert folder.lstat() == before


@pytest.mark.parametrize("how", ["links", "copies"])
def test_no_class_leads_out_of_the_folder_and_none_meets_another(
    photos: Path, tmp_path: Path, how: str
) -> None:
    members = [put(photos, f"{n}.jpg", label) for n, label in enumerate(LABELS)]
    around = sorted(tmp_path.iterdir())
    renamed = export.export(tmp_path / "export", members, how)
    assert sorted(tmp_path.iterdir()) == sorted([*around, tmp_path / "export"])
    folders = [path.name for path in classes(tmp_path / "export")]
    assert len(folders) == len(LABELS)
    assert set(renamed) == {*LABELS} - {"Boots", "a_b", "e\u0301"}
    assert renamed["boots"] == "boots-2"
    assert all(len(list(path.iterdir())) == 1 for path in classes(tmp_path / "export"))
    assert not any(name.startswith(".") for name in folders)


def test_files_of_one_name_in_one_class_are_all_there(photos: Path, tmp_path: Path) -> None:
    members = [
        put(photos, "a/1.jpg", content="one"),
        put(photos, "b/1.jpg", content="two"),
        put(photos, "c/1.JPG", content="three"),
        put(photos, "d/1.jpg", content="two"),
        put(photos, "e/1.jpg", "hats", content="five"),
        put(photos, ".hidden", content="six"),
    ]
    two, three = (members[n].content_id[:12] for n in (1, 2))
    export.export(tmp_path / "export", members, "copies")
    assert tree(tmp_path / "export") == {
        "boots/1.jpg": "one",
        f"boots/1-{two}.jpg": "two",
        f"boots/1-{three}.JPG": "three",
        f"boots/1-{two}-2.jpg": "two",
        "hats/1.jpg": "five",
        "boots/_.hidden": "six",
    }


def test_long_names_and_names_that_are_not_utf8_are_kept_as_far_as_they_can(
    photos: Path, tmp_path: Path
) -> None:
    long = "é" * 125 + ".jpg"
    members = [put(photos, f"{n}/{long}", content=f"{n}") for n in range(3)]
    odd = os.fsencode(photos) + b"/\xff.jpg"
    Path(os.fsdecode(odd)).write_text("odd")
    export.export(tmp_path / "export", [*members, ExportedImage(odd, "boots", "odd")], "links")
    assert sorted(tree(tmp_path / "export").values()) == ["0", "1", "2", "odd"]
    assert b"\xff.jpg" in os.listdir(os.fsencode(tmp_path / "export/boots"))
    with pytest.raises(UserError, match=r"no name in UTF-8.*export\.as: links"):
        export.export(tmp_path / "list", [ExportedImage(odd, "boots", "odd")], "csv")
    assert not (tmp_path / "list").exists()


@pytest.mark.parametrize("how", ["links", "copies"])
def test_a_photo_that_is_gone_stops_the_export_and_leaves_nothing_behind(
    photos: Path, tmp_path: Path, how: str
) -> None:
    members = [put(photos, "1.jpg"), ExportedImage(os.fsencode(photos / "gone.jpg"), "boots", "x")]
    with pytest.raises(UserError, match=r"gone\.jpg' cannot be exported: no such file"):
        export.export(tmp_path / "export", members, how)
    assert list(tmp_path.iterdir()) == [photos]


def alike(name: str) -> str:
    """Return what two names share that some file system takes for one."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())


# Parts that meet after they are cut, folded or composed, and bytes that are not UTF-8.
PARTS = st.sampled_from(
    [
        *("a", "A", ".", "..", "-2", "-3", "\u00e9", "e\u0301", "\u0301", "ß", "SS", "ﬃ", "ǰ"),
        *("?#", " ", "\n", "\udcff", "\udcc3", ".jpg", "-aaaaaaaaaaaa"),
        *("x" * 120, "é" * 60, "𝄞" * 60, "." + "e" * 250),
    ]
)
NAMES = st.lists(PARTS, min_size=1, max_size=6).map("".join)


@given(names=st.lists(NAMES, min_size=1, max_size=12), copies=st.integers(1, 3))
def test_the_files_of_any_names_get_possible_and_different_ones(
    names: list[str], copies: int
) -> None:
    taken: set[str] = set()
    members = [
        ExportedImage(os.fsencode(f"/x/{name}"), "boots", "a" * 64) for name in names * copies
    ]
    found = [export._file_name(member, taken) for member in members]
    assert len({alike(name) for name in found}) == len(members)
    for name in found:
        assert 0 < len(os.fsencode(name)) <= 255
        assert not {"/", "\0"} & set(name)
        assert not name.startswith(".")


@pytest.mark.parametrize("length", [250, 252, 253, 254, 255])
def test_files_of_one_long_name_are_all_there(photos: Path, tmp_path: Path, length: int) -> None:
    for name in ("." + "a" * (length - 1), "b." + "a" * (length - 2), "c" * length):
        members = [put(photos, f"{n}/{name}", content="same") for n in range(4)]
        export.export(tmp_path / name[:1] / "export", members, "copies")
        assert len(tree(tmp_path / name[:1] / "export")) == 4


def test_the_name_of_a_file_is_not_taken_for_an_address(photos: Path, tmp_path: Path) -> None:
    members = [put(photos, "a?#b.jpg"), put(photos, "a?#c.jpg")]
    export.export(tmp_path / "export", members, "links")
    assert tree(tmp_path / "export").keys() == {"boots/a?#b.jpg", "boots/a?#c.jpg"}


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("https://shop.example/a.jpg?key=secret", "a.jpg"),
        ("https://shop.example/photo/?id=7", "bbbbbbbbbbbb"),
        ("https://shop.example/.jpg", "_.jpg"),
        ("s3://shop/a?#b.jpg", "a?#b.jpg"),
    ],
)
def test_the_photo_at_an_address_has_the_last_part_of_its_path_as_its_name(
    address: str, name: str
) -> None:
    member = ExportedImage(name_of(address).encode(), "boots", "b" * 64)
    assert export._file_name(member, set()) == name


def test_the_list_has_an_object_in_a_bucket_with_any_name(tmp_path: Path) -> None:
    export.export(tmp_path / "list", [ExportedImage(b"s3://shop/a?#b.jpg", "boots", "x")], "csv")
    assert "s3://shop/a?#b.jpg,boots\n" in (tmp_path / "list/catalogue.csv").read_text()


def test_what_a_killed_export_has_left_is_removed_and_nothing_else(
    photos: Path, tmp_path: Path
) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    names = [f".export.{os.getppid()}.tmp", f".other.{gone.pid}.tmp", ".export.x.tmp"]
    others = [put(tmp_path / name, "mine") and tmp_path / name for name in names]
    link = tmp_path / f".export.{gone.pid}0.tmp"
    link.symlink_to(photos)
    put(tmp_path / f".export.{gone.pid}.tmp/boots", "1.jpg")
    export.export(tmp_path / "export", [put(photos, "1.jpg")], "copies")
    assert {*tmp_path.iterdir()} == {photos, link, tmp_path / "export", *others}


SCRIPT = Path(export.__file__).parents[2] / "export.py"


def run_script(folder: Path) -> None:
    """Run the script as its rule does."""
    limits = {"allowed": [], "private": False, "connections": 1, "seconds": 1, "max_bytes": 1}
    settings = {
        "remote": limits | {"user_agent": "me", "headers": {}, "cache_gigabytes": 0},
        "catalogue": "photos",
        "queries": {},
        "results": {"folder": "results"},
    }
    job = SimpleNamespace(
        config=settings,
        input=SimpleNamespace(images=str(folder / "images.parquet")),
        log=[str(folder / "log")],
        params=SimpleNamespace(folder=str(folder / "out/export"), how="copies", product=None),
    )
    runpy.run_path(str(SCRIPT), {"snakemake": job})


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_export_that_is_ended_leaves_nothing_behind(tmp_path: Path, number: int) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    row = {"file": bytes(pipe), "label": "boots", "content_id": "x"}
    table = sharded_features.TABLE
    table.write(tmp_path / "images.parquet", table.from_rows([row]))
    command = (
        f"import test_export, pathlib; test_export.run_script(pathlib.Path({str(tmp_path)!r}))"
    )
    places = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    export_ = subprocess.Popen(
        [sys.executable, "-c", command], env=os.environ | {"PYTHONPATH": places}
    )
    with pipe.open("wb"):  # waits until the export has begun to read
        assert len(list((tmp_path / "out").iterdir())) == 1
        export_.send_signal(number)
        assert export_.wait() != 0
    assert list((tmp_path / "out").iterdir()) == []


@given(labels=st.sets(st.text(st.characters(codec="utf-8"), min_size=1), min_size=1))
def test_the_folders_of_any_classes_are_possible_and_different(labels: set[str]) -> None:
    names = export.folder_names(labels)
    assert names.keys() == labels
    assert len({name.casefold() for name in names.values()}) == len(labels)
    for name in names.values():
        assert not {"/", "\0"} & set(name)
        assert not name.startswith(".")
        assert 0 < len(name.encode()) <= 255


def test_a_photo_that_has_changed_is_not_copied_for_what_it_was(
    photos: Path, tmp_path: Path
) -> None:
    member = put(photos, "1.jpg")
    (photos / "1.jpg").write_text("another")
    with pytest.raises(UserError, match=r"1\.jpg' cannot be exported: the file has changed"):
        export.export(tmp_path / "export", [member], "copies")


def test_photos_in_a_zip_are_copied_but_not_linked_or_listed(tmp_path: Path) -> None:
    with ZipFile(tmp_path / "shoes.zip", "w") as archive:
        archive.writestr("boots/1.jpg", b"a boot")
        archive.writestr("hats/1.jpg", b"a hat")
    members = [
        ExportedImage(entry.file, entry.label or "", LOCAL.identify(entry.file))
        for entry in scan(tmp_path / "shoes.zip")
    ]
    export.export(tmp_path / "copies", members, "copies")
    assert (tmp_path / "copies/boots/1.jpg").read_bytes() == b"a boot"
    assert (tmp_path / "copies/hats/1.jpg").read_bytes() == b"a hat"
    with pytest.raises(UserError, match=r"is in a zip; set export\.as: copies"):
        export.export(tmp_path / "links", members, "links")
    with pytest.raises(UserError, match=r"boots/1\.jpg is in a zip.* Set export\.as: copies"):
        export.export(tmp_path / "list", members, "csv")


def test_an_address_is_listed_but_no_link_leads_to_it(photos: Path, tmp_path: Path) -> None:
    members = [put(photos, "1.jpg"), ExportedImage(b"https://shop.example/2.jpg", "boots", "x")]
    export.export(tmp_path / "list", members, "csv")
    assert "https://shop.example/2.jpg,boots\n" in (tmp_path / "list/catalogue.csv").read_text()
    with pytest.raises(UserError, match=r"is at an address; set export\.as: copies, or csv"):
        export.export(tmp_path / "links", members, "links")


def test_an_address_with_a_query_is_not_listed_since_it_may_hold_a_secret(tmp_path: Path) -> None:
    name = name_of("https://shop.example/2.jpg?key=secret")
    with pytest.raises(UserError, match=r"may hold a secret.*Set export\.as: copies"):
        export.export(tmp_path / "list", [ExportedImage(name.encode(), "boots", "x")], "csv")


@pytest.mark.parametrize("how", ["links", "copies", "csv"])
def test_an_export_is_no_part_of_a_collection_around_it_and_may_be_one(
    photos: Path, tmp_path: Path, how: str
) -> None:
    members = [put(photos, "boots/1.jpg"), put(photos, "hats/2.jpg", "hats")]
    export.export(photos / "first" / "export", members, how)
    found = {entry.image: entry.fault for entry in scan(photos)}
    assert found == {"boots/1.jpg": None, "hats/2.jpg": None, "first/export": OWN}
    place = photos / "first" / "export" / ("catalogue.csv" if how == "csv" else "")
    usable = [entry for entry in scan(place, follow_links=True) if entry.fault is None]
    assert sorted(entry.label or "" for entry in usable) == ["boots", "hats"]
