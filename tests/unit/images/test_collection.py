"""Tests of the scan of folders and CSV lists."""

import os
from collections.abc import Callable
from functools import partial
from itertools import product
from operator import attrgetter
from pathlib import Path
from random import Random
from typing import Any

import pytest

from similar_images.core.errors import UserError
from similar_images.core.names import as_text
from similar_images.images import collection
from similar_images.images.collection import Entry, scan
from similar_images.images.fingerprint import Summary, check_catalogue, summarise
from similar_images.images.folders import OWN, check_not_own
from similar_images.lists.sources import Source
from similar_images.storage.access import NO_ACCESS
from similar_images.storage.addresses import ObjectMetadata
from similar_images.storage.metadata import MetadataCache
from similar_images.storage.skipping import Skipping

# é as one character, and as two.
NFC, NFD = "\u00e9", "e\u0301"

# Made of what can be taken for each other once bytes are shown as escapes.
ODD_PATHS = [
    b"".join(parts)
    for count in (1, 2, 3)
    for parts in product([b"\xff", rb"\xff", b"\\", b"a"], repeat=count)
]


SECONDS_ALONE = "similar_images.images.fingerprint.SECONDS_ALONE"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    return folder


def put(path: Path, data: bytes = b"data") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def scanned(path: Path, follow_links: bool = False) -> dict[str, Entry]:
    entries = list(scan(path, follow_links))
    by_image = {entry.image: entry for entry in entries}
    assert len(by_image) == len(entries), "a file is listed twice"
    return by_image


def labels(path: Path, follow_links: bool = False) -> dict[str, str | None]:
    """Return the labels of the images without a fault."""
    entries = scanned(path, follow_links).items()
    return {image: entry.label for image, entry in entries if entry.fault is None}


def faults(path: Path, follow_links: bool = False) -> dict[str, str]:
    entries = scanned(path, follow_links).items()
    return {image: entry.fault for image, entry in entries if entry.fault is not None}


def csv_file(root: Path, text: str, encoding: str = "utf-8") -> Path:
    return put(root / "list.csv", text.encode(encoding))


def test_sub_folders_are_classes_and_nested_folders_belong_to_the_class_above(root: Path) -> None:
    put(root / "boots" / "a.jpg")
    put(root / "boots" / "2024" / "deep" / "b.jpg")
    put(root / "sandals" / "c.jpg")
    put(root / "loose.jpg")
    assert labels(root) == {
        "boots/a.jpg": "boots",
        "boots/2024/deep/b.jpg": "boots",
        "sandals/c.jpg": "sandals",
        "loose.jpg": None,
    }


def test_an_entry_shows_the_file_its_size_its_time_and_its_mode(root: Path) -> None:
    path = put(root / "boots" / "a.jpg", b"12345")
    os.utime(path, ns=(0, 1_234_567_890_123_456_789))
    (entry,) = scan(root)
    assert entry == Entry(
        image="boots/a.jpg",
        file=os.fsencode(path),
        label="boots",
        size=5,
        mtime=1_234_567_890_123_456_789,
        mode=path.stat().st_mode,
        fault=None,
        ctime=path.stat().st_ctime_ns,
    )


def test_a_file_of_any_ending_may_be_an_image(root: Path) -> None:
    put(root / "boots" / "notes.txt")
    put(root / "boots" / "none")
    assert set(labels(root)) == {"boots/notes.txt", "boots/none"}


@pytest.mark.parametrize(
    "name",
    [
        b"\xff\xfe.jpg",
        b"a\nb.jpg",
        b"a\rb.jpg",
        b'it\'s "so", 100 %d.jpg',
        "Stöckelschuh €".encode(),
    ],
)
def test_a_file_of_any_name_is_listed_and_can_be_opened(root: Path, name: bytes) -> None:
    folder = os.path.join(os.fsencode(root), b"cl\xe9ss")
    os.mkdir(folder)
    with open(os.path.join(folder, name), "wb") as stream:
        stream.write(b"data")
    (entry,) = scan(root)
    assert entry.image == r"cl\xe9ss/" + as_text(name)
    assert entry.label == r"cl\xe9ss"
    assert entry.fault is None
    assert entry.image.encode("utf-8")
    with open(entry.file, "rb") as stream:
        assert stream.read() == b"data"


def test_bytes_that_are_not_utf_8_are_shown_as_escapes() -> None:
    assert as_text(b"\xff\n\xc3\xa9.jpg") == "\\xff\né.jpg"


@pytest.mark.parametrize("first", ODD_PATHS)
def test_no_two_paths_have_the_same_text(first: bytes) -> None:
    assert [path for path in ODD_PATHS if as_text(path) == as_text(first)] == [first]


def test_a_backslash_that_escapes_nothing_stays_as_it_is() -> None:
    assert as_text(rb"a\b\n.jpg") == r"a\b\n.jpg"


def skipped(path: Path, *patterns: str) -> set[str]:
    """Return the paths of the files and folders that are left out."""
    found: set[bytes] = set()
    entries = list(scan(path, skipping=Skipping(patterns), skipped=found))
    assert summarise(path, skipping=Skipping(patterns)).images == len(entries)
    assert found.isdisjoint(os.fsencode(entry.image) for entry in entries)
    return {as_text(one) for one in found}


# A photo of a class, and what different systems leave beside it, with what is reported of that.
LEFT_BEHIND = {
    "macOS": (
        *(".DS_Store", "boots/.DS_Store", "boots/._1.jpg", "boots/Icon\r"),
        *(".Trashes/1.jpg", "__MACOSX/boots/._1.jpg", "boots/1.aae", ".fseventsd/x"),
    ),
    "Windows": (
        *("Thumbs.db", "boots/THUMBS.DB", "boots/desktop.ini", "$RECYCLE.BIN/S-1-5-21/1.jpg"),
        *("System Volume Information/x", "boots/1.XMP", "boots/.picasa.ini", "boots/Picasa.ini"),
        *("RECYCLER/S-1-5-21/1.jpg", "boots/~$prices.xlsx", "boots/2.jpg.crdownload"),
        "boots/3.jpg.part",
    ),
    "Synology": (
        *("@eaDir/1.jpg/SYNOPHOTO_THUMB_M.jpg", "boots/@eaDir/1.jpg/SYNOPHOTO_THUMB_M.jpg"),
        *("#recycle/1.jpg", "#snapshot/boots/1.jpg", "boots/1.jpg.json"),
        *("@tmp/1.jpg", "@sharebin/1.jpg", "Network Trash Folder/1.jpg", "Temporary Items/1.jpg"),
    ),
}


@pytest.mark.parametrize("system", LEFT_BEHIND)
def test_what_systems_and_programs_leave_in_folders_is_as_if_it_were_not_there(
    root: Path, system: str
) -> None:
    put(root / "boots" / "1.jpg")
    before = summarise(root)
    for name in LEFT_BEHIND[system]:
        put(root / name)
    folders = {"__MACOSX", "@eaDir", "#recycle", "#snapshot", "$RECYCLE.BIN"}
    folders |= {".Trashes", ".fseventsd", "System Volume Information", "boots/@eaDir"}
    folders |= {"RECYCLER", "@tmp", "@sharebin", "Network Trash Folder", "Temporary Items"}
    expected = {
        next((one for one in folders if name.startswith(f"{one}/")), name)
        for name in LEFT_BEHIND[system]
    }
    assert skipped(root) == expected
    assert [entry.image for entry in scan(root)] == ["boots/1.jpg"]
    assert summarise(root) == before


def test_a_folder_may_have_the_ending_of_a_sidecar(root: Path) -> None:
    put(root / "shop.json" / "1.jpg")
    assert labels(root) == {"shop.json/1.jpg": "shop.json"}


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*_thumb.jpg", {"boots/1_thumb.jpg", "boots/old/3_THUMB.JPG"}),
        ("old", {"boots/old"}),
        ("Boots/Old/", {"boots/old"}),
        ("boots/*.jpg", {"boots/1.jpg", "boots/1_thumb.jpg", "boots/old/3_THUMB.JPG"}),
        ("?.jpg", {"boots/1.jpg", "sandals/2.jpg", "sandals/[x]/4.jpg"}),
        ("[x]", set()),
        ("[[]x]", {"sandals/[x]"}),
        (f"{NFC}*", {f"sandals/{NFD}.png"}),
        ("boot", set()),
    ],
)
def test_images_ignore_names_files_and_folders_by_patterns(
    root: Path, pattern: str, expected: set[str]
) -> None:
    for name in ("boots/1.jpg", "boots/1_thumb.jpg", "boots/old/3_THUMB.JPG", "sandals/2.jpg"):
        put(root / name)
    for name in ("sandals/[x]/4.jpg", f"sandals/{NFD}.png"):
        put(root / name)
    assert skipped(root, pattern) == expected
    assert skipped(root, pattern, ".nothing") == expected


@pytest.mark.parametrize("link", [None, "boots/all", "../elsewhere/all"])
def test_what_the_workflow_writes_is_listed_and_no_photo(root: Path, link: str | None) -> None:
    put(root / "boots" / "a.jpg")
    put(root / "results" / "new" / "report_files" / "b.jpg")
    own = [root / "results", root / "logs"]
    expected = {"boots/a.jpg": None, "results": OWN}
    if link:
        put(root / link).unlink()
        (root / link).symlink_to(root / "results" / "new")
        (root / "out").symlink_to(root.with_name("elsewhere"))
        expected |= {"boots/all" if link.startswith("boots") else "out/all": OWN}
    found = {entry.image: entry.fault for entry in scan(root, True, own=own)}
    found.pop("out", None)
    assert found == expected
    assert summarise(root, True, own=own).images == 1
    put(root / "results" / "new" / "report_files" / "c.jpg")
    assert {entry.image for entry in scan(root / "results", own=own)} == {
        "new/report_files/b.jpg",
        "new/report_files/c.jpg",
    }


def test_what_another_project_or_module_has_written_is_listed_and_no_photo(root: Path) -> None:
    put(root / "boots" / "a.jpg")
    put(root / "features" / "b.jpg")  # a class may have such a name
    for name in ("catalogue", "features", "model", "plan"):
        put(root / "shop" / "out" / name / "c.jpg")
    for name in ("catalogue/merge.log", "features/x.log", "model.log", "plan.log"):
        put(root / "shop" / "logs" / name)
    assert faults(root) == {"shop/out": OWN, "shop/logs": OWN}
    assert {*labels(root)} == {"boots/a.jpg", "features/b.jpg"}


@pytest.mark.parametrize("place", ["results", "results/new/report_files", "link"])
def test_a_collection_in_the_results_is_refused(root: Path, place: str) -> None:
    put(root / "results" / "new" / "report_files" / "b.jpg")
    (root / "link").symlink_to("results/new")
    with pytest.raises(UserError, match=r"is in .*results, .*Copy the photos"):
        check_not_own(root / place, root / "results")
    check_not_own(root, root / "results")


def test_what_systems_leave_in_a_bucket_is_as_if_it_were_not_there() -> None:
    keys = ("boots/a.jpg", "boots/.DS_Store", ".trash/b.jpg", "boots/Thumbs.db", "old/c.jpg")
    found: set[bytes] = set()
    skipping = Skipping(["old"])
    bucket = Bucket(*keys)
    entries = scan("s3://shop/photos", False, bucket, skipping=skipping, skipped=found)
    assert [entry.image for entry in entries] == ["boots/a.jpg"]
    assert found == {b"boots/.DS_Store", b".trash", b"boots/Thumbs.db", b"old"}
    summary = summarise("s3://shop/photos", metadata_cache=bucket, skipping=skipping)
    assert (summary.images, summary.classes) == (1, frozenset({"boots"}))


def test_an_empty_file_is_faulty(root: Path) -> None:
    put(root / "boots" / "a.jpg", b"")
    assert faults(root) == {"boots/a.jpg": "empty file"}


def test_a_pipe_is_faulty_and_is_not_opened(root: Path, promptly: Callable[..., Any]) -> None:
    put(root / "boots" / "a.jpg")
    os.mkfifo(root / "boots" / "pipe.jpg")
    assert promptly(lambda: faults(root)) == {"boots/pipe.jpg": "not a regular file"}
    assert promptly(lambda: summarise(root)).images == 1


@pytest.mark.parametrize("follow_links", [False, True])
def test_a_broken_link_and_a_link_to_itself_are_faulty(root: Path, follow_links: bool) -> None:
    (root / "boots").mkdir()
    (root / "boots" / "broken.jpg").symlink_to("gone.jpg")
    (root / "boots" / "self.jpg").symlink_to("self.jpg")
    (root / "folder").symlink_to("folder")
    assert faults(root, follow_links) == {
        "boots/broken.jpg": "no such file or directory",
        "boots/self.jpg": "too many levels of symbolic links",
        "folder": "too many levels of symbolic links",
    }


@pytest.mark.parametrize("follow_links", [False, True])
def test_a_link_to_a_file_inside_the_collection_is_followed(root: Path, follow_links: bool) -> None:
    put(root / "boots" / "a.jpg")
    (root / "boots" / "b.jpg").symlink_to("a.jpg")
    assert labels(root, follow_links) == {"boots/a.jpg": "boots", "boots/b.jpg": "boots"}


@pytest.mark.parametrize("link", ["a stiefel", "stiefel", "boots/2023", "boots/x/y"])
def test_a_folder_wins_over_all_links_to_it_or_below_it(root: Path, link: str) -> None:
    put(root / "boots" / "2024" / "a.jpg")
    put(root / "boots" / "x" / "b.jpg")
    (root / link).symlink_to(root / "boots" / "2024")
    assert labels(root) == {"boots/2024/a.jpg": "boots", "boots/x/b.jpg": "boots"}
    assert faults(root) == {link: "the same folder as boots/2024, and each folder is read once"}


@pytest.mark.parametrize("kept", [".store", "../elsewhere"])
def test_a_folder_that_only_links_lead_to_is_read_as_the_first_of_them(
    root: Path, kept: str
) -> None:
    put(root / kept / "boots" / "a.jpg")
    put(root / kept / "boots" / "rain" / "b.jpg")
    (root / "b").symlink_to(root / kept / "boots")
    (root / "a").symlink_to(root / kept / "boots" / "rain")
    (root / "c").symlink_to(root / kept / "boots")
    assert labels(root, follow_links=True) == {"b/a.jpg": "b", "b/rain/b.jpg": "b"}
    found = faults(root, follow_links=True)
    found.pop(".store", None)
    assert {link: fault.partition(",")[0] for link, fault in found.items()} == {
        "a": "the same folder as b/rain",
        "c": "the same folder as b",
    }


def test_a_link_found_later_to_a_folder_above_a_linked_one_counts_none_twice(root: Path) -> None:
    shop = root.with_name("shop")
    put(shop / "a.jpg")
    put(shop / "boots" / "b.jpg")
    (shop / "boots" / "up").symlink_to("..")
    root.joinpath("linked").symlink_to(shop / "boots")
    assert labels(root, follow_links=True) == {
        "linked/b.jpg": "linked",
        "linked/up/a.jpg": "linked",
    }
    assert list(faults(root, follow_links=True)) == ["linked/up/boots"]


@pytest.mark.parametrize("where", ["", "../elsewhere"])
def test_folders_that_all_link_to_each_other_are_each_read_once(root: Path, where: str) -> None:
    names = [f"class {n}" for n in range(8)]
    for name in names:
        put(root / where / name / "a.jpg")
        for other in names:
            (root / where / name / f"to {other}").symlink_to(f"../{other}")
    if where:
        (root / "all").symlink_to(root / where)
    assert len(labels(root, follow_links=True)) == 8
    assert len(faults(root, follow_links=True)) == 64
    assert summarise(root, follow_links=True).images == 8


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("follow_links", [False, True])
def test_whatever_the_links_each_real_folder_is_read_once_and_none_is_lost(
    root: Path, seed: int, follow_links: bool
) -> None:
    random = Random(seed)
    inside, outside = [root], [root.with_name("out")]
    for tree in (inside, outside):
        for n in range(6):
            hidden = "." if random.random() < 0.2 else ""
            tree.append(random.choice(tree) / f"{hidden}{random.choice('abc')}{n}")
    for folder in (root.parent, *inside, *outside):
        put(folder / "photo.jpg")
    for n in range(12):
        link = random.choice(inside + outside) / f"{random.choice('abc')} link {n}"
        link.symlink_to(random.choice([root.parent, *inside, *outside]))
    entries = scan(root, follow_links)
    found = [os.path.realpath(os.fsdecode(one.file)) for one in entries if not one.fault]
    assert len(set(found)) == len(found)
    assert set(found) == {str(folder / "photo.jpg") for folder in reached(root, root, follow_links)}
    assert summarise(root, follow_links).images == len(found)


def reached(folder: Path, root: Path, follow_links: bool) -> set[Path]:
    """Return the real folders that can be reached from `folder`, one step after another."""
    seen: set[Path] = set()
    pending = [folder]
    while pending:
        real = pending.pop().resolve()
        if real in seen or not (follow_links or real.is_relative_to(root)):
            continue
        seen.add(real)
        pending += [below for below in real.iterdir() if below.is_dir() and below.name[0] != "."]
    return seen


def test_a_link_that_leaves_the_collection_is_followed_only_where_asked(root: Path) -> None:
    put(root.with_name("photos elsewhere") / "a.jpg")
    (root / "boots").mkdir()
    (root / "boots" / "file.jpg").symlink_to("../../photos elsewhere/a.jpg")
    (root / "sandals").symlink_to("../photos elsewhere")
    found = faults(root)
    assert set(found) == {"boots/file.jpg", "sandals"}
    assert all("images.follow_links" in fault for fault in found.values())
    assert labels(root) == {}
    assert labels(root, follow_links=True) == {
        "boots/file.jpg": "boots",
        "sandals/a.jpg": "sandals",
    }


@pytest.mark.parametrize("follow_links", [False, True])
def test_a_loop_of_links_ends(root: Path, follow_links: bool, promptly: Callable[..., Any]) -> None:
    put(root / "boots" / "a.jpg")
    put(root / "sandals" / "b.jpg")
    (root / "boots" / "up").symlink_to("..")
    (root / "boots" / "across").symlink_to("../sandals")
    (root / "sandals" / "back").symlink_to("../boots")
    found = promptly(lambda: faults(root, follow_links))
    assert {link: fault.partition(",")[0] for link, fault in found.items()} == {
        "boots/up": "the same folder as the collection itself",
        "boots/across": "the same folder as sandals",
        "sandals/back": "the same folder as boots",
    }
    assert labels(root, follow_links) == {"boots/a.jpg": "boots", "sandals/b.jpg": "sandals"}


def test_the_collection_itself_may_be_a_link(root: Path) -> None:
    put(root / "boots" / "a.jpg")
    link = root.with_name("link")
    link.symlink_to(root)
    assert labels(link) == {"boots/a.jpg": "boots"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_without_permission_is_faulty(root: Path) -> None:
    put(root / "boots" / "a.jpg")
    (root / "boots").chmod(0)
    try:
        assert faults(root) == {"boots": "permission denied"}
    finally:
        (root / "boots").chmod(0o700)


def test_a_path_that_does_not_exist_is_refused(root: Path) -> None:
    with pytest.raises(UserError, match="nowhere: no such folder or file"):
        scan(root / "nowhere")


def test_a_csv_gives_each_image_its_label(root: Path) -> None:
    for name in ("x/a.jpg", "b.jpg", "c.jpg"):
        put(root / name)
    listing = csv_file(root, "shop,label,image\nA,boots,x/a.jpg\nB,,b.jpg\nC, sandals ,c.jpg\n")
    assert labels(listing) == {"x/a.jpg": "boots", "b.jpg": None, "c.jpg": "sandals"}
    assert scanned(listing)["x/a.jpg"].file == os.fsencode(root / "x" / "a.jpg")


def test_a_csv_with_a_byte_order_mark_and_dos_line_ends_is_read(root: Path) -> None:
    put(root / "a.jpg")
    listing = csv_file(root, "image,label\r\na.jpg,boots\r\n", "utf-8-sig")
    assert labels(listing) == {"a.jpg": "boots"}


def test_a_file_that_is_there_is_one_image_whatever_its_name(root: Path) -> None:
    names = ["a.jpg, b.jpg", " c.jpg ", '["d.jpg"]']
    for name in names:
        put(root / name)
    lines = ('"' + name.replace('"', '""') + '",x\n' for name in names)
    assert {*labels(csv_file(root, "image,label\n" + "".join(lines)))} == {*names}


def test_a_csv_may_name_files_with_line_breaks_quotes_and_percents(root: Path) -> None:
    put(root / 'a\n"b", 100 %.jpg')
    listing = csv_file(root, 'image,label\n"a\n""b"", 100 %.jpg","bo,ots"\n')
    assert labels(listing) == {'a\n"b", 100 %.jpg': "bo,ots"}


def test_a_missing_and_an_impossible_file_in_a_csv_are_faulty(root: Path) -> None:
    put(root / "a.jpg")
    listing = csv_file(root, f"image,label\na.jpg,boots\ngone.jpg,boots\n{'x' * 300},boots\n.,\n")
    assert faults(listing) == {
        "gone.jpg": "no such file or directory",
        "x" * 300: "file name too long",
        ".": "not a regular file",
    }


def test_a_csv_line_with_a_null_byte_is_faulty(root: Path) -> None:
    put(root / "a.jpg")
    assert labels(csv_file(root, "image,label\na.jpg,boots\nb\0.jpg,boots\n")) == {"a.jpg": "boots"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image,class\na.jpg,boots\n", "the column label is missing. Its columns: image, class"),
        ("a.jpg,boots\n", "the columns image and label are missing"),
        ("", "the columns image and label are missing. Its columns: none"),
        ("label,image\nboots\n", "line 2: cells: 1; allowed: 2"),
    ],
)
def test_a_wrong_csv_is_refused_with_its_name_and_the_reason(
    root: Path, text: str, message: str
) -> None:
    put(root / "a.jpg")
    with pytest.raises(UserError, match=rf"list\.csv.*{message}"):
        list(scan(Source.of(csv_file(root, text), needs_label=True)))


def test_rows_without_an_image_are_faulty_and_named_by_their_lines(root: Path) -> None:
    put(root / "a.jpg")
    listing = csv_file(root, "image,label\n,boots\na.jpg,boots\n , x\n\n,\n")
    assert faults(listing) == {
        "list.csv, line 2": "no image in this row",
        "list.csv, line 4": "no image in this row",
    }
    assert [(entry.image, entry.row) for entry in scan(listing)] == [
        ("a.jpg", 3),
        ("list.csv, line 2", 2),
        ("list.csv, line 4", 4),
    ]


def test_an_image_that_is_listed_twice_counts_once(root: Path) -> None:
    put(root / "a.jpg")
    listing = csv_file(root, "image,label,size\na.jpg,,S\na.jpg,boots,M\na.jpg, boots,L\n")
    (entry,) = scan(listing, extra_columns=["size"])
    assert (entry.image, entry.label, entry.row) == ("a.jpg", "boots", 2)
    assert (entry.fault, entry.extra_columns) == (None, ("S",))


def test_a_file_that_is_spelt_in_several_ways_is_one_image(root: Path) -> None:
    put(root / "a.jpg")
    put(root / "d" / "b.jpg")
    text = "image,label\na.jpg,x\n./a.jpg,y\nd//b.jpg,x\n.\\d\\b.jpg,x\nd/./b.jpg,\n"
    listing = csv_file(root, text)
    assert labels(listing) == {"d/b.jpg": "x"}
    assert faults(listing) == {"a.jpg": "listed with several classes: x in line 2, y in line 3"}


def test_a_row_that_gives_an_image_to_another_product_is_reported(root: Path) -> None:
    put(root / "a.jpg")
    put(root / "b.jpg")
    rows = ["a.jpg,1", "a.jpg,1", "a.jpg;b.jpg,2", "a.jpg,", "b.jpg,3", "missing.jpg,4"]
    text = "\n".join(["image,product_id", *rows])
    listing = csv_file(root, text)
    found = list(scan(listing, extra_columns=["product_id"], product="product_id"))
    assert {(one.image, one.fault, *one.extra_columns) for one in found} == {
        ("a.jpg", None, "1"),
        ("b.jpg", None, "2"),
        (f"{listing.name}, line 4", "the same image as that of another product, in line 2", "2"),
        (f"{listing.name}, line 6", "the same image as that of another product, in line 4", "3"),
        ("missing.jpg", "no such file or directory", "4"),
    }


def test_an_image_that_is_listed_with_two_classes_is_faulty_and_both_lines_are_named(
    root: Path,
) -> None:
    put(root / "a.jpg")
    put(root / "b.jpg")
    text = "image,label\na.jpg,boots\nb.jpg,boots\na.jpg,sandals\na.jpg,boots\n"
    listing = csv_file(root, text)
    assert labels(listing) == {"b.jpg": "boots"}
    assert faults(listing) == {
        "a.jpg": "listed with several classes: boots in line 2, sandals in line 4"
    }


@pytest.mark.parametrize("text", [r"photos\a.jpg", "photos/a.jpg", r".\photos\a.jpg"])
def test_a_backslash_separates_folders_if_the_file_exists(root: Path, text: str) -> None:
    put(root / "photos" / "a.jpg")
    (entry,) = scan(csv_file(root, f"image,label\n{text},boots\n"))
    assert (entry.image, entry.fault) == ("photos/a.jpg", None)
    put(root / text)
    (entry,) = scan(csv_file(root, f"image,label\n{text},boots\n"))
    assert entry.image == text


@pytest.mark.parametrize(
    ("there", "named", "like"),
    [
        ("a.JPG", "a.jpg", "a.JPG"),
        ("photos/a.jpg", "a.jpg", "photos/a.jpg"),
        ("a.jpg", r"C:\shop\photos\a.jpg", "a.jpg"),
        ("a.jpg", "photos/A.jpeg", "a.jpg"),
        ("other.png", "photos/a.jpg", None),
        ("other.png", "photos\0/a.jpg", None),
    ],
)
def test_a_list_of_which_no_image_is_found_is_refused_with_what_is_like_the_first(
    root: Path, there: str, named: str, like: str | None
) -> None:
    put(root / there)
    listing = csv_file(root, f"image,label\n{named},boots\n0.jpg,boots\n")
    with pytest.raises(UserError, match="none of its images is there") as refused:
        list(scan(listing))
    assert f"(2 looked up, the first at {root / named})" in str(refused.value)
    hint = f"There is {root / like}." if like else ""
    assert hint in str(refused.value)
    assert ("There is" in str(refused.value)) == bool(like)


def test_one_class_may_be_written_in_two_unicode_forms(root: Path) -> None:
    put(root / NFD / "1.jpg")
    put(root / NFC / "2.jpg")
    listing = csv_file(root, f"image,label\n{NFD}/1.jpg,{NFD}\n{NFC}/2.jpg,{NFC}\n")
    for location in (root, listing):
        found = {image: label for image, label in labels(location).items() if image.endswith("jpg")}
        assert found == {f"{NFD}/1.jpg": NFC, f"{NFC}/2.jpg": NFC}
        assert summarise(location).classes - {None} == {NFC}


@pytest.mark.parametrize(("written", "there"), [(NFC, NFD), (NFD, NFC)])
def test_a_list_finds_files_and_folders_written_in_another_unicode_form(
    root: Path, written: str, there: str
) -> None:
    file = put(root / f"B{there}" / "x" / f"{there}.jpg")
    image = f"B{written}/x/../x/{written}.jpg"
    for name in (image, str(root / image)):
        (entry,) = scan(csv_file(root, f"image,label\n{name},boots\n"))
        assert (entry.image, entry.fault) == (name, None)
        assert os.path.samefile(entry.file, file)


def test_a_file_that_is_there_in_two_other_unicode_forms_is_faulty_and_both_are_named(
    root: Path,
) -> None:
    # Three ways to write one letter: e with a dot below and an accent.
    forms = ["\u1ec7", "e\u0323\u0302", "\u1eb9\u0302"]
    for form in forms[1:]:
        put(root / f"{form}.jpg")
    (fault,) = faults(csv_file(root, f"image,label\n{forms[0]}.jpg,boots\n")).values()
    assert r"'e\u0323\u0302.jpg' and '\u1eb9\u0302.jpg'" in fault
    assert labels(csv_file(root, f"image,label\n{forms[1]}.jpg,x\n")) == {f"{forms[1]}.jpg": "x"}


def test_a_list_that_names_a_file_in_two_unicode_forms_has_it_once(root: Path) -> None:
    put(root / f"{NFD}.jpg")
    listing = csv_file(root, f"image,label\n{NFC}.jpg,x\na.jpg,x\n{NFD}.jpg,x\n")
    assert len(labels(listing)) == 1
    put(root / f"{NFC}.jpg", b"another")  # now these are two files
    assert len(labels(listing)) == 2


def test_a_listed_file_that_gets_another_unicode_form_changes_the_fingerprint(root: Path) -> None:
    file = put(root / f"{NFD}.jpg")
    listing = csv_file(root, f"image,label\n{NFC}.jpg,x\n")
    before = summarise(listing).fingerprint
    file.rename(root / f"{NFC}.jpg")
    assert summarise(listing).fingerprint != before


@pytest.mark.parametrize("needs_class", [False, True])
def test_a_folder_whose_name_cannot_be_seen_or_shown_is_no_class(
    root: Path, needs_class: bool
) -> None:
    for folder in ("boots", " ", "\t", "\u200b", "a\nb", "\x01", "a\uffff"):
        put(root / folder / "1.jpg")
    found = scan(root)
    entries = list(collection.with_class(found) if needs_class else found)
    by_folder = {entry.image.removesuffix("/1.jpg"): entry for entry in entries}
    assert {entry.label for entry in entries} == {"boots", None}
    for folder in (" ", "\t", "\u200b"):
        assert (by_folder[folder].fault is None) != needs_class
    for folder in ("a\nb", "\x01", "a\uffff"):
        assert "control character" in str(by_folder[folder].fault)
    summary = summarise(root, needs_class=needs_class)
    assert summary.classes == {"boots"}
    assert summary.images == sum(entry.fault is None for entry in entries)


class Bucket(MetadataCache):
    """A bucket with objects below s3://shop/cat."""

    def __init__(self, *keys: str) -> None:
        super().__init__(None, NO_ACCESS, most_failed=1)
        self._keys = keys

    def below(self, prefix: str) -> dict[str, ObjectMetadata]:
        return {f"{prefix}/{key}": ObjectMetadata(size=1, version=key) for key in self._keys}


@pytest.mark.parametrize(
    ("key", "label"),
    [
        ("boots/1.jpg", "boots"),
        ("boots//1.jpg", "boots"),
        (f"{NFD}/1.jpg", NFC),
        ("1.jpg", None),
        ("/1.jpg", None),
        ("//boots/1.jpg", None),
        ("./1.jpg", None),
        ("../1.jpg", None),
        (" /1.jpg", None),
        ("\u200b/1.jpg", None),
    ],
)
def test_the_class_of_an_object_is_the_first_part_of_its_name_if_that_is_one(
    key: str, label: str | None
) -> None:
    (entry,) = scan("s3://shop/cat", metadata_cache=Bucket(key))
    assert (entry.image, entry.label, entry.fault) == (key, label, None)
    summary = summarise("s3://shop/cat", metadata_cache=Bucket(key))
    assert summary.classes == {label} - {None}
    (entry,) = collection.with_class(scan("s3://shop/cat", metadata_cache=Bucket(key)))
    assert ("no class" in str(entry.fault)) == (label is None)


def test_an_object_whose_class_has_a_control_character_is_faulty() -> None:
    bucket = Bucket("a\0b/1.jpg", "boots/1.jpg")
    odd, plain = scan("s3://shop/cat", metadata_cache=bucket)
    assert (odd.label, plain.label) == (None, "boots")
    assert "control character" in str(odd.fault)
    summary = summarise("s3://shop/cat", metadata_cache=bucket)
    assert (summary.classes, summary.images) == (frozenset({"boots"}), 1)


def test_files_and_folders_are_listed_in_the_order_of_their_names(root: Path) -> None:
    names = [f"{letter}.jpg" for letter in "kbzjfeaqhd"]
    for name in (*names, *(f"{name} folder/x" for name in names)):
        put(root / name)
    expected = [*sorted(names), *(f"{name} folder/x" for name in sorted(names))]
    assert [entry.image for entry in scan(root)] == expected


UNSORTED = ["b/2.jpg", "a/1.jpg", "a-b/3.jpg", "a/sub/4.jpg", "Z.jpg", "é/5.jpg"]


def test_the_order_in_which_the_system_lists_files_does_not_matter(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in UNSORTED:
        put(root / name)
    seen = []
    for backwards in (False, True):
        monkeypatch.setattr(os, "scandir", partial(Listing, backwards=backwards))
        seen.append((list(scan(root)), summarise(root).fingerprint))
    assert seen[0] == seen[1]
    assert len(seen[0][0]) == len(UNSORTED)


class Listing:
    """What `os.scandir` returns, in the order of the names or backwards."""

    def __init__(self, path: bytes, backwards: bool, scandir: Any = os.scandir) -> None:
        with scandir(path) as children:
            self.children = sorted(children, key=attrgetter("name"), reverse=backwards)

    def __enter__(self) -> list[os.DirEntry[bytes]]:
        return self.children

    def __exit__(self, *_: object) -> None:
        pass


def test_no_process_is_started_for_a_folder_that_is_looked_through_at_once(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(root / "boots" / "a.jpg")
    monkeypatch.setattr(os, "fork", lambda: pytest.fail("a process was started"))
    monkeypatch.setattr(SECONDS_ALONE, float("inf"))  # of a busy machine
    assert summarise(root).images == 1


def test_how_many_processes_look_through_a_folder_does_not_matter(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in UNSORTED:
        put(root / name)
    (root / "link").symlink_to(root / "a-b")
    seen = []
    for seconds in (0, float("inf")):
        monkeypatch.setattr(SECONDS_ALONE, seconds)
        seen.append(summarise(root))
    assert seen[0] == seen[1]
    assert seen[0].images == len(UNSORTED)


def test_the_order_of_the_lines_of_a_list_changes_only_their_numbers(root: Path) -> None:
    for name in UNSORTED:
        put(root / name)
    seen = []
    for order in (UNSORTED, UNSORTED[::-1]):
        path = csv_file(root, "image,label\n" + "".join(f"{name},x\n" for name in order))
        seen.append(list(scan(path)))
    first, second = ([entry._replace(row=None) for entry in entries] for entries in seen)
    assert first == second
    rows = [[entry.row for entry in entries] for entries in seen]
    assert rows[0] == [len(UNSORTED) + 3 - (row or 0) for row in rows[1]]


CHANGES: dict[str, Callable[[Path], object]] = {
    "added": lambda root: put(root / "boots" / "new.jpg"),
    "deleted": lambda root: (root / "boots" / "a.jpg").unlink(),
    "renamed": lambda root: (root / "boots" / "a.jpg").rename(root / "boots" / "z.jpg"),
    "relabelled": lambda root: (root / "boots" / "a.jpg").rename(root / "sandals" / "a.jpg"),
    "touched": lambda root: os.utime(root / "boots" / "a.jpg", ns=(0, 10**18 + 1)),
    "grown": lambda root: put(root / "boots" / "a.jpg", b"more data"),
    "made unreadable": lambda root: (root / "boots" / "a.jpg").chmod(0o200),
    "emptied": lambda root: put(root / "boots" / "a.jpg", b""),
    "added in a folder below": lambda root: put(root / "boots" / "x" / "new.jpg"),
    "link mended": lambda root: put(root / "boots" / "gone.jpg"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_of_a_file_changes_the_fingerprint(
    root: Path, change: Callable[[Path], object]
) -> None:
    for name in ("boots/a.jpg", "boots/b.jpg", "sandals/c.jpg"):
        os.utime(put(root / name), ns=(0, 10**18))
    (root / "boots" / "link.jpg").symlink_to("gone.jpg")
    before = summarise(root).fingerprint
    assert summarise(root).fingerprint == before
    change(root)
    assert summarise(root).fingerprint != before


def test_an_empty_folder_and_a_moved_collection_keep_the_fingerprint(root: Path) -> None:
    put(root / "boots" / "a.jpg")
    before = summarise(root).fingerprint
    (root / "boots" / "nothing").mkdir()
    assert summarise(root).fingerprint == before
    moved = root.rename(root.with_name("moved"))
    assert summarise(moved).fingerprint == before


@pytest.mark.parametrize("follow_links", [False, True])
@pytest.mark.parametrize("needs_class", [False, True])
def test_the_summary_and_the_scan_agree_on_what_is_an_image(
    root: Path, follow_links: bool, needs_class: bool
) -> None:
    for name in ("a.jpg", "boots/a.jpg", "boots/x/y/b.jpg", "sandals/.c.jpg", ".d/e.jpg"):
        put(root / name)
    put(root / "sandals" / "empty.jpg", b"")
    put(root.with_name("elsewhere") / "f.jpg")
    os.mkfifo(root / "boots" / "pipe")
    links = {"boots/up": "..", "boots/gone": "gone", "clogs": "boots", "slippers": "../elsewhere"}
    for name, target in links.items():
        (root / name).symlink_to(target)
    entries = scan(root, follow_links)
    found = list(collection.with_class(entries) if needs_class else entries)
    images = [entry for entry in found if entry.fault is None]
    summary = summarise(root, follow_links, needs_class)
    assert summary.images == len(images)
    assert summary.classes == {entry.label for entry in images} - {None}


def test_a_changed_label_in_a_csv_changes_the_fingerprint_and_a_comment_column_does_not(
    root: Path,
) -> None:
    put(root / "a.jpg")
    text = "image,label,note\na.jpg,boots,x\n"
    fingerprint = summarise(csv_file(root, text)).fingerprint
    assert summarise(csv_file(root, text.replace("x", "y"))).fingerprint == fingerprint
    assert summarise(csv_file(root, text.replace("boots", "shoes"))).fingerprint != fingerprint


def test_a_summary_counts_possible_images_and_their_classes(root: Path) -> None:
    put(root / "boots" / "a.jpg")
    put(root / "sandals" / "b.jpg")
    put(root / "loose.jpg")
    put(root / "hidden" / ".c.jpg")
    put(root / "empty" / "d.jpg", b"")
    (root / "none").mkdir()
    summary = summarise(root)
    assert (summary.images, summary.classes) == (3, frozenset({"boots", "sandals"}))
    assert summarise(root, needs_class=True).images == 2


def test_a_collection_without_images_is_refused(root: Path) -> None:
    put(root / "boots" / "empty.jpg", b"")
    with pytest.raises(UserError, match="photos: there are no images in it"):
        summarise(root)


def test_a_catalogue_whose_images_have_no_class_is_refused(root: Path) -> None:
    put(root / "a.jpg")
    with pytest.raises(UserError, match=r"no class \(1 in all\)\. Put them into a sub-folder"):
        summarise(root, needs_class=True)
    (entry,) = collection.with_class(scan(root))
    assert entry.fault is not None
    assert entry.fault.startswith("no class")


def test_a_fault_found_before_is_kept_where_a_class_is_needed(root: Path) -> None:
    put(root / "a.jpg", b"")
    (entry,) = collection.with_class(scan(root))
    assert entry.fault == "empty file"


@pytest.mark.parametrize(
    ("classes", "images", "neighbours", "message"),
    [
        ([], 3, 1, "catalogue: it has no class"),
        (["boots"], 3, 1, r"catalogue: it has one class \(boots\)"),
        (["boots", "sandals"], 3, 4, r"search\.neighbours: 4 .* allowed: 1 to 3"),
    ],
)
def test_a_catalogue_that_cannot_vote_is_refused(
    classes: list[str], images: int, neighbours: int, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        check_catalogue(Summary("", images, frozenset(classes)), neighbours, "photos")


def test_a_catalogue_with_as_many_images_as_neighbours_is_enough() -> None:
    check_catalogue(Summary("", 3, frozenset({"a", "b"})), 3, "photos")


@pytest.mark.parametrize("name", ["4711.jpg", "Grüne Schuhe 1.JPG", "a.tiff", ".hidden.png"])
def test_a_collection_can_be_a_single_image_beside_others(root: Path, name: str) -> None:
    image = put(root / name)
    put(root / "other.jpg")
    (entry,) = scan(image)
    assert (entry.image, entry.file, entry.label) == (name, os.fsencode(image), None)
    assert (entry.size, entry.fault) == (4, None)
    before = summarise(image)
    assert (before.images, before.classes) == (1, frozenset())
    put(root / "other.jpg", b"changed")
    assert summarise(image) == before
    put(image, b"changed")
    assert summarise(image) != before


def test_a_single_image_can_be_a_link(root: Path) -> None:
    (root / "link.jpg").symlink_to(put(root.parent / "elsewhere.dat"))
    (entry,) = scan(root / "link.jpg")
    assert (entry.image, entry.file, entry.size) == ("link.jpg", bytes(root / "link.jpg"), 4)


def test_a_folder_called_like_an_image_is_a_folder(root: Path) -> None:
    put(root / "old.jpg" / "boots" / "1.jpg")
    assert labels(root / "old.jpg") == {"boots/1.jpg": "boots"}


def test_a_single_image_that_cannot_be_one_is_refused(root: Path) -> None:
    (root / "dead.jpg").symlink_to("gone.jpg")
    os.mkfifo(root / "pipe.jpg")
    put(root / "empty.jpg", b"")
    for name, message in (
        ("dead.jpg", "no such folder or file"),
        ("gone.jpg", "no such folder or file"),
        ("pipe.jpg", "no such folder or file"),
        ("empty.jpg", "empty file. Name another image, or a folder or list of images"),
    ):
        for read in (scan, summarise):
            with pytest.raises(UserError, match=f"{name}: {message}"):
                read(root / name)


def test_a_catalogue_cannot_be_a_single_image(root: Path) -> None:
    with pytest.raises(UserError, match=r"1\.jpg: its images have no class \(1 in all\)\. Put"):
        summarise(put(root / "1.jpg"), needs_class=True)


def test_a_file_of_another_kind_outside_all_classes_is_no_image_and_not_without_a_class(
    root: Path,
) -> None:
    put(root / "prices.xlsx")
    put(root / "1.jpg")
    first, second = collection.with_class(scan(root))
    assert first.fault == "no class: put it into the folder of its class"
    assert second.fault == "not an image, by the ending of its name"
