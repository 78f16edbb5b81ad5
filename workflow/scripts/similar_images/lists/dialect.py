"""The dialect of a text file with a table: its encoding, and what separates its cells."""

import codecs
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from io import StringIO

from ..core.file_formats import csv_rows

# The characters that separate cells, and what people call them. Where several fit, the first wins.
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
# What a program writes at the beginning of a file to name the encoding.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8", "UTF-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16-be", "UTF-16"),
)
# A character of several bytes in UTF-8.
_SEVERAL_BYTES = re.compile(
    rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}"
)
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]")
# In a word, ä, é or ü of old Mac programs. In Windows-1252 they would be Š, Ž and Ÿ: capitals.
_MAC_LETTER = re.compile(rb"[a-z][\x8a\x8e\x9f][a-z]")
# Excel reads this line, and writes it nowhere: it names the separator.
_SEPARATOR_LINE = re.compile(r'"?sep=([^\r\n"])"?(\r\n|\r|\n)', re.IGNORECASE)


def decoded(data: bytes, unicode_only: bool = False) -> tuple[str, str]:
    """Return the text of a file and the name of its encoding.

    It is the encoding that the first bytes name, else UTF-8, else Windows-1252.

    Args:
        data: the bytes of the file.
        unicode_only: whether it cannot be Windows-1252.

    Raises:
        UnicodeDecodeError: it has another encoding, or several.
    """
    for mark, codec, name in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(codec), name
    try:
        return data.decode("utf-8"), "UTF-8"
    except UnicodeDecodeError:
        if unicode_only or b"\0" in data or _is_damaged_utf8(data) or _MAC_LETTER.search(data):
            raise
        return data.decode("cp1252"), "Windows-1252"


def _is_damaged_utf8(data: bytes) -> bool:
    """Whether most of `data` beyond ASCII is UTF-8; a few pairs also occur in Windows-1252: ß“."""
    rest, sequences = _SEVERAL_BYTES.subn(b"", data)
    return sequences > 0 and sequences >= len(_BEYOND_ASCII.findall(rest))


def without_separator_line(text: str) -> tuple[str, str | None]:
    """Return `text` without the line that names the separator, and that separator, if any."""
    found = _SEPARATOR_LINE.match(text)
    return (text[found.end() :], found[1]) if found else (text, None)


def separator_of(
    text: str, fits: Callable[[Sequence[str]], bool], separators: Iterable[str] = SEPARATORS
) -> str:
    """Return the separator with which the first row of `text` is a header that fits.

    If several fit, it is the one that gives most columns. If none does, it is the one with which
    the first row has most columns.

    Args:
        text: of the table.
        fits: whether these can be the names of the columns.
        separators: that are tried.

    Raises:
        ValueError: as `csv_rows`.
    """
    headers: dict[str, Sequence[str]] = {}
    faults = []
    for one in separators:
        try:
            headers[one] = first_row(text, one)
        except ValueError as error:
            faults.append(error)
    fitting = [one for one in headers if fits(headers[one])]
    if faults and not fitting:
        raise faults[0]
    return max(fitting or headers, key=lambda one: len(headers[one]))


def first_row(text: str, separator: str) -> list[str]:
    """Return the first row of `text` that is not empty.

    Raises:
        ValueError: as `csv_rows`.
    """
    return next((row for _, _, row in numbered_rows(text, separator)), [])


def numbered_rows(text: str, separator: str) -> Iterator[tuple[int, int, list[str]]]:
    """Yield each row of `text` that is not empty, after its number and the line where it begins.

    People write spaces between a separator and quotation marks; only then, they are left out.

    Raises:
        ValueError: as `csv_rows`.
    """
    spaced = re.search(rf'{re.escape(separator)} +"(?!")', text) is not None
    rows = csv_rows(StringIO(text, newline=""), separator, skips_spaces=spaced)
    for number, (line, row) in enumerate(rows, 1):
        if is_filled(row):
            yield number, line, row


def is_filled(row: Iterable[str]) -> bool:
    """Whether a cell of `row` is not empty."""
    return any(map(str.strip, row))
