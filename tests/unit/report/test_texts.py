"""Tests of the names that people give, in figures and pages."""

import warnings
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from markupsafe import Markup

from similar_images.report import confusion, plots, texts
from similar_images.report.templates import environment

# In turn: control characters, surrogates, what is no character, and what means something in XML, in
# a formula or in a format.
ODD = [
    *map(chr, range(0x20)),
    *("\x7f", "\x85", "\x9f", "\ud800", "\udfff", "\ufffe", "\uffff"),
    *("$x^2$", "$_{", "{x}", "%s %", "\\"),
    *("<b>", "</svg>", "&amp;", "&#1;", "]]>", "--", "-->", "-"),
]


def test_xml_holds_every_character() -> None:
    characters = [chr(code) for code in range(0x11000)] + [chr(0x10FFFF)]
    reported = "".join(texts.visible(one) for one in characters if one not in "<&")
    assert ElementTree.fromstring(f"<a>{reported}</a>").text


def test_what_cannot_be_seen_is_shown_by_its_number_and_all_else_stays() -> None:
    assert texts.visible("a\x01b\x7f\ud800\uffff") == r"a\x01b\x7f\ud800\uffff"
    usual = "Größe 4\n\t漢字 😀 <$&>\\ \N{NO-BREAK SPACE}"
    assert texts.visible(usual) == usual


@pytest.mark.parametrize("start", range(0, len(ODD), 10))
def test_the_figure_of_the_confusion_is_xml_whatever_the_classes_are_called(
    tmp_path: Path, start: int
) -> None:
    labels = [f"a{odd}b" for odd in ODD[start : start + 10]]
    counts = np.eye(len(labels), dtype=np.int64)
    files = tmp_path / "c.png", tmp_path / "c.svg"
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # such as one of a character without a picture
        plots.write(plots.confusion(confusion.ConfusionMatrix(labels, counts, len(labels))), *files)
    assert ElementTree.parse(files[1]).getroot().tag.endswith("svg")


def test_a_long_name_leaves_room_for_the_figure(tmp_path: Path) -> None:
    labels = ["x" * 1000, "two\nlines", "W" * 40]
    figure = plots.confusion(confusion.ConfusionMatrix(labels, np.eye(3, dtype=np.int64), 3))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plots.write(figure, tmp_path / "c.svg")
    drawn = (tmp_path / "c.svg").read_text("utf-8")
    assert f"<!-- {'x' * 39}… -->" in drawn
    assert "<!-- two lines -->" in drawn


def test_a_page_shows_what_could_not_be_seen() -> None:
    template = environment().from_string("{{ name }} {{ own }} {{ number }} {{ data|tojson }}")
    page = template.render(name="<\x01>", own=Markup("<b>"), number=1, data="\x01")
    assert page == r'&lt;\x01&gt; <b> 1 "\u0001"'
