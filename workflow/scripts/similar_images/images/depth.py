"""Advice where the classes seem to be one folder deeper: in train/boots, and not in boots."""

from collections.abc import Mapping
from pathlib import Path

from ..core.wording import first_of
from ..storage.archives import is_archive

# What folders are called that divide a data set, and are no classes.
_DIVISIONS = frozenset(
    {
        *("train", "training", "test", "testing", "val", "valid", "validation"),
        *("dev", "eval", "evaluation", "holdout"),
    }
)
# So many classes are named in a sentence.
_NAMED = 3


def of_one_class(location: str | Path, subfolders: Mapping[str, frozenset[str]]) -> str:
    """Return advice for a catalogue with one class, "" if there is none.

    Args:
        location: of the catalogue.
        subfolders: see `Summary.subfolders`.
    """
    for folder, names in subfolders.items():
        if len(names) > 1:
            found = first_of(sorted(names), _NAMED)
            return (
                f" The folders in {folder} look like the classes ({found}): "
                f"{_step(location, folder, 'catalogue')}."
            )
    return ""


def of_divisions(
    location: str | Path, setting: str, subfolders: Mapping[str, frozenset[str]], classes: int
) -> str | None:
    """Return advice for a collection whose classes are called train and test, or the like.

    Their sub-folders must have names in common. That alone says nothing: all classes of a shop may
    have sub-folders of the same names, such as men and women.

    Args:
        location: of the collection.
        setting: the one that names the collection.
        subfolders: see `Summary.subfolders`.
        classes: how many it has.
    """
    divisions = sorted(name for name in subfolders if name.casefold() in _DIVISIONS)
    if not 1 < len(divisions) == classes:
        return None
    common = frozenset.intersection(*(subfolders[name] for name in divisions))
    if len(common) < 2:
        return None
    largest = max(divisions, key=lambda name: name.casefold().startswith("train"))
    return (
        f"{setting}: its classes are called {' and '.join(divisions)}, and all have folders of the "
        f"same names ({first_of(sorted(common), _NAMED)}). If these are the classes, "
        f"{_step(location, largest, setting)}."
    )


def _step(location: str | Path, folder: str, setting: str) -> str:
    if is_archive(location):
        return f"unpack {location}, and set {setting} to its folder {folder}"
    return f"set {setting}: {str(location).rstrip('/')}/{folder}"
