"""Which photos are bad as photos."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import yaml

from similar_images.core import settings
from similar_images.core.errors import UserError
from similar_images.images.photo_faults import (
    FAULTS,
    LEAST_PHOTOS,
    MOST_EXCESS,
    Found,
    Limits,
    find,
    limits,
)
from similar_images.images.photo_quality import Measures

GOOD = Measures(800, 600, 0.3, 0.1, 0.9, 0.2, 7.0, 0.1, 80.0, 0.0, 0.0)
SCHEMA = yaml.safe_load(
    (Path(__file__).parents[3] / "workflow/schemas/config.schema.yaml").read_text("utf-8")
)
BAD: dict[str, dict[str, Any]] = {
    "too_small": {"width": 100, "height": 80},
    "blurred": {"blur": 0.65},
    "dark": {"light_99": 0.2},
    "overexposed": {"light_5": 0.9},
    "low_contrast": {"contrast": 0.03},
    "odd_shape": {"width": 4000, "height": 800},
    "uniform": {"entropy": 0.4},
    "touches_edge": {"border_change": 0.75},
    "other_background": {"border_l": 20.0},
}


def all_faults(photos: pa.Table, limits: Limits) -> list[list[str]]:
    return [[one.fault for one in found] for found in find(photos, limits)]


def faults(photo: Measures | None, limits: Limits) -> list[str]:
    return all_faults(table([photo]), limits)[0]


def table(photos: Sequence[Measures | None]) -> pa.Table:
    """Return a table of photos, None for those that were not measured."""
    rows = [dict.fromkeys(Measures._fields) if one is None else one._asdict() for one in photos]
    kinds = [pa.int64()] * 2 + [pa.float64()] * 9
    return pa.Table.from_pylist(rows, pa.schema(zip(Measures._fields, kinds, strict=True)))


def varied(number: int) -> list[Measures]:
    """Return the measures of ordinary photos, which differ a little."""
    spread = np.random.default_rng(1).normal(1, 0.05, (number, len(GOOD)))
    return [
        Measures(round(GOOD.width * row[0]), round(GOOD.height * row[1]), *(GOOD[2:] * row[2:]))
        for row in spread
    ]


def test_each_fault_is_found_and_named_alone() -> None:
    found = limits(table(varied(200)), {})
    assert tuple(BAD) == FAULTS
    assert {name: faults(GOOD._replace(**bad), found) for name, bad in BAD.items()} == {
        name: [name] for name in FAULTS
    }


def test_several_faults_are_named_in_their_order() -> None:
    photo = GOOD._replace(**BAD["uniform"], **BAD["dark"], **BAD["too_small"])
    assert faults(photo, limits(table(varied(200)), {})) == ["too_small", "dark", "uniform"]


@pytest.mark.parametrize(
    ("found", "excess", "measured"),
    [
        (Found("blurred", 0.75, 0.5), 1.5, "0.75, limit 0.50"),
        (Found("too_small", 100, 300), 3, "100, limit 300"),
        (Found("too_small", 287, 287.4), 287.4 / 287, "287.0, limit 287.4"),
        (Found("dark", 0, 0.15), MOST_EXCESS, "0.00, limit 0.15"),
        (Found("blurred", 0.5012, 0.5), 1.0024, "0.501, limit 0.500"),
    ],
)
def test_a_fault_tells_how_far_beyond_its_limit_it_is(
    found: Found, excess: float, measured: str
) -> None:
    assert found.excess == pytest.approx(excess)
    assert found.measured == measured


def test_the_value_and_limit_of_a_fault_are_known() -> None:
    photos = table([GOOD._replace(blur=0.75), GOOD])
    assert find(photos, limits(photos, {"blurred": 0.5})) == [
        [Found("blurred", 0.75, 0.5)],
        [],
    ]


def test_a_tidy_catalogue_has_almost_no_faults() -> None:
    photos = table(varied(1000))
    assert sum(map(bool, all_faults(photos, limits(photos, {})))) <= 5


def test_equal_photos_have_no_faults_and_a_hardly_different_one_has_none() -> None:
    found = limits(table([GOOD] * 100), {})
    other = Measures(795, 600, 0.31, 0.12, 0.88, 0.19, 6.9, 0.12, 79.0, 1.0, 1.0)
    assert faults(GOOD, found) == faults(other, found) == []


def test_some_bad_photos_do_not_hide_each_other() -> None:
    bad = GOOD._replace(**BAD["blurred"])
    photos = table([*varied(200), *[bad] * 30])
    assert all_faults(photos, limits(photos, {}))[200:] == [["blurred"]] * 30


def test_what_is_usual_in_a_catalogue_is_no_fault() -> None:
    small = [photo._replace(width=100, height=90, border_l=20.0) for photo in varied(100)]
    assert not any(all_faults(table(small), limits(table(small), {})))


@pytest.mark.parametrize("number", [0, 1, LEAST_PHOTOS - 1])
def test_a_tiny_catalogue_has_only_hopeless_photos(number: int) -> None:
    found = limits(table(varied(number)), {})
    assert faults(GOOD._replace(blur=0.6, border_l=0.0), found) == []
    assert faults(GOOD._replace(light_99=0.0, blur=0.99), found) == ["blurred", "dark"]


def test_a_setting_replaces_a_limit_or_switches_it_off() -> None:
    found = limits(table(varied(200)), {"blurred": 0.2, "dark": None, "too_small": 1000})
    photo = GOOD._replace(light_99=0.0)
    assert faults(photo, found) == ["too_small", "blurred"]


def test_the_background_can_be_set_for_a_catalogue_with_several() -> None:
    found = limits(table(varied(200)), {"other_background": 90})
    assert faults(GOOD._replace(border_l=20.0), found) == []


def test_photos_that_were_not_measured_have_no_faults_and_no_weight() -> None:
    found = limits(table([*varied(100), *[None] * 100]), {})
    assert found == limits(table(varied(100)), {})
    assert faults(None, found) == []
    assert all_faults(table([None, GOOD]), found) == [[], []]


def check(setting: Any) -> None:
    settings.check({"catalogue": "photos", "photo_faults": setting}, SCHEMA, [])


def test_the_schema_knows_each_fault() -> None:
    assert tuple(SCHEMA["properties"]["photo_faults"]["propertyNames"]["enum"]) == FAULTS
    check(dict.fromkeys(FAULTS, 0.5) | {"dark": None})


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"blury": 1}, "photo_faults: 'blury' is not allowed; allowed: too_small, blurred"),
        ({"dark": -1}, "photo_faults.dark: -1 is not allowed; allowed: a number from 0 to 1000000"),
        ({"dark": "very"}, "photo_faults.dark: 'very' is not allowed; allowed: a number"),
        (["dark"], r"photo_faults: \['dark'\] is not allowed; allowed: a mapping of faults"),
    ],
)
def test_a_wrong_setting_is_explained(setting: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        check(setting)
