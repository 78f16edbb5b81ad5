"""Tests of numbers in words."""

import pytest

from similar_images.core.wording import counted


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "0 photos"), (1, "1 photo"), (2, "2 photos"), (12034, "12,034 photos")],
)
def test_a_number_stands_with_the_right_form_of_its_noun(number: int, words: str) -> None:
    assert counted(number, "photo") == words


def test_the_plural_can_be_named() -> None:
    assert counted(1, "class", "classes") == "1 class"
    assert counted(2, "class", "classes") == "2 classes"
