"""The reports, as the server sends them: they save decisions there instead of in the browser."""

from collections.abc import Iterable
from pathlib import Path

from .security import page_policy

PAGE = "report.html"
FILES = "report_files"
# The kinds of files beside a report.
TYPES = {".jpg": "image/jpeg", ".png": "image/png"}
DECISIONS = b'<meta name="decisions-address" content="/decisions">'
_HEAD = b"<head>"
# Its policy is before its data, however large that is.
_HEAD_BYTES = 100_000


def there(results: Path, names: Iterable[str]) -> list[str]:
    """Return those of the collections that have a report."""
    return [name for name in names if (results / name / PAGE).is_file()]


def address(name: str) -> str:
    """Return where the server has the report on the collection `name`."""
    return f"/reports/{name}/{PAGE}"


def page(results: Path, name: str) -> tuple[bytes, str] | None:
    """Return the report of a collection with its content security policy, or None without one."""
    path = file_in(results / name, PAGE)
    if path is None:
        return None
    content = path.read_bytes()
    policy = page_policy(content[:_HEAD_BYTES].decode("utf-8", "replace"))
    return content.replace(_HEAD, _HEAD + b"\n" + DECISIONS, 1), policy


def file_in(folder: Path, path: str) -> Path | None:
    """Return the file at `path` in `folder`, or None if there is none, or it leads elsewhere."""
    try:
        found = (folder / path).resolve(strict=True)
    except (OSError, ValueError):  # also of a NUL byte
        return None
    inside = found.is_relative_to(folder.resolve()) and found.is_file()
    return found if inside else None
