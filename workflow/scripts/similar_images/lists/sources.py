"""Where a collection is, by its setting, and which columns its list has if it is one."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Union

from ..core.errors import UserError
from ..storage.addresses import is_address, name_of
from .presets import PRESETS, WHOLE

# The setting `catalogue`, or one of `queries`, or what was made of it.
Location = Union[str, Path, Mapping[str, Any], "Source"]


class Source(NamedTuple):
    """Where a collection is.

    Attributes:
        location: the path of a folder, list or image, or the address of a bucket.
        is_mapped: whether the setting maps the columns of a list; then it is a list in any case.
        image: the columns of images.
        label: the column of the class.
        label_part: how the class is taken from it: see `presets`.
        product: the column that names the product, if the setting maps it.
        optional: the columns that may be missing.
        sheet: the sheet of a workbook; by default its first.
        preset: the name of the preset that gives the columns which the setting does not map.
    """

    location: str
    is_mapped: bool = False
    image: tuple[str, ...] = ("image",)
    label: str = "label"
    label_part: str = WHOLE
    product: str | None = None
    optional: tuple[str, ...] = ()
    sheet: str | None = None
    preset: str | None = None

    @classmethod
    def of(cls, setting: Location, needs_label: bool = False) -> "Source":
        """Return the source that a setting names.

        Args:
            setting: a path, an address or a mapping, as the schema of the settings allows.
            needs_label: whether its list must have a column of labels.

        Raises:
            UserError: the list is at an address.
        """
        if isinstance(setting, Source):
            return setting
        if not isinstance(setting, Mapping):
            return cls(str(setting), optional=() if needs_label else ("label",))
        location = setting["list"]
        if is_address(location):
            raise UserError(
                f"{name_of(location)}: a list must be a file on this computer. Fetch it, and name "
                "the file. The images in it may be at addresses."
            )
        preset = PRESETS.get(setting.get("preset", ""))
        columns: dict[str, Any] = preset._asdict() if preset else {}
        optional = list(preset.image[1:]) if preset else []
        if not needs_label and "label" not in setting:
            optional.append(columns.get("label", "label"))
        columns |= {name: value for name, value in setting.items() if name in cls._fields}
        if isinstance(columns.get("image"), str):
            columns["image"] = [columns["image"]]
        if "image" in columns:
            columns["image"] = tuple(columns["image"])
        return cls(location, is_mapped=True, optional=tuple(optional), **columns)
