"""Tests of the names under which photos are kept."""

import pytest

from similar_images.server.inbox import LONGEST, safe_stem


@pytest.mark.parametrize(
    ("given", "stem"),
    [
        ("boots.jpg", "boots"),
        ("Größe 42, (neu).HEIC", "Größe 42, (neu)"),
        ("a/b\\c.png", "c"),
        ("../..", "photo"),
        (".jpg", "jpg"),
        ("", "photo"),
        ("con.tar.gz", "con_tar"),
        ("a\nb\x00c.png", "a_b_c"),
        ("без имени", "без имени"),
        ("-rf +x.jpg", "rf +x"),
        ("@+-.jpg", "photo"),
    ],
)
def test_a_given_name_keeps_what_is_safe(given: str, stem: str) -> None:
    assert safe_stem(given) == stem


def test_a_long_name_is_cut_between_characters() -> None:
    stem = safe_stem("é" * 300 + ".jpg")
    assert stem == "é" * (LONGEST // 2)
