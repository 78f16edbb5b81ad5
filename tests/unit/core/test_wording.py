"""Tests of the numbers in messages."""

import pytest

from similar_images.core.wording import counted


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "0 photos"), (1, "1 photo"), (2, "2 photos"), (12034, "12,034 photos")],
)
def test_one_has_no_plural_and_thousands_are_separated(number: int, words: str) -> None:
    assert counted(number, "photo") == words


def test_a_plural_can_be_irregular() -> None:
    assert counted(1, "class", "classes") == "1 class"
    assert counted(3, "class", "classes") == "3 classes"
