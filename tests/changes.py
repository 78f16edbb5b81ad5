"""What a user does between two runs."""

from hashlib import sha256

from project import Project
from similar_images.core.file_formats import write_csv
from similar_images.decisions import decisions


def add(project: Project) -> None:
    project.image("catalogue/boots/added.png", seed=50)


def change(project: Project) -> None:
    project.image("catalogue/boots/0.png", seed=51)


def delete(project: Project) -> None:
    project.photo("catalogue/boots/0.png").unlink()


def relabel(project: Project) -> None:
    project.photo("catalogue/boots/0.png").rename(project.photo("catalogue/sandals/boot.png"))


def add_query(project: Project) -> None:
    project.image("new/boots/added.png", seed=52)


def decide(project: Project, *decided: tuple[str, str, str]) -> None:
    """Write what was decided, in place of what was: path of the photo, decision and label.

    Each was decided a minute after the one before.
    """
    rows = [
        (id_of(project, path), image, set_, decision, label, f"2026-11-24T12:{minute:02}:00Z", "")
        for minute, (path, decision, label) in enumerate(decided)
        for set_, _, image in [path.partition("/")]
    ]
    write_csv(project.folder / "decisions.csv", decisions.TABLE.names, rows)
    project.settle(decisions="decisions.csv")


def id_of(project: Project, path: str) -> str:
    """Return the content id of a photo, or of a member of the catalogue by its name there."""
    path = path.removeprefix("catalogue/").replace(":", "/", 1) if ":" in path else path
    return sha256(project.photo(path).read_bytes()).hexdigest()


def decide_on_some(project: Project) -> None:
    """Give a photo of the catalogue another class, leave one out, and take a query in."""
    decide(
        project,
        ("catalogue/boots/0.png", "wrong", "sandals"),
        ("catalogue/sneakers/1.png", "out", ""),
        ("new/boots/1.png", "catalogue", "boots"),
        ("new/sandals/0.png", "wrong", "boots"),
    )
