"""The reports, as the server sends them: they save decisions there instead of in the browser."""

from collections.abc import Iterable
from pathlib import Path

PAGE = "report.html"
FILES = "report_files"
# The map of the catalogue, if it was asked for.
MAP = "map.html"
MAP_FILES = "map_files"
# The kinds of files beside a report.
TYPES = {".jpg": "image/jpeg", ".png": "image/png"}
_HEAD = "<head>"
_ADDED = """
<meta name="decisions-address" content="/decisions">
<meta name="project" content="{}">"""


def there(results: Path, names: Iterable[str]) -> list[str]:
    """Return those of the collections that have a report."""
    return [name for name in names if (results / name / PAGE).is_file()]


def address(name: str) -> str:
    """Return where the server has the report on the collection `name`."""
    return f"/reports/{name}/{PAGE}"


def map_address(results: Path) -> str | None:
    """Return where the server has the map of the catalogue; None without one."""
    there = (results / "catalogue" / MAP).is_file()
    return f"/reports/catalogue/{MAP}" if there else None


def page(results: Path, name: str, project: str, file: str = PAGE) -> bytes | None:
    """Return a page of a collection with where to save decisions; None without this page.

    Args:
        results: the folder.
        name: of the collection.
        project: see `Service.project`.
        file: the name of the page.
    """
    path = file_in(results / name, file)
    if path is None:
        return None
    head = _HEAD + _ADDED.format(project)
    return path.read_bytes().replace(_HEAD.encode(), head.encode(), 1)


def file_in(folder: Path, path: str) -> Path | None:
    """Return the file at `path` in `folder`, or None if there is none, or it leads elsewhere."""
    try:
        found = (folder / path).resolve(strict=True)
    except (OSError, ValueError):  # also of a NUL byte
        return None
    inside = found.is_relative_to(folder.resolve()) and found.is_file()
    return found if inside else None
