"""What a user does between two runs."""

from project import Project


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
