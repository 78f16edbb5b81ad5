"""The text of a file with a list."""

import gzip
import zlib
from pathlib import Path

from ..core.errors import UserError
from ..core.wording import counted
from . import dialect

# Of a packed list: a few bytes can unpack to any number.
MOST_UNPACKED = 1_000_000_000


def text_in(path: Path, kind: str, unicode_only: bool = False) -> tuple[str, str]:
    """Return the text of a file and the name of its encoding.

    Raises:
        UserError: it has no encoding that can be read, or is not packed as its name says.
    """
    data = _unpacked(path) if path.suffix.lower() == ".gz" else path.read_bytes()
    try:
        text, encoding = dialect.decoded(data, unicode_only)
    except UnicodeDecodeError as error:
        raise _not_text(path, data, kind, unicode_only) from error
    if "\0" in text.partition("\n")[0]:
        raise UserError(
            f"{path}: not {kind}, for it has bytes that no text has. Lists are CSV, TSV, JSON, "
            "Parquet or .xlsx; a single image needs the ending of its format."
        )
    return text, encoding


def _unpacked(path: Path) -> bytes:
    try:
        with gzip.open(path) as stream:
            data = stream.read(MOST_UNPACKED + 1)
    except FileNotFoundError:
        raise
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path}: not packed by gzip ({error}). Pack it once more.") from error
    if len(data) > MOST_UNPACKED:
        raise UserError(
            f"{path}: more than {counted(MOST_UNPACKED, 'byte')} unpacked. Divide the list."
        )
    return data


def _not_text(path: Path, data: bytes, kind: str, unicode_only: bool) -> UserError:
    """Return the error of a list whose encoding cannot be read."""
    place = ""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = 1 + data.count(b"\n", 0, error.start)
        place = f", line {line}: the byte 0x{data[error.start]:02x} is not UTF-8"
    allowed = "UTF-8 or UTF-16" if unicode_only else "UTF-8, UTF-16 or Windows-1252"
    return UserError(
        f"{path}{place}: it must be {kind} in {allowed}, all of it in one encoding. Save it so (in "
        "a spreadsheet program as “CSV UTF-8”). If it is a single image, its name must end as its "
        "format does, such as .jpg."
    )
