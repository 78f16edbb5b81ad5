"""Tests of the words in messages."""

import pytest

from similar_images.core.wording import counted, first_of, printable


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "0 photos"), (1, "1 photo"), (2, "2 photos"), (12034, "12,034 photos")],
)
def test_one_has_no_plural_and_thousands_are_separated(number: int, words: str) -> None:
    assert counted(number, "photo") == words


def test_a_plural_can_be_irregular() -> None:
    assert counted(1, "class", "classes") == "1 class"
    assert counted(3, "class", "classes") == "3 classes"


def test_of_many_names_the_first_are_named_and_the_others_counted() -> None:
    assert first_of([], 2) == ""
    assert first_of(["a", "b"], 2) == "a, b"
    assert first_of(["a", "b", *"c" * 1200], 2) == "a, b and 1,200 more"


def test_what_a_terminal_would_obey_or_hide_is_written_out() -> None:
    assert printable("\x1b[31m\x9b\n\x7f") == r"\x1b[31m\x9b\n\x7f"
    assert printable("gpj.\u202egpj\u200b\udcff") == r"gpj.\u202egpj\u200b\udcff"
    assert printable("Schuhe à 5 €, 靴 👢\\") == "Schuhe à 5 €, 靴 👢\\"
