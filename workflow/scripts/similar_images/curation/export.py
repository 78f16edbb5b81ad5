"""The export: the catalogue with all decisions, as a folder of classes or as a list."""

import os
import shutil
import unicodedata
from collections.abc import Collection, Iterable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from ..core.errors import UserError, reason
from ..core.files import remove_abandoned, replacing
from ..core.names import listed_label
from ..core.tables import Column, CsvTable
from ..images.folders import EXPORTED
from ..images.photos import LOCAL, Photos
from ..storage import parquet_images
from ..storage.addresses import HIDDEN, WEB, is_address, scheme_of
from ..storage.stored import container_of

# The bytes that most file systems allow in a name, and how many an ending such as .jpg may have.
LONGEST, LONGEST_ENDING = 255, 16

TABLE = CsvTable(
    "export/catalogue.csv",
    Column("image", str, "absolute path, or address"),
    Column("label", str, "its class"),
)


class ExportedImage(NamedTuple):
    """An image of the catalogue: the path to open, its class, content id, product and name."""

    file: bytes
    label: str
    content_id: str
    product: str | None = None
    image: str = ""


def export(
    folder: Path,
    members: Iterable[ExportedImage],
    how: str,
    photos: Photos = LOCAL,
    product: str | None = None,
) -> dict[str, str]:
    """Write `members` into `folder`, completely or not at all.

    What a killed export has left beside it is removed.

    Args:
        folder: it must not exist.
        members: the images of the catalogue.
        how: "links" or "copies" in a folder for each class, or "csv" for a list,
            `catalogue.csv`, that this workflow reads as a collection.
        photos: opens them.
        product: the column of a list that names the product; None where there is none.

    Returns:
        The classes whose name no folder can have, each with the name of its folder.

    Raises:
        UserError: `folder` exists; a photo cannot be read, or is where no link leads or what no
            list may show; or a list would rename a class.
    """
    if os.path.lexists(folder):
        raise UserError(
            f"{folder} exists, and nothing is written over it. Name another folder in "
            "export.folder, or remove this one."
        )
    remove_abandoned(folder)
    with replacing(folder) as temporary:
        temporary.mkdir()
        (temporary / os.fsdecode(EXPORTED)).touch()  # so that it is no part of a folder around it
        if how == "csv":
            _list(temporary / "catalogue.csv", members, product)
            return {}
        return _sort_out(temporary, members, how, photos)


def folder_names(labels: Collection[str]) -> dict[str, str]:
    """Return for each class the name of its folder; all differ, even where case is ignored.

    A class keeps its name where a folder can have it: not hidden, and not outside the others.
    """
    possible = {label: _possible(label) for label in labels}
    taken: set[str] = set()
    # Those that keep their names come first, so that no other class takes such a name.
    return {
        label: _unused(possible[label], taken)
        for label in sorted(labels, key=lambda label: (possible[label] != label, label))
    }


def _sort_out(
    folder: Path, members: Iterable[ExportedImage], how: str, photos: Photos
) -> dict[str, str]:
    members = list(members)
    folders = folder_names({member.label for member in members})
    taken: dict[str, set[str]] = {name: set() for name in folders.values()}
    for name in taken:
        (folder / name).mkdir()
    put = _link if how == "links" else partial(_copy, photos)
    for member in members:
        name = folders[member.label]
        place = os.fsencode(folder / name / _file_name(member, taken[name]))
        try:
            put(member, place)
        except OSError as error:
            raise UserError(
                f"{os.fsdecode(member.file)!r} cannot be exported: {reason(error)}. Run again once "
                "it can be read, or without it."
            ) from error
    return {label: name for label, name in folders.items() if name != label}


def _link(member: ExportedImage, place: bytes) -> None:
    if container := container_of(member.file):
        raise OSError(f"it is in {container}; set export.as: copies")
    if is_address(os.fsdecode(member.file)):
        raise OSError("it is at an address; set export.as: copies, or csv")
    file = os.path.abspath(member.file)
    os.stat(file)  # a link leads anywhere
    os.symlink(file, place)


def _copy(photos: Photos, member: ExportedImage, place: bytes) -> None:
    with photos.opened(member.content_id, member.file) as stream, open(place, "wb") as copy:
        shutil.copyfileobj(stream, copy)


def _list(path: Path, members: Iterable[ExportedImage], product: str | None) -> None:
    rows = []
    for member in members:
        name = os.fsdecode(member.file)
        if listed_label(member.label) != member.label:
            raise UserError(
                f"The class {member.label!r} has spaces around its name, which do not count in a "
                "list. Give it another name, or set export.as: links, or copies."
            )
        if container := container_of(member.file):
            raise UserError(
                f"{name} is in {container}, and no list can name it. Set export.as: copies."
            )
        if _hides(name):
            raise UserError(
                f"{name} may hold a secret in its query, and no list shows it. Set export.as: "
                "copies."
            )
        try:
            image = member.file if is_address(name) else os.path.abspath(member.file)
            row = {"image": image.decode("utf-8"), "label": member.label}
            rows.append({**row, product: member.product} if product else row)
        except UnicodeDecodeError as error:
            raise UserError(
                f"{member.file!r} is no name in UTF-8, as a CSV has them. Set export.as: links, or "
                "copies."
            ) from error
    TABLE.write(path, rows, [product] if product else [])


def _hides(name: str) -> bool:
    """Return whether a digest replaces a part of the address `name`.

    In the name of a file, and of an object in a bucket, ?# are ordinary letters.
    """
    return HIDDEN in name and is_address(name) and scheme_of(name) in WEB


def _file_name(member: ExportedImage, taken: set[str]) -> str:
    """Return a name for the file of `member` that is not `taken`, its own if possible."""
    in_parquet = parquet_images.parts_of(member.file)
    whole = member.image if in_parquet else os.fsdecode(member.file)
    name = os.path.basename(whole.partition(HIDDEN)[0] if _hides(whole) else whole)
    # The address of a folder has no last part.
    name = _possible(name or member.content_id[:12])
    if _folded(name) in taken:
        name = _fitting(name, f"-{member.content_id[:12]}")
    return _unused(name, taken)


def _unused(name: str, taken: set[str]) -> str:
    """Return `name`, with a number if it is `taken`, and add it to `taken`.

    A number is never cut off, so every try is a new name and the loop ends.
    """
    candidate, number = name, 1
    while _folded(candidate) in taken:
        number += 1
        candidate = _fitting(name, f"-{number}")
    taken.add(_folded(candidate))
    return candidate


def _possible(text: str) -> str:
    """Return a possible name of a folder or file for `text`: not hidden, and not too long."""
    name = text.replace("/", "_").replace("\0", "_")
    return _fitting(f"_{name}" if name.startswith(".") or not name else name)


def _fitting(name: str, mark: str = "") -> str:
    """Return `name` with `mark` before its ending, cut to the length that file systems allow.

    An ending that is too long counts as part of the name before it.
    """
    stem, ending = os.path.splitext(name)
    if len(os.fsencode(ending)) > LONGEST_ENDING:
        stem, ending = name, ""
    while len(os.fsencode(stem + mark + ending)) > LONGEST:
        stem = stem[:-1]
    return stem + mark + ending


def _folded(name: str) -> str:
    """Return a form that is equal for two names that some file systems consider equal.

    It is the caseless matching of canonical equivalents, D145 of the Unicode Standard.
    """
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", name).casefold())
