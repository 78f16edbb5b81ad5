"""Tests of the advice where classes are one folder deeper."""

from pathlib import Path
from zipfile import ZipFile

import pytest

from similar_images.core.errors import UserError
from similar_images.images import depth
from similar_images.images.fingerprint import check_catalogue, summarise


def folder_of(path: Path, *names: str) -> Path:
    for name in names:
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(b"data")
    return path


def zip_of(path: Path, *names: str) -> Path:
    with ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, b"data")
    return path


def advice(path: Path) -> str | None:
    summary = summarise(path)
    return depth.of_divisions(path, "catalogue", summary.subfolders, len(summary.classes))


@pytest.mark.parametrize("name", ["train", "photos"])
def test_a_catalogue_with_one_folder_is_refused_with_advice_what_to_set(
    tmp_path: Path, name: str
) -> None:
    path = folder_of(tmp_path, *(f"{name}/{one}/1.jpg" for one in ("boots", "hats", "a", "b")))
    message = (
        rf"it has one class \({name}\); .* The folders in {name} look like the classes "
        rf"\(a, b, boots and 1 more\): set catalogue: {tmp_path}/{name}\.$"
    )
    with pytest.raises(UserError, match=message):
        check_catalogue(summarise(path), 1, path)


@pytest.mark.parametrize(
    "names", [["boots/1.jpg", "boots/x/2.jpg", "boots/y/3.jpg"], ["boots/x/1.jpg", "boots/x/2.jpg"]]
)
def test_a_class_with_images_of_its_own_or_one_folder_is_refused_without_advice(
    tmp_path: Path, names: list[str]
) -> None:
    path = folder_of(tmp_path, *names)
    with pytest.raises(UserError, match=r"\(or a label in the list\)\.$"):
        check_catalogue(summarise(path), 1, path)


def test_classes_in_a_folder_for_training_and_one_for_tests_are_noticed(tmp_path: Path) -> None:
    names = [f"{part}/{one}/1.jpg" for part in ("Test", "train") for one in ("boots", "hats")]
    path = folder_of(tmp_path, *names, "train/coats/deep/1.jpg")
    assert advice(path) == (
        "catalogue: its classes are called Test and train, and all have folders of the same names "
        f"(boots, hats). If these are the classes, set catalogue: {tmp_path}/train."
    )
    archive = zip_of(tmp_path / "x.zip", *names)
    assert f"unpack {archive}, and set catalogue to its folder train." in (advice(archive) or "")


@pytest.mark.parametrize(
    "names",
    [
        # A shop with a folder for each product, or with the same divisions of each class.
        ["boots/4711/1.jpg", "boots/4712/1.jpg", "hats/4713/1.jpg", "hats/4714/1.jpg"],
        ["boots/men/1.jpg", "boots/women/1.jpg", "hats/men/1.jpg", "hats/women/1.jpg"],
        # A shop of toys.
        ["train/wood/1.jpg", "train/steel/1.jpg", "dolls/wood/1.jpg", "dolls/steel/1.jpg"],
        ["train/1.jpg", "test/2.jpg"],
        ["train/a/1.jpg", "train/b/1.jpg", "test/a/1.jpg", "test/b/1.jpg", "test/1.jpg"],
        ["train/a/1.jpg", "train/b/1.jpg", "test/c/1.jpg", "test/d/1.jpg"],
    ],
)
def test_other_folders_are_classes_without_a_word(tmp_path: Path, names: list[str]) -> None:
    assert advice(folder_of(tmp_path / "folder", *names)) is None
    assert advice(zip_of(tmp_path / "x.zip", *names)) is None


def test_a_list_gives_no_advice(tmp_path: Path) -> None:
    names = [f"{part}/{one}/1.jpg" for part in ("test", "train") for one in ("boots", "hats")]
    folder_of(tmp_path, *names)
    rows = [f"{name},{name.partition('/')[0]}" for name in names]
    listing = tmp_path / "list.csv"
    listing.write_text("\n".join(["image,label", *rows]))
    assert advice(listing) is None
