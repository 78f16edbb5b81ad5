"""The groups of new photos that fit no class, as people read them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

# With a fifth of the classes absent, two of three groups with a lower mean in-distribution score
# were new: benchmarks/results/missing_classes.md.
LIKELY = 0.3


@dataclass(frozen=True)
class Group:
    """A group of photos.

    Attributes:
        number: as in groups.csv.
        images: their paths, the most typical first.
        cohesion: as there.
        score: likewise.
        nearest_class: likewise.
    """

    number: str
    images: list[str]
    cohesion: float
    score: float
    nearest_class: str

    @property
    def is_likely(self) -> bool:
        """Whether it is one of those that were mostly new."""
        return self.score < LIKELY

    @property
    def verdict(self) -> str:
        """What it is, such as "perhaps a new class"."""
        return "perhaps a new class" if self.is_likely else f"looks like {self.nearest_class}"


def read(rows: Iterable[Mapping[str, str]]) -> list[Group]:
    """Return the groups in rows of groups.csv, which are in order."""
    found: dict[str, Group] = {}
    for row in rows:
        number = row["group"]
        if number not in found:
            figures = float(row["cohesion"]), float(row["score"])
            found[number] = Group(number, [], *figures, row["nearest_class"])
        found[number].images.append(row["image"])
    return [*found.values()]
