"""Excel workbooks that people give us: opened within limits, and read row by row.

openpyxl is imported only when a workbook is opened: the Snakefile reads this module.
"""

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, BinaryIO, NamedTuple
from xml.etree import ElementTree
from zipfile import BadZipFile, ZipFile

from .errors import UserError

if TYPE_CHECKING:
    from openpyxl import Workbook

# What a file begins with: a workbook is a zip. Files of old Office versions, and workbooks with a
# password, are OLE files.
ZIP, OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
# A larger workbook is refused before it is unpacked. 100,000 photos take less.
MOST_UNPACKED = 1_000_000_000
# Rows as in Excel. Wider tables are refused, since each row is read to its last column.
MOST_ROWS, MOST_COLUMNS = 1_048_576, 500
SAVE_AS = "save it as an Excel workbook (.xlsx), without a password"

_PROPERTIES, _APPLICATION = "docProps/core.xml", "docProps/app.xml"
_SHEETS = "xl/worksheets/"
_FORMULA, _LONGEST_FORMULA_TAG = re.compile(rb"<(\w+:)?f[\s/>]"), 50
_CHUNK = 1_000_000
_TERMS = "{http://purl.org/dc/terms/}"
_EXTENDED = "{http://schemas.openxmlformats.org/officeDocument/2006/extended-properties}"


class Times(NamedTuple):
    """When a workbook was made and when it was saved last; None if it does not say."""

    made: datetime | None
    saved: datetime | None


def looks_like_workbook(beginning: bytes) -> bool:
    """Return whether a file that begins with these four bytes may be a workbook of any kind."""
    return beginning in (ZIP, OLE)


@contextmanager
def opened(stream: BinaryIO, formulas: bool = False) -> Iterator["Workbook"]:
    """Open a workbook for reading.

    Args:
        stream: the file.
        formulas: whether cells give their formulas, and not the values that were saved with them.

    Raises:
        ValueError: it is not a workbook of this kind, damaged, or too large; also if what the block
            reads from it is damaged.
    """
    from openpyxl import load_workbook  # slow

    _check(stream)
    try:
        with warnings.catch_warnings(action="ignore"):  # of what it leaves out, such as pictures
            workbook = load_workbook(
                stream, read_only=True, data_only=not formulas, keep_links=False
            )
            try:
                yield workbook
            finally:
                workbook.close()
    except (MemoryError, UserError, ValueError):
        raise
    except Exception as error:  # damaged XML can raise anything
        raise ValueError(f"it is damaged ({error}); {SAVE_AS}") from error


def has_formulas(stream: BinaryIO) -> bool:
    """Return whether a sheet has a formula. It takes a small part of the time to read the cells."""
    with ZipFile(stream) as archive:
        sheets = [name for name in archive.namelist() if name.startswith(_SHEETS)]
        return any(_has_formulas(archive, sheet) for sheet in sheets)


def _has_formulas(archive: ZipFile, sheet: str) -> bool:
    end = b""  # of the chunks before, which may have the beginning of a tag
    with archive.open(sheet) as stream:
        while chunk := stream.read(_CHUNK):
            text = end + chunk
            if _FORMULA.search(text):
                return True
            end = text[-_LONGEST_FORMULA_TAG:]
    return False


def times_of(stream: BinaryIO) -> Times:
    """Return when a workbook was made and saved, by itself.

    LibreOffice writes the local time as if it were UTC, and not which time zone that is. It is
    taken to be this computer's. So where a workbook was saved in another time zone, the time is
    wrong by the difference.

    openpyxl would take the present time where a workbook does not say.
    """
    try:
        with ZipFile(stream) as archive:
            properties = _part(archive, _PROPERTIES)
            local = _is_of_libreoffice(archive)
    except (BadZipFile, KeyError, ElementTree.ParseError):
        return Times(None, None)
    made, saved = (
        _time(properties.findtext(f"{_TERMS}{name}")) for name in ("created", "modified")
    )
    return Times(made, _as_local(saved) if saved and local else saved)


def _part(archive: ZipFile, name: str) -> ElementTree.Element:
    return ElementTree.fromstring(archive.read(name))  # noqa: S314 - expat limits entities


def _is_of_libreoffice(archive: ZipFile) -> bool:
    """Return whether LibreOffice saved a workbook last."""
    if _APPLICATION not in archive.namelist():
        return False
    name = _part(archive, _APPLICATION).findtext(f"{_EXTENDED}Application")
    return (name or "").startswith("LibreOffice")


def _time(text: str | None) -> datetime | None:
    try:
        time = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _as_local(time: datetime) -> datetime | None:
    """Return the time that is meant where the local time was written as if it were `time`."""
    try:
        return time.replace(tzinfo=None).astimezone(UTC)
    except (OverflowError, ValueError):  # of the year 1 or 9999
        return None


def _check(stream: BinaryIO) -> None:
    beginning = stream.read(4)
    stream.seek(0)
    if beginning == OLE:
        raise ValueError(f"it is an .xls file, or has a password; {SAVE_AS}")
    try:
        with ZipFile(stream) as archive:
            parts = archive.infolist()
    except (BadZipFile, NotImplementedError) as error:
        raise ValueError(f"it is damaged ({error}); {SAVE_AS}") from error
    if "[Content_Types].xml" not in {part.filename for part in parts}:
        raise ValueError(f"it is another kind of file; {SAVE_AS}")
    unpacked = sum(part.file_size for part in parts)
    if unpacked > MOST_UNPACKED:
        raise ValueError(f"it has {unpacked:,} bytes unpacked; allowed: {MOST_UNPACKED:,}")
