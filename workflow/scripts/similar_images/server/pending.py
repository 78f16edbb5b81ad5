"""Whether the results lack something: decisions and kept photos are used by the next run.

Only times of files are compared. So it holds for changes by other programs, and after a restart.
"""

from collections.abc import Iterable
from pathlib import Path

COMMAND = "snakemake --cores 8"
# What a run writes first from the decisions, and from the photos of a set.
PLAN = Path("plan", "shards.json")
MANIFEST = "manifest.parquet"
# What it writes last of a set.
REPORT = "report.html"


def decisions_wait(files: Iterable[Path], results: Path, sets: Iterable[str]) -> bool:
    """Whether one of the `files` of decisions is newer than what the last run made of them."""
    made = [results / PLAN, *(results / name / REPORT for name in sets)]
    return _newest(files) > _oldest(made)


def photos_wait(folder: Path, results: Path, name: str) -> bool:
    """Whether a photo in `folder`, that of the query set `name`, is newer than its results."""
    made = [results / name / MANIFEST, results / name / REPORT]
    return _newest(_photos(folder)) > _oldest(made)


def _photos(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if not path.name.startswith(".")]
    except OSError:
        return []  # keeping a photo gives the reason


def _newest(files: Iterable[Path]) -> float:
    return max(map(_time, files), default=0.0)


def _oldest(made: Iterable[Path]) -> float:
    return min(map(_time, made))


def _time(file: Path) -> float:
    """Return the time of the last change of a file; 0 if there is none."""
    try:
        return file.stat().st_mtime
    except OSError:
        return 0.0
