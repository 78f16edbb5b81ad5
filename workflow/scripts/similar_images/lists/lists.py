"""A collection as a list: a table of which each row names images."""

import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from ..core.errors import UserError
from ..core.names import CONTROL, fault_of_label, listed_label, without_invisible
from ..core.wording import counted
from ..storage.addresses import (
    is_address,
    looks_like_address,
    may_hide_secret,
    name_of,
    without_secret,
)
from ..storage.archives import is_archive
from ..storage.parquet_images import StoredImage
from . import tables
from .columns import MissingColumnError, Row, Wanted
from .presets import DEEPEST, WHOLE
from .sources import Location, Source
from .table_cache import NO_TABLES, TableCache

# How the name of a file ends that is an image and no list.
IMAGES = frozenset(
    {".jpg", ".jpeg", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"}
    | {".heic", ".heif", ".hif", ".avif"}
)
NO_IMAGE = "no image in this row"
# Shops list a product's sizes and colours so.
PRODUCT_HAS_IMAGE = "no image in this row, but in another one of its product"
# The place of that row follows.
SHARED_IMAGE = "the same image as that of another product, in "
# Rows rejected for reasons that begin so name no photo of their own.
NO_PHOTO = (NO_IMAGE, PRODUCT_HAS_IMAGE, SHARED_IMAGE)
_NO_ADDRESS = (
    "the image looks like an address, but is not one; an address begins with its scheme, such as "
    "https://"
)
_NO_FILE = (
    "no such file; if it is meant as an address, write nothing before its scheme, as in "
    "https://cdn.example.com/boots.jpg"
)
# A list of texts as Python writes it.
_TEXT = r"""('[^'\\]*'|"[^"\\]*")"""
_PYTHON_LIST = re.compile(rf"\[\s*{_TEXT}\s*(,\s*{_TEXT}\s*)*(,\s*)?\]")
# What separates several images in a cell.
_BETWEEN = (",", ";", "|", "\n")
# A cell of most lists: one image, and nothing that could separate several.
_ONE = re.compile(r"[^\s,;|\[]+")
# A comma with a backslash before it belongs to the name of a category.
_BETWEEN_PATHS = re.compile(r"(?<!\\),")


class ListRow(NamedTuple):
    """An image in a list, or a row without one.

    Attributes:
        image: its name: a path relative to the list, or the name of an address. Without an image,
            the place of the row.
        address: its address, or None for a file.
        label: the class, or None.
        place: of the row in the list, for error messages.
        extra_columns: its values in the extra columns.
        row: the number of the row, as a spreadsheet shows it.
        fault: why there is no image, or None.
        stored: where the bytes of the image are in the list: see `parquet_images.file_of`.
    """

    image: str
    address: str | None
    label: str | None
    place: str
    extra_columns: tuple[str, ...] = ()
    row: int | None = None
    fault: str | None = None
    stored: bytes | None = None


class ImageList(NamedTuple):
    """The content of a list.

    Attributes:
        rows: sorted by image; an image that is listed several times has several rows.
        description: how many rows the list has, and its format.
    """

    rows: list[ListRow]
    description: str


def read(
    location: Location, extra_columns: Sequence[str] = (), cache: TableCache = NO_TABLES
) -> ImageList:
    """Return the content of a list.

    A row of which something cannot be read has a fault.

    Args:
        location: of the list, with its columns.
        extra_columns: further columns to read.
        cache: of its table.

    Raises:
        UserError: it is damaged, so that rows could be lost, or a column is missing.
    """
    source = Source.of(location)
    path = Path(source.location)
    try:
        table = tables.read(path, _wanted(source, extra_columns), source.sheet, cache)
    except MissingColumnError as error:
        if source.preset is None:
            raise
        raise UserError(f"{error} The preset is {source.preset}.") from error
    folder = folder_of(source)
    records = [_record(source, folder, table.unit, row) for row in table.rows]
    if source.product:
        records = list(_with_first_rows(records))
    stored_names = _names_of_stored(records, path.name)
    found = [row for record in records for row in _rows(record, path.name, folder, stored_names)]
    described = f"{path.name}: {counted(len(table.rows), 'row')}, {table.kind}"
    return ImageList(sorted(found, key=lambda row: row.image), described)


def is_list(location: Location) -> bool:
    """Whether a list is at `location`.

    That is a file that is neither a single image nor an archive, by its name, or one whose columns
    are mapped.
    """
    source = Source.of(location)
    path = Path(source.location)
    listed = path.is_file() and path.suffix.lower() not in IMAGES and not is_archive(path)
    return source.is_mapped or listed


def files_of(source: Source) -> list[Path]:
    """Return the files that a list is in."""
    return tables.files_in(Path(source.location))


def folder_of(source: Source) -> Path:
    """Return the folder that the paths in a list are relative to."""
    path = Path(source.location)
    return path if path.is_dir() else path.parent


def addresses_in(rows: Iterable[ListRow]) -> dict[str, str]:
    """Return the addresses in `rows`, by their names."""
    return {row.image: row.address for row in rows if row.address is not None}


def addresses(collections: Iterable[Location]) -> dict[str, str]:
    """Return the addresses in those of `collections` that are lists, by their names."""
    return addresses_in(row for one in filter(is_list, collections) for row in read(one).rows)


def check_remote(location: Location) -> None:
    """Check that all photos of a collection are at addresses that any machine can fetch.

    Raises:
        UserError: they are not.
    """
    source = Source.of(location)
    if is_address(source.location):
        return
    if not is_list(source):
        raise UserError(
            f"{source.location} is on this computer, and jobs that share no folder cannot read it. "
            "Put the photos into a bucket and name that, or name a list of addresses."
        )
    files = (row.image for row in read(source).rows if row.address is None and row.fault is None)
    image = next(files, None)
    if image is not None:
        raise UserError(
            f"{source.location}: {image} is a file, which jobs that share no folder cannot read. "
            "Name only addresses."
        )


def images_in(cell: str) -> list[str]:
    """Return the images in a cell.

    Several are a list of JSON or Python, or separated by commas, semicolons, bars or line breaks;
    addresses also by spaces. A cell is divided only if each part looks like an image.
    """
    cell = without_invisible(cell)
    if _ONE.fullmatch(cell):
        return [cell]
    if cell.startswith("[") and (listed := _listed(cell)) is not None:
        return [image for image in map(without_invisible, listed) if image]
    for separator in _BETWEEN:
        if separator in cell:
            parts = [part for part in map(without_invisible, cell.split(separator)) if part]
            if parts and _all_look_like_images(parts):
                return parts
    words = cell.split()
    if words and all(map(_begins_like_address, words)):
        return words
    return [cell] if cell else []


def part_of_label(cell: str, label_part: str) -> str:
    """Return the part of a cell that is the class: see `presets`."""
    if label_part == WHOLE:
        return cell
    cells = _BETWEEN_PATHS.split(cell) if label_part == DEEPEST else [cell]
    paths = [[part.strip() for part in one.split(">") if part.strip()] for one in cells]
    deepest = max(paths, key=len)
    return deepest[-1].replace("\\,", ",") if deepest else ""


class _Record(NamedTuple):
    """What a row of a list says.

    Attributes:
        place: of the row, in words.
        row: its number.
        images: all in it.
        label: the class, or "".
        product: its name if it is mapped, or "".
        extra_columns: its values in the extra columns.
        fault: why it cannot be read, or None.
        stored: the images whose bytes are in it.
        no_image: why it has no image, if it has none.
    """

    place: str
    row: int
    images: Sequence[str]
    label: str
    product: str
    extra_columns: tuple[str, ...]
    fault: str | None
    stored: tuple[StoredImage, ...] = ()
    no_image: str = NO_IMAGE


def _wanted(source: Source, extra_columns: Sequence[str]) -> list[Wanted]:
    """Return the columns to read, in the order in which `_record` takes them."""
    images = [Wanted(name, name not in source.optional, several=True) for name in source.image]
    label = Wanted(source.label, source.label not in source.optional)
    product = [source.product] if source.product else []
    return [*images, label, *map(Wanted, [*product, *extra_columns])]


def _record(source: Source, folder: Path, unit: str, row: Row) -> _Record:
    count = len(source.image)
    label, *others = row.cells[count:]
    product = others.pop(0).strip() if source.product else ""
    images = [image for cell in row.cells[:count] for image in _images_there(cell, folder)]
    label = part_of_label(label, source.label_part)
    return _Record(
        f"{unit} {row.number}",
        row.row or row.number,
        images,
        label,
        product,
        tuple(others),
        row.fault,
        row.stored,
    )


def _images_there(cell: str, folder: Path) -> list[str]:
    """Return the images in a cell: it is one if all of it is the name of a file in `folder`."""
    found = images_in(cell)
    if found and found != [cell] and os.path.lexists(folder / cell):
        return [cell]
    return found


def _with_first_rows(records: Sequence[_Record]) -> Iterator[_Record]:
    """Yield `records`; what is empty is taken from the first row of the product.

    Shops write a product's class and title only there.
    """
    first: dict[str, _Record] = {}
    pictured = {
        record.product for record in records if record.product and (record.images or record.stored)
    }
    for record in records:
        above = first.setdefault(record.product, record) if record.product else record
        extra_columns = (
            own if own.strip() else other
            for own, other in zip(record.extra_columns, above.extra_columns, strict=True)
        )
        yield record._replace(
            label=record.label if record.label.strip() else above.label,
            extra_columns=tuple(extra_columns),
            no_image=PRODUCT_HAS_IMAGE if record.product in pictured else NO_IMAGE,
        )


def _names_of_stored(records: Iterable[_Record], name: str) -> frozenset[str]:
    """Return the paths that can name an image stored in the list called `name`.

    They name one image only, and neither hide a query nor look like the place of a row.
    """
    counts: Counter[str] = Counter()
    for record in records:
        counts.update(record.images)
        counts.update(image.path for image in record.stored)
    return frozenset(
        path
        for path, count in counts.items()
        if path
        and count == 1
        and not may_hide_secret(path)
        and not CONTROL.search(path)
        and not path.startswith(f"{name}, ")
    )


def _rows(
    record: _Record, name: str, folder: Path, stored_names: frozenset[str]
) -> Iterator[ListRow]:
    """Yield a row for each image of a record, or one with a fault.

    Args:
        record: a row of the list.
        name: of the list.
        folder: that paths are relative to.
        stored_names: the paths that can name an image stored in the list.
    """
    fault = record.fault or fault_of_label(record.label.strip())
    label = None if fault else listed_label(record.label)
    place = record.place
    rest = label, place, record.extra_columns, record.row
    for image in record.images:
        if image.startswith("//"):  # a page gives its own scheme to such an address
            image = f"https:{image}"
        if is_address(image):
            yield ListRow(name_of(image), image, *rest, fault)
        elif looks_like_address(image):  # its query may be secret
            yield ListRow(f"{name}, {place}", None, *rest, fault or _NO_ADDRESS)
        elif may_hide_secret(image) and not _is_there(image, folder):
            yield ListRow(without_secret(image), None, *rest, fault or _NO_FILE)
        else:
            yield ListRow(image, None, *rest, fault)
    for number, stored in enumerate(record.stored, 1):
        own = f"{name}, {place}" if len(record.stored) == 1 else f"{name}, {place}, image {number}"
        image = stored.path if stored.path in stored_names else own
        yield ListRow(image, None, *rest, fault, stored.file)
    if not record.images and not record.stored:
        yield ListRow(f"{name}, {place}", None, *rest, fault or record.no_image)


def _is_there(image: str, folder: Path) -> bool:
    return os.path.lexists(folder / image) or os.path.lexists(folder / image.replace("\\", "/"))


def _listed(cell: str) -> list[str] | None:
    """Return the texts in a list of JSON or Python, or None if the cell is none."""
    if _PYTHON_LIST.fullmatch(cell):
        return [text[1:-1] for text in re.findall(_TEXT, cell)]
    try:
        values = json.loads(cell)
    except (ValueError, RecursionError):
        return None
    if not isinstance(values, list) or not all(isinstance(one, str) for one in values):
        return None
    return values


def _all_look_like_images(parts: Sequence[str]) -> bool:
    """Whether all are addresses, or all are files of images."""
    if any(map(_begins_like_address, parts)):  # a file's path could belong to the address before it
        return all(map(_begins_like_address, parts))
    return all(Path(part).suffix.lower() in IMAGES for part in parts)


def _begins_like_address(text: str) -> bool:
    return is_address(text) or text.startswith("//")
