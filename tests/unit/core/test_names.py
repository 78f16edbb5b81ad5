"""Tests of the names of classes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from similar_images.core.names import alike, as_label, fault_of_label, label_of, similar

NAMES = st.text(st.characters(codec="utf-8"))


@pytest.mark.parametrize(
    ("names", "groups"),
    [
        (["boots", "hats", "Hats ", "HATS"], [["HATS", "Hats ", "hats"]]),
        (["stra\u00dfe", "STRASSE"], [["STRASSE", "stra\u00dfe"]]),
        (["boots", "boo\u200bts", "\ufeffboots"], [["boots", "boo\u200bts", "\ufeffboots"]]),
        (["\u00c9", "\u00e9", "e"], [["\u00c9", "\u00e9"]]),
        (["boots", "boots", "bo ots", "b\u00f6\u00f6ts"], []),
        ([], []),
    ],
)
def test_names_that_people_would_take_for_one_are_grouped(
    names: list[str], groups: list[list[str]]
) -> None:
    assert alike(names) == groups


@given(name=NAMES)
def test_a_class_has_one_name_and_can_be_seen(name: str) -> None:
    label = as_label(name)
    assert label is None or (label.strip() and as_label(label) == label)
    assert as_label(f" {name}\u200b") is None or label is not None


@given(folder=NAMES, below=NAMES)
def test_a_class_never_is_a_path(folder: str, below: str) -> None:
    label = label_of(f"{folder}/{below}".encode())
    assert label is None or ("/" not in label and label not in ("", ".", ".."))


@pytest.mark.parametrize("label", [None, "boots", "a b", "\u00e9", "\u0915\u094d\u200d\u0937"])
def test_usual_names_have_no_fault(label: str | None) -> None:
    assert fault_of_label(label) is None


@pytest.mark.parametrize(
    ("name", "found"),
    [("outwear", "outerwear"), ("jaket", "jacket"), ("Boots", "boots"), ("hats", None)],
)
def test_the_most_similar_name_is_found_if_any_is_close(name: str, found: str | None) -> None:
    assert similar(name, ["boots", "outerwear", "jacket", "underwear"]) == found
