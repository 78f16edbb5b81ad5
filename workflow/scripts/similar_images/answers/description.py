"""The description of the results: the settings and the files that answers to single photos need.

The workflow writes it last, once all these files are there. So the results are complete if the
files are still those that it names. The rule imports this module: it imports nothing slow.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from .. import __version__
from ..core.errors import UserError
from ..core.file_formats import read_json, write_json
from ..core.files import checked, checksum_of

# In results/.
DESCRIPTION = Path("catalogue", "description.json")
MODEL = Path("model", "model.json")
BACKBONE = MODEL.with_name("backbone")
IMAGES = Path("catalogue", "images.parquet")
QUALITY = IMAGES.with_name("quality.json")
COMPONENTS, REDUCED, ADAPTATION = (
    IMAGES.with_name(name) for name in ("components.npz", "reduced.parquet", "adaptation.npz")
)
INDEX, INDEX_DESCRIPTION = (
    IMAGES.with_name(name) for name in ("approximate.faiss", "approximate.json")
)


@dataclass(frozen=True)
class Description:
    """The settings of a run, as far as answers need them, and what it wrote.

    Attributes:
        version: of this package, which wrote the results.
        project: the folder that paths in the settings are relative to, relative to the results.
        threads: the setting `extraction.threads`.
        max_pixels: the setting `images.max_pixels`.
        voters: the setting `search.neighbours`.
        vote: the setting of the same name in `search`.
        reject: likewise.
        neighbours: how many the search finds for each query.
        products: whether products are classified.
        decisions: the files of decisions.
        folders: the query sets that are folders, with their paths.
        queries: all query sets.
        files: the files that answers are made from, with their checksums.
    """

    version: str
    project: str
    threads: int
    max_pixels: int
    voters: int
    vote: str
    reject: float | str | None
    neighbours: int
    products: bool
    decisions: list[str]
    folders: dict[str, str]
    queries: list[str]
    files: dict[str, str]

    @property
    def approximate(self) -> bool:
        """Whether the search is approximate."""
        return str(INDEX) in self.files


def checksums(results: Path, files: Iterable[Path]) -> dict[str, str]:
    """Return the checksums of `files` by their paths in `results`.

    Raises:
        UserError: one cannot be read.
    """
    found = {}
    for file in files:
        with checked(file):
            found[str(file.relative_to(results))] = checksum_of(file)
    return found


def write(path: Path, description: Description) -> None:
    """Write `description` as JSON."""
    write_json(path, asdict(description))


def read(results: Path) -> Description:
    """Read the description of `results`.

    Raises:
        UserError: there is none, or another version of this package wrote it.
        DamagedFileError: it is damaged.
    """
    path = results / DESCRIPTION
    if not path.is_file():
        raise UserError(
            f"{results} has no complete results yet: {path} is missing. Run snakemake --cores 8 "
            "in the project first, or name the folder of other results."
        )
    with checked(path):
        content = read_json(path)
        check_version(results, content)
        return Description(**content)


def check_version(results: Path, content: Mapping[str, object]) -> None:
    """Check that this version of the package wrote the description with this `content`.

    Raises:
        UserError: another one did.
    """
    if content.get("version") != __version__:
        raise UserError(
            f"{results} was written by version {content.get('version')} of Similar Image Finder, "
            f"and this is version {__version__}. Run snakemake --cores 8 with this version, or "
            "ask with that one."
        )


def check_files(results: Path, description: Description) -> None:
    """Check that the files of `results` are those that `description` names.

    Raises:
        UserError: one is missing or another one: a run is going on, or was stopped.
    """
    for name, checksum in description.files.items():
        check_file(results, Path(name), checksum)


def check_file(results: Path, name: Path, checksum: str) -> None:
    """Check that the file `name` of `results` is that with this checksum.

    Raises:
        UserError: as `check_files`.
    """
    path = results / name
    if not path.exists() or checksum_of(path) != checksum:
        fault = "newer than the last complete run" if path.exists() else "missing"
        raise UserError(
            f"{results} is not complete: {path} is {fault}. Wait until the run in progress has "
            "ended. If there is none, run snakemake --cores 8."
        )
