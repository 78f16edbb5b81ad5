"""The reports, as the server sends them: they save decisions there instead of in the browser."""

import re
from collections.abc import Iterable
from pathlib import Path

from .security import page_policy

PAGE = "report.html"
FILES = "report_files"
# The kinds of files beside a report.
TYPES = {".jpg": "image/jpeg", ".png": "image/png"}
DECISIONS = b'<meta name="decisions-address" content="/decisions">'
_HEAD = b"<head>"
_POLICY = re.compile(rb'(<meta http-equiv="Content-Security-Policy" content=")([^"]*)(">)')
# Its policy is before its data, however large that is.
_HEAD_BYTES = 100_000


def there(results: Path, names: Iterable[str]) -> list[str]:
    """Return those of the collections that have a report."""
    return [name for name in names if (results / name / PAGE).is_file()]


def address(name: str) -> str:
    """Return where the server has the report on the collection `name`."""
    return f"/reports/{name}/{PAGE}"


def page(results: Path, name: str) -> tuple[bytes, str] | None:
    """Return the report of a collection with its content security policy, or None without one.

    Its own policy allows no requests, as for a page that is opened as a file; the server's does.
    """
    path = file_in(results / name, PAGE)
    if path is None:
        return None
    content = path.read_bytes()
    head, rest = content[:_HEAD_BYTES], content[_HEAD_BYTES:]
    policy = page_policy(head.decode("utf-8", "replace"))
    head = _POLICY.sub(rb"\g<1>" + policy.encode() + rb"\g<3>", head, count=1)
    return head.replace(_HEAD, _HEAD + b"\n" + DECISIONS, 1) + rest, policy


def file_in(folder: Path, path: str) -> Path | None:
    """Return the file at `path` in `folder`, or None if there is none, or it leads elsewhere."""
    try:
        found = (folder / path).resolve(strict=True)
    except (OSError, ValueError):  # also of a NUL byte
        return None
    inside = found.is_relative_to(folder.resolve()) and found.is_file()
    return found if inside else None
